"""CAS012: siblings that the autoscaler does not take for similar."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from eks_auditor.autoscaler.scaler import Scaler
from eks_auditor.autoscaler.similar import MEMORY, Difference, Template, differences
from eks_auditor.check import check
from eks_auditor.checks.scaled import all_left_out, at_rest_for, at_rest_since, fixed
from eks_auditor.checks.together import within_its_set
from eks_auditor.model.capacity import GroupCapacity, InstanceType, ManagedNodeGroup, ScalingGroup, SelfManagedGroup
from eks_auditor.model.gap import Gap, known
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.model.verdict import Severity, Verdict, failed, not_applicable, passed, settling
from eks_auditor.policy.thresholds import Thresholds, days, words
from eks_auditor.spread.balance import zones_of
from eks_auditor.spread.siblings import SiblingSet, Spread, first_of
from eks_auditor.spread.updating import joined

FEWEST = 2
"""Groups and zones that there is anything to balance among."""

INSTANCE_TYPE_LABELS = ("beta.kubernetes.io/instance-type", "node.kubernetes.io/instance-type")
EKS = "eks.amazonaws.com/"
IMAGE = f"{EKS}nodegroup-image"

_TYPES = "ec2:DescribeInstanceTypes"

type _Pair = tuple[GroupCapacity, ScalingGroup]
type _Simulated = tuple[ScalingGroup, Template]


@check(
    id="CAS012",
    title="Sibling groups of one zone each should be similar to Cluster Autoscaler",
    severity=Severity.LOW,
    docs="https://docs.aws.amazon.com/eks/latest/best-practices/cas.html",
    thresholds={
        "asleep": at_rest_for("a group without nodes for so long does not just sleep, and is INFORMATIONAL"),
        "rollout": days(7, "updated so long ago, groups whose image alone differs are judged"),
    },
)
def siblings_not_similar(
    subject: SiblingSet | ManagedNodeGroup | SelfManagedGroup,
    snapshot: Snapshot,
    spread: Spread,
    scaler: Scaler,
    limits: Thresholds,
) -> Verdict:
    """Compares sibling groups that are bound to one zone each as the autoscaler does before it balances them.

    Pods can use any of them, and still the autoscaler parts them by labels that the siblings need not share: the
    instance type, the launch template and the image that EKS names on managed nodes, or a label with the zone in it.
    Taints are not compared. INFORMATIONAL where the groups that have nodes are similar, and one that has had none for 7
    days differs. The image alone is judged 7 days after the last update: groups are updated one after the other. The
    autoscaler's flags are not visible: it may ignore these labels already.

    Why: the autoscaler fills similar groups evenly, and of others any one, so that one zone gets most of the nodes.

    Fix:
    aws: aws autoscaling describe-auto-scaling-groups --region {region} --auto-scaling-group-names {one} {other}
    kubectl: kubectl --namespace kube-system edit deployment cluster-autoscaler # add {flags!s}
    guide: or make {one} and {other} alike; what differs is {differing}
    """
    members = subject.members if isinstance(subject, SiblingSet) else (subject,)
    pairs = [
        (member, group)
        for member in members
        if isinstance(member, ManagedNodeGroup | SelfManagedGroup)
        for group in known(member.groups)
    ]
    unjudged = all_left_out(pairs, scaler)
    if unjudged is not None:
        return unjudged
    if not isinstance(subject, SiblingSet):
        return within_its_set(subject, spread)
    bound = [(member, group) for member, group in pairs if _bound_to_one_zone(member, group)]
    zones = zones_of(subnet for _, group in bound for subnet in known(group.subnets))
    if min(len(bound), len(zones)) < FEWEST:
        return not_applicable("it has no two groups that can grow and are bound to one zone each, in different zones")
    update = joined((member for member, _ in bound), snapshot)
    if update is not None:
        return settling(update.reason, due_at=update.due_at)
    return _similar(bound, snapshot, scaler, limits)


def _bound_to_one_zone(capacity: GroupCapacity, group: ScalingGroup) -> bool:
    """Whether it can grow, and in one Availability Zone only."""
    subnets = known(group.subnets)
    return not fixed(capacity, group) and len(zones_of(subnets)) == 1 and all(s.regular for s in subnets)


def _similar(bound: Sequence[_Pair], snapshot: Snapshot, scaler: Scaler, limits: Thresholds) -> Verdict:
    names = first_of([group.name for _, group in bound])
    groups = [(group, _node(capacity, group, snapshot)) for capacity, group in bound]
    now, nap = snapshot.taken_at, limits.time("asleep")
    asleep = {group.name: until for _, group in bound if (until := _asleep_until(group, now, nap))}
    run = {group.name for _, group in bound if group.desired or group.name in asleep}
    groups.sort(key=lambda pair: (pair[0].name not in run, pair[0].name))
    # Those among groups that have nodes come first: they are what the autoscaler meets now.
    pairs = (*_widest([pair for pair in groups if pair[0].name in run]), *_widest(groups))
    apart = [(one, other, found) for (one, a), (other, b) in pairs if (found := differences(a, b))]
    if not apart:
        similar = f"the autoscaler takes {names} for similar{_while_remembered(bound)}"
        return passed(f"{similar} ({scaler.because})", groups=len(bound))
    one, other, _ = apart[0]
    by: dict[str, Difference] = {}
    for _, _, found in apart:
        by = {each.name: each for each in found} | by
    changed = [capacity.modified_at for capacity, _ in bound if isinstance(capacity, ManagedNodeGroup)]
    if by.keys() == {IMAGE} and changed:
        rollout = limits.time("rollout")
        rolled_out_at = max(changed) + rollout
        if now < rolled_out_at:
            reason = f"only the image parts {names}, and one of them was changed less than {words(rollout)} ago"
            return settling(reason, due_at=rolled_out_at)
    running = {one.name, other.name} <= run
    idle = "" if running else ", of which those that have nodes are similar"
    verdict = failed(
        f"the autoscaler does not take {names} for similar{idle}: they differ in {_listed(by)}; its flags, which may "
        f"ignore that already, are not visible ({scaler.because})",
        severity=Severity.LOW if running else Severity.INFORMATIONAL,
        due_at=min(asleep.values(), default=None),
        one=one.name,
        other=other.name,
        differing=", ".join(sorted(by)),
    )
    flags = [shlex.quote(each.flag) for _, each in sorted(by.items()) if each.flag]
    return replace(verdict, evidence={**verdict.evidence, "flags": " ".join(flags)}) if flags else verdict


def _widest(groups: Sequence[_Simulated]) -> Iterator[tuple[_Simulated, _Simulated]]:
    """Pair groups so that whatever differs between any two differs in a pair: each with the first, and by memory.

    All must be equal but memory, which may differ a little: if it does too much, then between the least and the most.
    """
    if groups:
        yield from ((groups[0], other) for other in groups[1:])
        yield min(groups, key=_memory), max(groups, key=_memory)


def _memory(simulated: _Simulated) -> int:
    return simulated[1].capacity.get(MEMORY, 0)


def _while_remembered(bound: Sequence[_Pair]) -> str:
    """Tell what keeps empty managed groups similar: only they are simulated with labels that no node has."""
    empty = [group.name for capacity, group in bound if isinstance(capacity, ManagedNodeGroup) and not group.desired]
    if not empty:
        return ""
    return (
        f" while it remembers a node of {first_of(empty)}, now empty: once it has restarted, labels that it makes up, "
        "such as nodegroup-name, part them until there is one"
    )


def _asleep_until(group: ScalingGroup, now: datetime, nap: timedelta) -> datetime | None:
    """Return when a group that has no node will have had none for long; None where it has some, or has had none so.

    Raises:
        UnreadableError: If its activities could not be read.
    """
    if group.desired:
        return None
    until = at_rest_since(group) + nap
    return until if now < until else None


def _listed(by: Mapping[str, Difference]) -> str:
    """Name everything that differs, each with what the first two groups that it parts have of it."""
    return ", ".join(f"{name} ({_value(each.one)} and {_value(each.other)})" for name, each in sorted(by.items()))


def _value(value: float | str | None) -> str:
    return "none" if value is None else str(value)


def _node(capacity: GroupCapacity, group: ScalingGroup, snapshot: Snapshot) -> Template:
    """Return a group's node with its labels as far as they may differ between siblings.

    A group that has no node is taken to have had one: the autoscaler remembers the last one's labels until it restarts.
    """
    labels = dict(known(capacity.labels))
    if isinstance(capacity, ManagedNodeGroup):
        labels |= _by_eks(capacity, group)
    first = known(group.launch).instance_types[:1]
    for name in first:
        labels |= dict.fromkeys(INSTANCE_TYPE_LABELS, name)
    shapes = [known(snapshot.instance_types.get(name, Gap(_TYPES, name, "not read"))) for name in first]
    return Template(labels=labels, capacity={name: n for shape in shapes for name, n in _capacity(shape).items()})


def _by_eks(nodegroup: ManagedNodeGroup, group: ScalingGroup) -> dict[str, str]:
    """Return the labels that EKS sets on a managed group's nodes.

    The launch template's are those of the user's own one; EKS names none of its own templates.
    """
    running = {node.image_id for node in nodegroup.nodes}
    images = running if len(running) == 1 else set(known(group.launch).image_ids)
    labels = {f"{EKS}capacityType": nodegroup.capacity_type}
    if len(images) == 1:
        labels[IMAGE] = images.pop()
    if nodegroup.template is not None:
        labels[f"{EKS}sourceLaunchTemplateId"] = nodegroup.template.id
        labels[f"{EKS}sourceLaunchTemplateVersion"] = nodegroup.template.version
    return labels


def _capacity(shape: InstanceType) -> dict[str, int]:
    devices = {f"{shape.gpu_maker.lower()}.com/gpu": shape.gpus, "aws.amazon.com/neuron": shape.neuron_devices}
    return {"cpu": shape.vcpus, "memory": shape.memory_mib} | {name: n for name, n in devices.items() if n}
