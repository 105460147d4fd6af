"""Judging one subject by one check, as an audit does it."""

from typing import Any

from eks_auditor.check import Check
from eks_auditor.findings.judge import judge
from eks_auditor.model.finding import Finding
from tests import builders


def finding(check: Check, *capacities: Any, **deviations: Any) -> Finding:  # noqa: ANN401  any capacity, any field
    """Return the check's word on the first capacity of an otherwise healthy cluster."""
    snapshot = builders.snapshot(*capacities, **deviations)
    name = snapshot.capacities[0].name
    return next(found for found in judge(snapshot, (check,)) if found.subject.name == name)


def commands(found: Finding, tool: str = "aws") -> list[str]:
    """Return the commands of one tool."""
    return [fix.command for fix in found.fix if fix.tool == tool]
