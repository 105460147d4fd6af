"""EC2 instances of a cluster."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import chain, cycle, islice, repeat

from local_aws.fleet_nodes import Nodes, OlderNodes
from local_aws.identity import digest
from local_aws.images import Document
from local_aws.interfaces import NodeNetwork, interfaces_of
from local_aws.place import Place

TEMPLATE_TAG = "aws:ec2launchtemplate:id"
VERSION_TAG = "aws:ec2launchtemplate:version"


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """What an instance is launched with.

    Attributes:
        image: The image's document.
        tags: All tags of the instance.
        role: The role of its instance profile.
        instance_type: Its type.
        launched: How long ago; never before the image was there.
        extra: Further members of its document.
        prefixes: Whether it takes addresses in prefixes whatever the cluster does.
    """

    image: Document
    tags: Mapping[str, str]
    role: str
    instance_type: str
    launched: timedelta
    extra: Document
    prefixes: bool = False


def launches(place: Place, capacity: str, nodes: Nodes, now: Launch, *further: Launch) -> Iterator[Launch]:
    """Yield without end what node after node is launched with: the older ones, then in turn what is launched now."""
    older = (repeat(_older(place, capacity, nodes, each, now), each.nodes) for each in nodes.older)
    return chain(chain.from_iterable(older), cycle((now, *further)))


def _older(place: Place, capacity: str, nodes: Nodes, older: OlderNodes, now: Launch) -> Launch:
    image = older_image(place, capacity, nodes, older) or now.image
    version = older_version(older)
    tags = {**now.tags, VERSION_TAG: str(version)} if version and VERSION_TAG in now.tags else now.tags
    return replace(now, image=image, tags=tags, launched=older.launched)


def older_image(place: Place, capacity: str, nodes: Nodes, older: OlderNodes) -> Document | None:
    """Return the image that older nodes run, if it is another one than their capacity launches now."""
    said = {"release": older.release, "superseded": older.superseded, "image": older.image}
    return place.image(capacity, nodes.model_copy(update=said)) if any(said.values()) else None


def older_version(older: OlderNodes) -> int | None:
    """Return the version of the launch template that older nodes came from; None if it is the one in use."""
    other_image = older.release or older.superseded or older.image
    return older.version or (1 if other_image else None)


def launch_instances(place: Place, capacity: str, nodes: Nodes, starts: Iterable[Launch]) -> list[Document]:
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
    started = [
        _instance(place, (capacity, str(index)), subnet, launch)
        for index, (subnet, launch) in enumerate(zip(homes, starts, strict=False))
    ]
    place.state.instances.update({instance["InstanceId"]: instance for instance in started})
    return started


def _instance(place: Place, key: tuple[str, str], subnet: Document, launch: Launch) -> Document:
    launched = place.since(launch.image, launch.launched)
    network = NodeNetwork(
        key=key, instance_type=launch.instance_type, subnet=subnet, launched=launched, prefixes=launch.prefixes
    )
    interfaces = interfaces_of(place, network)
    address = interfaces[0]["PrivateIpAddress"]
    return {
        "InstanceId": place.id("i", *key),
        "ImageId": launch.image["ImageId"],
        "State": {"Code": 16, "Name": "running"},
        "InstanceType": launch.instance_type,
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
        "NetworkInterfaces": interfaces,
        "Tags": [{"Key": name, "Value": value} for name, value in launch.tags.items()],
        **launch.extra,
    }
