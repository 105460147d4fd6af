"""Security Hub: a hub that may or may not be enabled, and the findings in it."""

from collections.abc import Mapping

from local_aws.errors import AwsError
from local_aws.images import Document
from local_aws.paging import Paging
from local_aws.services import hub_rules
from local_aws.services.call import Call, Operation
from local_aws.services.hub_search import matches
from local_aws.world import Hub

_PAGING = Paging("MaxResults", "NextToken", 20, 1, 100, "InvalidInputException", "InvalidInputException")
_UPDATED_AS_SENT = (
    "Severity",
    "VerificationState",
    "Confidence",
    "Criticality",
    "Types",
    "UserDefinedFields",
    "Workflow",
    "RelatedFindings",
)


def describe_hub(call: Call) -> Document:
    """Describe the hub of this account and Region."""
    hub = _hub(call)
    arn = call.state.arn("securityhub", "hub/default")
    return {"HubArn": arn, "SubscribedAt": f"{hub.enabled_at:%Y-%m-%dT%H:%M:%S}.000Z", "AutoEnableControls": True}


def enable_security_hub(call: Call) -> Document:
    """Enable the hub; it is empty."""
    if call.state.hub is not None:
        message = "Account is already subscribed to Security Hub"
        raise AwsError(message, code="ResourceConflictException", status=409)
    call.state.hub = Hub(enabled_at=call.now)
    return {}


def disable_security_hub(call: Call) -> Document:
    """Disable the hub; its findings are lost."""
    _hub(call)
    call.state.hub = None
    return {}


def batch_import_findings(call: Call) -> Document:
    """Import findings; those that break a rule are returned as failed, the others are kept."""
    hub, findings = _hub(call), call.params.get("Findings")
    hub_rules.check_batch(findings)
    failed = []
    for finding in findings or []:
        broken = hub_rules.broken_rule(finding, call.state, call.caller)
        if broken is None:
            _store(hub, finding, call)
        else:
            code, sentence = broken
            failed.append({"Id": str(finding.get("Id") or "unknown"), "ErrorCode": code, "ErrorMessage": sentence})
    return {"FailedCount": len(failed), "SuccessCount": len(findings or []) - len(failed), "FailedFindings": failed}


def _store(hub: Hub, finding: Document, call: Call) -> None:
    key = (finding["ProductArn"], finding["Id"])
    stored = hub.findings.get(key)
    merged = hub_rules.created(finding, call.state) if stored is None else hub_rules.merged(stored, finding)
    if merged is not None:
        hub.findings[key] = merged | {
            "ProcessedAt": f"{call.now:%Y-%m-%dT%H:%M:%S}.{call.now.microsecond // 1000:03d}Z"
        }


def get_findings(call: Call) -> Document:
    """Return the findings that match the filters, newest update first unless sorted otherwise."""
    hub = _hub(call)
    criteria = call.params.get("Filters") or {}
    found = [finding for finding in hub.findings.values() if matches(finding, criteria)]
    found.sort(key=lambda finding: (finding["UpdatedAt"], finding["Id"]), reverse=True)
    for criterion in reversed(call.params.get("SortCriteria") or []):
        field, descending = criterion["Field"], criterion.get("SortOrder") == "desc"
        found.sort(key=lambda finding: str(finding.get(field, "")), reverse=descending)
    return call.page("Findings", found, _PAGING)


def batch_update_findings(call: Call) -> Document:
    """Change what belongs to the customer: workflow, note and his own view of severity and types."""
    hub = _hub(call)
    changes = {member: call.params[member] for member in _UPDATED_AS_SENT if call.params.get(member) is not None}
    note = call.params.get("Note")
    if note is not None:
        changes["Note"] = note | {"UpdatedAt": f"{call.now:%Y-%m-%dT%H:%M:%S}.000Z"}
    processed, unprocessed = [], []
    for identifier in call.params["FindingIdentifiers"]:
        finding = hub.findings.get((identifier["ProductArn"], identifier["Id"]))
        if finding is None:
            sentence = "The finding was not found."
            unprocessed.append(
                {"FindingIdentifier": identifier, "ErrorCode": "FindingNotFound", "ErrorMessage": sentence}
            )
        else:
            finding |= changes
            processed.append(identifier)
    return {"ProcessedFindings": processed, "UnprocessedFindings": unprocessed}


def _hub(call: Call) -> Hub:
    if call.state.hub is None:
        message = f"Account {call.state.account} is not subscribed to AWS Security Hub"
        raise AwsError(message, code="InvalidAccessException", status=401)
    return call.state.hub


OPERATIONS: Mapping[str, Operation] = {
    "DescribeHub": describe_hub,
    "EnableSecurityHub": enable_security_hub,
    "DisableSecurityHub": disable_security_hub,
    "BatchImportFindings": batch_import_findings,
    "GetFindings": get_findings,
    "BatchUpdateFindings": batch_update_findings,
}
