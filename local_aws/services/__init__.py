"""The operations that are served, one module per AWS service."""

from collections.abc import Mapping

from local_aws.services import autoscaling, ec2, eks, iam, securityhub, ssm, sts
from local_aws.services.call import Operation

OPERATIONS: Mapping[str, Mapping[str, Operation]] = {
    "autoscaling": autoscaling.OPERATIONS,
    "ec2": ec2.OPERATIONS,
    "eks": eks.OPERATIONS,
    "iam": iam.OPERATIONS,
    "securityhub": securityhub.OPERATIONS,
    "ssm": ssm.OPERATIONS,
    "sts": sts.OPERATIONS,
}
"""Signing name of a service to its operations."""

JUDGES_ITS_OWN_INPUT = frozenset({("securityhub", "BatchImportFindings"), ("ec2", "DescribeInstanceTypes")})
"""Operations with words of their own for bad elements: a failed finding, a type that does not exist."""

INVALID_INPUT: Mapping[str, str] = {
    "autoscaling": "ValidationError",
    "ec2": "InvalidParameterValue",
    "eks": "InvalidParameterException",
    "iam": "ValidationError",
    "securityhub": "InvalidInputException",
    "ssm": "ValidationException",
    "sts": "ValidationError",
}
"""The code with which a service refuses parameters that its model forbids."""
