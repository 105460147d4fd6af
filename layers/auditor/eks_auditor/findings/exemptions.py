"""Which risks of a cluster somebody accepted: by the policy, or by tags."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Self

from eks_auditor.checks import CATALOGUE
from eks_auditor.findings.identity import target_of
from eks_auditor.model.capacity import (
    AnyCapacity,
    FargateProfile,
    ManagedNodeGroup,
    NodePool,
    SelfManagedGroup,
    StandaloneNodes,
)
from eks_auditor.model.cluster import Cluster
from eks_auditor.model.finding import Exemption
from eks_auditor.model.gap import Gap
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.policy.rules import Policy
from eks_auditor.policy.tags import TagError, TagExemption, common, exemption_by_tags
from eks_auditor.spread.siblings import CapacityKey, SiblingSet, key_of

_CHECKS = frozenset(check.id for check in CATALOGUE)
_CAPACITIES = (ManagedNodeGroup, SelfManagedGroup, NodePool, FargateProfile, StandaloneNodes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """All that is accepted in one cluster.

    Attributes:
        policy: The policy in force.
        cluster: The cluster.
        on_cluster: What its own tags accept.
        on_capacities: What the tags of each capacity accept: a managed group's own, and those of Auto Scaling groups.
        hidden: The capacities with an Auto Scaling group that could not be read: its tags may accept more.
        notes: What to tell of tags that cannot be understood, a sentence each.
    """

    policy: Policy
    cluster: Cluster
    on_cluster: tuple[TagExemption, ...]
    on_capacities: Mapping[CapacityKey, tuple[TagExemption, ...]]
    hidden: frozenset[CapacityKey]
    notes: tuple[str, ...]

    @classmethod
    def of(cls, snapshot: Snapshot, policy: Policy) -> Self:
        """Read the tags of a cluster and of its capacities."""
        notes: list[str] = []

        def understood(tagged: Iterable[tuple[str, Mapping[str, str]]]) -> Iterator[TagExemption]:
            for where, tags in tagged:
                try:
                    said = exemption_by_tags(
                        tags, where, known=_CHECKS, worst=policy.worst_by_tag, now=snapshot.taken_at
                    )
                except TagError as error:
                    notes.append(str(error))
                else:
                    yield from () if said is None else (said,)

        cluster = snapshot.cluster
        on_cluster = tuple(understood([(f"cluster {cluster.name}", cluster.tags)]))
        of_each = {key_of(capacity): tuple(understood(_tagged(capacity))) for capacity in snapshot.capacities}
        return cls(
            policy=policy,
            cluster=cluster,
            on_cluster=on_cluster,
            on_capacities={key: said for key, said in of_each.items() if said},
            hidden=frozenset(key_of(each) for each in snapshot.capacities if _hides_tags(each)),
            notes=tuple(notes),
        )

    def exemptions(self, check_id: str, judged: object) -> tuple[Exemption, ...]:
        """Return what is accepted of a check on a subject, at whatever rung and until whenever."""
        by_policy = self.policy.exemptions_of(check_id, target_of(judged, self.cluster))
        by_cluster = _of_check(check_id, self.on_cluster)
        of_members = [_of_check(check_id, self.on_capacities.get(key, ())) for key in _capacities(judged)]
        if len(of_members) == 1:
            return (*by_policy, *by_cluster, *of_members[0])
        if not of_members or not all(of_members):
            return (*by_policy, *by_cluster)
        return (*by_policy, *by_cluster, common([max(each, key=attrgetter("until")) for each in of_members]))

    def hides_tags(self, judged: object) -> bool:
        """Tell whether a tag that accepts more may be out of sight."""
        return not self.hidden.isdisjoint(_capacities(judged))


def _of_check(check_id: str, said: Iterable[TagExemption]) -> tuple[Exemption, ...]:
    return tuple(each.exemption for each in said if check_id in each.checks)


def _capacities(judged: object) -> tuple[CapacityKey, ...]:
    """Return the capacities whose tags speak for a subject: none for a cluster or a zone."""
    if isinstance(judged, SiblingSet):
        return tuple(map(key_of, judged.members))
    return (key_of(judged),) if isinstance(judged, _CAPACITIES) else ()


def _tagged(capacity: AnyCapacity) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Yield the resources whose tags speak for a capacity, in words, with their tags."""
    if isinstance(capacity, ManagedNodeGroup):
        yield f"node group {capacity.name}", capacity.tags
    if isinstance(capacity, ManagedNodeGroup | SelfManagedGroup) and not isinstance(capacity.groups, Gap):
        yield from ((f"Auto Scaling group {group.name}", group.tags) for group in capacity.groups)


def _hides_tags(capacity: AnyCapacity) -> bool:
    return isinstance(capacity, ManagedNodeGroup) and isinstance(capacity.groups, Gap)
