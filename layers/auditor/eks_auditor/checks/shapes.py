"""CAS007: whether the first instance type of a group stands for all that it may launch."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial

from eks_auditor.autoscaler.scaler import Scaler, lacking
from eks_auditor.autoscaler.tags import demands
from eks_auditor.autoscaler.versions import behaviour_of, minor_of
from eks_auditor.check import check
from eks_auditor.checks.scaled import left_out, no_group, not_scaled
from eks_auditor.checks.worst import worst
from eks_auditor.model.capacity import (
    Bounds,
    GroupCapacity,
    InstanceRequirements,
    InstanceType,
    LaunchConfig,
    ManagedNodeGroup,
    ScalingGroup,
    SelfManagedGroup,
    is_gone,
)
from eks_auditor.model.cluster import Cluster
from eks_auditor.model.gap import Gap, UnreadableError, known
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.model.verdict import Severity, Status, Verdict, failed, not_applicable, passed
from eks_auditor.policy.thresholds import Thresholds, count, percent
from eks_auditor.spread.siblings import first_of

LEAST_MEMORY_PERCENT = 90
MOST_MEMORY_PERCENT = 150
"""How much memory a later type may have, of the first one's, where no policy says otherwise."""

WIDEST = 2
"""How many times the least that is wanted the greatest may be, where no policy says otherwise."""


@check(
    id="CAS007",
    title="The instance types of a group should have the same shape",
    severity=Severity.HIGH,
    docs="https://docs.aws.amazon.com/eks/latest/best-practices/cas.html",
    thresholds={
        "least_memory": percent(LEAST_MEMORY_PERCENT, "of the first type's, a later one with less memory is MEDIUM"),
        "most_memory": percent(MOST_MEMORY_PERCENT, "with more it is LOW", least=100, greatest=None),
        "widest": count(WIDEST, "so many times the least that is wanted the greatest may be", least=1),
    },
)
def mixed_shapes(
    capacity: ManagedNodeGroup | SelfManagedGroup, snapshot: Snapshot, scaler: Scaler, limits: Thresholds
) -> Verdict:
    """Compares the instance types of a group with the first one that its Auto Scaling group lists.

    Another architecture, fewer vCPUs, fewer or other GPUs, fewer Neuron devices, and a WeightedCapacity that is not 1
    are HIGH. Memory below 90 % of the first type's is MEDIUM. More of something, or memory above 150 %, is LOW.
    Instance requirements pass, for the autoscaler takes their minima; a greatest number of more than twice the least is
    INFORMATIONAL, and so are several overrides with requirements, which it does not heed. A mixed instances policy
    whose overrides name neither types nor one set of requirements, and whose launch template or version is gone, is
    CRITICAL, and before Cluster Autoscaler 1.32 one with types too.

    Why: Cluster Autoscaler takes every node of an empty group for one of the first type. It starts nodes on which the
    pods do not fit when another type comes, or too many of them; and it counts instances where a weighted group counts
    units. Where it cannot read a mixed group's template, its refresh fails and it scales no group at all.

    Fix:
    aws: aws autoscaling describe-auto-scaling-groups --region {region} --auto-scaling-group-names {group}
      --query 'AutoScalingGroups[].MixedInstancesPolicy' # what it may launch, in order
    aws: aws ec2 describe-instance-types --region {region} --filters Name=vcpu-info.default-vcpus,Values={vcpus}
      Name=memory-info.size-in-mib,Values={memory_mib} Name=processor-info.supported-architecture,Values={architecture}
      --query {shaped} # what has the shape of {first}
    aws (managed): aws eks create-nodegroup --region {region} --cluster-name {cluster} --nodegroup-name {name}-2
      --node-role NODE_ROLE_ARN --subnets SUBNETS --instance-types {first} MORE_TYPES_OF_ITS_SHAPE # like {name}
    eksctl (managed): eksctl create nodegroup --region {region} --cluster {cluster} --name {name}-2
      --instance-types {first},MORE_TYPES_OF_ITS_SHAPE # with the labels and taints of {name}
    terraform (managed): give instance_types of {name} types of the shape of {first} only (replaces the group), and make
      other groups for {odd}
    cloudformation (managed): give InstanceTypes of {name} types of the shape of {first} only (replaces the group), and
      make other groups for {odd}
    aws (self-managed): aws autoscaling update-auto-scaling-group --region {region} --auto-scaling-group-name {group}
      --mixed-instances-policy file://POLICY.json # Overrides of the shape of {first} only; other groups for {odd}
    terraform (self-managed): take {odd} out of the overrides of mixed_instances_policy of {name}, into other groups
    cloudformation (self-managed): take {odd} out of the Overrides of MixedInstancesPolicy of {name}, into other groups
    aws (self-managed): aws autoscaling update-auto-scaling-group --region {region} --auto-scaling-group-name {group}
      --mixed-instances-policy file://POLICY.json # without the WeightedCapacity of {weighted}
    terraform (self-managed): remove weighted_capacity of {weighted} from the overrides of {name}
    cloudformation (self-managed): remove WeightedCapacity of {weighted} from the Overrides of {name}
    aws (self-managed): aws autoscaling update-auto-scaling-group --region {region} --auto-scaling-group-name {group}
      --mixed-instances-policy file://POLICY.json # with a narrower range of {wide}
    terraform (self-managed): narrow the range of {wide} in instance_requirements of {name}
    cloudformation (self-managed): narrow the range of {wide} in InstanceRequirements of {name}
    aws (managed): aws eks create-nodegroup --region {region} --cluster-name {cluster} --nodegroup-name NEW_NAME
      --node-role NODE_ROLE_ARN --subnets SUBNETS # like {name}, which has lost {lost}
    aws (self-managed): aws autoscaling update-auto-scaling-group --region {region} --auto-scaling-group-name {group}
      --mixed-instances-policy file://POLICY.json # with a launch template that exists, instead of {lost}
    terraform: apply the aws_launch_template again, and let {name} use its latest_version instead of {lost}
    cloudformation: let {name} use a version of an AWS::EC2::LaunchTemplate that the stack has, instead of {lost}
    """
    groups = known(capacity.groups)
    if not groups:
        return no_group(capacity)
    return worst(partial(_shapes, capacity, group, snapshot, scaler, limits) for group in groups)


def _shapes(
    capacity: GroupCapacity, group: ScalingGroup, snapshot: Snapshot, scaler: Scaler, limits: Thresholds
) -> Verdict:
    unjudged = not_scaled(capacity, group, scaler)
    if unjudged is not None:
        return unjudged
    lost = group.lost_template
    if lost is not None and is_gone(lost) and _is_read(group, snapshot.cluster, scaler):
        verdict = _unreadable_template(group, lost)
    else:
        verdict = left_out(capacity, group, scaler) or _of_launch(group, snapshot, limits)
    told = f"{verdict.reason} ({scaler.because})"
    return replace(verdict, reason=told, evidence={"group": group.name} | dict(verdict.evidence))


def _of_launch(group: ScalingGroup, snapshot: Snapshot, limits: Thresholds) -> Verdict:
    launch = known(group.launch)
    weighed = _weights(group, launch)
    verdict = worst((partial(_types, group, launch, snapshot, limits), lambda: weighed))
    if weighed.status is not Status.FAILED or weighed.evidence.items() <= verdict.evidence.items():
        return verdict
    reason = f"{verdict.reason}; {weighed.reason}"
    return replace(verdict, reason=reason, evidence={**verdict.evidence, **weighed.evidence})


def _is_read(group: ScalingGroup, cluster: Cluster, scaler: Scaler) -> bool:
    """Whether the autoscaler reads a group's launch template on each refresh, which ends without it.

    It reads those that it discovers; whether ``--nodes`` names another is not visible. Source: kubernetes/autoscaler,
    ``cloudprovider/aws/auto_scaling_groups.go``: an error of ``buildAsgFromAWS`` ends ``regenerate``.
    """
    if lacking(group.tags, demands(scaler.settings.discovery, cluster.name)):
        return False
    if group.policy == "types":
        return behaviour_of(minor_of(scaler.settings, cluster)).reads_template_beside_types
    return group.policy == "template"


def _unreadable_template(group: ScalingGroup, gap: Gap) -> Verdict:
    policy = "names types, but" if group.policy == "types" else "names no types that the autoscaler goes by, and"
    return failed(
        f"the mixed instances policy of {group.name} {policy} its launch template or the version in use does not "
        f"exist: the autoscaler discovers it, and its refresh fails for every group ({gap})",
        severity=Severity.CRITICAL,
        lost=gap.resource,
    )


def _types(group: ScalingGroup, launch: LaunchConfig, snapshot: Snapshot, limits: Thresholds) -> Verdict:
    names = tuple(dict.fromkeys(launch.instance_types))
    if not names:
        return _requirements(group, launch.requirements, limits.number("widest"))
    if len(names) == 1:
        return passed(f"{group.name} launches {names[0]} only")
    first = known(_type(names[0], snapshot))
    others = [_type(name, snapshot) for name in names[1:]]
    hidden = next((other for other in others if isinstance(other, Gap)), None)
    read = [other for other in others if isinstance(other, InstanceType)]
    odd = {other.name: found for other in read if (found := tuple(_oddities(first, other, limits)))}
    if odd:
        return replace(_mixed(group, first, odd, len(others)), partial=hidden is not None)
    if hidden is not None:
        raise UnreadableError(hidden)
    return passed(f"{', '.join(names)}, which {group.name} launches, have the shape of the first", types=len(names))


type _Oddity = tuple[Severity, str]


def _mixed(group: ScalingGroup, first: InstanceType, odd: Mapping[str, tuple[_Oddity, ...]], later: int) -> Verdict:
    rungs = ((rung, name) for name, found in odd.items() for rung, _ in found)
    # Of several that are equally bad the first counts, as the group lists them.
    severity, name = max(rungs, key=lambda pair: pair[0])
    words = ", ".join(words for _, words in odd[name])
    more = f"; {len(odd)} of its {later} later types differ" if later > 1 else ""
    return failed(
        f"an empty {group.name} is simulated by its first type, {first.name}, but {name} has {words}{more}",
        severity=severity,
        first=first.name,
        odd=", ".join(odd),
        differing=len(odd),
        types=later + 1,
        vcpus=first.vcpus,
        memory_mib=first.memory_mib,
        architecture=first.architecture,
        shaped=_query(first),
    )


def _query(first: InstanceType) -> str:
    """Return what the AWS CLI picks of the types that EC2's filters, which know no accelerators, let through."""
    if first.gpus:
        return "InstanceTypes[?GpuInfo.Gpus].InstanceType"
    if first.neuron_devices:
        return "InstanceTypes[?NeuronInfo].InstanceType"
    return "InstanceTypes[].InstanceType"


def _oddities(first: InstanceType, other: InstanceType, limits: Thresholds) -> Iterator[_Oddity]:
    """Yield what tells a later type from the first, in words that follow "has"."""
    if other.architecture != first.architecture:
        yield Severity.HIGH, f"the architecture {other.architecture} instead of {first.architecture}"
    if first.gpus and other.gpus and other.gpu_maker != first.gpu_maker:
        yield Severity.HIGH, f"GPUs of {other.gpu_maker} instead of {first.gpu_maker}"
    yield from _count("vCPUs", first.vcpus, other.vcpus)
    yield from _count("GPUs", first.gpus, other.gpus)
    yield from _count("Neuron devices", first.neuron_devices, other.neuron_devices)
    words = f"{other.memory_mib} MiB of memory instead of {first.memory_mib}"
    if other.memory_mib < first.memory_mib * limits.exactly("least_memory"):
        yield Severity.MEDIUM, words
    if other.memory_mib > first.memory_mib * limits.exactly("most_memory"):
        yield Severity.LOW, words


def _count(what: str, first: int, other: int) -> Iterator[_Oddity]:
    if other != first:
        counted = what.removesuffix("s") if other == 1 else what
        yield Severity.HIGH if other < first else Severity.LOW, f"{other} {counted} instead of {first}"


def _weights(group: ScalingGroup, launch: LaunchConfig) -> Verdict:
    if not launch.weights:
        return not_applicable(f"{group.name} weighs no type")
    weighted = {name: weight for name, weight in launch.weights.items() if weight != 1}
    if not weighted:
        return passed(f"every instance of {group.name} counts for one")
    shown = first_of([f"{name} {weight}" for name, weight in weighted.items()])
    return failed(
        f"{group.name} weighs its types ({shown}): its sizes count units, and the autoscaler takes them for instances",
        severity=Severity.HIGH,
        weighted=", ".join(sorted(weighted)),
    )


def _requirements(group: ScalingGroup, wanted: InstanceRequirements | None, widest: int) -> Verdict:
    if wanted is None:
        return not_applicable(f"{group.name} names no instance type")
    if wanted.sets > 1:
        return failed(
            f"{group.name} has {wanted.sets} overrides with requirements, and the autoscaler heeds a single one only: "
            "it simulates an empty group by the type of the policy's own launch template, or not at all",
            severity=Severity.INFORMATIONAL,
        )
    ranges = {"vCPUs": wanted.vcpus, "MiB of memory": wanted.memory_mib}
    wide = [_words(what, bounds) for what, bounds in ranges.items() if _is_wide(bounds, widest)]
    if wide:
        return failed(
            f"{group.name} asks for {' and '.join(wide)}: the autoscaler takes the least, and nodes may be more than "
            f"{widest} times as large",
            severity=Severity.INFORMATIONAL,
            wide=" and ".join(wide),
        )
    narrow = " and ".join(_words(what, bounds) for what, bounds in ranges.items())
    return passed(f"{group.name} asks for {narrow}, of which the autoscaler takes the least")


def _is_wide(bounds: Bounds, widest: int) -> bool:
    return bounds.greatest is None or bounds.greatest > widest * bounds.least


def _words(what: str, bounds: Bounds) -> str:
    return (
        f"{bounds.least} {what} or more" if bounds.greatest is None else f"{bounds.least} to {bounds.greatest} {what}"
    )


def _type(name: str, snapshot: Snapshot) -> InstanceType | Gap:
    return snapshot.instance_types.get(name, Gap("ec2:DescribeInstanceTypes", name, "not read"))
