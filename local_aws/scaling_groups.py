"""Auto Scaling groups around running instances, and what they did of late."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from local_aws.fleet_nodes import ScalingGroup
from local_aws.images import Document
from local_aws.nodes import TEMPLATE_TAG, VERSION_TAG
from local_aws.place import Place
from local_aws.world import tags_of

_FAILURES_SHOWN: Final = 3
_PROTECTED: Final = "Could not scale to desired capacity because all remaining instances are protected from scale-in."
_BETWEEN_FAILURES = timedelta(minutes=15)


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
        "CapacityRebalance": group.spot,
        "AvailabilityZoneDistribution": {"CapacityDistributionStrategy": "balanced-best-effort"},
        "Instances": [_member(place, instance, source) for instance in instances],
        "Tags": [
            scaling_tag(name, key, value, propagate=key not in group.tags) for key, value in (kept | group.tags).items()
        ],
    }
    state.activities[name] = [*_failures(place, name, group), *_launches(place, name, instances)]


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


def _failures(place: Place, name: str, group: ScalingGroup) -> Iterator[Document]:
    """Yield the launches that fail now, newest first, and of each zone a termination that failed before them."""
    for index in range(_FAILURES_SHOWN):
        for letter, message in group.failed_launches.items():
            [subnet] = place.subnets([letter])
            ended = place.now - _BETWEEN_FAILURES * (index + 1)
            activity = _activity(place, name, f"failure-{letter}-{index}", ended, subnet)
            yield activity | {
                "Description": "Launching a new EC2 instance.",
                "StatusCode": "Failed",
                "StatusMessage": message,
            }
    for letter in group.failed_launches:
        [subnet] = place.subnets([letter])
        ended = place.now - _BETWEEN_FAILURES * (_FAILURES_SHOWN + 1)
        yield _activity(place, name, f"protected-{letter}", ended, subnet) | {
            "Cause": f"At {ended:%Y-%m-%dT%H:%M:%SZ} an instance was taken out of service in response to a difference "
            "between desired and actual capacity, shrinking the capacity.",
            "Description": "Terminating EC2 instance.",
            "StatusCode": "Failed",
            "StatusMessage": _PROTECTED,
        }


def _launches(place: Place, name: str, instances: list[Document]) -> Iterator[Document]:
    for instance in instances:
        subnet = place.state.subnets[instance["SubnetId"]]
        activity = _activity(place, name, instance["InstanceId"], instance["LaunchTime"], subnet)
        yield activity | {
            "Description": f"Launching a new EC2 instance: {instance['InstanceId']}",
            "StatusCode": "Successful",
        }


def _activity(place: Place, group: str, key: str, ended: datetime, subnet: Document) -> Document:
    started = ended - timedelta(seconds=40)
    cause = "an instance was started in response to a difference between desired and actual capacity."
    return {
        "ActivityId": place.uuid("activity", group, key),
        "AutoScalingGroupName": group,
        "Cause": f"At {started:%Y-%m-%dT%H:%M:%SZ} {cause}",
        "StartTime": started,
        "EndTime": ended,
        "Progress": 100,
        "Details": json.dumps({"Subnet ID": subnet["SubnetId"], "Availability Zone": subnet["AvailabilityZone"]}),
    }
