"""Every code of a node group's ``health.issues``: what it means and what mends it.

The codes are those of botocore's ``NodegroupIssueCode`` (a test holds the table against it). AWS explains 16 of them in
the reference of ``Issue``; the others are read from their names and from the user guide's troubleshooting page.
"""

from collections.abc import Mapping
from typing import NamedTuple


class IssueMeaning(NamedTuple):
    """In words that go on after the code: what is wrong, and what to do."""

    meaning: str
    fix: str


ISSUES: Mapping[str, IssueMeaning] = {
    "AccessDenied": IssueMeaning(
        "EKS or nodes are refused by the Kubernetes API server",
        "restore the access entry or aws-auth mapping of the node role, and the eks:node-manager role binding",
    ),
    "AmiIdNotFound": IssueMeaning(
        "the image of the launch template does not exist, or is not shared with this account",
        "put an image that exists in this Region into a new launch template version and update the node group to it",
    ),
    "AsgInstanceLaunchFailures": IssueMeaning(
        "the Auto Scaling group fails to launch instances",
        "look at the failed scaling activities of the Auto Scaling group: capacity, quota, image, key and role are the"
        " usual causes; more instance types and zones help against missing capacity",
    ),
    "AutoScalingGroupInstanceRefreshActive": IssueMeaning(
        "an instance refresh, which EKS did not start, runs on the Auto Scaling group",
        "wait for the instance refresh or cancel it, and replace nodes by updates of the node group instead",
    ),
    "AutoScalingGroupInvalidConfiguration": IssueMeaning(
        "the Auto Scaling group was changed into something that EKS cannot work with",
        "undo the changes made to the Auto Scaling group itself, or replace the node group",
    ),
    "AutoScalingGroupNotFound": IssueMeaning(
        "the Auto Scaling group is gone",
        "create the Auto Scaling group again with the same name and settings, or replace the node group",
    ),
    "AutoScalingGroupOptInRequired": IssueMeaning(
        "the account is not signed up for Amazon EC2 Auto Scaling in this Region",
        "enable the Region and the service for the account",
    ),
    "AutoScalingGroupRateLimitExceeded": IssueMeaning(
        "calls to Amazon EC2 Auto Scaling are throttled",
        "find what calls Auto Scaling so often in this account and Region, then repeat the change",
    ),
    "ClusterUnreachable": IssueMeaning(
        "EKS or nodes cannot reach the API server, or it times out",
        "check routes, network ACLs and security groups between the nodes and the cluster endpoint, the public access"
        " ranges of the endpoint, and the load on the API server",
    ),
    "Ec2InstanceTypeDoesNotExist": IssueMeaning(
        "an instance type of the group is not offered in this Region",
        "replace the instance type with one that is offered here",
    ),
    "Ec2LaunchTemplateDeletionFailure": IssueMeaning(
        "EKS could not delete its launch template",
        "allow EKS to delete it (service-linked role, service control policies) or delete it by hand",
    ),
    "Ec2LaunchTemplateInvalidConfiguration": IssueMeaning(
        "the launch template holds settings that EKS does not accept",
        "correct the launch template in a new version and update the node group to it",
    ),
    "Ec2LaunchTemplateMaxLimitExceeded": IssueMeaning(
        "the account has no room for another launch template in this Region",
        "delete launch templates that nothing uses, or ask for a higher quota",
    ),
    "Ec2LaunchTemplateNotFound": IssueMeaning(
        "the launch template that EKS made for the group is gone",
        "create it again with the same settings, or replace the node group",
    ),
    "Ec2LaunchTemplateVersionMaxLimitExceeded": IssueMeaning(
        "the launch template has as many versions as EC2 allows",
        "delete versions of the launch template that nothing uses",
    ),
    "Ec2LaunchTemplateVersionMismatch": IssueMeaning(
        "the Auto Scaling group uses another launch template version than the one EKS made",
        "set the Auto Scaling group back to the launch template version that EKS made, and change the node group"
        " instead of the Auto Scaling group",
    ),
    "Ec2SecurityGroupDeletionFailure": IssueMeaning(
        "EKS could not delete the security group for remote access",
        "remove the rules and network interfaces that still refer to the security group",
    ),
    "Ec2SecurityGroupNotFound": IssueMeaning(
        "the security group of the cluster is gone",
        "create the cluster again: its security group cannot be replaced",
    ),
    "Ec2SubnetInvalidConfiguration": IssueMeaning(
        "a public subnet of the group does not give its instances public addresses",
        "enable automatic public IPv4 addresses on the subnet, or use private subnets",
    ),
    "Ec2SubnetListTooLong": IssueMeaning(
        "the group has more subnets than its Auto Scaling group takes",
        "replace the node group with one that has fewer subnets",
    ),
    "Ec2SubnetMissingIpv6Assignment": IssueMeaning(
        "a subnet of this IPv6 cluster does not give its interfaces IPv6 addresses",
        "enable automatic IPv6 addresses on the subnet",
    ),
    "Ec2SubnetNotFound": IssueMeaning(
        "a subnet of the group is gone",
        "replace the node group with one in subnets that exist: the subnets of a node group cannot be changed",
    ),
    "IamInstanceProfileNotFound": IssueMeaning(
        "the instance profile of the group is gone",
        "create it again with the same name and role",
    ),
    "IamLimitExceeded": IssueMeaning(
        "the account has no room for another IAM resource",
        "delete instance profiles and roles that nothing uses, or ask for a higher quota",
    ),
    "IamNodeRoleNotFound": IssueMeaning(
        "the node role is gone",
        "create the role again with the same name, its trust in EC2 and its policies",
    ),
    "IamThrottling": IssueMeaning(
        "calls to IAM are throttled",
        "find what calls IAM so often in this account, then repeat the change",
    ),
    "InstanceLimitExceeded": IssueMeaning(
        "the EC2 quota of the account allows no more instances of this type",
        "ask for a higher vCPU quota, or use other instance types",
    ),
    "InsufficientFreeAddresses": IssueMeaning(
        "a subnet of the group has too few free addresses for new nodes",
        "free addresses in the subnet, or move to a node group in larger subnets",
    ),
    "InternalFailure": IssueMeaning(
        "something failed on the side of EKS",
        "wait, and open a case with AWS Support if it stays",
    ),
    "KubernetesLabelInvalid": IssueMeaning(
        "a label of the group is not valid in Kubernetes",
        "correct the label with aws eks update-nodegroup-config",
    ),
    "LimitExceeded": IssueMeaning(
        "a quota of the account is used up",
        "read in the message which quota it is, and ask for more",
    ),
    "NodeCreationFailure": IssueMeaning(
        "instances were launched, but did not join the cluster within 15 minutes",
        "check the policies of the node role and its access to the cluster, the way out of the subnets (NAT gateway or"
        " VPC endpoints), and the user data of the launch template",
    ),
    "NodeTerminationFailure": IssueMeaning(
        "EKS could not terminate nodes",
        "look for termination protection, lifecycle hooks and a suspended Terminate process on the Auto Scaling group",
    ),
    "PodEvictionFailure": IssueMeaning(
        "pods could not be evicted in time, as a rule because a disruption budget allows none",
        "correct the pod disruption budget named in the message, or repeat the update with --force",
    ),
    "SourceEc2LaunchTemplateNotFound": IssueMeaning(
        "the launch template that the node group was made from is gone",
        "replace the node group with one that uses a launch template that exists",
    ),
    "Unknown": IssueMeaning(
        "EKS gives no code for it",
        "read the message, and open a case with AWS Support if it does not tell enough",
    ),
}

UNLISTED = IssueMeaning(
    "a code that this version of eks-auditor does not know",
    "read the message and the troubleshooting page of the EKS user guide",
)
"""What is said of a code newer than this table."""
