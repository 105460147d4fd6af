"""Managed node groups in depth: their updates, how many nodes one takes at once, and the user's own template."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from eks_auditor.model.capacity import ManagedNodeGroup, NodegroupUpdate, TemplateUse, UpdateError
from eks_auditor.model.gap import Gap
from tests.snapshot.bench import ACCOUNT, NOW, REGION, Bench, ago, managed

TEMPLATED: dict[str, Any] = {"node_groups": {"web": {"launch_template": "web-nodes"}}}
DENIED = "AccessDeniedException"


@pytest.fixture
def started(bench: Callable[..., Any]) -> Iterator[Bench]:
    with bench({"node_groups": {"web": {}}}) as one:
        yield one


def web(bench: Bench) -> ManagedNodeGroup:
    return managed(bench.read())["web"]


def record(bench: Bench, *updates: dict[str, Any], nodegroup: str = "web") -> None:
    bench.aws.region(ACCOUNT, REGION).updates["shop", nodegroup] = list(updates)


def update(number: int, **changes: Any) -> dict[str, Any]:  # noqa: ANN401  any member of it
    done: dict[str, Any] = {
        "id": f"00000000-0000-0000-0000-{number:012d}",
        "type": "VersionUpdate",
        "status": "Successful",
        "params": [],
        "createdAt": ago(days=number),
        "errors": [],
    }
    return done | changes


def seen(number: int, **changes: Any) -> NodegroupUpdate:  # noqa: ANN401  any field of it
    done: dict[str, Any] = {"kind": "VersionUpdate", "status": "Successful", "created_at": ago(days=number)}
    return NodegroupUpdate(**{"id": update(number)["id"]} | done | changes)


def test_a_group_that_was_never_updated(started: Bench) -> None:
    assert web(started).updates == ()


@pytest.mark.parametrize("page_size", [None, 1])
def test_all_pages_of_updates(bench: Callable[..., Any], page_size: int | None) -> None:
    with bench({"node_groups": {"web": {}, "other": {}}}, page_size=page_size) as started:
        error = {"errorCode": "PodEvictionFailure", "errorMessage": "a\nbudget", "resourceIds": ["ip-10-0-0-1"]}
        record(started, update(3), update(1, status="Failed", errors=[error]), update(2, type="ConfigUpdate"))
        record(started, update(9, status="Cancelled"), nodegroup="other")
        found = managed(started.read())
    reason = UpdateError(code="PodEvictionFailure", message="a budget", resource_ids=("ip-10-0-0-1",))
    expected = (seen(1, status="Failed", errors=(reason,)), seen(2, kind="ConfigUpdate"), seen(3))
    assert found["web"].updates == expected
    assert found["other"].updates == (seen(9, status="Cancelled"),)


def test_an_update_that_is_over_is_described_once(started: Bench) -> None:
    moving = update(1, status="InProgress")
    record(started, moving, update(2))
    assert web(started).updates == (seen(1, status="InProgress"), seen(2))
    assert started.count("eks:DescribeUpdate") == 2
    moving["status"] = "Failed"
    started.now += timedelta(days=1)
    assert web(started).updates == (seen(1, status="Failed"), seen(2))
    assert started.count("eks:DescribeUpdate") == 3
    assert web(started).updates == (seen(1, status="Failed"), seen(2))
    assert started.count("eks:DescribeUpdate") == 3
    assert started.count("eks:ListUpdates") == 3


def test_a_clusters_own_updates_are_not_its_node_groups(bench: Callable[..., Any]) -> None:
    with bench({"node_groups": {"web": {}, "old": {"kubernetes": "1.34"}}}) as started:
        snapshot = started.read()
        assert snapshot.cluster.version_updated_at is not None
        assert {group.updates for group in managed(snapshot).values()} == {()}


@pytest.mark.parametrize("operation", ["ListUpdates", "DescribeUpdate"])
@pytest.mark.parametrize("name", ["web", "other"])
def test_updates_that_cannot_be_read_are_their_groups_gap(bench: Callable[..., Any], operation: str, name: str) -> None:
    with bench({"node_groups": {"web": {}, "other": {}}}) as started:
        for each in ("web", "other"):
            record(started, update(1), update(2), nodegroup=each)
        started.aws.fail(
            "eks", operation, DENIED, "no", status=403, when=lambda params: params.get("nodegroupName") == name
        )
        snapshot = started.read()
    found = {each: group.updates for each, group in managed(snapshot).items()}
    gap = found.pop(name)
    assert isinstance(gap, Gap)
    assert gap in snapshot.gaps
    assert (gap.action, gap.error) == (f"eks:{operation}", f"{DENIED}: no")
    assert gap.resource.startswith(f"shop/{name}")
    assert snapshot.complete["managed"]
    assert list(found.values()) == [(seen(1), seen(2))]


def test_one_update_that_is_unread_hides_which_is_the_newest(started: Bench) -> None:
    record(started, update(1), update(2))
    newest = update(1)["id"]
    started.aws.fail("eks", "DescribeUpdate", DENIED, times=1, when=lambda params: params["updateId"] == newest)
    assert isinstance(web(started).updates, Gap)
    started.now += timedelta(minutes=1)
    assert web(started).updates == (seen(1), seen(2))
    assert started.count("eks:DescribeUpdate") == 3  # the second one was kept


def test_a_group_that_vanishes_meanwhile_leaves_no_gap(bench: Callable[..., Any]) -> None:
    with bench({"node_groups": {"web": {}, "gone": {}}}) as started:
        groups = started.aws.region(ACCOUNT, REGION).nodegroups["shop"]
        started.clients().eks.meta.events.register("after-call.eks.ListNodegroups", lambda **_: groups.pop("gone", 0))
        snapshot = started.read()
    assert set(managed(snapshot)) == {"web"}
    assert not [gap for gap in snapshot.gaps if gap.action.startswith("eks:")]


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"maxUnavailable": 3, "updateStrategy": "MINIMAL"}, (3, None, "MINIMAL")),
        ({"maxUnavailablePercentage": 33}, (None, 33, "DEFAULT")),
        ({}, (None, None, "DEFAULT")),
    ],
)
def test_how_many_nodes_an_update_takes_at_once(
    started: Bench, config: dict[str, Any], expected: tuple[int | None, int | None, str]
) -> None:
    started.aws.nodegroup("shop", "web")["updateConfig"] = config
    found = web(started)
    assert (found.max_unavailable, found.max_unavailable_percentage, found.update_strategy) == expected


def test_a_template_that_eks_made_is_none_of_the_users(started: Bench) -> None:
    assert web(started).template is None
    assert "ec2:DescribeLaunchTemplates" not in started.operations


def test_the_users_own_template_with_its_default_version(bench: Callable[..., Any]) -> None:
    with bench(TEMPLATED) as started:
        state = started.aws.region(ACCOUNT, REGION)
        [own] = (each for each in state.launch_templates.values() if each["LaunchTemplateName"] == "web-nodes")
        own |= {"DefaultVersionNumber": 4, "LatestVersionNumber": 5}
        found = web(started).template
        assert found == TemplateUse(id=own["LaunchTemplateId"], name="web-nodes", version="1", default_version="4")
        assert started.count("ec2:DescribeLaunchTemplates") == 1


@pytest.mark.parametrize("recreated", [False, True])
def test_a_users_template_that_is_gone(bench: Callable[..., Any], *, recreated: bool) -> None:
    with bench(TEMPLATED) as started:
        templates = started.aws.region(ACCOUNT, REGION).launch_templates
        [gone] = (each for each, one in templates.items() if one["LaunchTemplateName"] == "web-nodes")
        template = templates.pop(gone)
        if recreated:  # another template under the name of the one that is gone
            templates["lt-0123456789abcdef0"] = template | {"LaunchTemplateId": "lt-0123456789abcdef0"}
        found = web(started).template
    assert found is not None
    assert isinstance(found.default_version, Gap)
    assert (found.id, found.default_version.resource) == (gone, gone)
    assert found.default_version.error.startswith("InvalidLaunchTemplateId.NotFound")


def test_a_default_version_that_may_not_be_read(bench: Callable[..., Any]) -> None:
    with bench(TEMPLATED) as started:
        started.aws.fail("ec2", "DescribeLaunchTemplates", "UnauthorizedOperation", "no", status=403)
        snapshot = started.read()
    template = managed(snapshot)["web"].template
    assert template is not None
    assert template.default_version in snapshot.gaps
    assert snapshot.complete["managed"]


def test_default_versions_of_all_groups_in_one_call(bench: Callable[..., Any]) -> None:
    groups = {f"web-{number}": {"launch_template": f"nodes-{number}"} for number in range(5)}
    with bench({"node_groups": groups}) as started:
        found = managed(started.read())
        assert started.count("ec2:DescribeLaunchTemplates") == 1
        assert {group.template and group.template.default_version for group in found.values()} == {"1"}
        started.now += timedelta(minutes=5)
        started.read(not_before=NOW - timedelta(minutes=1))
        assert started.count("ec2:DescribeLaunchTemplates") == 1
