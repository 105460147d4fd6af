import re
from urllib.parse import unquote

import pytest

from eks_auditor.checks import CATALOGUE
from eks_auditor.model.cluster import ClusterId
from eks_auditor.sinks.asff import asff
from eks_auditor.sinks.links import check_page, console, page, security_hub
from tests.builders import CLUSTER_ID, NOW
from tests.docs.pages import ROOT
from tests.sinks.transitions import AUDIT_ID, subject, transition

HOSTS = {
    ("aws", "eu-west-1"): "https://eu-west-1.console.aws.amazon.com/",
    ("aws-cn", "cn-north-1"): "https://cn-north-1.console.amazonaws.cn/",
    ("aws-us-gov", "us-gov-west-1"): "https://us-gov-west-1.console.amazonaws-us-gov.com/",
    ("aws-eusc", "eusc-de-east-1"): "https://eusc-de-east-1.console.amazonaws-eusc.eu/",
}


@pytest.mark.parametrize(("place", "host"), HOSTS.items())
def test_each_partition_has_its_console(place: tuple[str, str], host: str) -> None:
    partition, region = place
    cluster = ClusterId(partition, "111122223333", region, "shop")
    assert console(cluster) == f"{host}eks/clusters/shop?region={region}"
    assert (security_hub(cluster) or "").startswith(f"{host}securityhub/home?region={region}#/findings?search=")


@pytest.mark.parametrize("partition", ["aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f", "aws-new"])
def test_where_no_console_is_known_there_is_no_link(partition: str) -> None:
    cluster = ClusterId(partition, "111122223333", "us-iso-east-1", "shop")
    assert (console(cluster), security_hub(cluster)) == (None, None)


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("cluster", "eks/clusters/shop?region=eu-west-1"),
        ("managed", "eks/clusters/shop/nodegroups/a%2Fb%20%23c?region=eu-west-1"),
        ("self-managed", "ec2/home?region=eu-west-1#AutoScalingGroupDetails:id=a%2Fb%20%23c;view=details"),
        ("fargate", "eks/clusters/shop?region=eu-west-1&selectedTab=cluster-compute-tab"),
        ("karpenter", "eks/clusters/shop?region=eu-west-1&selectedTab=cluster-compute-tab"),
        ("sibling-set", "eks/clusters/shop?region=eu-west-1&selectedTab=cluster-compute-tab"),
    ],
)
def test_a_subject_has_its_page(kind: str, path: str) -> None:
    url = f"https://eu-west-1.console.aws.amazon.com/{path}"
    assert console(CLUSTER_ID, subject("a/b #c", kind=kind)) == url


def test_security_hub_is_asked_for_what_is_imported() -> None:
    generator = asff(transition(), cluster=CLUSTER_ID, audit_id=AUDIT_ID, taken_at=NOW)["GeneratorId"]
    search = (security_hub(CLUSTER_ID, "AMI001") or "").partition("#/findings?search=")[2]
    assert (
        unquote(unquote(search)) == rf"GeneratorId=\operator\:EQUALS\:{generator}&RecordState=\operator\:EQUALS\:ACTIVE"
    )
    every = (security_hub(CLUSTER_ID) or "").partition("#/findings?search=")[2]
    prefix = re.match(r"GeneratorId=\\operator\\:PREFIX\\:([^&]*)&", unquote(unquote(every)))
    assert prefix is not None
    assert prefix[1]
    assert generator.startswith(prefix[1])


def test_each_check_has_its_place_on_the_page() -> None:
    headings = re.findall(r"^## (\w+)$", (ROOT / "docs/checks.md").read_text(encoding="utf-8"), re.MULTILINE)
    anchors = {
        f"https://github.com/eks-auditor/eks-auditor/blob/main/docs/checks.md#{each.lower()}" for each in headings
    }
    assert {check_page(check.id) for check in CATALOGUE} <= anchors


def test_a_page_is_one_of_the_projects() -> None:
    path = page("docs/releases.md").partition("/blob/main/")[2]
    assert (ROOT / path).is_file()
