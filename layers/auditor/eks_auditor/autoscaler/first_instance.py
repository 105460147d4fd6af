"""The instance that Cluster Autoscaler takes every instance of an empty group for."""

from dataclasses import dataclass
from typing import Self

from eks_auditor.model.capacity import InstanceRequirements, InstanceType, LaunchConfig, ScalingGroup
from eks_auditor.model.gap import Gap, UnreadableError, known
from eks_auditor.model.snapshot import Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstInstance:
    """What an empty group is taken to launch.

    Attributes:
        shape: Its type.
        vcpus: The type's, or the least that requirements want.
        memory_mib: Likewise, in MiB.
        gpus: Likewise, whoever made them.
        zone: The group's first zone, by the account's name for it.
    """

    shape: InstanceType
    vcpus: int
    memory_mib: int
    gpus: int
    zone: str

    @classmethod
    def of(cls, group: ScalingGroup, snapshot: Snapshot) -> Self:
        """Return the first instance of a group.

        Its type is that of the launch configuration or of the launch template, or the first of the mixed instances
        policy's overrides, whatever their weights. Without any it is the first by name that EC2 matches with the
        requirements (the autoscaler takes the first that EC2 tells, which may be any of them), and the sizes are the
        requirements' least ones where a mixed instances policy has them. GPUs are that only where the requirements name
        NVIDIA and GPUs. Of several sets of requirements the autoscaler heeds none: it goes by the policy's own launch
        template.

        Source: kubernetes/autoscaler, ``aws_wrapper.go``, ``getInstanceTypesForAsgs``; ``aws_manager.go``,
        ``getAsgTemplate`` and ``updateCapacityWithRequirementsOverrides``.

        Raises:
            UnreadableError: If its launch, type or zone was not read, or it has none: the autoscaler, too, cannot
                simulate it then.
        """
        launch = known(group.launch)
        requirements = _requirements(group, launch)
        names = _names(launch)
        if not names:
            raise UnreadableError(_nothing(group, "it names no instance type"))
        if not group.zone_names:
            raise UnreadableError(_nothing(group, "it names no zone"))
        least = requirements if group.policy is not None else None
        shape = _shape(names[0], launch, least, snapshot)
        return cls(
            shape=shape,
            vcpus=least.vcpus.least if least else shape.vcpus,
            memory_mib=least.memory_mib.least if least else shape.memory_mib,
            gpus=shape.gpus if least is None else _gpus(group, shape, least),
            zone=group.zone_names[0],
        )

    @property
    def architecture(self) -> str:
        """As Kubernetes writes it; all that is not ARM is ``amd64`` to the autoscaler.

        Source: kubernetes/autoscaler, ``aws_util.go``, ``interpretEc2SupportedArchitecure``.
        """
        return "arm64" if self.shape.architecture == "arm64" else "amd64"


def described_types(group: ScalingGroup) -> tuple[str, ...]:
    """Return the types whose shapes have to be known: those that a group names, or the first that EC2 matches.

    That one only where its size or its accelerators count; of others the requirements tell all.
    """
    if isinstance(group.launch, Gap):
        return ()
    wanted = group.launch.requirements
    own = (group.launch.base_type,) if group.launch.base_type else ()
    if wanted is None or isinstance(wanted.types, Gap) or not (group.policy is None or _is_accelerated(wanted)):
        return (*group.launch.instance_types, *own)
    return (*wanted.types[:1], *own)


def _requirements(group: ScalingGroup, launch: LaunchConfig) -> InstanceRequirements | None:
    """Return the requirements that the autoscaler goes by; None where a type is named."""
    wanted = launch.requirements
    if launch.base_type or launch.instance_types or wanted is None:
        return None
    if wanted.sets > 1:
        raise UnreadableError(
            _nothing(group, "it names several sets of requirements: the autoscaler cannot simulate it")
        )
    return wanted


def _names(launch: LaunchConfig) -> tuple[str, ...]:
    if launch.base_type:
        return (launch.base_type,)
    if launch.instance_types or launch.requirements is None:
        return launch.instance_types
    return known(launch.requirements.types)


def _is_accelerated(wanted: InstanceRequirements) -> bool:
    return wanted.accelerators is not None and wanted.accelerators.least > 0


def _shape(name: str, launch: LaunchConfig, least: InstanceRequirements | None, snapshot: Snapshot) -> InstanceType:
    """Return a type's shape.

    Of most types that only match requirements, nobody reads it (:func:`described_types`): their sizes do not count, and
    EC2 matches the image's architecture.
    """
    read = snapshot.instance_types.get(name)
    if read is not None or least is None or _is_accelerated(least) or not launch.image_ids:
        return known(read or Gap("ec2:DescribeInstanceTypes", name, "not asked for"))
    image = known(snapshot.images.get(launch.image_ids[0], Gap("ec2:DescribeImages", launch.image_ids[0], "not read")))
    return InstanceType(
        name=name, architecture=image.architecture, vcpus=least.vcpus.least, memory_mib=least.memory_mib.least
    )


def _gpus(group: ScalingGroup, shape: InstanceType, least: InstanceRequirements) -> int:
    """Return the least number of GPUs that is wanted of NVIDIA's, else those of the type.

    The autoscaler takes it for granted that NVIDIA's GPUs are counted: where nothing says how many, it crashes.
    """
    if "nvidia" not in least.accelerator_makers or "gpu" not in least.accelerator_kinds:
        return shape.gpus
    if least.accelerators is None:
        said = "it asks for NVIDIA's GPUs without AcceleratorCount: the autoscaler cannot simulate it, and may crash"
        raise UnreadableError(_nothing(group, said))
    return least.accelerators.least


def _nothing(group: ScalingGroup, said: str) -> Gap:
    return Gap("autoscaling:DescribeAutoScalingGroups", group.name, said)
