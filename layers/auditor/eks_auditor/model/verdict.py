"""What a check says about one subject."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import IntEnum, StrEnum

type Scalar = str | int | float | bool


class Severity(IntEnum):
    """Security Hub's five labels, ordered."""

    INFORMATIONAL = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4


class Status(StrEnum):
    """The four words a check may say."""

    PASSED = "PASSED"
    FAILED = "FAILED"
    UNKNOWN = "UNKNOWN"
    NOT_APPLICABLE = "NOT_APPLICABLE"


class Owner(StrEnum):
    """Who must act, after the shared responsibility model of the EKS Best Practices Guide."""

    CUSTOMER = "customer"
    AWS = "aws"
    SHARED = "shared"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One check's word on one subject.

    Attributes:
        status: The word.
        reason: Why, in plain words that name the numbers.
        evidence: The numbers, flat; its keys may stand in the check's fix as ``{key}``.
        severity: Another rung than the check's default, for FAILED.
        owner: Another owner than the check's default.
        due_at: The next instant at which time alone changes this verdict.
        confirm: FAILED counts only once it was seen in two audits at least an hour apart.
        settling: NOT_APPLICABLE for the moment only (an update runs): the last word stands.
        partial: FAILED by what could be read, while something could not: a worse rung may be hidden.
    """

    status: Status
    reason: str
    evidence: Mapping[str, Scalar] = field(default_factory=dict)
    severity: Severity | None = None
    owner: Owner | None = None
    due_at: datetime | None = None
    confirm: bool = False
    settling: bool = False
    partial: bool = False


def passed(reason: str, *, due_at: datetime | None = None, **evidence: Scalar) -> Verdict:
    """Say PASSED; ``due_at`` when time alone will end that."""
    return Verdict(status=Status.PASSED, reason=reason, evidence=evidence, due_at=due_at)


def failed(
    reason: str,
    *,
    severity: Severity | None = None,
    owner: Owner | None = None,
    due_at: datetime | None = None,
    confirm: bool = False,
    **evidence: Scalar,
) -> Verdict:
    """Say FAILED, at the check's default severity unless a rung is named."""
    return Verdict(
        status=Status.FAILED,
        reason=reason,
        evidence=evidence,
        severity=severity,
        owner=owner,
        due_at=due_at,
        confirm=confirm,
    )


def unknown(reason: str, **evidence: Scalar) -> Verdict:
    """Say UNKNOWN: what was needed could not be seen."""
    return Verdict(status=Status.UNKNOWN, reason=reason, evidence=evidence)


def not_applicable(reason: str, *, due_at: datetime | None = None) -> Verdict:
    """Say that the check has nothing to judge here."""
    return Verdict(status=Status.NOT_APPLICABLE, reason=reason, due_at=due_at)


def settling(reason: str, *, due_at: datetime | None = None) -> Verdict:
    """Say that a change is under way: not judged now, and the last word stands."""
    return replace(not_applicable(reason, due_at=due_at), settling=True)


ON_OUTPOST = "the cluster lives on an Outpost, which is one place"
"""Why nothing is said of zones there."""


def on_outpost() -> Verdict:
    """Say that zones mean nothing to a cluster on an Outpost."""
    return not_applicable(ON_OUTPOST)
