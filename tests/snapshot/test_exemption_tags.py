"""Of a cluster's tags those are read that accept a risk, and no other."""

from typing import TYPE_CHECKING, Any, cast

import pytest

from eks_auditor.model.cluster import Cluster
from eks_auditor.snapshot.eks import describe_cluster
from tests.builders import CLUSTER_ID, days_ago

if TYPE_CHECKING:
    from mypy_boto3_eks import EKSClient


class Client:
    """Describes a cluster with tags."""

    def __init__(self, **members: object) -> None:
        self._members = members

    def describe_cluster(self, *, name: str) -> dict[str, Any]:
        network = {"subnetIds": ["subnet-1"], "vpcId": "vpc-1"}
        usual = {"name": name, "version": "1.35", "status": "ACTIVE", "createdAt": days_ago(9)}
        return {"cluster": {**usual, "resourcesVpcConfig": network, **self._members}}


@pytest.mark.parametrize(
    ("members", "read"),
    [
        ({}, {}),
        (
            {"tags": {"team": "a", "eks-auditor/exempt": "AMI001"}},
            {"team": "a", "eks-auditor/exempt": "AMI001"},
        ),
    ],
)
def test_those_of_the_cluster_are_kept(members: dict[str, Any], read: dict[str, str]) -> None:
    described = describe_cluster(cast("EKSClient", Client(**members)), CLUSTER_ID)
    assert isinstance(described, Cluster)
    assert described.tags == read
