"""What a cluster runs, as events name it."""

from datetime import timedelta
from typing import Any

import pytest

from eks_auditor.checks import CATALOGUE
from eks_auditor.checks.lateness import POOL_NODE_GRACE
from eks_auditor.findings.judge import audit_of
from eks_auditor.findings.running import running_of
from eks_auditor.model.capacity import KINDS
from eks_auditor.model.gap import Gap
from eks_auditor.model.history import Running
from eks_auditor.model.release import Image
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.policy.rules import Policy, Rule
from eks_auditor.releases.provenance import BUILDER_ARN
from tests.builders import (
    LINE,
    ancestor,
    days_ago,
    fargate,
    gap,
    history,
    image,
    image_id,
    launch,
    managed,
    node,
    node_pool,
    own_image,
    release_version,
    self_managed,
    snapshot,
    standalone,
    version,
)

KEY = str(LINE)
OWN = own_image()
OLD, OLDER = image(version(20.0)), image(version(40.0))
GOLDEN = own_image(
    id="ami-01d", tags={BUILDER_ARN: "arn:aws:imagebuilder:eu-west-1:444455556666:image/golden-al2023/1.2.3/4"}
)


def seen(*images: Image) -> dict[str, Any]:
    """The images of a snapshot."""
    return {each.id: each for each in (image(), *images)}


def group(*images: Image | str, name: str = "batch") -> Any:  # noqa: ANN401  a capacity
    """A self-managed group that launches these images."""
    ids = tuple(each if isinstance(each, str) else each.id for each in images)
    return self_managed(name, group={"launch": launch(image_ids=ids)})


def runs(of: Snapshot) -> list[tuple[str, str, str, str | None]]:
    running, unread = running_of(of)
    assert not unread
    return [(each.key, each.kind, each.name, each.version) for each in running]


def test_a_managed_group_runs_its_release() -> None:
    healthy = Running(key=KEY, kind="managed", name="web", version=version(), superseded_since=None)
    assert running_of(snapshot()) == ((healthy,), frozenset())


def test_a_superseded_release_says_since_when() -> None:
    ((running,), _) = running_of(snapshot(managed(release_version=release_version(40.0))))
    assert (running.version, running.superseded_since) == (version(40.0), days_ago(20.0))


def test_a_release_beyond_the_recommended_one_is_superseded_by_none() -> None:
    ((running,), _) = running_of(snapshot(managed(release_version=release_version(1.0))))
    assert (running.version, running.superseded_since) == (version(1.0), None)


def test_each_kind_of_the_customers_stands_there() -> None:
    assert runs(snapshot(managed(), self_managed(), node_pool())) == [
        (KEY, "karpenter", "default", version()),
        (KEY, "managed", "web", version()),
        (KEY, "self-managed", "batch", version()),
    ]


def test_what_aws_replaces_and_what_nothing_configures_stands_nowhere() -> None:
    assert runs(snapshot(node_pool(kind="auto-mode"), fargate(), standalone())) == []


def test_of_several_images_of_a_line_the_oldest_counts() -> None:
    of = snapshot(group(image(), OLDER, OLD), images=seen(OLD, OLDER))
    ((running,), unread) = running_of(of)
    assert (running.version, running.superseded_since, unread) == (version(40.0), days_ago(20.0), frozenset())


def test_a_pool_runs_what_its_nodes_run() -> None:
    nodes = (node(1), node(2, image_id=OLD.id), node(3, image_id=OWN.id))
    of = snapshot(node_pool(nodes=nodes), images=seen(OLD, OWN), ancestors={OWN.id: ()})
    assert runs(of) == [(KEY, "karpenter", "default", version(20.0)), (OWN.id, "karpenter", "default", None)]


def test_a_capacity_of_two_lines_stands_under_both() -> None:
    other = image(id="ami-minor", name=f"amazon-eks-node-al2023-x86_64-standard-1.34-v{version()}")
    of = snapshot(group(image(), other), images=seen(other))
    assert [key for key, *_ in runs(of)] == ["al2023/standard/x86_64/1.34", KEY]


def test_a_pool_is_judged_once_the_first_of_its_nodes_on_its_oldest_release_is_of_age() -> None:
    nodes = (
        node(1, launched_at=days_ago(90)),
        node(2, image_id=OLD.id, launched_at=days_ago(1)),
        node(3, image_id=OLD.id, launched_at=days_ago(3)),
        node(4, image_id=OLD.id, launched_at=days_ago(2)),
    )
    ((running,), _) = running_of(snapshot(node_pool(nodes=nodes), images=seen(OLD)))
    assert (running.version, running.judged_from) == (version(20.0), days_ago(3) + POOL_NODE_GRACE)


@pytest.mark.parametrize("nodes", [(OWN,), (image(), OWN)])
def test_of_a_pools_own_image_no_node_is_too_young(nodes: tuple[Image, ...]) -> None:
    """AMI005 judges what a pool's nodes run from their first day on."""
    pool = node_pool(nodes=tuple(node(number, image_id=each.id) for number, each in enumerate(nodes)))
    running, _ = running_of(snapshot(pool, images=seen(OWN), ancestors={OWN.id: (ancestor(OLD),)}))
    assert (running[0].key, running[0].own_image, running[0].judged_from) == (KEY, True, None)


def test_the_first_rung_is_of_the_check_that_judges_it() -> None:
    """Of EKS's release AMI001, of an image of its own AMI005; a default is not kept with every capacity."""
    limits = {"AMI001": {"low": timedelta(days=14)}, "AMI005": {"low": timedelta(days=21)}}
    policy = Policy(rules=(Rule(limits=limits, switches={"AMI001": False}),))
    own = self_managed("golden", group={"launch": launch(image_ids=(OWN.id,))})
    images = {image().id: image(), OWN.id: OWN}
    running, _ = running_of(snapshot(managed(), own, images=images, ancestors={OWN.id: (ancestor(OLD),)}), policy)
    of_line = {each.name: (each.first_rung, each.off) for each in running if each.key == KEY}
    assert of_line == {"web": (None, True), "golden": (timedelta(days=21), False)}


def test_of_one_release_ekss_image_counts_before_one_of_its_own() -> None:
    of = snapshot(group(OWN, image()), images=seen(OWN), ancestors={OWN.id: (ancestor(),)})
    assert [each.own_image for each in running_of(of)[0] if each.key == KEY] == [False]


LAUNCHES_OWN = {"launch": launch(image_ids=(OWN.id,))}


@pytest.mark.parametrize("capacity", [group(OWN), managed("web", ami_type="CUSTOM", group=LAUNCHES_OWN)])
def test_an_image_of_the_accounts_own_stands_by_its_id(capacity: Any) -> None:  # noqa: ANN401  a capacity
    of = snapshot(capacity, images=seen(OWN), ancestors={OWN.id: ()})
    assert runs(of) == [(OWN.id, capacity.kind, capacity.name, None)]


def test_an_image_of_image_builders_stands_by_its_name_there_too_and_by_the_line_it_was_built_on() -> None:
    of = snapshot(group(GOLDEN), images=seen(GOLDEN), ancestors={GOLDEN.id: (ancestor(OLD),)})
    assert runs(of) == [
        (KEY, "self-managed", "batch", version(20.0)),
        (GOLDEN.id, "self-managed", "batch", None),
        ("imagebuilder/444455556666/golden-al2023", "self-managed", "batch", None),
    ]
    running, _ = running_of(of)
    assert (running[0].superseded_since, running[0].own_image) == (days_ago(5.0), True)


@pytest.mark.parametrize(
    "arn", ["golden", "arn:aws:imagebuilder:us-east-1:aws:image/x/1.0.0/1", "arn:aws:s3:::image/x"]
)
def test_a_tag_that_anybody_may_write_makes_no_key(arn: str) -> None:
    own = own_image(tags={BUILDER_ARN: arn})
    assert runs(snapshot(group(own), images=seen(own), ancestors={own.id: ()})) == [
        (own.id, "self-managed", "batch", None)
    ]


def test_the_older_of_an_image_and_of_what_one_was_built_on_counts() -> None:
    of = snapshot(group(image(), OWN), images=seen(OWN), ancestors={OWN.id: (ancestor(OLD),)})
    assert (KEY, "self-managed", "batch", version(20.0)) in runs(of)


@pytest.mark.parametrize("release", ["2026", None])
def test_a_release_that_cannot_be_read_stands_by_its_line(release: str | None) -> None:
    """The cluster hears of the line's releases all the same."""
    assert runs(snapshot(managed(release_version=release))) == [(KEY, "managed", "web", None)]


def test_a_line_of_which_nothing_was_read_is_run_all_the_same() -> None:
    of = snapshot(managed(release_version=release_version(40.0)), releases={KEY: gap("ssm:GetParameters")})
    assert running_of(of)[0][0].superseded_since is None
    assert runs(of) == [(KEY, "managed", "web", version(40.0))]


def test_a_line_that_aws_recommends_nothing_of_is_run_all_the_same() -> None:
    assert runs(snapshot(releases={KEY: history(recommended=None)})) == [(KEY, "managed", "web", version())]


DENIED = gap("ec2:DescribeImages", OWN.id)
ABSENT = gap("ec2:DescribeImages", OWN.id, "InvalidAMIID.NotFound: no such image")
HIDDEN = gap("ec2:DescribeImages", OWN.id, "NotVisible: the image is withdrawn, made private, or hidden")


@pytest.mark.parametrize("absent", [ABSENT, HIDDEN])
def test_an_image_that_is_not_there_stands_by_its_id_and_hides_nothing(absent: Gap) -> None:
    of = snapshot(managed(), group(OWN), images={**seen(), OWN.id: absent})
    assert runs(of) == [(KEY, "managed", "web", version()), (OWN.id, "self-managed", "batch", None)]


UNREAD: dict[str, Snapshot] = {
    "an image": snapshot(managed(), group(OWN), images={**seen(), OWN.id: DENIED}),
    "a parameter of an account's own": snapshot(managed(), group("resolve:ssm:/platform/golden")),
    "a launch template": snapshot(managed(), self_managed(group={"launch": gap("ec2:DescribeLaunchTemplateVersions")})),
    "an Auto Scaling group": snapshot(managed(), managed("odd", ami_type="CUSTOM", groups=gap("autoscaling:Describe"))),
    "an ancestry": snapshot(
        managed(), group(OWN), images=seen(OWN), ancestors={OWN.id: gap("ec2:GetImageAncestry", OWN.id)}
    ),
    "a group's minor": snapshot(managed(), managed("odd", version=None)),
    "an AMI type of tomorrow": snapshot(managed(), managed("odd", ami_type="AL2027_x86_64")),
    "a pool's nodes": snapshot(managed(), node_pool("odd"), complete=dict.fromkeys(KINDS, True) | {"karpenter": False}),
}


@pytest.mark.parametrize("of", UNREAD.values(), ids=UNREAD)
def test_what_could_not_be_read_may_run_something_else(of: Snapshot) -> None:
    running, unread = running_of(of)
    web, odd = of.capacities
    assert unread == {(odd.kind, odd.name)}
    assert (KEY, web.kind, web.name) in {(each.key, each.kind, each.name) for each in running}, "and hides nothing read"


@pytest.mark.parametrize("kind", ["managed", "self-managed", "auto-mode", "fargate", "standalone"])
def test_groups_that_were_read_run_what_they_run_whatever_others_were_not_found(kind: str) -> None:
    of = snapshot(managed(), group(image()), node_pool(), complete=dict.fromkeys(KINDS, True) | {kind: False})
    assert len(runs(of)) == 3


def test_an_ancestor_that_ec2_shows_to_nobody_hides_nothing() -> None:
    lost = ancestor(image=None, created_at=None)
    of = snapshot(group(OWN), images=seen(OWN), ancestors={OWN.id: (lost,)})
    assert runs(of) == [(OWN.id, "self-managed", "batch", None)]


def test_an_audit_says_what_runs() -> None:
    of = UNREAD["an image"]
    audit = audit_of(of, CATALOGUE, "an-audit")
    assert (audit.running, audit.unread) == running_of(of)
    assert image_id(version()) not in {each.key for each in audit.running}


@pytest.mark.parametrize(
    ("of", "known"),
    [
        (history(40.0, 20.0, 5.0), True),
        (history(20.0, 5.0), False),
        (history(20.0, 5.0, recommended=None), False),
        (gap(), False),
    ],
    ids=["all of it", "cut off before ours", "of a line that AWS recommends nothing of", "not read"],
)
def test_since_when_is_known_only_where_the_whole_history_is(of: Any, known: bool) -> None:  # noqa: ANN401, FBT001  parameters of the test
    hidden = snapshot(managed(release_version=release_version(40.0)), releases={KEY: of})
    ((running,), _) = running_of(hidden)
    assert running.since_known is known
