"""The reader and the checks together: what a check needs is what the reader has read."""

from collections.abc import Callable
from typing import Any

import pytest

from eks_auditor.checks import CATALOGUE
from eks_auditor.findings.judge import judge
from eks_auditor.model.capacity import LaunchConfig
from eks_auditor.model.finding import Finding
from eks_auditor.model.gap import Gap
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.model.verdict import Status
from tests.snapshot.bench import ACCOUNT, REGION, Bench, group_of

TYPES = ["r6i.xlarge", "r5.xlarge"]
PINNED: dict[str, Any] = {"zones": ["a"], "types": TYPES}
IMAGES = {"golden-1.35": {"description": "EKS node, (k8s: 1.35.1, containerd: 2.1.*)"}}
CUSTOM: dict[str, Any] = PINNED | {"ami": "CUSTOM", "image": "golden-1.35"}
PARAMETER = "resolve:ssm:/acme/golden"


def judged(snapshot: Snapshot, *check_ids: str) -> list[Finding]:
    """What the checks say."""
    return [finding for finding in judge(snapshot, CATALOGUE) if finding.check_id in check_ids]


def word(finding: Finding) -> str:
    return finding.severity.name if finding.status is Status.FAILED else finding.status.name


@pytest.mark.parametrize(
    ("not_offered", "expected"),
    [
        ({}, "HIGH"),
        ({"r6i.xlarge": ["b", "c"]}, "HIGH"),  # the other type could start elsewhere
        ({"r6i.xlarge": ["b", "c"], "r5.xlarge": ["b", "c"]}, "INFORMATIONAL"),
    ],
)
def test_a_pinned_group_of_several_types(
    bench: Callable[..., Any], not_offered: dict[str, list[str]], expected: str
) -> None:
    wide = {"labels": {"workload": "other"}}  # else the cluster has one zone, which is the cluster's finding
    with bench({"node_groups": {"pinned": PINNED, "wide": wide}}, not_offered=not_offered) as started:
        words = {finding.subject.name: word(finding) for finding in judged(started.read(), "ZONE002")}
    assert words == {"pinned": expected, "wide": "PASSED"}


def test_an_empty_zone_that_offers_none_of_several_types(bench: Callable[..., Any]) -> None:
    group = {"types": TYPES, "spread": {"a": 2, "b": 1, "c": 0}}
    not_offered = {name: ["c"] for name in TYPES}
    with bench({"node_groups": {"uneven": group}}, not_offered=not_offered) as started:
        [finding] = (each for each in judged(started.read(), "ZONE003") if each.status is Status.FAILED)
    assert "euw1-az3 offers none of the instance types" in finding.reason


def by_parameter(bench: Bench) -> None:
    """Let the group's template name its image by a parameter of the user's own."""
    [[version]] = bench.aws.region(ACCOUNT, REGION).template_versions.values()
    version["LaunchTemplateData"]["ImageId"] = PARAMETER


def deny(bench: Bench, code: str = "UnauthorizedOperation") -> None:
    """Refuse to resolve, as EC2 does where the caller may not read the parameter."""
    bench.aws.fail("ec2", "DescribeLaunchTemplateVersions", code, when=lambda params: params.get("ResolveAlias", False))


def test_an_image_by_a_parameter_that_the_role_may_not_read_is_all_that_is_unknown(bench: Callable[..., Any]) -> None:
    with bench({"node_groups": {"pinned": CUSTOM, "wide": CUSTOM | {"zones": ["b"]}}}, images=IMAGES) as started:
        for [version] in started.aws.region(ACCOUNT, REGION).template_versions.values():
            version["LaunchTemplateData"] |= {"ImageId": PARAMETER, "Placement": {"GroupName": "nowhere"}}
        deny(started)
        snapshot = started.read()
    launch = group_of(snapshot, "pinned").launch
    assert isinstance(launch, LaunchConfig)
    assert (launch.image_ids, set(launch.instance_types)) == ((PARAMETER,), set(TYPES))
    assert launch.pins == ("a placement group whose strategy could not be read",)
    unread = Gap("ssm:GetParameters", "/acme/golden", "ParameterNotFound: it does not exist")
    assert snapshot.images[PARAMETER] == unread
    assert unread in snapshot.gaps
    assert not [gap for gap in snapshot.gaps if gap.action == "ec2:DescribeLaunchTemplateVersions"]
    assert {word(finding) for finding in judged(snapshot, "ZONE002")} == {"PASSED"}


def test_image_checks_name_the_parameter_and_zone_checks_go_on(bench: Callable[..., Any]) -> None:
    with bench({"node_groups": {"web": CUSTOM | {"zones": None}}}, images=IMAGES) as started:
        assert [word(finding) for finding in judged(started.read(), "AMI004")] == ["PASSED"]
        by_parameter(started)
        deny(started)
        snapshot = started.read()
    [finding] = judged(snapshot, "AMI004")
    assert finding.status is Status.UNKNOWN
    assert "ssm:GetParameters on /acme/golden: ParameterNotFound: it does not exist" in finding.reason
    zones = [
        finding for finding in judged(snapshot, "ZONE001", "ZONE002", "ZONE003") if finding.subject.kind != "managed"
    ]
    assert {(each.check_id, word(each)) for each in zones} == {("ZONE001", "PASSED"), ("ZONE003", "PASSED")}
    assert [word(each) for each in judged(snapshot, "ZONE002")] == ["PASSED"]


def test_no_other_image_is_lost_with_it(bench: Callable[..., Any]) -> None:
    with bench({"node_groups": {"web": CUSTOM}}, images=IMAGES) as started:
        by_parameter(started)
        deny(started)
        snapshot = started.read()
    assert [name for name, image in snapshot.images.items() if isinstance(image, Gap)] == [PARAMETER]
    assert len(snapshot.images) == 2  # the nodes' own


@pytest.mark.parametrize("code", ["InvalidLaunchTemplateId.VersionNotFound", "RequestLimitExceeded"])
def test_another_refusal_is_the_templates_gap(bench: Callable[..., Any], code: str) -> None:
    with bench({"node_groups": {"web": CUSTOM}}, images=IMAGES) as started:
        deny(started, code)
        launch = group_of(started.read(), "web").launch
    assert isinstance(launch, Gap)
    assert launch.error.startswith(code)
