"""CAS016: whether a group of accelerated instances can grow from nothing."""

import json
from dataclasses import replace
from functools import partial

from eks_auditor.autoscaler.compare import NEURON_PREFIX
from eks_auditor.autoscaler.node_template import believed
from eks_auditor.autoscaler.real_node import NEURON
from eks_auditor.autoscaler.scaler import Scaler
from eks_auditor.autoscaler.tag_lists import tags_to_put
from eks_auditor.autoscaler.tags import LABEL, RESOURCE
from eks_auditor.autoscaler.tags import labels as tag_labels
from eks_auditor.autoscaler.versions import minor_of
from eks_auditor.check import check
from eks_auditor.checks.scaled import left_out, no_group
from eks_auditor.checks.worst import worst
from eks_auditor.model.capacity import (
    GroupCapacity,
    InstanceType,
    LaunchConfig,
    ManagedNodeGroup,
    ScalingGroup,
    SelfManagedGroup,
)
from eks_auditor.model.gap import Gap, UnreadableError, known
from eks_auditor.model.release import Image, ReleaseLine
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.model.verdict import (
    Scalar,
    Severity,
    Verdict,
    failed,
    not_applicable,
    passed,
    settling,
    unknown,
)
from eks_auditor.releases.ancestry import descent_of
from eks_auditor.releases.builds import build_of, images_launched
from eks_auditor.releases.families import CUSTOM, UnmappedAmiTypeError, ami_types, line_of_ami_type, parameter_of

GPU_LABEL = "k8s.amazonaws.com/accelerator"
"""Tells the autoscaler that a node will have a GPU before the device plugin offers it.

Source: kubernetes/autoscaler, ``cloudprovider/aws/aws_cloud_provider.go``, ``GPULabel``, and ``README.md``, "Special
note on GPU instances".
"""

UNFINISHED = frozenset({"CREATING", "DELETING"})
"""A managed group whose Auto Scaling group EKS has not tagged yet, or takes apart."""


@check(
    id="CAS016",
    title="Groups of accelerated instances should be able to scale from zero",
    severity=Severity.HIGH,
    docs="https://docs.aws.amazon.com/eks/latest/best-practices/cas.html",
)
def accelerator_cannot_scale_from_zero(
    capacity: ManagedNodeGroup | SelfManagedGroup, snapshot: Snapshot, scaler: Scaler
) -> Verdict:
    """Looks at groups with GPUs or Neuron devices for what the autoscaler has to be told, and what the nodes need.

    HIGH where a group of Neuron types and minimum size 0 has no tag for aws.amazon.com/neuron or one of its kind, on
    the Auto Scaling group or on the node group: no version of the autoscaler knows these devices by the type. MEDIUM
    where NVIDIA types launch an EKS image without NVIDIA's driver; of images that EKS did not publish nobody can tell.
    INFORMATIONAL where nodes with GPUs of NVIDIA lack the label k8s.amazonaws.com/accelerator. It is no good to nodes
    whose device plugin never offers nvidia.com/gpu, such as those of other makers or of GPUs that are shared under
    another name: many versions of the autoscaler then take them never to be ready.

    Why: pods that ask for a Neuron device start no node of an empty group; nodes without the driver never offer the GPU
    that they were started for; and between a node's start and that of its device plugin, the label alone keeps the
    autoscaler from starting one more.

    Fix:
    aws: aws autoscaling create-or-update-tags --region {region} --tags {neuron_tags}
    aws (managed): aws eks tag-resource --region {region} --resource-arn {arn} --tags {neuron_key}={devices} # instead:
      the autoscaler reads the node group's tags, if it may call eks:DescribeNodegroup
    eksctl: write {neuron_key} with the value {devices} under tags of a new node group (of this one by the AWS CLI)
    terraform (managed): add {neuron_key} with the value {devices} to the tags of the aws_eks_node_group {name}
    terraform (self-managed): add a tag block with {neuron_key} and the value {devices} to the aws_autoscaling_group
      {group}
    cloudformation (managed): add {neuron_key} with the value {devices} to the Tags of the AWS::EKS::Nodegroup {name}
    cloudformation (self-managed): add {neuron_key} with the value {devices} to the Tags of the
      AWS::AutoScaling::AutoScalingGroup {group}
    aws (managed): aws eks create-nodegroup --region {region} --cluster-name {cluster} --nodegroup-name {name}-2
      --node-role NODE_ROLE_ARN --subnets SUBNETS --ami-type {ami_type} --instance-types {gpu_type} # like {name}
    eksctl (managed): eksctl create nodegroup --region {region} --cluster {cluster} --name {name}-2
      --node-type {gpu_type} # chooses NVIDIA's image for it
    terraform (managed): set ami_type of the aws_eks_node_group {name} to {ami_type} (replaces the group)
    cloudformation (managed): set AmiType of the AWS::EKS::Nodegroup {name} to {ami_type} (replaces the group)
    aws: aws ssm get-parameter --region {region} --name {parameter} --query Parameter.Value --output text # the image
      for {gpu_type}
    aws (managed): aws eks update-nodegroup-version --region {region} --cluster-name {cluster} --nodegroup-name {name}
      --launch-template name=TEMPLATE,version=NEW_VERSION # with the image of {parameter}
    guide (self-managed): migrate: create a second group with the image of {parameter}, taint the nodes of {name} with
      NoSchedule, drain them and delete the group
    guide (self-managed): in place: put the image of {parameter} into a new version of the launch template, and replace
      the nodes by an instance refresh (without a termination handler it does not drain them)
    terraform: set image_id of the aws_launch_template to the value of {parameter}
    cloudformation: set ImageId of the AWS::EC2::LaunchTemplate to the value of {parameter}
    aws (managed): aws eks update-nodegroup-config --region {region} --cluster-name {cluster} --nodegroup-name {name}
      --labels {label_update} # not where the device plugin offers no nvidia.com/gpu (MIG's mixed strategy, renamed time
      slices)
    eksctl (managed): eksctl set labels --region {region} --cluster {cluster} --nodegroup {name} --labels {label}
    terraform (managed): add {label} to the labels of the aws_eks_node_group {name}
    cloudformation (managed): add {label} to the Labels of the AWS::EKS::Nodegroup {name}
    guide (self-managed): unless the device plugin offers no nvidia.com/gpu (MIG's mixed strategy, renamed time slices),
      let the kubelets of {name} register with the label {label}, by the user data of a new version of the launch
      template
    aws (self-managed): aws autoscaling create-or-update-tags --region {region} --tags {label_tags} # with that label
    """
    groups = known(capacity.groups)
    if isinstance(capacity, ManagedNodeGroup) and capacity.status in UNFINISHED:
        return settling(f"{capacity.name} is {capacity.status}")
    if not groups:
        return no_group(capacity)
    return worst(partial(_group, group, capacity, snapshot, scaler) for group in groups)


def _group(group: ScalingGroup, capacity: GroupCapacity, snapshot: Snapshot, scaler: Scaler) -> Verdict:
    unjudged = left_out(capacity, group, scaler)
    if unjudged is not None:
        return unjudged
    types = _types(known(group.launch), snapshot)
    neuron = [shape for shape in types if shape.neuron_devices]
    gpus = [shape for shape in types if shape.gpus]
    if not neuron and not gpus:
        return not_applicable(f"{group.name} launches no accelerated instances")
    nvidia = [shape for shape in gpus if shape.gpu_maker == "NVIDIA"]
    rules = [
        partial(_neuron, group, capacity, snapshot, scaler, neuron),
        partial(_image, group, capacity, snapshot, nvidia),
        partial(_label, group, capacity, nvidia),
    ]
    verdict = worst(rules)
    evidence = {"group": group.name} | dict(verdict.evidence)
    return replace(verdict, reason=f"{verdict.reason} ({scaler.because})", evidence=evidence)


def _types(launch: LaunchConfig, snapshot: Snapshot) -> list[InstanceType]:
    """Return what may be launched; by requirements only where they demand accelerators.

    Requirements that say nothing of accelerators match accelerated types by the way, and no pod counts on those.
    """
    names = launch.instance_types
    wanted = launch.requirements
    if not names and wanted is not None and wanted.accelerators is not None and wanted.accelerators.least > 0:
        names = known(wanted.types)
    unread = {name: Gap("ec2:DescribeInstanceTypes", name, "not read") for name in names}
    return [known(snapshot.instance_types.get(name, unread[name])) for name in names]


def _neuron(
    group: ScalingGroup, capacity: GroupCapacity, snapshot: Snapshot, scaler: Scaler, types: list[InstanceType]
) -> Verdict:
    """Judge whether the autoscaler is told of Neuron devices, in any of the words that pods ask for them with.

    No version of it knows them by the instance type: it counts GPUs only. Source: kubernetes/autoscaler,
    ``cloudprovider/aws/aws_manager.go``, ``buildNodeFromTemplate``.
    """
    if not types:
        return not_applicable(f"{group.name} has no Neuron devices")
    if group.min_size > 0:
        return passed(f"{group.name} keeps {group.min_size} or more nodes, which tell the autoscaler of their devices")
    node = believed(capacity, group, snapshot, minor_of(scaler.settings, snapshot.cluster))
    told = sorted(name for name, number in node.resources.items() if name.startswith(NEURON_PREFIX) and number > 0)
    if told:
        return passed(f"an empty {group.name} is simulated with {', '.join(told)}")
    first = types[0]
    facts: dict[str, Scalar] = {
        "type": first.name,
        "devices": first.neuron_devices,
        "cores": first.neuron_cores,
        "neuron_key": f"{RESOURCE}{NEURON}",
        "neuron_tags": tags_to_put(group.name, {f"{RESOURCE}{NEURON}": str(first.neuron_devices)}),
        "arn": capacity.arn,
    }
    reason = (
        f"an empty {group.name} is simulated without Neuron devices, of which {first.name} has {first.neuron_devices}: "
        f"no tag {RESOURCE}{NEURON} tells of them"
    )
    return replace(failed(reason, severity=Severity.HIGH), evidence=facts)


def _image(group: ScalingGroup, capacity: GroupCapacity, snapshot: Snapshot, types: list[InstanceType]) -> Verdict:
    """Judge whether nodes with NVIDIA's GPUs get its driver.

    Which image goes with which type is not told: of several images, one that has the driver is enough.
    """
    if not types:
        return not_applicable(f"{group.name} has no GPUs of NVIDIA")
    if isinstance(capacity, ManagedNodeGroup) and capacity.ami_type != CUSTOM:
        lines: list[ReleaseLine | None] = [_line_of(capacity)]
    else:
        lines = [_line(known(image), snapshot) for image in images_launched((group,), snapshot)]
    if not lines:
        return not_applicable(f"{group.name} has nothing to launch from yet")
    if any(line is not None and _has_driver(line) for line in lines):
        return passed(f"{group.name} launches NVIDIA's image for {types[0].name}")
    first = lines[0]
    if first is None or None in lines:
        return unknown(f"{group.name} launches {types[0].name} from an image of its own: its driver is not visible")
    if first.family.startswith("windows-"):
        return passed(f"{group.name} launches Windows, of which EKS publishes no image with NVIDIA's driver")
    return _without_driver(group, capacity, types[0], first)


def _line_of(capacity: ManagedNodeGroup) -> ReleaseLine | None:
    try:
        return line_of_ami_type(capacity.ami_type, capacity.version or "")
    except UnmappedAmiTypeError as error:
        raise UnreadableError(Gap("eks:DescribeNodegroup", capacity.name, str(error))) from error


def _line(image: Image, snapshot: Snapshot) -> ReleaseLine | None:
    """Return the line of an image of EKS, or that it was built on if it brought the driver; None if nobody can tell.

    Whoever builds an image on another line may have added the driver to it.
    """
    build = known(build_of(image, snapshot))
    if build is not None:
        return build.line
    descent = known(descent_of(image, snapshot))
    line = descent.build.line if descent is not None and descent.build is not None else None
    return line if line is not None and _has_driver(line) else None


def _has_driver(line: ReleaseLine) -> bool:
    """Whether a line's images bring NVIDIA's driver: ``nvidia``, ``nvidia-fips``, ``nvidia-560``, or ``gpu`` of AL2."""
    return line.variant == "gpu" or "nvidia" in line.variant


def _without_driver(group: ScalingGroup, capacity: GroupCapacity, shape: InstanceType, line: ReleaseLine) -> Verdict:
    wanted = replace(
        line,
        family="bottlerocket" if line.family == "bottlerocket" else "al2023",
        variant="nvidia-fips" if line.variant == "fips" else "nvidia",
        architecture=shape.architecture,
    )
    facts: dict[str, Scalar] = {"gpu_type": shape.name, "gpus": shape.gpus, "line": f"{line.family} {line.variant}"}
    if isinstance(capacity, ManagedNodeGroup) and capacity.ami_type != CUSTOM:
        facts |= {"ami_type": next(name for name in ami_types() if line_of_ami_type(name, line.minor) == wanted)}
    else:
        facts |= {"parameter": parameter_of(wanted).image}
    reason = (
        f"{group.name} launches {shape.name} with {_gpus(shape)} of NVIDIA from an image of EKS without its driver "
        f"({line.family} {line.variant}): unless something else installs it, its nodes offer no GPU"
    )
    return replace(failed(reason, severity=Severity.MEDIUM), evidence=facts)


def _label(group: ScalingGroup, capacity: GroupCapacity, types: list[InstanceType]) -> Verdict:
    """Judge whether the autoscaler waits for the GPUs of a new node.

    It never ends waiting for those that are not offered as ``nvidia.com/gpu``: of other makers, it knows those of AMD
    and Habana in its newest patch releases only. Source: kubernetes/autoscaler, ``cluster-autoscaler/processors/
    customresources/gpu_processor.go``, ``FilterOutNodesWithUnreadyResources``, in 1.34.2 and 1.34.5.
    """
    if not types:
        return not_applicable(f"{capacity.name} has no GPUs of NVIDIA")
    if GPU_LABEL in known(capacity.labels):
        return passed(f"the nodes of {capacity.name} have the label {GPU_LABEL}")
    told = tag_labels(group.tags).get(GPU_LABEL)
    value = told or "nvidia"
    facts: dict[str, Scalar] = {
        "label": f"{GPU_LABEL}={value}",
        "label_update": json.dumps({"addOrUpdateLabels": {GPU_LABEL: value}}),
    }
    if told is None:
        facts |= {"label_tags": tags_to_put(group.name, {f"{LABEL}{GPU_LABEL}": value})}
    reason = (
        f"the nodes of {capacity.name}, with {_gpus(types[0])} each ({types[0].name}), lack the label {GPU_LABEL}: "
        "until the device plugin offers them, the autoscaler takes a new node for one without and may start another"
    )
    return replace(failed(reason, severity=Severity.INFORMATIONAL), evidence=facts)


def _gpus(shape: InstanceType) -> str:
    return f"{shape.gpus} GPU{'' if shape.gpus == 1 else 's'}"
