"""The ways in which PowerShell can be given the same words."""

import pytest

from eks_auditor.userdata import Joining, UnreadableUserDataError, read_user_data
from tests.userdata.corpus import encoded


@pytest.mark.parametrize(
    "call",
    [
        "& $s -EKSClusterName shop -KubeletExtraArgs '--node-labels=a=b'",
        "& $s -eksclustername 'shop' -kubeletextraargs:'--node-labels=a=b' 3>&1",
        '& "C:\\EKS\\Join.ps1" -KubeletExtraArgs "--node-labels=a=b --v=2" -EKSClusterName "shop" | Out-Null',
        "& $s -EKSClusterName shop <# not -EKSClusterName\nother #> -KubeletExtraArgs --node-labels=a=b # or so",
        "& $s -EKSClusterName shop `\n  -Verbose `\n  -KubeletExtraArgs --node-labels=a=b`\n",
        "& $s -EKSClusterName shop -Base64ClusterCA $ca -KubeletExtraArgs '--node-labels=\"a=b\"'; exit",
        'if ($join) { & $s -EKSClusterName shop -KubeletExtraArgs "--node-labels=`a=b" }',
        "& $s -EKSClusterName shop -KubeletExtraArgs '--node-labels=a=b' -Tag it''s#1,x",
    ],
)
def test_a_call_is_read(call: str) -> None:
    found = read_user_data(encoded(f"<powershell>\n{call}\n</powershell>\n<persist>true</persist>"))
    assert found == Joining(clusters=frozenset({"shop"}), labels={"a": "b"}, form="EKSBootstrap.ps1")


def test_a_cluster_named_by_a_variable_is_not_named() -> None:
    found = read_user_data(encoded('<powershell>\n& $s -EKSClusterName "$name" -Base64ClusterCA $ca\n</powershell>'))
    assert (found.clusters, found.form) == (frozenset(), "EKSBootstrap.ps1")


@pytest.mark.parametrize(
    "call",
    [
        '& $s -EKSClusterName shop -KubeletExtraArgs "--node-labels=a=$b"',
        "& $s -EKSClusterName shop -KubeletExtraArgs $(labels)",
        "& $s -EKSClusterName shop -KubeletExtraArgs '--node-labels=a=b",
        "& $s -EKSClusterName shop $more",
        "& $s -EKSClusterName shop -KubeletExtra '--node-labels=a=b'",
        "& $s -EKSClusterName shop '--node-labels=a=b'",
        "[string]$KubeletExtraArgs = '--node-labels=a=b'\n& $s -EKSClusterName shop",
    ],
)
def test_a_call_that_only_the_instance_understands_is_refused(call: str) -> None:
    with pytest.raises(UnreadableUserDataError):
        read_user_data(encoded(f"<powershell>\n{call}\n</powershell>"))
