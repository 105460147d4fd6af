"""The security groups of clusters."""

from local_aws.place import Place


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
        "VpcId": place.vpc,
        "IpPermissions": [],
        "IpPermissionsEgress": [],
        "Tags": [{"Key": f"kubernetes.io/cluster/{place.name}", "Value": "owned"}],
    }
