"""A redacted snapshot names nobody and judges the same."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any, get_args, get_type_hints

import boto3
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from eks_auditor.checks import CATALOGUE
from eks_auditor.cli.session import CONFIG
from eks_auditor.findings.judge import judge
from eks_auditor.model.capacity import FailedLaunch, HealthIssue, ManagedNodeGroup, Taint
from eks_auditor.model.cluster import ClusterId
from eks_auditor.model.gap import Gap, known
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.report.redaction import redacted
from eks_auditor.report.snapshot_file import read_snapshot, write_snapshot
from eks_auditor.snapshot.clients import Clients
from eks_auditor.snapshot.reader import Reader
from eks_auditor.spread.siblings import Spread, key_of
from local_aws import AuditedAws, load_fleet
from tests import builders

SHIPPED = {
    "shop": ("111111111111", "eu-west-1"),
    "legacy": ("111111111111", "eu-west-1"),
    "pipeline": ("111111111111", "us-east-1"),
    "serverless": ("111111111111", "us-east-1"),
    "sandbox": ("222222222222", "eu-west-1"),
    "hands-off": ("222222222222", "eu-west-1"),
}


def verdicts(snapshot: Snapshot) -> dict[tuple[str, object], tuple[str, str]]:
    """Return what each check says of each capacity, by its place in the snapshot, and of each set, by its members'."""
    places = {key_of(capacity): place for place, capacity in enumerate(snapshot.capacities)}
    sets = {s.key: frozenset(places[key_of(member)] for member in s.members) for s in Spread.of(snapshot).sets}

    def place(kind: str, key: str) -> object:
        if kind == "cluster":
            return kind
        return sets[key] if kind == "sibling-set" else places[kind, key]  # type: ignore[index]  # any kind of capacity

    return {
        (finding.check_id, place(finding.subject.kind, finding.subject.key)): (finding.status, finding.severity.name)
        for finding in judge(snapshot, CATALOGUE)
    }


@pytest.fixture(scope="module")
def shipped() -> Mapping[str, Snapshot]:
    """Every cluster of the shipped fleet, as it is read."""
    session = boto3.Session()
    with AuditedAws(load_fleet(now=builders.NOW)) as aws:

        def clients(account: str, region: str) -> Clients:
            def client(service: str) -> Any:  # noqa: ANN401  one of boto3's clients
                return session.client(
                    service,  # type: ignore[call-overload]  # any service
                    region_name=region,
                    endpoint_url=aws.url,
                    aws_access_key_id=account,
                    aws_secret_access_key="test",  # noqa: S106  the local AWS takes any
                    config=CONFIG,
                )

            made = {service: client(service) for service in ("eks", "autoscaling", "ec2", "ssm")}
            return Clients(**made, account=account, region=region, partition="aws")

        reader = Reader(clients, lambda: builders.NOW)
        return {
            name: reader.read(ClusterId("aws", account, region, name), not_before=builders.NOW, checkpoint=lambda: None)
            for name, (account, region) in SHIPPED.items()
        }


@pytest.mark.parametrize("name", SHIPPED)
def test_the_shipped_fleet_judges_the_same(shipped: Mapping[str, Snapshot], name: str) -> None:
    original = shipped[name]
    assert verdicts(original), "nothing is judged"
    assert verdicts(redacted(original)) == verdicts(original)


@pytest.mark.parametrize("name", SHIPPED)
def test_the_shipped_fleet_names_nobody(shipped: Mapping[str, Snapshot], name: str) -> None:
    original = shipped[name]
    text = write_snapshot(redacted(original))
    secrets = {original.cluster.id.account, original.cluster.id.arn, "acme", "ACME"}
    secrets |= {capacity.name for capacity in original.capacities if len(capacity.name) > len("standalone")}
    assert not [secret for secret in secrets if secret in text]


def test_the_shipped_fleet_fails_somewhere(shipped: Mapping[str, Snapshot]) -> None:
    failing = {
        key[0] for snapshot in shipped.values() for key, word in verdicts(snapshot).items() if word[0] == "FAILED"
    }
    assert len(failing) >= len(CATALOGUE) - 2, "sameness would prove little"


def named(names: Sequence[str], accounts: Sequence[str]) -> Snapshot:
    """Return a snapshot that uses four names and two account ids wherever one may stand."""
    cluster, other, nodegroup, group = names
    account, foreign = accounts
    id_ = ClusterId("aws", account, "eu-west-1", cluster)
    user = f"arn:aws:sts::{account}:assumed-role/{other}-admin/{group}"
    error = f"AccessDeniedException: User: {user} is not authorized on {cluster}, {nodegroup} of {account}"
    tags = builders.eks_tags(nodegroup, cluster) | {
        "Name": f"{cluster}-{nodegroup}-Node",
        "aws:autoscaling:groupName": group,
        "aws:cloudformation:stack-id": f"arn:aws:cloudformation:eu-west-1:{account}:stack/{group}/0a1b2c3d-0000",
        f"{other}.example/team": nodegroup,
        f"k8s.io/cluster-autoscaler/{other}": "owned",
        f"kubernetes.io/cluster/{other}": "owned",
        f"k8s.io/cluster-autoscaler/node-template/label/{other}.example/pool": nodegroup,
        f"k8s.io/cluster-autoscaler/node-template/taint/{other}.example/pool": f"{group}:NoSchedule",
    }
    arn = f"arn:aws:autoscaling:eu-west-1:{account}:autoScalingGroup:0a1b2c3d:autoScalingGroupName/{group}"
    scaling = builders.scaling_group(
        group,
        arn=arn,
        tags=tags,
        failed_launches=(FailedLaunch(zone_id=None, at=builders.NOW, message=f"no {group} in {account}"),),
    )
    managed = builders.managed(
        nodegroup,
        arn=f"arn:aws:eks:eu-west-1:{account}:nodegroup/{cluster}/{nodegroup}/0a1b2c3d",
        labels={"pool": nodegroup, f"{other}.example/team": group, "alpha.eksctl.io/cluster-name": cluster},
        taints=(Taint(key=f"{other}.example/pool", value=group, effect="NoSchedule"),),
        health_issues=(HealthIssue(code="X", message=f"{group} of {account} fails", resource_ids=(group, arn)),),
        groups=(scaling,),
    )
    own = builders.image(
        id="ami-0a1b2c3d", owner_id=foreign, owner_alias=None, name=f"{other}-eks-node-1.35", description=f"by {group}"
    )
    return builders.snapshot(
        managed,
        builders.node_pool(group, arn=f"{id_.arn}/karpenter/{group}", nodes=(builders.node(9, tags=tags),)),
        cluster=builders.cluster(id=id_, autoscaler_identity=f"kube-system/cluster-autoscaler of {cluster}"),
        gaps=(
            Gap("eks:DescribeNodegroup", f"{cluster}/{nodegroup}-two", error),
            Gap("autoscaling:DescribeScalingActivities", group, error),
            Gap("eks:ListNodegroups", id_.arn, error),
        ),
        live_clusters=frozenset({cluster, other}),
        images={own.id: own, builders.image_id(builders.version()): builders.image()},
    )


def apart(names: list[str]) -> bool:
    """Return whether none of the names is in another."""
    return not [one for one in names for other in names if one != other and one in other]


# Names that cannot stand in a snapshot for another reason than that somebody chose them.
NAMES = st.from_regex(r"q[a-z0-9]{2,6}-?[a-z0-9]{2,6}zq", fullmatch=True)
ACCOUNTS = st.from_regex(r"[2-9]{12}", fullmatch=True)


@given(
    st.lists(NAMES, min_size=4, max_size=4, unique=True).filter(apart),
    st.lists(ACCOUNTS, min_size=2, max_size=2, unique=True),
)
@settings(deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
def test_no_name_and_no_account_is_left_anywhere(names: list[str], accounts: list[str]) -> None:
    original = named(names, accounts)
    text = write_snapshot(redacted(original))
    assert not [secret for secret in (*names, *accounts) if secret in text]
    assert verdicts(redacted(original)) == verdicts(original)


WORDS = st.sampled_from(
    "eks aws cluster managed enabled node a 1 standalone cluster-001 name-001 owned true".split()  # noqa: SIM905  a sentence
)


@given(st.lists(WORDS, min_size=4, max_size=4, unique=True))
@example(["name-002", "name-001", "cluster-001", "cluster-002"])
@settings(deadline=None)
def test_names_that_are_words_of_aws_judge_the_same_too(names: list[str]) -> None:
    original = named(names, ["2" * 12, "3" * 12])
    assert verdicts(redacted(original)) == verdicts(original)


def test_equal_names_stay_equal_and_sorted() -> None:
    original = builders.snapshot(*(builders.managed(name) for name in ("alpha", "beta", "gamma")))
    after = redacted(original)
    pseudonyms = [capacity.name for capacity in after.capacities]
    assert pseudonyms == sorted(set(pseudonyms))
    for capacity in after.capacities:
        assert capacity.name in capacity.arn
        assert isinstance(capacity, ManagedNodeGroup)
        [group] = known(capacity.groups)
        assert group.tags["eks:nodegroup-name"] == capacity.name
        assert f"k8s.io/cluster-autoscaler/{after.cluster.name}" in group.tags


def test_siblings_and_their_own_name_labels_stay() -> None:
    zones = builders.ZONES
    groups = [
        builders.managed(f"g-{zone}", zones=(zone,), labels={"pool": f"g-{zone}", "zone": zone, "team": "a"})
        for zone in zones
    ]
    original = builders.snapshot(*groups)
    assert [len(s.members) for s in Spread.of(original).sets] == [3]
    assert [len(s.members) for s in Spread.of(redacted(original)).sets] == [3]


def test_what_aws_names_stays() -> None:
    original = builders.snapshot()
    after = redacted(original)
    for same in ("taken_at", "vpc_subnets", "versions", "images", "releases", "instance_types", "offered_zones"):
        assert getattr(after, same) == getattr(original, same)
    assert after.cluster.id.region == "eu-west-1"


def test_an_error_keeps_its_code_and_its_wording() -> None:
    refused = builders.gap("eks:ListNodegroups", builders.CLUSTER_ID.arn, "AccessDeniedException: shop is not yours")
    [after] = redacted(builders.snapshot(gaps=(refused,))).gaps
    assert after.error == "AccessDeniedException: cluster-001 is not yours"
    assert after.resource.startswith("arn:aws:eks:eu-west-1:0000")


def test_malformed_taint_tags_stay_malformed() -> None:
    prefix = "k8s.io/cluster-autoscaler/node-template/taint/"
    tags = {
        f"{prefix}a": "true",
        f"{prefix}b": "x:NoScheduleX",
        f"{prefix}c": "x:y:NoSchedule",
        f"{prefix}d": ":NoSchedule",
    }
    original = builders.snapshot(
        builders.self_managed(group={"tags": builders.autoscaler_tags() | tags, "min_size": 0})
    )
    [capacity] = redacted(original).capacities
    after = capacity.group.tags  # type: ignore[union-attr]  # it is a self-managed group
    assert [after[f"{prefix}{key}"].partition(":")[1:] for key in "abcd"] == [
        ("", ""),
        (":", "NoScheduleX"),
        (":", "y:NoSchedule"),
        (":", "NoSchedule"),
    ]
    assert verdicts(redacted(original)) == verdicts(original)


def test_a_redacted_file_reads_back() -> None:
    text = write_snapshot(redacted(builders.snapshot()))
    assert read_snapshot(text, source="s.json") == redacted(builders.snapshot())
    assert json.loads(text)["cluster"]["id"]["account"].isdigit()


KNOWN_TEXT = {
    # Redacted: names, tags, labels, free text.
    "Cluster.autoscaler_identity", "ClusterId.account", "ClusterId.name", "FailedLaunch.message", "Gap.error",
    "Gap.resource", "HealthIssue.message", "HealthIssue.resource_ids", "Image.description", "Image.name",
    "Image.owner_id", "LaunchConfig.pins", "ManagedNodeGroup.arn", "ManagedNodeGroup.labels", "ManagedNodeGroup.name",
    "Node.tags", "NodePool.arn", "NodePool.name", "FargateProfile.arn", "FargateProfile.name", "ScalingGroup.arn",
    "ScalingGroup.name", "ScalingGroup.tags", "SelfManagedGroup.arn", "SelfManagedGroup.labels",
    "SelfManagedGroup.name", "Snapshot.live_clusters", "StandaloneNodes.arn", "StandaloneNodes.name", "Taint.key",
    "Taint.value",
    # Kept: what AWS and Kubernetes name.
    "Cluster.status", "Cluster.subnet_ids", "Cluster.version", "Cluster.vpc_id", "ClusterId.partition",
    "ClusterId.region", "FailedLaunch.zone_id", "FargateProfile.status", "Gap.action", "GroupInstance.id",
    "GroupInstance.lifecycle_state", "GroupInstance.zone_id", "HealthIssue.code", "Image.architecture", "Image.id",
    "Image.owner_alias", "InstanceType.architecture", "InstanceType.name", "KubernetesVersion.minor",
    "KubernetesVersion.status", "LaunchConfig.image_ids", "LaunchConfig.instance_types", "ManagedNodeGroup.ami_type",
    "ManagedNodeGroup.capacity_type", "ManagedNodeGroup.release_version", "ManagedNodeGroup.status",
    "ManagedNodeGroup.version", "Node.id",
    "Node.image_id", "Node.instance_type", "Node.zone_id", "Release.image_id", "Release.version",
    "ReleaseHistory.parameter", "ScalingGroup.refresh", "ScalingGroup.suspended", "Snapshot.images",
    "Snapshot.instance_types", "Snapshot.offered_zones", "Snapshot.releases", "Subnet.id", "Subnet.vpc_id",
    "Subnet.zone_id", "Subnet.zone_name", "Taint.effect",
}  # fmt: skip


def test_every_text_of_a_snapshot_was_thought_of() -> None:
    """A field that is new in the model holds names, or it does not: say so here, and in the redaction if it does."""
    assert texts(Snapshot, set()) == KNOWN_TEXT


def texts(shape: Any, seen: set[Any]) -> set[str]:  # noqa: ANN401  a type
    """Return the fields below a type that hold text, as ``Type.field``."""
    found: set[str] = set()
    if isinstance(shape, type) and is_dataclass(shape) and shape not in seen:
        seen.add(shape)
        hints = get_type_hints(shape)
        for field in fields(shape):
            if _holds_text(hints[field.name]):
                found.add(f"{shape.__name__}.{field.name}")
            found |= texts(hints[field.name], seen)
    for part in get_args(_plain(shape)):
        found |= texts(part, seen)
    return found


def _holds_text(hint: Any) -> bool:  # noqa: ANN401  a type
    plain = _plain(hint)
    return plain is str or any(_holds_text(part) for part in get_args(plain) if not is_dataclass(_plain(part)))


def _plain(hint: Any) -> Any:  # noqa: ANN401  a type
    while hasattr(hint, "__value__"):
        hint = hint.__value__
    return hint


def test_redaction_survives_unread_parts() -> None:
    nothing = replace(
        builders.snapshot(builders.self_managed(labels=builders.gap(), taints=builders.gap())),
        live_clusters=builders.gap(),
        vpc_subnets=builders.gap(),
    )
    assert verdicts(redacted(nothing)) == verdicts(nothing)
