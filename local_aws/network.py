"""The VPC of a Region: its zones, one private subnet in each, and the security groups of its clusters."""

from local_aws.fleet import Region
from local_aws.geography import zone_id
from local_aws.identity import resource_id
from local_aws.place import Place
from local_aws.world import RegionState


def add_network(state: RegionState, region: Region) -> None:
    """Create the VPC's zones and subnets."""
    vpc = vpc_of(state)
    for index, (letter, zone) in enumerate(region.zones.items()):
        name = f"{state.region}{letter}"
        state.zones[name] = zone.id or zone_id(state.region, letter)
        identifier = resource_id("subnet", state.account, name)
        state.subnets[identifier] = {
            "SubnetId": identifier,
            "SubnetArn": state.arn("ec2", f"subnet/{identifier}"),
            "VpcId": vpc,
            "OwnerId": state.account,
            "State": "available",
            "CidrBlock": f"10.{index}.0.0/16",
            "AvailabilityZone": name,
            "AvailabilityZoneId": state.zones[name],
            "AvailableIpAddressCount": zone.free,
            "MapPublicIpOnLaunch": False,
            "DefaultForAz": False,
            "Ipv6Native": False,
            "Tags": [
                {"Key": "Name", "Value": f"private-{letter}"},
                {"Key": "kubernetes.io/role/internal-elb", "Value": "1"},
            ],
        }
    for instance_type, letters in region.not_offered.items():
        state.not_offered |= {(instance_type, state.zones[f"{state.region}{letter}"]) for letter in letters}


def vpc_of(state: RegionState) -> str:
    """Return the id of the one VPC."""
    return resource_id("vpc", state.account, state.region)


def cluster_security_group(place: Place) -> str:
    """Return the id of the security group that EKS makes for a cluster."""
    return place.id("sg")


def add_security_group(place: Place) -> None:
    """Create the security group that EKS makes for a cluster."""
    state, identifier = place.state, cluster_security_group(place)
    state.security_groups[identifier] = {
        "GroupId": identifier,
        "GroupName": f"eks-cluster-sg-{place.name}-{identifier[-10:]}",
        "SecurityGroupArn": state.arn("ec2", f"security-group/{identifier}"),
        "Description": "EKS created security group applied to ENI that is attached to EKS Control Plane master nodes.",
        "OwnerId": state.account,
        "VpcId": vpc_of(state),
        "IpPermissions": [],
        "IpPermissionsEgress": [],
        "Tags": [{"Key": f"kubernetes.io/cluster/{place.name}", "Value": "owned"}],
    }
