"""The node that Cluster Autoscaler expects of an empty group, the one that comes up, and tags that make them one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from eks_auditor.autoscaler.compare import HARD_EFFECTS, Difference, differences, mending_tags
from eks_auditor.autoscaler.node_template import NodeTemplate, Source, believed
from eks_auditor.autoscaler.options import IgnoredTag, ignored_options, ignored_resources
from eks_auditor.autoscaler.passing_taints import passing
from eks_auditor.autoscaler.real_node import real
from eks_auditor.autoscaler.scaler import Scaler
from eks_auditor.autoscaler.settings import AUTO, AutoscalerSettings
from eks_auditor.autoscaler.tags import LABEL, OPTION, RESOURCE, TAINT, IgnoredTaint, ignored_taints
from eks_auditor.autoscaler.versions import minor_of
from eks_auditor.model.capacity import GroupCapacity, ManagedNodeGroup, ScalingGroup
from eks_auditor.model.gap import Gap, UnreadableError
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.report.no_difference import why_none
from eks_auditor.report.tag_formats import adding_command, eksctl_tags, removing_command, terraform_map
from eks_auditor.spread.siblings import first_of

MOST_TAGS = 50
"""An Auto Scaling group's. Source: "Tag Auto Scaling groups and instances", Amazon EC2 Auto Scaling's user guide."""

_PREFIXES = {"label": LABEL, "taint": TAINT, "resource": RESOURCE}


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedTemplate:
    """What to render.

    Attributes:
        snapshot: The cluster as it was read.
        capacity: The source of nodes.
        group: Its Auto Scaling group.
        minor: The autoscaler's.
        believed: The node that the autoscaler simulates, or what could not be read of it.
        real: The node that comes up, likewise.
        differences: What differs; nothing where one of them is not known.
    """

    snapshot: Snapshot
    capacity: GroupCapacity
    group: ScalingGroup
    minor: str
    believed: NodeTemplate | Gap
    real: NodeTemplate | Gap
    differences: tuple[Difference, ...] = ()

    @classmethod
    def of(cls, snapshot: Snapshot, capacity: GroupCapacity, group: ScalingGroup, settings: AutoscalerSettings) -> Self:
        """Simulate the group's next node as the autoscaler does, and as it would come up."""
        minor = minor_of(settings, snapshot.cluster)
        expected = _or_gap(lambda: believed(capacity, group, snapshot, minor))
        actual = _or_gap(lambda: real(capacity, group, snapshot))
        return cls(
            snapshot=snapshot,
            capacity=capacity,
            group=group,
            minor=minor,
            believed=expected,
            real=actual,
            differences=() if isinstance(expected, Gap) or isinstance(actual, Gap) else differences(expected, actual),
        )

    @property
    def counting(self) -> tuple[Difference, ...]:
        """The differences that may mislead the autoscaler."""
        return tuple(difference for difference in self.differences if difference.counts)

    def why_none(self, difference: Difference) -> str | None:
        """Return why a difference is none, as an end of "it is none, for"; None where it counts."""
        return None if difference.counts or isinstance(self.believed, Gap) else why_none(difference, self.believed)

    @property
    def tags_to_add(self) -> Mapping[str, str]:
        """The tags that make the autoscaler expect what comes up."""
        return mending_tags(self.counting)

    @property
    def tags_to_remove(self) -> Sequence[str]:
        """The keys of tags that tell of what no node has."""
        surplus = {key for difference in self.counting for key in self._telling(difference)}
        return sorted(surplus - self.tags_to_add.keys())

    @property
    def beyond_tags(self) -> tuple[Difference, ...]:
        """The counting differences that no tag of the Auto Scaling group mends."""
        mended = self.tags_to_add
        return tuple(
            each for each in self.counting if _PREFIXES[each.kind] + each.name not in mended and not self._telling(each)
        )

    @property
    def ignored(self) -> Sequence[tuple[str, IgnoredTag | IgnoredTaint]]:
        """The tags that do not do what they were written for, each with what carries it."""
        tags = self.group.tags
        own: tuple[IgnoredTag | IgnoredTaint, ...] = (
            *ignored_taints(tags, self.capacity.taints),
            *ignored_resources(tags),
            *ignored_options(tags, self.minor),
        )
        capacity = self.capacity
        of_nodes = ignored_resources(capacity.tags) if isinstance(capacity, ManagedNodeGroup) else ()
        return (
            *(("Auto Scaling group", tag) for tag in own),
            *(("node group", tag) for tag in of_nodes),
        )

    @property
    def options(self) -> Mapping[str, str]:
        """The scaling options that the group's tags set and the autoscaler reads."""
        ignored = {tag.key for _, tag in self.ignored}
        told = {} if isinstance(self.believed, Gap) else self.believed.options
        return {name: value for name, value in sorted(told.items()) if OPTION + name not in ignored}

    @property
    def notes(self) -> Sequence[str]:
        """What to know before relying on it, in sentences without a full stop."""
        return tuple(
            filter(None, (self._running(), self._rests_on_eks(), self._starting(), self._unscaled(), self._crowded()))
        )

    def commands(self) -> Sequence[str]:
        """Return the commands of the AWS CLI that change the group's tags."""
        place = {"group": self.group.name, "region": self.snapshot.cluster.id.region}
        add, remove = self.tags_to_add, self.tags_to_remove
        adding = [adding_command(add, **place)] if add else []
        return [*adding, *([removing_command(remove, **place)] if remove else [])]

    def terraform(self) -> str:
        """Return the tags to add as a map in HCL; an empty text for none."""
        return terraform_map(self.tags_to_add) if self.tags_to_add else ""

    def eksctl(self) -> str:
        """Return the tags to add as lines of eksctl's config file; an empty text for none."""
        return eksctl_tags(self.tags_to_add, managed=self.capacity.kind == "managed") if self.tags_to_add else ""

    def _telling(self, difference: Difference) -> list[str]:
        """Return the keys of the group's tags that tell of something which no node has."""
        if difference.real is not None:
            return []
        prefix = _PREFIXES[difference.kind]
        return [key for key in self.group.tags if key.split(prefix)[1:2] == [difference.name]]

    def _running(self) -> str:
        nodes = len(self.group.in_service)
        if not nodes:
            return ""
        seen = "1 of its nodes is" if nodes == 1 else f"{nodes} of its nodes are"
        return (
            f"{seen} in service: while one is ready, the autoscaler takes it for its model, and from the template only "
            "resources that it lacks"
        )

    def _rests_on_eks(self) -> str:
        sources = set() if isinstance(self.believed, Gap) else set(self.believed.sources.values())
        if sources.isdisjoint({Source.EKS, Source.NODEGROUP_TAG}):
            return ""
        return "what the node group tells reaches the autoscaler only if its role may call eks:DescribeNodegroup"

    def _starting(self) -> str:
        """Tell of taints that nodes lose, and that the autoscaler takes to stay, whoever tells it of them."""
        taints = () if isinstance(self.believed, Gap) else self.believed.taints
        keys = dict.fromkeys(each.key for each in taints if each.effect in HARD_EFFECTS and passing(each.key))
        if not keys:
            return ""
        return (
            f"the autoscaler takes {first_of(list(keys))} to stay on the node, unless its --startup-taint names "
            f"{'it' if len(keys) == 1 else 'them'}"
        )

    def _unscaled(self) -> str:
        scaler = Scaler.of(self.snapshot, AUTO)
        return scaler.because if scaler.certainty == "none" and scaler.gap is None else ""

    def _crowded(self) -> str:
        count = len((self.group.tags.keys() | self.tags_to_add.keys()) - set(self.tags_to_remove))
        return f"it would have {count} tags, and {MOST_TAGS} are the most" if count > MOST_TAGS else ""


def _or_gap(node: Callable[[], NodeTemplate]) -> NodeTemplate | Gap:
    try:
        return node()
    except UnreadableError as error:
        return error.gap
