"""Security Hub's filters: in one field positive ones are alternatives and negative ones all count; fields are ANDed."""

from collections.abc import Callable, Mapping
from typing import Any

from local_aws.errors import AwsError
from local_aws.images import Document

type _Reader = Callable[[Document], list[str | None]]


def _member(*path: str) -> _Reader:
    def read(finding: Document) -> list[str | None]:
        value: Any = finding
        for name in path:
            value = (value or {}).get(name)
        return value if isinstance(value, list) else [value]

    return read


_FIELDS: Mapping[str, _Reader] = {
    **{
        name: _member(name)
        for name in (
            "AwsAccountId",
            "CompanyName",
            "Description",
            "GeneratorId",
            "Id",
            "ProductArn",
            "ProductName",
            "RecordState",
            "Region",
            "Title",
            "VerificationState",
        )
    },
    "ComplianceStatus": _member("Compliance", "Status"),
    "ComplianceSecurityControlId": _member("Compliance", "SecurityControlId"),
    "FindingProviderFieldsSeverityLabel": _member("FindingProviderFields", "Severity", "Label"),
    "ResourceId": lambda finding: [resource["Id"] for resource in finding["Resources"]],
    "ResourceType": lambda finding: [resource["Type"] for resource in finding["Resources"]],
    "SeverityLabel": _member("Severity", "Label"),
    "Type": _member("Types"),
    "WorkflowStatus": _member("Workflow", "Status"),
}

_COMPARISONS: Mapping[str, Callable[[str, str], bool]] = {
    "EQUALS": str.__eq__,
    "PREFIX": str.startswith,
    "CONTAINS": str.__contains__,
}
_NEGATED = {"NOT_EQUALS": "EQUALS", "PREFIX_NOT_EQUALS": "PREFIX", "NOT_CONTAINS": "CONTAINS"}
_MAPS = {"ProductFields", "UserDefinedFields"}


def matches(finding: Document, criteria: Document) -> bool:
    """Say whether a finding matches all filters; a filter that is not served is refused, never ignored."""
    return all(_field_matches(finding, name, filters) for name, filters in criteria.items() if filters)


def _field_matches(finding: Document, name: str, filters: list[Document]) -> bool:
    if name in _MAPS:
        results = [_compare(filter_, [(finding.get(name) or {}).get(filter_["Key"])]) for filter_ in filters]
    elif name in _FIELDS:
        results = [_compare(filter_, _FIELDS[name](finding)) for filter_ in filters]
    else:
        message = f"The local AWS does not filter findings by {name}."
        raise AwsError(message, code="InvalidInputException")
    positive = [
        result for result, filter_ in zip(results, filters, strict=True) if filter_["Comparison"] not in _NEGATED
    ]
    negative = [result for result, filter_ in zip(results, filters, strict=True) if filter_["Comparison"] in _NEGATED]
    return all(negative) and (any(positive) or not positive)


def _compare(filter_: Document, values: list[str | None]) -> bool:
    comparison, wanted = str(filter_["Comparison"]), str(filter_["Value"])
    positive = _NEGATED.get(comparison, comparison)
    if positive not in _COMPARISONS:
        message = f"The local AWS does not compare by {comparison}."
        raise AwsError(message, code="InvalidInputException")
    found = any(_COMPARISONS[positive](value, wanted) for value in values if value is not None)
    return found is not (comparison in _NEGATED)
