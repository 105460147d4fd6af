"""What cannot be read: its own gap, an honest word about completeness, and everything else read all the same."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from eks_auditor.model.gap import Gap
from eks_auditor.model.release import ReleaseHistory, ReleaseLine
from eks_auditor.releases.families import parameter_of
from tests.snapshot.bench import ACCOUNT, REGION, Bench, by_name, group_of

NODES = ("self-managed", "karpenter", "auto-mode", "standalone")
CLUSTER: dict[str, Any] = {
    "node_groups": {"web": {"launch_template": "web-nodes"}, "old": {"kubernetes": "1.34"}},
    "self_managed": {"batch": {}},
    "pools": {"burst": {"scaler": "karpenter"}},
    "fargate": {"default": {}},
}
DENIED = "AccessDeniedException"


@pytest.fixture(scope="module")
def one_cluster(bench: Callable[..., Any]) -> Iterator[Bench]:
    with bench(CLUSTER) as started:
        yield started


@pytest.fixture
def healthy(one_cluster: Bench) -> Bench:
    one_cluster.aws.mend()
    one_cluster.start_anew()
    return one_cluster


@pytest.mark.parametrize(
    ("service", "operation", "incomplete", "kept"),
    [
        ("eks", "ListClusters", (), {"web", "old", "batch", "burst", "default"}),
        ("eks", "DescribeClusterVersions", (), {"web", "old", "batch", "burst", "default"}),
        ("eks", "ListPodIdentityAssociations", (), {"web", "old", "batch", "burst", "default"}),
        ("eks", "ListUpdates", (), {"web", "old", "batch", "burst", "default"}),
        ("eks", "DescribeUpdate", (), {"web", "old", "batch", "burst", "default"}),
        ("eks", "ListNodegroups", ("managed",), {"batch", "burst", "default"}),
        ("eks", "DescribeNodegroup", ("managed",), {"batch", "burst", "default"}),
        ("eks", "ListFargateProfiles", ("fargate",), {"web", "old", "batch", "burst"}),
        ("eks", "DescribeFargateProfile", ("fargate",), {"web", "old", "batch", "burst"}),
        # The groups of nodes are known by name all the same, but not described.
        ("autoscaling", "DescribeAutoScalingGroups", ("managed", "self-managed"), {"web", "old", "burst", "default"}),
        ("autoscaling", "DescribeScalingActivities", (), {"web", "old", "batch", "burst", "default"}),
        ("autoscaling", "DescribeInstanceRefreshes", (), {"web", "old", "batch", "burst", "default"}),
        ("autoscaling", "DescribePolicies", (), {"web", "old", "batch", "burst", "default"}),
        ("autoscaling", "DescribeScheduledActions", (), {"web", "old", "batch", "burst", "default"}),
        ("ec2", "DescribeInstances", NODES, {"web", "old", "batch", "default"}),
        ("ec2", "DescribeSubnets", (), {"web", "old", "batch", "burst", "default"}),
        ("ec2", "DescribeRouteTables", (), {"web", "old", "batch", "burst", "default"}),
        ("ec2", "DescribeNatGateways", (), {"web", "old", "batch", "burst", "default"}),
        ("ec2", "DescribeLaunchTemplateVersions", (), {"web", "old", "batch", "burst", "default"}),
        ("ec2", "DescribeLaunchTemplates", (), {"web", "old", "batch", "burst", "default"}),
        ("iam", "GetInstanceProfile", (), {"web", "old", "batch", "burst", "default"}),
        ("ec2", "DescribeImages", (), {"web", "old", "batch", "burst", "default"}),
        ("ec2", "DescribeInstanceTypes", (), {"web", "old", "batch", "burst", "default"}),
        ("ec2", "DescribeInstanceTypeOfferings", (), {"web", "old", "batch", "burst", "default"}),
        ("ssm", "GetParameters", (), {"web", "old", "batch", "burst", "default"}),
    ],
)
def test_an_operation_that_fails_costs_only_what_it_tells(
    healthy: Bench, service: str, operation: str, incomplete: tuple[str, ...], kept: set[str]
) -> None:
    healthy.aws.fail(service, operation, DENIED, "no", status=403)
    snapshot = healthy.read()
    assert {gap.action for gap in snapshot.gaps} == {f"{service}:{operation}"}
    assert all(gap.error == f"{DENIED}: no" and not gap.retryable for gap in snapshot.gaps)
    assert {kind for kind, whole in snapshot.complete.items() if not whole} == set(incomplete)
    assert set(by_name(snapshot)) == kept


def test_throttling_is_retryable(bench: Callable[..., Any]) -> None:
    with bench(CLUSTER) as started:
        started.aws.fail("ec2", "DescribeInstances", "RequestLimitExceeded", status=503)
        assert all(gap.retryable for gap in started.read().gaps)


def test_gaps_stand_where_their_values_would(bench: Callable[..., Any]) -> None:
    with bench(CLUSTER) as started:
        for service, operation in (
            ("eks", "ListClusters"),
            ("eks", "DescribeClusterVersions"),
            ("eks", "ListPodIdentityAssociations"),
            ("eks", "DescribeUpdate"),
            ("ec2", "DescribeSubnets"),
            ("ec2", "DescribeLaunchTemplateVersions"),
            ("ec2", "DescribeImages"),
            ("ec2", "DescribeInstanceTypes"),
            ("autoscaling", "DescribeScalingActivities"),
            ("autoscaling", "DescribeInstanceRefreshes"),
            ("autoscaling", "DescribePolicies"),
            ("autoscaling", "DescribeScheduledActions"),
        ):
            started.aws.fail(service, operation, DENIED, status=403)
        snapshot = started.read()
    group = group_of(snapshot, "web")
    whole = (snapshot.live_clusters, snapshot.versions, snapshot.vpc_subnets, snapshot.cluster.autoscaler_identity)
    assert all(isinstance(value, Gap) for value in whole)
    parts = (group.subnets, group.launch, group.failed_launches, group.hand_scalings, group.refresh)
    scaling = (group.policies, group.scheduled, group.scaled_at, group.wished_at)
    assert all(isinstance(value, Gap) for value in (*parts, *scaling))
    batch = by_name(snapshot)["batch"]
    assert batch.labels == batch.taints == batch.group.launch
    assert snapshot.images
    assert all(isinstance(image, Gap) for image in snapshot.images.values())
    assert all(isinstance(found, Gap) for found in snapshot.instance_types.values())
    # The managed groups' lines need no image, but what AWS recommends for them does.
    assert set(snapshot.releases) == {"al2023/standard/x86_64/1.34", "al2023/standard/x86_64/1.35"}
    assert all(isinstance(history, Gap) for history in snapshot.releases.values())
    assert isinstance(snapshot.cluster.version_updated_at, Gap)


def test_one_node_group_that_is_denied_is_the_only_one_missing(bench: Callable[..., Any]) -> None:
    with bench(CLUSTER) as started:
        started.aws.fail("eks", "DescribeNodegroup", DENIED, when=lambda params: params["nodegroupName"] == "old")
        snapshot = started.read()
    assert set(by_name(snapshot)) == {"web", "batch", "burst", "default"}
    assert [gap.resource for gap in snapshot.gaps] == ["shop/old"]
    assert not snapshot.complete["managed"]
    assert snapshot.complete["self-managed"]


def test_unlisted_node_groups_do_not_become_self_managed(bench: Callable[..., Any]) -> None:
    with bench(CLUSTER) as started:
        started.aws.fail("eks", "ListNodegroups", DENIED, status=403)
        kinds = {name: capacity.kind for name, capacity in by_name(started.read()).items()}
    assert kinds == {"batch": "self-managed", "burst": "karpenter", "default": "fargate"}


def test_one_image_that_is_gone_costs_no_other(bench: Callable[..., Any]) -> None:
    with bench({"node_groups": {"web": {}, "own": {"ami": "CUSTOM", "image": "acme"}}}, images={"acme": {}}) as started:
        state = started.aws.region(ACCOUNT, REGION)
        [gone] = state.images
        state.images.clear()
        snapshot = started.read()
    assert isinstance(snapshot.images[gone], Gap)
    assert snapshot.images[gone].error.startswith("InvalidAMIID.NotFound")
    assert sum(isinstance(image, Gap) for image in snapshot.images.values()) == 1
    assert [gap.resource for gap in snapshot.gaps] == [gone]


def test_an_image_that_may_not_be_seen(bench: Callable[..., Any]) -> None:
    # Allowed AMIs hide an image without an error.
    with bench({"node_groups": {"web": {}}}) as started:
        hide_recommended(started)
        snapshot = started.read()
    history = snapshot.releases["al2023/standard/x86_64/1.35"]
    assert isinstance(history, Gap)
    assert "NotVisible" in history.error
    assert "Allowed AMIs" in history.error


def hide_recommended(bench: Bench) -> None:
    """Let DescribeImages leave out every image that is asked for by id, as Allowed AMIs do."""
    client = bench.clients().ec2
    client.meta.events.register("before-parameter-build.ec2.DescribeImages", _nothing_by_id)


def _nothing_by_id(params: dict[str, Any], **_: object) -> None:
    if "ImageIds" in params:
        params["Filters"] = [{"Name": "name", "Values": ["no-such-image"]}]


def test_no_parameter_is_an_answer(bench: Callable[..., Any]) -> None:
    with bench({"node_groups": {"web": {}}}) as started:
        started.aws.region(ACCOUNT, REGION).public.parameters.clear()
        snapshot = started.read()
    history = snapshot.releases["al2023/standard/x86_64/1.35"]
    assert isinstance(history, ReleaseHistory)
    assert history.recommended is None
    assert history.releases == ()
    assert snapshot.gaps == ()


def test_an_image_of_the_publisher_that_is_no_release(bench: Callable[..., Any]) -> None:
    with bench({"node_groups": {"web": {}}}) as started:
        images = started.aws.region(ACCOUNT, REGION).public.images
        some = next(image for image in images.values() if "al2023-x86_64-standard-1.35" in image["Name"])
        images["ami-debug"] = {**some, "ImageId": "ami-debug", "Name": f"{some['Name']}-debug"}
        history = started.read().releases["al2023/standard/x86_64/1.35"]
    assert isinstance(history, ReleaseHistory)
    assert "ami-debug" not in {release.image_id for release in history.releases}


def test_a_parameter_that_is_not_what_it_was_is_a_gap(bench: Callable[..., Any]) -> None:
    with bench({"node_groups": {"web": {}}}) as started:
        for parameter in started.aws.region(ACCOUNT, REGION).public.parameters.values():
            parameter["Value"] = "soon"
        snapshot = started.read()
    [gap] = snapshot.gaps
    assert gap == snapshot.releases["al2023/standard/x86_64/1.35"]
    assert gap.error.startswith("UnexpectedAnswer")


def test_a_recommendation_torn_between_two_releases_is_a_gap_that_postpones_no_audit(bench: Callable[..., Any]) -> None:
    with bench({"node_groups": {"web": {"ami": "BOTTLEROCKET_x86_64"}}}) as started:
        line = "bottlerocket/standard/x86_64/1.35"
        whole = started.read().releases[line]
        assert isinstance(whole, ReleaseHistory)
        version, _ = parameter_of(ReleaseLine(*line.split("/"))).names
        before = whole.releases[-2].version
        started.aws.region(ACCOUNT, REGION).public.parameters[version]["Value"] = before
        started.start_anew()
        snapshot = started.read()
    torn = snapshot.releases[line]
    assert isinstance(torn, Gap)
    assert not torn.retryable
    assert torn.error.startswith(f"TornAnswer: it recommends {before}")
    assert torn in snapshot.gaps


def test_an_ami_type_nobody_knows_is_read_and_has_no_line(bench: Callable[..., Any]) -> None:
    with bench({"node_groups": {"web": {}, "next": {}}}) as started:
        # The local AWS refuses what botocore's enum does not have, so the answer is changed on its way.
        started.clients().eks.meta.events.register("after-call.eks.DescribeNodegroup", _from_the_future)
        snapshot = started.read()
    assert by_name(snapshot)["next"].ami_type == "AL2027_RISCV_STANDARD"
    assert set(snapshot.releases) == {"al2023/standard/x86_64/1.35"}
    assert snapshot.gaps == ()


def _from_the_future(parsed: dict[str, Any], **_: object) -> None:
    if parsed["nodegroup"]["nodegroupName"] == "next":
        parsed["nodegroup"]["amiType"] = "AL2027_RISCV_STANDARD"


def test_an_answer_without_what_every_answer_has(bench: Callable[..., Any]) -> None:
    with bench({"node_groups": {"web": {}}}) as started:
        started.clients().eks.meta.events.register("after-call.eks.DescribeNodegroup", _forgetful)
        snapshot = started.read()
    [gap] = snapshot.gaps
    assert gap.error == "UnexpectedAnswer: the answer has no 'status'"
    assert not snapshot.complete["managed"]


def _forgetful(parsed: dict[str, Any], **_: object) -> None:
    del parsed["nodegroup"]["status"]


def test_a_template_that_is_gone_is_its_groups_gap_only(bench: Callable[..., Any]) -> None:
    with bench({"node_groups": {"web": {}, "other": {"labels": {"a": "b"}}}}) as started:
        state = started.aws.region(ACCOUNT, REGION)
        template = started.aws.group_of("shop", "web")["MixedInstancesPolicy"]["LaunchTemplate"]
        del state.launch_templates[template["LaunchTemplateSpecification"]["LaunchTemplateId"]]
        snapshot = started.read()
    launch = group_of(snapshot, "web").launch
    assert isinstance(launch, Gap)
    assert launch.error.startswith("InvalidLaunchTemplateId.NotFound")
    assert not isinstance(group_of(snapshot, "other").launch, Gap)


def test_an_auto_scaling_group_that_a_node_group_names_but_nobody_has(bench: Callable[..., Any]) -> None:
    with bench({"node_groups": {"web": {}}}) as started:
        name = started.aws.group_of("shop", "web")["AutoScalingGroupName"]
        del started.aws.region(ACCOUNT, REGION).groups[name]
        snapshot = started.read()
    groups = by_name(snapshot)["web"].groups
    assert isinstance(groups, Gap)
    assert (groups.resource, groups.retryable) == (name, False)
    assert groups.error.startswith("AutoScalingGroupNotFound")
    assert snapshot.gaps == (groups,)
    assert snapshot.complete["managed"]  # all there is was described


def test_gaps_come_in_one_order(bench: Callable[..., Any]) -> None:
    with bench({"node_groups": {f"web-{index}": {} for index in range(8)}}) as started:
        started.aws.fail("eks", "DescribeNodegroup", DENIED)
        assert started.read().gaps == started.read().gaps
        assert [gap.resource for gap in started.read().gaps] == [f"shop/web-{index}" for index in range(8)]
