"""Auto Scaling groups around running instances."""

from collections.abc import Mapping
from dataclasses import dataclass

from local_aws.activities import activities_of
from local_aws.fleet_nodes import ScalingGroup, SelfManagedGroup
from local_aws.images import Document
from local_aws.nodes import TEMPLATE_TAG, VERSION_TAG
from local_aws.place import Place
from local_aws.scaling import policies_of, scheduled_actions_of
from local_aws.world import tags_of


@dataclass(frozen=True, slots=True)
class GroupIdentity:
    """What an Auto Scaling group is called, tagged with, and launches from."""

    name: str
    tags: Mapping[str, str]
    source: Document
    """Its `LaunchTemplate`, `MixedInstancesPolicy` or `LaunchConfigurationName`, and the reservation that it names."""


def add_scaling_group(place: Place, identity: GroupIdentity, group: ScalingGroup, instances: list[Document]) -> None:
    """Create an Auto Scaling group around running instances."""
    name, source = identity.name, identity.source
    state = place.state
    subnets = place.subnets(group.zones)
    created = place.now - group.created
    kept = {key: value for key, value in identity.tags.items() if key not in group.without_tags}
    state.groups[name] = {
        "AutoScalingGroupName": name,
        "AutoScalingGroupARN": state.arn(
            "autoscaling", f"autoScalingGroup:{place.uuid('arn', name)}:autoScalingGroupName/{name}"
        ),
        **source,
        "MinSize": group.min,
        "MaxSize": group.max,
        "DesiredCapacity": group.desired,
        "DefaultCooldown": 300,
        "AvailabilityZones": [subnet["AvailabilityZone"] for subnet in subnets],
        "AvailabilityZoneIds": [subnet["AvailabilityZoneId"] for subnet in subnets],
        "LoadBalancerNames": [],
        "TargetGroupARNs": [],
        "HealthCheckType": "EC2",
        "HealthCheckGracePeriod": 15,
        "CreatedTime": created,
        "VPCZoneIdentifier": ",".join(subnet["SubnetId"] for subnet in subnets),
        "SuspendedProcesses": [
            {"ProcessName": process, "SuspensionReason": f"User suspended at {created:%Y-%m-%dT%H:%M:%SZ}"}
            for process in group.suspended
        ],
        "EnabledMetrics": [],
        "TerminationPolicies": ["AllocationStrategy", "OldestLaunchTemplate", "OldestInstance"],
        "NewInstancesProtectedFromScaleIn": False,
        "CapacityRebalance": _rebalances(group),
        "AvailabilityZoneDistribution": {"CapacityDistributionStrategy": "balanced-best-effort"},
        "Instances": [_member(place, instance, source) for instance in instances],
        "Tags": [
            scaling_tag(name, key, value, propagate=key not in group.tags) for key, value in (kept | group.tags).items()
        ],
    }
    state.activities[name] = activities_of(place, name, group, instances)
    state.policies[name] = policies_of(place, name, group)
    state.scheduled_actions[name] = scheduled_actions_of(place, name, group)


def _rebalances(group: ScalingGroup) -> bool:
    said = group.rebalance if isinstance(group, SelfManagedGroup) else None
    return group.spot if said is None else said


def scaling_tag(group: str, key: str, value: str, *, propagate: bool) -> Document:
    """Return a tag of an Auto Scaling group."""
    return {
        "ResourceId": group,
        "ResourceType": "auto-scaling-group",
        "Key": key,
        "Value": value,
        "PropagateAtLaunch": propagate,
    }


def _member(place: Place, instance: Document, source: Document) -> Document:
    return {
        "InstanceId": instance["InstanceId"],
        "InstanceType": instance["InstanceType"],
        "AvailabilityZone": instance["Placement"]["AvailabilityZone"],
        "AvailabilityZoneId": instance["Placement"]["AvailabilityZoneId"],
        "LifecycleState": "InService",
        "HealthStatus": "Healthy",
        **_origin(place, instance, source),
        "ProtectedFromScaleIn": False,
    }


def _origin(place: Place, instance: Document, source: Document) -> Document:
    """Say what an instance was launched from: Auto Scaling shows its image only if an override named that."""
    if "LaunchConfigurationName" in source:
        return {"LaunchConfigurationName": source["LaunchConfigurationName"]}
    tags = tags_of(instance)
    name = place.state.launch_templates[tags[TEMPLATE_TAG]]["LaunchTemplateName"]
    template = {"LaunchTemplateId": tags[TEMPLATE_TAG], "LaunchTemplateName": name, "Version": tags[VERSION_TAG]}
    overrides = source.get("MixedInstancesPolicy", {}).get("LaunchTemplate", {}).get("Overrides", [])
    by_image = instance["ImageId"] in {override.get("ImageId") for override in overrides}
    return {"LaunchTemplate": template, **({"ImageId": instance["ImageId"]} if by_image else {})}
