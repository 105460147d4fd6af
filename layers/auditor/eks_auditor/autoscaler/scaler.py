"""What scales a cluster, weighed from what AWS shows of it."""

from dataclasses import dataclass
from typing import Literal

from eks_auditor.autoscaler.tags import discovery_keys, has_template_tags
from eks_auditor.model.capacity import GroupCapacity, ManagedNodeGroup, NodePool, ScalingGroup, SelfManagedGroup
from eks_auditor.model.gap import Gap
from eks_auditor.model.snapshot import Snapshot

HAND_SCALINGS = 2
"""This many capacities set by request within 14 days are no accident."""

type Certainty = Literal["proof", "intent", "none"]


@dataclass(frozen=True, slots=True)
class Scaler:
    """Whether Cluster Autoscaler scales a cluster.

    Attributes:
        certainty: ``proof`` that it runs, ``intent`` that it shall, or ``none``.
        evidence: Everything that was weighed, in sentences without a full stop.
        gap: What may hide a proof or an intent, where there is no proof.
    """

    certainty: Certainty
    evidence: tuple[str, ...]
    gap: Gap | None

    @property
    def because(self) -> str:
        """The evidence, to stand in a reason's brackets."""
        return "; ".join(self.evidence) or "nothing says that Cluster Autoscaler scales this cluster"


def scaler_of(snapshot: Snapshot) -> Scaler:
    """Weigh what scales a cluster.

    Auto Mode and Karpenter are told beside it, for they may share a cluster with the autoscaler. The discovery tags
    of managed groups say nothing: EKS sets them on every one.
    """
    rivals = _rivals(snapshot)
    proofs, gap = _proofs(snapshot)
    intents = _intents(snapshot)
    certainty: Certainty = "proof" if proofs else "intent" if intents else "none"
    return Scaler(certainty, (*rivals, *proofs, *intents), None if proofs else gap)


def _rivals(snapshot: Snapshot) -> list[str]:
    evidence = ["EKS Auto Mode is enabled"] if snapshot.cluster.auto_mode else []
    pools = [c for c in snapshot.capacities if isinstance(c, NodePool) and c.kind == "karpenter"]
    nodes = sum(len(pool.nodes) for pool in pools)
    if nodes:
        evidence.append(f"Karpenter runs {nodes} instances")
    return evidence


def _proofs(snapshot: Snapshot) -> tuple[list[str], Gap | None]:
    evidence: list[str] = []
    identity = snapshot.cluster.autoscaler_identity
    if identity is not None and not isinstance(identity, Gap):
        evidence.append(f"Pod Identity gives the autoscaler a role by {identity}")
    counts = [group.hand_scalings for _, group in _groups(snapshot)]
    scalings = sum(count for count in counts if not isinstance(count, Gap))
    if scalings >= HAND_SCALINGS:
        evidence.append(f"capacity was set by request {scalings} times in 14 days")
    unread = (part for part in (identity, *counts, _unread_group(snapshot)) if isinstance(part, Gap))
    return evidence, next(unread, None)


def _intents(snapshot: Snapshot) -> list[str]:
    evidence = []
    templates = [group.name for _, group in _groups(snapshot) if has_template_tags(group.tags)]
    if templates:
        evidence.append(f"{_counted(templates)} node-template tags")
    keys = discovery_keys(snapshot.cluster.name)
    discovered = [
        group.name
        for capacity, group in _groups(snapshot)
        if isinstance(capacity, SelfManagedGroup) and any(key in group.tags for key in keys)
    ]
    if discovered:
        evidence.append(f"{_counted(discovered)} discovery tags that EKS did not set")
    return evidence


def _groups(snapshot: Snapshot) -> list[tuple[GroupCapacity, ScalingGroup]]:
    """Return every Auto Scaling group that was read with its capacity, in order of name."""
    pairs = [
        (capacity, group)
        for capacity in snapshot.capacities
        if isinstance(capacity, ManagedNodeGroup | SelfManagedGroup) and not isinstance(capacity.groups, Gap)
        for group in capacity.groups
    ]
    return sorted(pairs, key=lambda pair: pair[1].name)


def _unread_group(snapshot: Snapshot) -> Gap | None:
    missing = snapshot.unseen(("managed", "self-managed"))
    hidden = sorted(
        (capacity.name, capacity.groups)
        for capacity in snapshot.capacities
        if isinstance(capacity, ManagedNodeGroup) and isinstance(capacity.groups, Gap)
    )
    return missing or next((gap for _, gap in hidden), None)


def _counted(names: list[str]) -> str:
    first, *others = names
    if not others:
        return f"{first} carries"
    return f"{first} and {len(others)} more {'group carries' if len(others) == 1 else 'groups carry'}"
