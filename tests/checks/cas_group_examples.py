"""Snapshots on which the checks of what the autoscaler simulates say each word; see :mod:`tests.checks.examples`."""

from collections.abc import Mapping
from typing import Any

from eks_auditor.model.capacity import Bounds, InstanceRequirements, LaunchConfig, Taint
from eks_auditor.model.snapshot import Snapshot
from tests import builders as b
from tests.checks.example import Examples

GAP = b.gap()
NO_TEMPLATE = b.gap("ec2:DescribeLaunchTemplateVersions", "lt-1", "InvalidLaunchTemplateId.NotFound: no such template")
TEMPLATE = "k8s.io/cluster-autoscaler/node-template/"
PROVEN = b.cluster(autoscaler_identity="kube-system/cluster-autoscaler")
TYPES = {
    shape.name: shape
    for shape in (
        b.instance_type(),
        b.instance_type("m7i.xlarge", vcpus=4, memory_mib=16384),
        b.instance_type("g6.xlarge", vcpus=4, memory_mib=16384, accelerators=1, gpus=1, gpu_maker="NVIDIA"),
        b.instance_type("inf2.xlarge", vcpus=4, memory_mib=16384, accelerators=1, neuron_devices=1, neuron_cores=2),
    )
}
NVIDIA = f"amazon-eks-node-al2023-x86_64-nvidia-1.35-v{b.version()}"
LABELLED = {"k8s.amazonaws.com/accelerator": "l4"}
BUILDS = (b.managed, b.self_managed)


def _scaled(capacity: Any) -> Snapshot:  # noqa: ANN401  any capacity
    """A cluster that the autoscaler scales, with some more types."""
    return b.snapshot(capacity, cluster=PROVEN, instance_types=TYPES)


def _empty(build: Any, tags: dict[str, str] | None = None, **deviations: Any) -> Snapshot:  # noqa: ANN401  a builder, any field of what it builds
    """A group of minimum size 0 with further tags."""
    own = b.eks_tags() if build is b.managed else b.autoscaler_tags()
    return _scaled(build(group={"min_size": 0, "tags": own | (tags or {})}, **deviations))


def _launching(build: Any, launch: Any, group: Any = (), **deviations: Any) -> Snapshot:  # noqa: ANN401  a builder, a launch or its gap, any field
    """A group of minimum size 0 that launches this."""
    return _scaled(build(group={"min_size": 0, "launch": launch} | dict(group), **deviations))


def _types(*names: str, **deviations: Any) -> LaunchConfig:  # noqa: ANN401  any field of it
    return b.launch(instance_types=names, **deviations)


_WIDE = InstanceRequirements(vcpus=Bounds(least=2, greatest=8), memory_mib=Bounds(least=8192, greatest=16384))
_TAINT = Taint(key="dedicated", value="", effect="NoSchedule", has_value=False)
_GONE = {"policy": "template", "lost_template": NO_TEMPLATE}

CAS_GROUP_EXAMPLES: Mapping[str, Examples] = {
    "CAS005": Examples(
        passed=_empty(b.managed),
        failed=(
            _empty(b.managed, taints=(_TAINT,)),
            _empty(b.self_managed, labels={"tier": "web"}),
            *(_empty(build, {f"{TEMPLATE}label/tier": "web"}) for build in BUILDS),
        ),
        unknown=_empty(b.self_managed, labels=GAP),
    ),
    "CAS006": Examples(
        passed=_scaled(b.managed()),
        failed=(
            _empty(b.managed, {f"{TEMPLATE}resources/ephemeral-storage": "100GB"}),
            _empty(b.managed, {f"{TEMPLATE}autoscaling-options/nonsense": "1"}),
            _scaled(b.managed(tags={f"{TEMPLATE}resources/ephemeral-storage": "100GB"})),
            _scaled(b.managed(tags={f"{TEMPLATE}resources/ephemeral-storage": "plenty"})),
        ),
        unknown=_scaled(b.managed(groups=GAP)),
    ),
    "CAS007": Examples(
        passed=_launching(b.managed, _types("m7i.large")),
        failed=(
            *(_launching(build, _types("m7i.xlarge", "m7i.large")) for build in BUILDS),
            *(_launching(build, _types("m7i.large", weights={"m7i.large": 2})) for build in BUILDS),
            *(_launching(build, _types(requirements=_WIDE)) for build in BUILDS),
            *(_launching(build, NO_TEMPLATE, _GONE) for build in BUILDS),
        ),
        unknown=_launching(b.managed, GAP),
    ),
    "CAS016": Examples(
        passed=_launching(b.managed, _types("g6.xlarge"), ami_type="AL2023_x86_64_NVIDIA", labels=LABELLED),
        failed=(
            *(_launching(build, _types("inf2.xlarge")) for build in BUILDS),
            *(_launching(build, _types("g6.xlarge")) for build in BUILDS),
            _launching(b.managed, _types("g6.xlarge"), ami_type="CUSTOM"),
            _launching(b.managed, _types("g6.xlarge"), ami_type="AL2023_x86_64_NVIDIA"),
            b.snapshot(
                b.self_managed(group={"launch": _types("g6.xlarge")}),
                cluster=PROVEN,
                instance_types=TYPES,
                images={b.image_id(b.version()): b.image(name=NVIDIA)},
            ),
        ),
        unknown=_launching(b.managed, GAP),
    ),
}
