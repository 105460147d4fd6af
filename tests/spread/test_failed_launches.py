"""What Auto Scaling says of launches that failed: which of it is the group's own configuration."""

from datetime import timedelta

import pytest

from eks_auditor.spread.failed_launches import MESSAGE_SHOWN, configuration_cause, failed_by_zone
from tests import builders as b

A, B, C = b.ZONES

CONFIGURATION = {
    "image": [
        "The AMI ID ami-1 does not exist. Launching EC2 instance failed.",
        "Could not launch On-Demand Instances. InvalidAMIID.NotFound - The image id '[ami-1]' does not exist.",
        "AMI ami-1 is pending, and cannot be run. Launching EC2 instance failed.",
        "You are not authorized to launch instances with this launch template. Not authorized for images: [ami-1]",
        "The requested instance type's architecture (i386) does not match the architecture in the manifest for ami-1",
        "The architecture 'arm64' of the specified instance type does not match the architecture 'x86_64' of the AMI.",
        "You must use a valid fully-formed launch template. The image id '[ami-1]' does not exist",
        "In order to use this AWS Marketplace product you need to accept terms and subscribe.",
    ],
    "role": [
        "Value (nodes) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name.",
        "You are not authorized to perform this operation. Encoded authorization failure message: x",
        "UnauthorizedOperation - no",
        "You are not authorized to use launch template: lt-1",
        "AuthFailure.ServiceLinkedRoleCreationNotPermitted - no",
        "The provided credentials do not have permission to create the service-linked role for EC2 Spot Instances.",
    ],
    "key pair": [
        "The key pair ops does not exist. Launching EC2 instance failed.",
        "InvalidKeyPair.NotFound - The key pair 'ops' does not exist",
    ],
    "encryption key": [
        "Instance became unhealthy while waiting. Termination Reason: Client.InternalError: Client error on launch",
        "Termination Reason: Client.InvalidKMSKey.InvalidState: The KMS key provided is in an incorrect state",
    ],
    "quota": [
        "Could not launch On-Demand Instances. VcpuLimitExceeded - no",
        "You have requested more vCPU capacity than your current vCPU limit of 8 allows for the instance bucket.",
        "You have requested more instances (2) than your current instance limit of 1 allows for the instance type.",
        "Could not launch Spot Instances. MaxSpotInstanceCountExceeded - Max spot instance count exceeded.",
        "Termination Reason: Client.VolumeLimitExceeded: Volume limit exceeded",
        "You've reached your quota for maximum Fleet Requests for this account. Launching EC2 instance failed.",
    ],
    "launch template": [
        "The security group nodes does not exist. Launching EC2 instance failed.",
        "The security group 'sg-1' does not exist in VPC 'vpc-1'. Launching EC2 instance failed.",
        "The requested configuration is currently not supported. Please check the documentation.",
        "Invalid device name upload. Launching EC2 instance failed.",
        "Value (x) for parameter virtualName is invalid. Expected format: 'ephemeralNUMBER'.",
        "EBS block device mappings not supported for instance-store AMIs.",
        "Placement groups may not be used with instances of type 'm1.large'. Launching EC2 instance failed.",
        "You must use a valid fully-formed launch template. The parameter groupName cannot be used with subnet.",
        "InvalidLaunchTemplateId.NotFound - The specified launch template does not exist.",
    ],
}
"""Auto Scaling's and EC2's sentences, as the pages named beside the patterns and real activities have them."""

OTHERS = [
    "",
    "We currently do not have sufficient m7i.large capacity in the Availability Zone you requested (eu-west-1c).",
    "Could not launch On-Demand Instances. InsufficientInstanceCapacity - We currently do not have enough capacity.",
    "UnfulfillableCapacity - Unable to fulfill capacity due to your request configuration. Please adjust your request.",
    "RequestLimitExceeded - Request limit exceeded. Launching EC2 instance failed.",
    "InsufficientFreeAddressesInSubnet - There are not enough free addresses in subnet 'subnet-1'.",
    "Your requested instance type (p5.48xlarge) is not supported in your requested Availability Zone (eu-west-1c).",
    "Instance failed to complete user's Lifecycle Action: Lifecycle Action with token x was abandoned: Timeout",
    "Termination Reason: Server.InternalError: Internal error on launch",
    "Termination Reason: Client.UserInitiatedShutdown: User initiated shutdown",
]


@pytest.mark.parametrize(
    ("message", "cause"), [(message, cause) for cause, messages in CONFIGURATION.items() for message in messages]
)
def test_causes_that_do_not_mend_themselves(message: str, cause: str) -> None:
    assert configuration_cause(message) == cause


@pytest.mark.parametrize("message", OTHERS)
def test_others_may_mend_themselves(message: str) -> None:
    assert configuration_cause(message) is None


def test_failures_by_zone_the_last_one_last() -> None:
    late, early = b.failed_launch(C, message="late"), b.failed_launch(C, at=b.days_ago(0.5), message="early")
    elsewhere, nowhere = b.failed_launch(A), b.failed_launch(None)
    found = failed_by_zone(b.scaling_group(failed_launches=(late, elsewhere, nowhere, early)))
    assert [(each.zone_id, len(each.launches)) for each in found] == [(None, 1), (A, 1), (C, 2)]
    assert found[-1].launches == (early, late)
    assert found[-1].message == "late"


def test_they_become_fewer_as_the_day_passes() -> None:
    launches = tuple(b.failed_launch(C, at=b.NOW - timedelta(hours=hours)) for hours in (5, 3, 1))
    (found,) = failed_by_zone(b.scaling_group(failed_launches=launches))
    assert [found.fewer_at(count) - b.NOW for count in (3, 2, 1)] == [timedelta(hours=hours) for hours in (19, 21, 23)]


def test_a_message_is_one_line_of_some_length() -> None:
    launch = b.failed_launch(C, message="no\n  capacity. " + "x" * 999)
    (found,) = failed_by_zone(b.scaling_group(failed_launches=(launch,)))
    assert found.message.startswith("no capacity. x")
    assert len(found.message) == MESSAGE_SHOWN
