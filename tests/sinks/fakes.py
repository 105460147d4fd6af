"""AWS's sides of the sinks, with the rules that AWS keeps."""

import re
from collections.abc import Collection, Mapping
from functools import cache
from typing import Any

from botocore.exceptions import ClientError
from botocore.model import StructureShape
from botocore.session import get_session
from botocore.validate import ParamValidator

SNS_LIMIT = 256 * 1024


def refused(error: str, call: str, message: str = "no") -> ClientError:
    """An error as botocore raises it."""
    return ClientError({"Error": {"Code": error, "Message": message}}, call)


def size_of(message: Mapping[str, Any]) -> int:
    """What SNS counts: the message, and the name, type and value of each attribute."""
    attributes = message["MessageAttributes"].items()
    counted = sum(len(f"{name}{value['DataType']}{value['StringValue']}".encode()) for name, value in attributes)
    return len(message["Message"].encode()) + counted


class FakeSns:
    """Keeps what is published, and refuses what SNS refuses."""

    def __init__(self, fail_on: Collection[str] = ()) -> None:
        self.published: list[dict[str, Any]] = []
        self.fail_on = set(fail_on)
        """Texts of messages that SNS has trouble with."""

    def publish(self, **message: Any) -> dict[str, str]:  # noqa: ANN401  the parameters of Publish
        if size_of(message) > SNS_LIMIT or not re.fullmatch(r"[!-~][ -~]{0,98}", message["Subject"]):
            raise refused(error="InvalidParameter", call="Publish")
        if any(text in message["Message"] for text in self.fail_on):
            raise refused(error="InternalError", call="Publish")
        self.published.append(message)
        return {"MessageId": f"message-{len(self.published)}"}


LENGTHS = {
    "Id": 512,
    "GeneratorId": 512,
    "Title": 256,
    "Description": 1024,
}
PARTITIONS = {"aws", "aws-cn", "aws-us-gov", "aws-us-iso", "aws-us-iso-b", "AzureCloud"}
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z")


@cache
def _shape() -> StructureShape:
    operation = get_session().get_service_model("securityhub").operation_model("BatchImportFindings")
    assert operation.input_shape is not None
    return operation.input_shape


def complaints(findings: list[dict[str, Any]]) -> list[str]:
    """What AWS would not take: by botocore's model of BatchImportFindings, its patterns, and the documented limits."""
    shape = _shape()
    report = ParamValidator().validate({"Findings": findings}, shape).generate_report()
    found = [report] if report else []
    found += _strings(findings, shape.members["Findings"], "Findings")
    for finding in findings:
        found += _limits(finding)
    return found


def _strings(value: Any, shape: Any, path: str) -> list[str]:  # noqa: ANN401  any member of a finding
    """Check patterns and enums, which botocore leaves to the service."""
    match shape.type_name:
        case "structure":
            return [c for name, each in value.items() for c in _strings(each, shape.members[name], f"{path}.{name}")]
        case "list":
            return [c for each in value for c in _strings(each, shape.member, f"{path}[]")]
        case "map":
            keys = [c for key in value for c in _strings(key, shape.key, f"{path} key")]
            return keys + [c for key, each in value.items() for c in _strings(each, shape.value, f"{path}[{key}]")]
        case "string":
            if shape.enum and value not in shape.enum:
                return [f"{path} is {value!r}"]
            pattern = shape.metadata.get("pattern")
            if pattern and not re.fullmatch(pattern, value):
                return [f"{path} does not match {pattern}: {value!r}"]
            value.encode()  # half a surrogate pair is no text
    return []


def _limits(finding: dict[str, Any]) -> list[str]:
    found = [f"{name} is too long" for name, limit in LENGTHS.items() if not 1 <= len(finding[name]) <= limit]
    fields = finding["ProductFields"]
    if len(fields) > 50 or any(len(key) > 128 or len(value) > 2048 for key, value in fields.items()):
        found.append("ProductFields are too many or too long")
    recommendation = finding["Remediation"]["Recommendation"]
    if len(recommendation.get("Text", "")) > 512:
        found.append("Recommendation.Text is too long")
    if not 1 <= len(finding["Resources"]) <= 32:
        found.append("Resources are too few or too many")
    found += [f"{name} is no instant" for name in ("CreatedAt", "UpdatedAt") if not INSTANT.fullmatch(finding[name])]
    if len(finding["FindingProviderFields"]["Severity"]["Original"]) > 64:
        found.append("Severity.Original is too long")
    found += [f"{name} is the customer's" for name in ("Severity", "Types", "Workflow", "Note") if name in finding]
    if finding["ProductArn"].split(":")[4] != finding["AwsAccountId"]:
        found.append("ProductArn is another account's")
    return found


class FakeSecurityHub:
    """Security Hub of one account and Region: its update rules, its limits, and its two ways to say no."""

    def __init__(
        self,
        *,
        enabled: bool = True,
        raises: bool = False,
        refuse: Mapping[str, int] | None = None,
        malformed: Collection[str] = (),
    ) -> None:
        self.findings: dict[str, dict[str, Any]] = {}
        self.calls: list[list[str]] = []
        self._enabled = enabled
        self._raises = raises
        self._refuse = dict(refuse or {})
        """How many times yet each id is refused."""
        self._malformed = frozenset(malformed)

    def batch_import_findings(self, *, Findings: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803  botocore's word
        self.calls.append([finding["Id"] for finding in Findings])
        if not 1 <= len(Findings) <= 100:
            raise refused(error="InvalidInputException", call="BatchImportFindings", message="1 to 100 findings")
        if self._malformed & set(self.calls[-1]):
            raise refused(error="InvalidInputException", call="BatchImportFindings", message="malformed")
        if not self._enabled and self._raises:
            raise refused(error="InvalidAccessException", call="BatchImportFindings", message="not subscribed")
        failed = [self._import(finding) for finding in Findings]
        failures = [failure for failure in failed if failure]
        return {
            "SuccessCount": len(Findings) - len(failures),
            "FailedCount": len(failures),
            "FailedFindings": failures,
        }

    def _import(self, finding: dict[str, Any]) -> dict[str, str] | None:
        finding_id = finding["Id"]
        if not self._enabled:
            return {"Id": finding_id, "ErrorCode": "InvalidAccess", "ErrorMessage": "not subscribed"}
        if self._refuse.get(finding_id, 0):
            self._refuse[finding_id] -= 1
            return {"Id": finding_id, "ErrorCode": "InternalError", "ErrorMessage": "try again"}
        if complaints([finding]):
            return {"Id": finding_id, "ErrorCode": "InvalidInput", "ErrorMessage": complaints([finding])[0]}
        held = self.findings.get(finding_id)
        if held is None or held["UpdatedAt"] < finding["UpdatedAt"]:
            self.findings[finding_id] = finding
        return None
