"""Policies as they are read, against checks of a test's own."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from eks_auditor.model.capacity import ManagedNodeGroup
from eks_auditor.model.cluster import Cluster, ClusterId
from eks_auditor.policy.mistakes import Mistake, PolicyError
from eks_auditor.policy.reading import read_policy
from eks_auditor.policy.rules import Policy
from eks_auditor.policy.scope import Target
from eks_auditor.policy.thresholds import Threshold, count, days

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SHOP = ClusterId("aws", "111122223333", "eu-west-1", "shop")


@dataclass(frozen=True)
class Declared:
    """A check's declaration."""

    id: str
    thresholds: Mapping[str, Threshold] = field(default_factory=dict)
    subjects: tuple[type, ...] = (ManagedNodeGroup,)


CHECKS = (
    Declared("AMI001", {"low": days(14, "LOW"), "medium": days(30, "MEDIUM"), "high": days(60, "HIGH")}),
    Declared("AMI003"),
    Declared("ZONE001", {"minimum_zones": count(2, "CRITICAL", least=1, greatest=6)}, (Cluster,)),
    Declared("ZONE002"),
)


def policy(text: str) -> Policy:
    """Return a valid policy; ``version: 1`` is put before it."""
    return read_policy(f"version: 1\n{text}", checks=CHECKS, now=NOW)[0]


def mistakes(text: str) -> list[tuple[int, str]]:
    """Return the lines and sentences of every mistake of a policy that is not valid."""
    try:
        read_policy(text, checks=CHECKS, now=NOW)
    except PolicyError as error:
        return [(each.line, each.sentence) for each in error.mistakes]
    return []


def warnings(text: str) -> tuple[Mistake, ...]:
    """Return what is worth a warning of a valid policy; ``version: 1`` is put before it."""
    return read_policy(f"version: 1\n{text}", checks=CHECKS, now=NOW)[1]


def target(*names: str, cluster: str = "shop") -> Target:
    """Return a capacity of a cluster, or the cluster."""
    return Target(ClusterId(SHOP.partition, SHOP.account, SHOP.region, cluster), names)
