"""The clients that one cluster is read with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from eks_auditor.model.cluster import ClusterId
from eks_auditor.plan.targets import Place

if TYPE_CHECKING:
    from mypy_boto3_autoscaling import AutoScalingClient
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_eks import EKSClient
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_ssm import SSMClient


@dataclass(frozen=True, slots=True, kw_only=True)
class Clients:
    """One client per service, all with the credentials of one account and for one Region.

    The wiring makes them: fixed user agent, standard retries, and as many pooled connections as the reader has workers.

    Attributes:
        eks: Of EKS.
        autoscaling: Of EC2 Auto Scaling.
        ec2: Of EC2.
        ssm: Of Systems Manager, for public parameters.
        iam: Of IAM, which has one endpoint for all Regions of a partition, for instance profiles.
        account: Whose credentials they carry, 12 digits.
        region: Such as ``eu-west-1``.
        partition: Such as ``aws`` or ``aws-cn``.
    """

    eks: EKSClient
    autoscaling: AutoScalingClient
    ec2: EC2Client
    ssm: SSMClient
    iam: IAMClient
    account: str
    region: str
    partition: str

    @property
    def place(self) -> Place:
        """Whose answers they get: part of the key of everything that is remembered between audits."""
        return Place(self.partition, self.account, self.region)

    def cluster(self, name: str) -> ClusterId:
        """Name a cluster of this account and Region."""
        return ClusterId(self.partition, self.account, self.region, name)
