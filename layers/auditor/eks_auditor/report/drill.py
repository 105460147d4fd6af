"""A cluster's drill for machines: what each sibling set loses with a zone, what is left, and what grows again.

The document is a contract, versioned, described in ``docs/drill.md`` and by a JSON Schema: within one
``schema_version`` keys may be added, and none is renamed, removed or given another meaning.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Final, Literal, Self, TypedDict

from pydantic import Field

from eks_auditor.model.capacity import ManagedNodeGroup, SelfManagedGroup
from eks_auditor.model.cluster import Subnet
from eks_auditor.model.gap import Gap
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.report.instants import text_of
from eks_auditor.report.json_document import GapDocument
from eks_auditor.spread.drill import Amount, Drill, Loss, SetDrill
from eks_auditor.spread.siblings import SiblingSet, Spread

SCHEMA_VERSION: Final = 1

ASSUMPTIONS = (
    "EC2 has capacity for every launch",
    "something raises the desired size of a group whose siblings are lost, as Cluster Autoscaler does",
    "one unit of desired size is one node",
    "pods can move to another zone",
)
"""What ``docs/drill.md`` explains."""

type _Text = Annotated[str, Field(min_length=1)]
type _Count = Annotated[int, Field(ge=0)]


class DrilledClusterDocument(TypedDict):
    """The cluster that is drilled."""

    arn: _Text
    account: Annotated[str, Field(pattern=r"^\d{12}$")]
    region: _Text
    name: _Text
    kubernetes_version: Annotated[_Text, Field(description="The control plane's minor, such as 1.35")]


class ZoneDocument(TypedDict):
    """A zone that is lost."""

    id: Annotated[_Text, Field(description="The same place in every account, such as euw1-az1")]
    name: Annotated[str | None, Field(description="This account's name for it; null where no subnet told it")]


class AmountDocument(TypedDict):
    """So many nodes."""

    nodes: _Count
    vcpus: Annotated[_Count, Field(description="Of their real instance types")]
    memory_mib: Annotated[_Count, Field(description="Of their real instance types")]


class LossDocument(TypedDict):
    """What the loss of one zone does."""

    zone_id: _Text
    lost: Annotated[AmountDocument, Field(description="What runs in the zone")]
    left: Annotated[AmountDocument, Field(description="What runs in the other Availability Zones")]
    regrown: Annotated[AmountDocument, Field(description="What of the lost grows again in the others, at most all")]
    blocked_by: Annotated[list[_Text], Field(description="Why not all of it does; empty where all does")]


class MemberDocument(TypedDict):
    """A capacity of a sibling set."""

    kind: _Text
    name: _Text


class SiblingSetDocument(TypedDict):
    """Capacities that the same pods can use."""

    key: Annotated[_Text, Field(description="What identifies it: made of labels, taints and shape, not of members")]
    members: list[MemberDocument]


class SetDocument(TypedDict):
    """One source of nodes."""

    name: Annotated[_Text, Field(description="What people call it")]
    sibling_set: Annotated[
        SiblingSetDocument | None,
        Field(description="Null for standalone nodes, Fargate profiles, and groups whose siblings are not known"),
    ]
    judged: Annotated[bool, Field(description="Whether ZONE004 judges it")]
    note: Annotated[str | None, Field(description="Why not; null where it does")]
    nodes: Annotated[_Count, Field(description="Those in service in Availability Zones")]
    nodes_apart: Annotated[_Count, Field(description="Those in Local and Wavelength Zones, in no other number")]
    ideal: Annotated[
        float | None,
        Field(description="The share of its nodes that the fullest zone holds at best; null without nodes or zones"),
    ]
    losses: Annotated[list[LossDocument], Field(description="By zone: those that it runs or may be launched in")]


class HiddenDocument(TypedDict):
    """What is in no number, because it could not be read."""

    hides: Annotated[_Text, Field(description="A sibling set's name, a capacity's kind and name, or a whole kind")]
    gap: GapDocument


class DrillDocument(TypedDict):
    """What is left of a cluster's nodes when an Availability Zone is lost, each zone alone."""

    schema_version: Annotated[Literal[1], Field(description="Of this shape")]
    taken_at: Annotated[
        str,
        Field(description="The instant before the oldest read in it, UTC", json_schema_extra={"format": "date-time"}),
    ]
    cluster: DrilledClusterDocument
    zones: Annotated[list[ZoneDocument], Field(description="Each is lost alone")]
    sets: Annotated[list[SetDocument], Field(description="Every source of nodes that could be read, by name")]
    totals: Annotated[list[LossDocument], Field(description="By zone: the sum over all sets, judged or not")]
    assumptions: list[_Text]
    hidden: list[HiddenDocument]


class NoSuchZoneError(Exception):
    """A zone that no node is in or may be launched in; the message says which ones there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DrilledCluster:
    """What to render.

    Attributes:
        snapshot: The cluster as it was read.
        spread: Its sibling sets.
        drill: The loss of each zone.
    """

    snapshot: Snapshot
    spread: Spread
    drill: Drill

    @classmethod
    def of(cls, snapshot: Snapshot) -> Self:
        """Lose each zone that nodes are in or may be launched in."""
        spread = Spread.of(snapshot)
        return cls(snapshot=snapshot, spread=spread, drill=Drill.of(snapshot, spread))

    def without(self, zones: Iterable[str]) -> Self:
        """Lose only these of its zones, each given by its id or by the account's name for it.

        Raises:
            NoSuchZoneError: If one is none of them.
        """
        chosen = {self._zone_named(text) for text in zones}
        drill = Drill.of(self.snapshot, self.spread, chosen)
        return type(self)(snapshot=self.snapshot, spread=self.spread, drill=drill)

    @property
    def zone_names(self) -> Mapping[str, str]:
        """The account's names for its zones, by their ids, as far as subnets tell them."""
        return {subnet.zone_id: subnet.zone_name for subnet in _subnets(self.snapshot)}

    @property
    def hidden(self) -> Sequence[tuple[str, Gap]]:
        """What could not be read, in words, with the read that failed."""
        names = {siblings.key: siblings.name for siblings in self.spread.sets}
        return tuple((names.get(key) or _words(key), gap) for key, gap in self.drill.hidden.items())

    def _zone_named(self, text: str) -> str:
        names = {zone: self.zone_names.get(zone) for zone in self.drill.zones}
        for zone, name in names.items():
            if text.lower() in (zone, name):
                return zone
        cluster = self.snapshot.cluster.name
        message = f"{cluster} has no nodes in a zone {text!r}, and nothing{self._seen} that would launch any there"
        known = ", ".join(f"{zone} ({name})" if name else zone for zone, name in names.items())
        raise NoSuchZoneError(f"{message}: " + (f"its zones are {known}" if known else "leave out --zone"))

    @property
    def _seen(self) -> str:
        return " that could be read" if self.drill.hidden else ""


def _subnets(snapshot: Snapshot) -> Iterable[Subnet]:
    groups = [
        group
        for capacity in snapshot.capacities
        if isinstance(capacity, ManagedNodeGroup | SelfManagedGroup) and not isinstance(capacity.groups, Gap)
        for group in capacity.groups
    ]
    for subnets in (snapshot.vpc_subnets, *(group.subnets for group in groups)):
        yield from () if isinstance(subnets, Gap) else subnets


def _words(key: str) -> str:
    """Say what is hidden that is in no set: one capacity, or some of a kind."""
    kind, _, name = key.partition("/")
    return f"{name} ({kind})" if name else f"some {kind} capacity"


def render_drill_json(drilled: DrilledCluster) -> str:
    """Return the document as indented text; the same drill gives the same text."""
    return json.dumps(drill_document(drilled), indent=2, ensure_ascii=False) + "\n"


def drill_document(drilled: DrilledCluster) -> DrillDocument:
    """Return the document as JSON values."""
    snapshot, drill = drilled.snapshot, drilled.drill
    return {
        "schema_version": SCHEMA_VERSION,
        "taken_at": text_of(snapshot.taken_at),
        "cluster": {
            "arn": snapshot.cluster.id.arn,
            "account": snapshot.cluster.id.account,
            "region": snapshot.cluster.id.region,
            "name": snapshot.cluster.name,
            "kubernetes_version": snapshot.cluster.version,
        },
        "zones": [{"id": zone, "name": drilled.zone_names.get(zone)} for zone in drill.zones],
        "sets": [_set(each) for each in drill.sets],
        "totals": [_loss(each) for each in drill.totals],
        "assumptions": list(ASSUMPTIONS),
        "hidden": [
            {"hides": what, "gap": {"action": gap.action, "resource": gap.resource, "error": gap.error}}
            for what, gap in drilled.hidden
        ],
    }


def _set(drill: SetDrill) -> SetDocument:
    return {
        "name": drill.name,
        "sibling_set": _siblings(drill.siblings) if drill.siblings else None,
        "judged": drill.judged,
        "note": drill.note,
        "nodes": drill.nodes,
        "nodes_apart": drill.apart,
        "ideal": drill.ideal,
        "losses": [_loss(each) for each in drill.losses],
    }


def _siblings(siblings: SiblingSet) -> SiblingSetDocument:
    return {
        "key": siblings.key,
        "members": [{"kind": member.kind, "name": member.name} for member in siblings.members],
    }


def _loss(loss: Loss) -> LossDocument:
    return {
        "zone_id": loss.zone_id,
        "lost": _amount(loss.lost),
        "left": _amount(loss.left),
        "regrown": _amount(loss.regrown),
        "blocked_by": list(loss.blocked_by),
    }


def _amount(amount: Amount) -> AmountDocument:
    return {"nodes": amount.nodes, "vcpus": amount.vcpus, "memory_mib": amount.memory_mib}
