"""EC2 instances of a cluster, and the Auto Scaling groups and launch templates that some of them come from."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import cycle, islice
from typing import Final

from local_aws.errors import FleetError
from local_aws.fleet import Cluster, Nodes, ScalingGroup
from local_aws.identity import digest, resource_id, uuid_of
from local_aws.images import PUBLISHED_AMI_TYPES, Document, Family, Release
from local_aws.world import RegionState, launch_specifications

FAILURES_SHOWN: Final = 3
_PUBLICATION_TO_USE = timedelta(hours=1)
_BETWEEN_FAILURES = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Place:
    """The cluster that is being built: where it is, and as what the fleet describes it."""

    state: RegionState
    now: datetime
    name: str
    cluster: Cluster

    def path(self, capacity: str) -> str:
        """Name a capacity the way errors of the fleet do."""
        return f"{self.state.account}.{self.state.region}.{self.name}.{capacity}"

    def id(self, prefix: str, *names: str) -> str:
        """Return an id that no other cluster has."""
        return resource_id(prefix, self.state.account, self.state.region, self.name, *names)

    def uuid(self, *names: str) -> str:
        """Return a UUID that no other cluster has."""
        return uuid_of(self.state.account, self.state.region, self.name, *names)

    def letters(self, chosen: list[str] | None) -> list[str]:
        """Return the zones a capacity launches in: its own, else the cluster's, else all of the VPC."""
        return chosen or self.cluster.zones or [name[-1] for name in self.state.zones]

    def subnets(self, chosen: list[str] | None) -> list[Document]:
        """Return the subnets of some zones."""
        by_zone = {subnet["AvailabilityZone"][-1]: subnet for subnet in self.state.subnets.values()}
        missing = sorted(set(self.letters(chosen)) - set(by_zone))
        if missing:
            message = f"{self.path('zones')}: the VPC has no zone {', '.join(missing)}"
            raise FleetError(message)
        return [by_zone[letter] for letter in self.letters(chosen)]

    def release(self, capacity: str, nodes: Nodes, ami_type: str) -> Release:
        """Find the release that a capacity is said to run."""
        minor = nodes.kubernetes or self.cluster.version
        history = self.state.public.releases.get((ami_type, minor))
        if not history:
            message = f"{self.path(capacity)}: no release of {ami_type} for Kubernetes {minor} is described"
            raise FleetError(message)
        age = nodes.release if nodes.superseded is None else nodes.superseded
        if age is None:
            return self.state.public.recommended[ami_type, minor]
        found = [index for index, release in enumerate(history) if self.now - release.published == age]
        if nodes.superseded is not None:
            found = [index - 1 for index in found if index > 0]
        if not found:
            days = ", ".join(f"{(self.now - release.published).days}d" for release in history)
            message = (
                f"{self.path(capacity)}: no such release of {ami_type} for Kubernetes {minor}; published were {days}"
            )
            raise FleetError(message)
        return history[found[0]]

    def image(self, capacity: str, nodes: Nodes) -> Document:
        """Return the image that a capacity's nodes start from."""
        if nodes.image is None:
            return self.state.public.images[self.release(capacity, nodes, nodes.ami).image_id(self.state.region)]
        for image in self.state.images.values():
            if image["Name"] == nodes.image:
                return image
        message = f"{self.path(capacity)}: the Region describes no image {nodes.image!r}"
        raise FleetError(message)

    def since(self, image: Document, age: timedelta) -> datetime:
        """Return the instant that long ago, but not before the image existed: nobody could have launched it."""
        existed = datetime.fromisoformat(image["CreationDate"]) + _PUBLICATION_TO_USE
        return min(self.now, max(existed, self.now - age))

    def family(self, nodes: Nodes) -> Family:
        """Return the operating system line of a capacity."""
        kind = PUBLISHED_AMI_TYPES.get(nodes.ami)
        return kind.family if kind else Family.AL2023


@dataclass(frozen=True, slots=True)
class Launch:
    """What the instances of one capacity are launched with."""

    image: Document
    tags: Mapping[str, str]
    role: str
    extra: Document


def launch_instances(place: Place, capacity: str, nodes: Nodes, launch: Launch) -> list[Document]:
    """Launch a capacity's nodes into its subnets and return them."""
    subnets = place.subnets(nodes.zones)
    if nodes.spread is None:
        homes = list(islice(cycle(subnets), nodes.desired))
    else:
        homes = [
            subnet
            for subnet in place.subnets(list(nodes.spread))
            for _ in range(nodes.spread[subnet["AvailabilityZone"][-1]])
        ]
    started = [_instance(place, (capacity, str(index)), subnet, nodes, launch) for index, subnet in enumerate(homes)]
    place.state.instances.update({instance["InstanceId"]: instance for instance in started})
    return started


def _instance(place: Place, key: tuple[str, str], subnet: Document, nodes: Nodes, launch: Launch) -> Document:
    host = int(digest("address", place.id("i", *key))[:4], 16)
    address = f"{subnet['CidrBlock'].rsplit('.', 2)[0]}.{host >> 8}.{host & 255}"
    launched = place.since(launch.image, nodes.launched)
    return {
        "InstanceId": place.id("i", *key),
        "ImageId": launch.image["ImageId"],
        "State": {"Code": 16, "Name": "running"},
        "InstanceType": nodes.types[0],
        "Architecture": launch.image["Architecture"],
        "LaunchTime": launched,
        "AmiLaunchIndex": 0,
        "Placement": {
            "AvailabilityZone": subnet["AvailabilityZone"],
            "AvailabilityZoneId": subnet["AvailabilityZoneId"],
            "GroupName": "",
            "Tenancy": "default",
        },
        "Monitoring": {"State": "disabled"},
        "SubnetId": subnet["SubnetId"],
        "VpcId": subnet["VpcId"],
        "PrivateIpAddress": address,
        "PrivateDnsName": f"ip-{address.replace('.', '-')}.{place.state.region}.compute.internal",
        "IamInstanceProfile": {
            "Arn": place.state.iam_arn(f"instance-profile/{launch.role}"),
            "Id": "AIPA" + digest(launch.role)[:16].upper(),
        },
        "NetworkInterfaces": [
            {
                "NetworkInterfaceId": place.id("eni", *key),
                "SubnetId": subnet["SubnetId"],
                "VpcId": subnet["VpcId"],
                "Status": "in-use",
                "PrivateIpAddress": address,
                "PrivateIpAddresses": [{"Primary": True, "PrivateIpAddress": address}],
                "Attachment": {"AttachTime": launched, "DeviceIndex": 0, "Status": "attached", "NetworkCardIndex": 0},
            }
        ],
        "Tags": [{"Key": name, "Value": value} for name, value in launch.tags.items()],
        **launch.extra,
    }


def add_launch_template(
    place: Place, name: str, created: datetime, content: Document, tags: Mapping[str, str]
) -> Document:
    """Create a launch template with one version and return what refers to it."""
    identifier = place.id("lt", name)
    arn = place.state.iam_arn("root")
    place.state.launch_templates[identifier] = {
        "LaunchTemplateId": identifier,
        "LaunchTemplateName": name,
        "CreateTime": created,
        "CreatedBy": arn,
        "DefaultVersionNumber": 1,
        "LatestVersionNumber": 1,
        "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
    }
    place.state.template_versions[identifier].append(
        {
            "LaunchTemplateId": identifier,
            "LaunchTemplateName": name,
            "VersionNumber": 1,
            "CreateTime": created,
            "CreatedBy": arn,
            "DefaultVersion": True,
            "LaunchTemplateData": content,
        }
    )
    return {"LaunchTemplateId": identifier, "LaunchTemplateName": name, "Version": "1"}


@dataclass(frozen=True, slots=True)
class GroupIdentity:
    """What an Auto Scaling group is called, tagged with, and launches from."""

    name: str
    tags: Mapping[str, str]
    source: Document
    """Its `LaunchTemplate` or `MixedInstancesPolicy`."""


def add_scaling_group(place: Place, identity: GroupIdentity, group: ScalingGroup, instances: list[Document]) -> None:
    """Create an Auto Scaling group around running instances."""
    name, source = identity.name, identity.source
    state = place.state
    subnets = place.subnets(group.zones)
    created = place.now - group.created
    [template] = launch_specifications(source)
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
        "Instances": [_member(instance, template) for instance in instances],
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


def _member(instance: Document, template: Document) -> Document:
    return {
        "InstanceId": instance["InstanceId"],
        "InstanceType": instance["InstanceType"],
        "AvailabilityZone": instance["Placement"]["AvailabilityZone"],
        "AvailabilityZoneId": instance["Placement"]["AvailabilityZoneId"],
        "LifecycleState": "InService",
        "HealthStatus": "Healthy",
        "LaunchTemplate": template,
        "ProtectedFromScaleIn": False,
    }


def _failures(place: Place, name: str, group: ScalingGroup) -> Iterator[Document]:
    """Yield the launches that fail now, newest first."""
    for index in range(FAILURES_SHOWN):
        for letter, message in group.failed_launches.items():
            [subnet] = place.subnets([letter])
            ended = place.now - _BETWEEN_FAILURES * (index + 1)
            activity = _activity(place, name, f"failure-{letter}-{index}", ended, subnet)
            yield activity | {
                "Description": "Launching a new EC2 instance.",
                "StatusCode": "Failed",
                "StatusMessage": message,
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
