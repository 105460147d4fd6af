"""What scales a cluster, weighed from what AWS shows of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Self

from eks_auditor.autoscaler.settings import AUTO, AutoscalerSettings, Scales
from eks_auditor.autoscaler.tags import demands, discovery_keys, has_template_tags
from eks_auditor.model.capacity import GroupCapacity, ManagedNodeGroup, NodePool, ScalingGroup, SelfManagedGroup
from eks_auditor.model.gap import Gap
from eks_auditor.model.snapshot import Snapshot

HAND_SCALINGS = 2
"""This many capacities raised by request within 14 days are no accident."""

REMEMBERED = timedelta(days=90)
"""For how long an autoscaler that was seen at work, and has had nothing to do since, is taken to run still."""

type Certainty = Literal["proof", "intent", "none"]

_SAID: Mapping[Scales, str] = {
    "cluster-autoscaler": "Cluster Autoscaler",
    "karpenter": "Karpenter",
    "auto-mode": "EKS Auto Mode",
    "none": "nothing",
}


@dataclass(frozen=True, slots=True)
class Scaler:
    """Whether Cluster Autoscaler scales a cluster.

    Attributes:
        certainty: ``proof`` that it runs, ``intent`` that it shall, or ``none``.
        evidence: Everything that was weighed, in sentences without a full stop.
        gap: What may hide a proof or an intent, where there is no proof.
        rival_gap: What may hide that Karpenter scales the cluster, where there is neither a proof nor a rival.
        settings: What people say of it.
        rivals: Those of the evidence that tell of something else which scales the cluster.
        seen: Whether requests for capacity show that it is at work, and for longer than a day.
        karpenter: Whether Karpenter's instances are seen.
    """

    certainty: Certainty
    evidence: tuple[str, ...]
    gap: Gap | None
    settings: AutoscalerSettings = AUTO
    rivals: tuple[str, ...] = ()
    seen: bool = False
    karpenter: bool = False
    rival_gap: Gap | None = None

    @classmethod
    def of(
        cls,
        snapshot: Snapshot,
        settings: AutoscalerSettings,
        seen_at: datetime | None = None,
        karpenter_seen_at: datetime | None = None,
    ) -> Self:
        """Weigh what scales a cluster.

        Auto Mode and Karpenter are told beside it, for they may share a cluster with the autoscaler. The discovery tags
        of managed groups say nothing: EKS sets them on every one. What the settings say decides, whatever is seen.

        Args:
            snapshot: The cluster.
            settings: What people say of its autoscaler.
            seen_at: When an earlier audit last saw it at work. While nothing else scales the cluster, that stays a
                proof for :data:`REMEMBERED`: a quiet fortnight must not take findings back that the next one opens.
            karpenter_seen_at: When one last saw instances of Karpenter's. It stays a rival for as long, since at night
                it may run none.
        """
        rivals, karpenter = _rivals(snapshot, karpenter_seen_at)
        proofs, gap = _proofs(snapshot)
        rival_gap = None if proofs or rivals else snapshot.unseen(("karpenter",))
        if not (proofs or rivals) and _lately(seen_at, snapshot):
            if rival_gap is None:
                proofs = [f"capacity was raised by request again and again, as seen last on {seen_at:%Y-%m-%d}"]
            gap = gap or rival_gap
        intents = _intents(snapshot, settings)
        weighed = (*rivals, *proofs, *intents)
        certainty: Certainty = "proof" if proofs else "intent" if intents else "none"
        if settings.scales != "auto":
            certainty = "proof" if settings.scales == "cluster-autoscaler" else "none"
            weighed = (f"the setting says that {_SAID[settings.scales]} scales it", *weighed)
            gap = rival_gap = None
        return cls(
            certainty=certainty,
            evidence=weighed,
            gap=None if certainty == "proof" else gap,
            settings=settings,
            rivals=tuple(rivals),
            seen=any(group.hand_scaling_days >= HAND_SCALINGS for _, group in _groups(snapshot)),
            karpenter=karpenter,
            rival_gap=rival_gap,
        )

    @property
    def because(self) -> str:
        """The evidence, to stand in a reason's brackets."""
        return "; ".join(self.evidence) or "nothing says that Cluster Autoscaler scales this cluster"


def _lately(seen_at: datetime | None, snapshot: Snapshot) -> bool:
    return seen_at is not None and snapshot.taken_at - seen_at <= REMEMBERED


def _rivals(snapshot: Snapshot, karpenter_seen_at: datetime | None) -> tuple[list[str], bool]:
    """Return what else scales the cluster, and whether Karpenter's instances are seen."""
    evidence = ["EKS Auto Mode is enabled"] if snapshot.cluster.auto_mode else []
    pools = [c for c in snapshot.capacities if isinstance(c, NodePool) and c.kind == "karpenter"]
    runs = any(pool.nodes for pool in pools)
    if runs:
        evidence.append("Karpenter runs instances")
    elif _lately(karpenter_seen_at, snapshot):
        evidence.append(f"Karpenter ran instances within {REMEMBERED.days} days")
    return evidence, runs


def _hand_scalings(snapshot: Snapshot) -> int:
    counts = [group.hand_scalings for _, group in _groups(snapshot)]
    return sum(count for count in counts if not isinstance(count, Gap))


def _proofs(snapshot: Snapshot) -> tuple[list[str], Gap | None]:
    evidence: list[str] = []
    identity = snapshot.cluster.autoscaler_identity
    if identity is not None and not isinstance(identity, Gap):
        evidence.append(f"Pod Identity gives the autoscaler a role by {identity}")
    if _hand_scalings(snapshot) >= HAND_SCALINGS:
        evidence.append("capacity was raised by request again and again in 14 days")
    counts = [group.hand_scalings for _, group in _groups(snapshot)]
    unread = (part for part in (identity, *counts, _unread_group(snapshot)) if isinstance(part, Gap))
    return evidence, next(unread, None)


def lacking(tags: Mapping[str, str], demanded: Iterable[tuple[str, str | None]]) -> tuple[tuple[str, str | None], ...]:
    """Return what a group lacks of the tags by which the autoscaler discovers it; ``demanded`` as :func:`demands`."""
    return tuple((key, value) for key, value in demanded if key not in tags or value not in (None, tags[key]))


def _intents(snapshot: Snapshot, settings: AutoscalerSettings) -> list[str]:
    evidence = []
    templates = [group.name for _, group in _groups(snapshot) if has_template_tags(group.tags)]
    if templates:
        evidence.append(f"{_counted(templates)} node-template tags")
    discovered = [
        group.name
        for capacity, group in _groups(snapshot)
        if isinstance(capacity, SelfManagedGroup) and _meant(group, snapshot.cluster.name, settings)
    ]
    if discovered:
        evidence.append(f"{_counted(discovered)} discovery tags that EKS did not set")
    return evidence


def _meant(group: ScalingGroup, cluster: str, settings: AutoscalerSettings) -> bool:
    """Whether a group has a discovery tag of the documentation's, or all of the settings' own."""
    if any(key in group.tags for key in discovery_keys(cluster)):
        return True
    return bool(settings.discovery) and not lacking(group.tags, demands(settings.discovery, cluster))


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
