"""Risks accepted by tags on a cluster, a node group or an Auto Scaling group."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from eks_auditor.model.finding import Exemption
from eks_auditor.model.verdict import Severity

PREFIX = "eks-auditor/"
CHECKS = "eks-auditor/exempt"
UNTIL = "eks-auditor/exempt-until"
REASON = "eks-auditor/exempt-reason"
OWNER = "eks-auditor/exempt-owner"
KEYS = (CHECKS, UNTIL, REASON, OWNER)

LONGEST = timedelta(days=366)
"""How far ahead an exemption may end, in a policy and in tags: a year, whatever year it is."""

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_SEPARATORS = re.compile(r"[\s+,]+")
"""Tags of EKS and Auto Scaling take letters, digits, spaces and ``_ . : / = + - @``."""


@dataclass(frozen=True, slots=True)
class TagExemption:
    """What one resource's tags accept.

    Attributes:
        checks: Of which checks.
        exemption: Why, by whom and until when.
    """

    checks: frozenset[str]
    exemption: Exemption


class TagError(Exception):
    """Tags that accept nothing because they cannot be understood: one sentence that says where and what to do."""


def exemption_by_tags(
    tags: Mapping[str, str], where: str, *, known: Collection[str], worst: Severity, now: datetime
) -> TagExemption | None:
    """Read what a resource's tags accept; None where they say nothing of it.

    Args:
        tags: All of its tags.
        where: The resource, in words: ``node group web``.
        known: The ids of all checks.
        worst: The worst rung that a tag may accept.
        now: The audit's instant.

    Raises:
        TagError: If they cannot be understood, or accept too much.
    """
    if not any(key in tags for key in KEYS):
        return None
    missing = [key for key in KEYS if not tags.get(key, "").strip()]
    if missing:
        message = f"the tags of {where} accept nothing: {', '.join(missing)} is missing or empty; set all four, or none"
        raise TagError(message)
    checks = frozenset(part for part in _SEPARATORS.split(tags[CHECKS].strip()) if part)
    unknown = sorted(checks - set(known))
    if unknown or not checks:
        named = ", ".join(unknown) or "nothing"
        message = (
            f"the tag {CHECKS} of {where} accepts nothing: it names {named}, which is no check; "
            f"write check ids with spaces between them, such as AMI001 ZONE002"
        )
        raise TagError(message)
    exemption = Exemption(
        reason=one_line(tags[REASON]),
        owner=one_line(tags[OWNER]),
        until=_last_day(tags[UNTIL].strip(), where, now),
        source=f"tag of {where}",
        severity=worst,
    )
    return TagExemption(checks, exemption)


def day_of(text: str) -> date:
    """Read a day, written as 2027-03-31 and in no other of ISO 8601's ways: of a week it would be the Monday.

    Raises:
        ValueError: If it is none.
    """
    if not _DAY.fullmatch(text):
        message = f"{text!r} is no day"
        raise ValueError(message)
    return date.fromisoformat(text)


def one_line(text: str) -> str:
    """Return what people wrote, on one line: a block of YAML ends with a line break."""
    return " ".join(text.split())


def _last_day(text: str, where: str, now: datetime) -> date:
    try:
        until = day_of(text)
    except ValueError:
        message = f"the tag {UNTIL} of {where} is {text!r}, which is no day, so it accepts nothing; write 2027-03-31"
        raise TagError(message) from None
    if until > now.date() + LONGEST:
        message = (
            f"the tag {UNTIL} of {where} is {text}, more than {LONGEST.days} days ahead, so it accepts nothing; "
            f"write a day within a year"
        )
        raise TagError(message)
    return until


def common(exemptions: Collection[Exemption]) -> Exemption:
    """Return what all of a set's members accept: until the first of them ends, and up to the mildest rung."""
    first = min(exemptions, key=lambda each: (each.until, each.source))
    return replace(first, severity=min(each.severity for each in exemptions))
