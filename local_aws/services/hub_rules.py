"""How Security Hub takes findings: what a finding must look like, and how an update changes a stored one."""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from local_aws.callers import Caller
from local_aws.contract import REQUEST
from local_aws.errors import AwsError
from local_aws.images import Document
from local_aws.protocol import wire_of
from local_aws.world import RegionState

MOST_FINDINGS = 100
MOST_FINDING_BYTES = 240 * 1024
MOST_BATCH_BYTES = 6 * 1024 * 1024
_SCHEMA = "2018-10-08"

_LENGTHS: Mapping[str, tuple[int, int]] = {
    "Id": (1, 512),
    "ProductArn": (12, 2048),
    "GeneratorId": (1, 512),
    "AwsAccountId": (12, 12),
    "Title": (1, 256),
    "Description": (1, 1024),
    "ProductName": (1, 128),
    "CompanyName": (1, 128),
    "SourceUrl": (1, 2048),
    "Remediation.Recommendation.Text": (1, 512),
    "Remediation.Recommendation.Url": (1, 2048),
    "Severity.Original": (1, 64),
    "FindingProviderFields.Severity.Original": (1, 64),
    "Note.Text": (1, 512),
}
"""Least and most characters; botocore's model does not say them."""
_COUNTS: Mapping[str, tuple[int, int]] = {
    "Resources": (1, 32),
    "Types": (0, 50),
    "FindingProviderFields.Types": (0, 50),
    "ProductFields": (0, 50),
    "UserDefinedFields": (0, 50),
    "Compliance.RelatedRequirements": (0, 32),
    "RelatedFindings": (1, 10),
}
_PAIRS: Mapping[str, tuple[int, int]] = {"ProductFields": (128, 2048), "UserDefinedFields": (128, 1024)}
_TIMES = ("CreatedAt", "UpdatedAt", "FirstObservedAt", "LastObservedAt")
_NAMESPACES = frozenset(
    {
        "Software and Configuration Checks",
        "TTPs",
        "Effects",
        "Unusual Behaviors",
        "Sensitive Data Identifications",
    }
)
_MOST_RESOURCE_TYPE = 256

_CUSTOMERS = ("Workflow", "WorkflowState", "Note", "UserDefinedFields", "VerificationState")
"""What import may not change once a finding exists."""
_PROVIDERS = ("Confidence", "Criticality", "RelatedFindings", "Severity", "Types")
"""What FindingProviderFields fills at the top level."""
_NORMALIZED = {"INFORMATIONAL": 0, "LOW": 1, "MEDIUM": 40, "HIGH": 70, "CRITICAL": 90}


def check_batch(findings: list[Document] | None) -> None:
    """Refuse a whole batch that is empty or too large."""
    if not findings or len(findings) > MOST_FINDINGS:
        message = f"Invalid parameter 'Findings'. Findings must contain between 1 and {MOST_FINDINGS} findings."
        raise AwsError(message, code="InvalidInputException")
    if _bytes(findings) > MOST_BATCH_BYTES:
        message = "The batch of findings is larger than 6 MB."
        raise AwsError(message, code="InvalidInputException", status=413)


def broken_rule(finding: Document, state: RegionState, caller: Caller) -> tuple[str, str] | None:
    """Return the error code and sentence for the first rule that a finding breaks."""
    shape: Any = wire_of("securityhub").model.shape_for("AwsSecurityFinding")
    for sentence in REQUEST.violations(shape, finding):
        return "InvalidInput", f"Finding does not adhere to Amazon Finding Format. {sentence}."
    if finding["AwsAccountId"] != caller.account or finding["ProductArn"] != state.product_arn:
        theirs = f"{finding['AwsAccountId']} for {finding['ProductArn']}"
        sentence = f"Account {caller.account} is not allowed to import findings of {theirs}"
        return "InvalidAccess", sentence
    for sentence in _beyond_the_model(finding):
        return "InvalidInput", f"Finding does not adhere to Amazon Finding Format. {sentence}."
    return None


def _beyond_the_model(finding: Document) -> Iterator[str]:
    if finding["SchemaVersion"] != _SCHEMA:
        yield f"SchemaVersion is not {_SCHEMA}"
    if _severity(finding) is None:
        yield "Severity or FindingProviderFields.Severity is required"
    yield from _wrong_sizes(finding)
    for path in _TIMES:
        if not _is_time(finding.get(path)):
            yield f"{path} is no RFC 3339 time: {finding[path]!r}"
    for kind in [*(finding.get("Types") or []), *(_at(finding, "FindingProviderFields.Types") or [])]:
        if kind.partition("/")[0] not in _NAMESPACES:
            yield f"Type {kind!r} is in no known namespace"


def _wrong_sizes(finding: Document) -> Iterator[str]:
    for path, (least, most) in (*_LENGTHS.items(), *_COUNTS.items()):
        value = _at(finding, path)
        if value is not None and not least <= len(value) <= most:
            yield f"the length of {path} is {len(value)}, not {least} to {most}"
    for path, (key_most, value_most) in _PAIRS.items():
        for key, value in (finding.get(path) or {}).items():
            if len(key) > key_most or len(value) > value_most:
                yield f"{path} has a key longer than {key_most} or a value longer than {value_most} characters"
    if any(len(resource["Type"]) > _MOST_RESOURCE_TYPE for resource in finding["Resources"]):
        yield f"the length of a resource's Type is more than {_MOST_RESOURCE_TYPE}"
    if _bytes(finding) > MOST_FINDING_BYTES:
        yield "the finding is larger than 240 KB"


def created(finding: Document, state: RegionState) -> Document:
    """Return a new finding as it is stored: what the provider says fills the top level."""
    provided = finding.get("FindingProviderFields") or {}
    severity = _graded(_severity(finding) or {})
    filled = {member: provided[member] for member in _PROVIDERS if member in provided} | {"Severity": severity}
    seen_by_provider = {"Label": severity["Label"], **(provided.get("Severity") or {})}
    defaults = {
        "Workflow": {"Status": "NEW"},
        "WorkflowState": "NEW",
        "RecordState": "ACTIVE",
        "Region": state.region,
        "ProductName": "Default",
        "CompanyName": "Personal",
    }
    return defaults | finding | filled | {"FindingProviderFields": provided | {"Severity": seen_by_provider}}


def merged(stored: Document, finding: Document) -> Document | None:
    """Return a stored finding after an update, or None if the update is not newer and is silently ignored."""
    if _time(finding["UpdatedAt"]) <= _time(stored["UpdatedAt"]):
        return None
    changes = {
        member: value for member, value in finding.items() if member not in _CUSTOMERS and member not in _PROVIDERS
    }
    result = stored | changes
    result["FindingProviderFields"] = stored["FindingProviderFields"] | (finding.get("FindingProviderFields") or {})
    return result | _provided(stored, finding) | _reopened(stored, result)


def _provided(stored: Document, finding: Document) -> Document:
    """Return the provider's new values of what the customer has not set himself."""
    before = stored["FindingProviderFields"]
    after = {member: finding[member] for member in _PROVIDERS if member in finding} | (
        finding.get("FindingProviderFields") or {}
    )
    changes: Document = {}
    for member, value in after.items():
        if member == "Severity":
            if stored["Severity"].get("Label") == before["Severity"]["Label"]:
                changes[member] = _graded(value)
        elif member not in stored or stored[member] == before.get(member, stored[member]):
            changes[member] = value
    return changes


def _reopened(stored: Document, result: Document) -> Document:
    """Return the reset of a workflow that was done with a finding which is now back; SUPPRESSED stays."""
    back = stored["RecordState"] == "ARCHIVED" and result["RecordState"] == "ACTIVE"
    passed = _at(stored, "Compliance.Status") == "PASSED"
    failing = _at(result, "Compliance.Status") in {"WARNING", "FAILED", "NOT_AVAILABLE"}
    done = stored["Workflow"].get("Status") in {"NOTIFIED", "RESOLVED"}
    if done and (back or (passed and failing)):
        return {"Workflow": {"Status": "NEW"}, "WorkflowState": "NEW"}
    return {}


def _severity(finding: Document) -> Document | None:
    severity: Document | None = _at(finding, "FindingProviderFields.Severity") or finding.get("Severity")
    return severity


def _graded(severity: Document) -> Document:
    label = severity.get("Label", "INFORMATIONAL")
    return {"Label": label, "Normalized": _NORMALIZED[label], **severity}


def _at(document: Document, path: str) -> Any:  # noqa: ANN401 - any member of a finding
    value: Any = document
    for member in path.split("."):
        value = (value or {}).get(member)
    return value


def _bytes(value: object) -> int:
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _is_time(text: str | None) -> bool:
    if text is None:
        return True
    try:
        return _time(text).tzinfo is not None and "T" in text
    except ValueError:
        return False
