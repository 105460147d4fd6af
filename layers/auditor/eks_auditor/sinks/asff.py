"""A transition as a finding in the AWS Security Finding Format: pure.

Shapes are botocore's ``securityhub`` model; lengths and update rules are those of
https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-findings-format-attributes.html and
https://docs.aws.amazon.com/securityhub/latest/partnerguide/guidelines-batchimportfindings.html.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from eks_auditor import __version__
from eks_auditor.model.cluster import ClusterId
from eks_auditor.model.finding import Finding, Subject
from eks_auditor.model.history import Change, Transition
from eks_auditor.model.verdict import Scalar

SCHEMA_VERSION = "2018-10-08"
PARTITIONS = frozenset({"aws", "aws-cn", "aws-us-gov", "aws-us-iso", "aws-us-iso-b"})
"""Those that a resource may name; the field is left out elsewhere."""

TITLE_LIMIT = 256
DESCRIPTION_LIMIT = 1024
RECOMMENDATION_LIMIT = 512
FIELDS_LIMIT = 50
FIELD_NAME_LIMIT = 128
FIELD_LIMIT = 2048

_PATCHES = "Software and Configuration Checks/Patch Management"
_PRACTICES = "Software and Configuration Checks/AWS Security Best Practices"
_TYPES: Mapping[str, str] = {"AMI": _PATCHES, "UPG": _PATCHES}
"""The type by a check's family; the taxonomy has no namespace for reliability."""

_OUTCOMES: Mapping[Change, tuple[str, str]] = {
    Change.RESOLVED: ("PASSED", "ARCHIVED"),
    Change.WITHDRAWN: ("NOT_AVAILABLE", "ARCHIVED"),
}
_OPEN = ("FAILED", "ACTIVE")
_EXEMPT = ("FAILED", "ARCHIVED")


def asff(transition: Transition, *, cluster: ClusterId, audit_id: str, taken_at: datetime) -> dict[str, Any]:
    """Return the finding that Security Hub is to hold after a transition.

    Args:
        transition: What changed.
        cluster: Where.
        audit_id: The audit that found it.
        taken_at: The instant of its snapshot. It becomes ``UpdatedAt``, of which AWS ignores older or equal ones: a
            late or repeated message therefore changes nothing.
    """
    finding = transition.finding
    failing = _OPEN if finding.exemption is None else _EXEMPT
    status, record_state = _OUTCOMES.get(transition.change, failing)
    title = _fit(finding.title, TITLE_LIMIT)
    reason = _fit(finding.reason, DESCRIPTION_LIMIT) or title
    return {
        "SchemaVersion": SCHEMA_VERSION,
        "Id": finding.id,
        "ProductArn": product_arn(cluster),
        "GeneratorId": f"eks-auditor/{finding.check_id}",
        "AwsAccountId": cluster.account,
        "Region": cluster.region,
        "CreatedAt": _instant(transition.first_seen),
        "UpdatedAt": _instant(taken_at),
        "Title": title,
        "Description": reason,
        # Not the top-level fields: those are the customer's to change, and an import would fight with them.
        "FindingProviderFields": {
            "Severity": {"Label": finding.severity.name, "Original": finding.severity.name},
            "Types": [_TYPES.get(finding.check_id.rstrip("0123456789"), _PRACTICES)],
        },
        "Remediation": {"Recommendation": _recommendation(finding)},
        "Compliance": {
            "Status": status,
            "StatusReasons": [{"ReasonCode": transition.change.value.upper(), "Description": reason}],
        },
        "RecordState": record_state,
        "ProductFields": _product_fields(transition, audit_id),
        "Resources": _resources(finding.subject, cluster),
    }


def product_arn(cluster: ClusterId) -> str:
    """Return the ARN of the account's own product, which needs no registration and takes its own account's findings."""
    place = f"arn:{cluster.partition}:securityhub:{cluster.region}:{cluster.account}"
    return f"{place}:product/{cluster.account}/default"


def _recommendation(finding: Finding) -> dict[str, str]:
    """Give the first AWS CLI command that fits whole: half a command is worse than none."""
    commands = (fix.command for fix in finding.fix if fix.tool == "aws")
    command = next((text for text in map(_clean, commands) if text and len(text) <= RECOMMENDATION_LIMIT), None)
    return {"Text": command, "Url": finding.docs} if command else {"Url": finding.docs}


def _product_fields(transition: Transition, audit_id: str) -> dict[str, str]:
    finding = transition.finding
    values: dict[str, Scalar] = {
        "ProviderName": "eks-auditor",
        "ProviderVersion": __version__,
        "eks-auditor/audit_id": audit_id,
        "eks-auditor/change": transition.change.value,
        "eks-auditor/change_id": transition.change_id,
        "eks-auditor/check": finding.check_id,
        "eks-auditor/owner": finding.owner.value,
        "eks-auditor/sequence": transition.sequence,
        "eks-auditor/subject_kind": finding.subject.kind,
        "eks-auditor/subject_name": finding.subject.name,
    }
    if finding.team is not None:
        values["eks-auditor/team"] = finding.team
    if finding.exemption is not None:
        values |= {
            "eks-auditor/exempt_reason": finding.exemption.reason,
            "eks-auditor/exempt_owner": finding.exemption.owner,
            "eks-auditor/exempt_until": finding.exemption.until.isoformat(),
            "eks-auditor/exempt_by": finding.exemption.source,
        }
    values |= {f"eks-auditor/evidence/{key}": value for key, value in sorted(finding.evidence.items())}
    fields = ((_fit(key, FIELD_NAME_LIMIT), _fit(_text(value), FIELD_LIMIT)) for key, value in values.items())
    return dict([(key, value) for key, value in fields if value][:FIELDS_LIMIT])


def _resources(subject: Subject, cluster: ClusterId) -> list[dict[str, Any]]:
    own = _resource("AwsEksCluster", cluster.arn, cluster)
    own["Details"] = {"AwsEksCluster": {"Arn": cluster.arn, "Name": cluster.name}}
    match subject.kind:
        case "cluster":
            return [own]
        case "self-managed":
            return [_resource("AwsAutoScalingAutoScalingGroup", subject.arn, cluster), own]
    # There is no type for node groups, profiles, pools, sibling sets and zones.
    resource = _resource("Other", subject.arn, cluster)
    details = {"Kind": subject.kind, "Name": _fit(subject.name, FIELD_LIMIT), "Cluster": cluster.name}
    resource["Details"] = {"Other": {key: value for key, value in details.items() if value}}
    return [resource, own]


def _resource(kind: str, arn: str, cluster: ClusterId) -> dict[str, Any]:
    resource: dict[str, Any] = {"Type": kind, "Id": _clean(arn) or cluster.arn, "Region": cluster.region}
    if cluster.partition in PARTITIONS:
        resource["Partition"] = cluster.partition
    return resource


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _text(value: Scalar) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _fit(text: str, limit: int) -> str:
    clean = _clean(text)
    return clean if len(clean) <= limit else f"{clean[: limit - 1].rstrip()}…"


def _clean(text: str) -> str:
    """Make one line of it: the model's pattern lets no line break pass, and half a surrogate pair is no text."""
    return "".join(character if character.isprintable() else " " for character in text).strip()
