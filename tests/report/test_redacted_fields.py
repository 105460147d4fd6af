"""Every field of a snapshot that holds text was thought of: it is redacted, or nobody chose what stands there."""

from dataclasses import fields, is_dataclass
from typing import Any, get_args, get_type_hints

from eks_auditor.model.snapshot import Snapshot

KNOWN_TEXT = {
    # Redacted: names, tags, labels, free text.
    "Cluster.autoscaler_identity", "Cluster.tags", "ClusterId.account", "ClusterId.name", "FailedLaunch.message",
    "Gap.error", "Gap.resource", "HealthIssue.message", "HealthIssue.resource_ids", "Image.description", "Image.name",
    "Image.owner_id", "Image.tags", "LaunchConfig.configuration", "LaunchConfig.image_ids", "LaunchConfig.pins",
    "LaunchConfig.reservations", "ManagedNodeGroup.arn", "ManagedNodeGroup.labels", "ManagedNodeGroup.name",
    "MissingReference.id", "Node.tags", "NodePool.arn", "NodePool.name", "FargateProfile.arn", "FargateProfile.name",
    "ManagedNodeGroup.tags", "ScalingGroup.arn", "ScalingGroup.name", "ScalingGroup.tags", "ScalingPolicy.name",
    "ScheduledAction.name", "SelfManagedGroup.arn", "SelfManagedGroup.labels",
    "SelfManagedGroup.name", "Snapshot.images", "Snapshot.live_clusters", "StandaloneNodes.arn", "StandaloneNodes.name",
    "Taint.key", "Taint.value", "TemplateUse.name", "UpdateError.message", "UpdateError.resource_ids",
    # Kept: what AWS and Kubernetes name. An update's id is a UUID; a history's owner is Amazon.
    "Ancestor.id", "Ancestor.owner_alias", "Ancestor.region", "CapacityReservation.id", "CapacityReservation.state",
    "CapacityReservation.zone_id", "Cluster.ip_family", "Cluster.status", "Cluster.subnet_ids", "Cluster.version",
    "Cluster.vpc_id", "ClusterId.partition", "ClusterId.region", "Egress.given_zones", "Egress.route_table",
    "Egress.target", "Egress.zone_id", "FailedLaunch.zone_id", "FargateProfile.status", "Gap.action",
    "GroupInstance.id", "GroupInstance.lifecycle_state", "GroupInstance.zone_id", "HealthIssue.code",
    "Image.architecture", "Image.id", "Image.owner_alias", "Image.source_image_id", "Image.source_image_region",
    "Image.state", "InstanceRequirements.accelerator_kinds", "InstanceRequirements.accelerator_makers",
    "InstanceRequirements.types", "InstanceType.architecture", "InstanceType.gpu_maker",
    "InstanceType.name", "Interface.subnet_id", "KubernetesVersion.minor", "KubernetesVersion.status",
    "LaunchConfig.base_type", "LaunchConfig.instance_types", "LaunchConfig.weights", "ManagedNodeGroup.ami_type",
    "ManagedNodeGroup.capacity_type", "ManagedNodeGroup.release_version", "ManagedNodeGroup.status",
    "ManagedNodeGroup.update_strategy",
    "ManagedNodeGroup.version", "MissingReference.what", "Node.id", "Node.image_id", "Node.instance_type",
    "Node.zone_id", "NodegroupUpdate.id", "NodegroupUpdate.kind", "NodegroupUpdate.status", "PointerMove.image_id",
    "PointerMove.version", "Purchase.spot_strategy", "Release.image_id", "Release.version", "ReleaseHistory.owner_id",
    "ReleaseHistory.parameter", "ReleaseLine.architecture", "ReleaseLine.family", "ReleaseLine.minor",
    "ReleaseLine.variant", "ScalingGroup.refresh", "ScalingGroup.suspended", "ScalingGroup.zone_names",
    "ScalingPolicy.kind", "ScalingPolicy.mode", "ScheduledAction.recurrence", "SelfManagedGroup.declared_in",
    "Snapshot.allowed_images", "Snapshot.ancestors", "Snapshot.egress", "Snapshot.instance_types",
    "Snapshot.offered_zones", "Snapshot.releases", "Snapshot.reservations", "Subnet.id", "Subnet.vpc_id",
    "Subnet.zone_id", "Subnet.zone_name", "Taint.effect", "TemplateUse.default_version", "TemplateUse.id",
    "TemplateUse.version", "UpdateError.code",
}  # fmt: skip


def test_every_text_of_a_snapshot_was_thought_of() -> None:
    """A field that is new in the model holds names, or it does not: say so here, and in the redaction if it does."""
    assert texts(Snapshot, set()) == KNOWN_TEXT


def texts(shape: Any, seen: set[Any]) -> set[str]:  # noqa: ANN401  a type
    """Return the fields below a type that hold text, as ``Type.field``."""
    found: set[str] = set()
    if isinstance(shape, type) and is_dataclass(shape) and shape not in seen:
        seen.add(shape)
        hints = get_type_hints(shape)
        for field in fields(shape):
            if _holds_text(hints[field.name]):
                found.add(f"{shape.__name__}.{field.name}")
            found |= texts(hints[field.name], seen)
    for part in get_args(_plain(shape)):
        found |= texts(part, seen)
    return found


def _holds_text(hint: Any) -> bool:  # noqa: ANN401  a type
    plain = _plain(hint)
    return plain is str or any(_holds_text(part) for part in get_args(plain) if not is_dataclass(_plain(part)))


def _plain(hint: Any) -> Any:  # noqa: ANN401  a type
    while hasattr(hint, "__value__"):
        hint = hint.__value__
    return hint
