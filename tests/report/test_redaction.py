"""A redacted snapshot names nobody and judges the same."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import boto3
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from eks_auditor.checks import CATALOGUE
from eks_auditor.cli.session import CONFIG
from eks_auditor.findings.judge import judge
from eks_auditor.model.capacity import (
    UNDECLARED,
    CapacityReservation,
    FailedLaunch,
    HealthIssue,
    ManagedNodeGroup,
    MissingReference,
    NodegroupUpdate,
    ScalingPolicy,
    ScheduledAction,
    SelfManagedGroup,
    Taint,
    TemplateUse,
    UpdateError,
)
from eks_auditor.model.cluster import ClusterId
from eks_auditor.model.gap import Gap, known
from eks_auditor.model.release import Ancestor
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.report.redaction import redacted
from eks_auditor.report.snapshot_file import read_snapshot, write_snapshot
from eks_auditor.snapshot.clients import Clients
from eks_auditor.snapshot.reader import Reader
from eks_auditor.spread.siblings import Spread, key_of
from local_aws import AuditedAws, load_fleet
from tests import builders
from tests.checks.examples import EXAMPLES

SHIPPED = {
    "shop": ("111111111111", "eu-west-1"),
    "legacy": ("111111111111", "eu-west-1"),
    "workshop": ("111111111111", "eu-west-1"),
    "pipeline": ("111111111111", "us-east-1"),
    "serverless": ("111111111111", "us-east-1"),
    "sandbox": ("222222222222", "eu-west-1"),
    "hands-off": ("222222222222", "eu-west-1"),
}

CHOSEN = ("key pair", "instance profile", "placement group")
"""What people name; AWS names the rest."""


def verdicts(snapshot: Snapshot) -> dict[tuple[str, object], tuple[str, str]]:
    """Return what each check says of each capacity, by its place in the snapshot, and of each set, by its members'."""
    places = {key_of(capacity): place for place, capacity in enumerate(snapshot.capacities)}
    sets = {s.key: frozenset(places[key_of(member)] for member in s.members) for s in Spread.of(snapshot).sets}

    def place(kind: str, key: str) -> object:
        if kind == "cluster":
            return kind
        if kind == "zone":
            return key
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

            made = {service: client(service) for service in ("eks", "autoscaling", "ec2", "ssm", "iam")}
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
    secrets |= set(launch_names(original))
    assert not [secret for secret in secrets if secret in text]


def launch_names(snapshot: Snapshot) -> Iterator[str]:
    """Yield what people called their templates, launch configurations, keys, profiles and placement groups."""
    for capacity in snapshot.capacities:
        if isinstance(capacity, ManagedNodeGroup | SelfManagedGroup):
            for group in known(capacity.groups):
                if not isinstance(group.launch, Gap):
                    yield from (template.name for template in group.launch.templates)
                    yield from (each.id for each in known(group.launch.missing) if each.what in CHOSEN)
                    yield from filter(None, [group.launch.configuration])
        if isinstance(capacity, ManagedNodeGroup) and capacity.template is not None:
            yield capacity.template.name


@pytest.mark.parametrize("check_id", EXAMPLES)
def test_the_examples_of_every_check_judge_the_same(check_id: str) -> None:
    examples = EXAMPLES[check_id]
    assert all("FAILED" in {status for status, _ in verdicts(failed).values()} for failed in examples.failed)
    for original in (examples.passed, *examples.failed, *filter(None, [examples.unknown])):
        assert verdicts(redacted(original)) == verdicts(original)


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
        f"k8s.io/cluster-autoscaler/node-template/resources/{other}.example/fpga": "1",
    }
    arn = f"arn:aws:autoscaling:eu-west-1:{account}:autoScalingGroup:0a1b2c3d:autoScalingGroupName/{group}"
    launch = builders.launch(
        image_ids=("ami-0a1b2c3d", f"resolve:ssm:/{other}/{group}"),
        templates=(TemplateUse(id="lt-0a1b2c3d", name=f"{nodegroup}-template", version="1", default_version="2"),),
        configuration=f"{group}-configuration",
        missing=(
            MissingReference(what="key pair", id=f"{other}'s key"),
            MissingReference(what="instance profile", id=f"{group}-profile"),
            MissingReference(what="instance profile", id=f"arn:aws:iam::{account}:instance-profile/{other}/{group}"),
            MissingReference(what="placement group", id=f"{group}-tight"),
        ),
        reservations=("cr-0a1b2c3d", f"arn:aws:resource-groups:eu-west-1:{account}:group/{group}-blocks"),
    )
    scaling = builders.scaling_group(
        group,
        arn=arn,
        tags=tags,
        launch=launch,
        failed_launches=(FailedLaunch(zone_id=None, at=builders.NOW, message=f"no {group} in {account}"),),
        policies=(ScalingPolicy(name=f"{group} by cpu", kind="StepScaling"),),
        scheduled=(ScheduledAction(name=f"{other}-nightly", recurrence="0 20 * * *", desired=0),),
        wished_at=Gap("autoscaling:DescribeScalingActivities", group, f"TooMany: of {group}"),
    )
    managed = builders.managed(
        nodegroup,
        arn=f"arn:aws:eks:eu-west-1:{account}:nodegroup/{cluster}/{nodegroup}/0a1b2c3d",
        labels={"pool": nodegroup, f"{other}.example/team": group, "alpha.eksctl.io/cluster-name": cluster},
        taints=(Taint(key=f"{other}.example/pool", value=group, effect="NoSchedule"),),
        health_issues=(HealthIssue(code="X", message=f"{group} of {account} fails", resource_ids=(group, arn)),),
        groups=(scaling,),
        template=TemplateUse(id="lt-0a1b2c3e", name=f"{group}-own", version="1", default_version="2"),
        updates=(failed_update(f"{group} of {account} fails", (f"{nodegroup}-node", group, arn)),),
        tags={f"{other}.example/owner": nodegroup, "team": f"{group} of {account}", "aws:cloudformation:stack-id": arn},
    )
    joining = builders.self_managed(
        f"{group}-own",
        labels={"pool": nodegroup, f"{other}.example/team": group},
        taints=(Taint(key=f"{other}.example/pool", value=group, effect="NoSchedule"),),
        declared_in="NodeConfig",
    )
    silent = Gap("ec2:DescribeLaunchTemplateVersions", f"{group}-silent", f"{UNDECLARED}: it does not say")
    tags_of_its_builder = {
        "source_ami_name": f"{other}-base",
        "Ec2ImageBuilderArn": f"arn:aws:imagebuilder:eu-west-1:{account}:image/{other}-golden/1.0.0/3",
    }
    own = builders.image(
        id="ami-0a1b2c3d",
        owner_id=foreign,
        owner_alias=None,
        name=f"{other}-eks-node-1.35",
        description=f"by {group}",
        tags=tags_of_its_builder,
    )
    parent = replace(own, id="ami-0a1b2c3e", tags={"Source-AMI-Name": f"{group}-base"})
    ancestor = Ancestor(id=parent.id, region="us-east-1", owner_alias=None, created_at=None, image=parent)
    return builders.snapshot(
        managed,
        joining,
        builders.self_managed(f"{group}-silent", labels=silent, taints=silent),
        builders.node_pool(group, arn=f"{id_.arn}/karpenter/{group}", nodes=(builders.node(9, tags=tags),)),
        cluster=builders.cluster(id=id_, autoscaler_identity=f"kube-system/cluster-autoscaler of {cluster}"),
        gaps=(
            Gap("eks:DescribeNodegroup", f"{cluster}/{nodegroup}-two", error),
            Gap("autoscaling:DescribeScalingActivities", group, error),
            Gap("eks:ListNodegroups", id_.arn, error),
            Gap("eks:ListUpdates", f"{cluster}/{nodegroup}-three", error),
            Gap("ec2:DescribeLaunchTemplateVersions", f"{group}-other:$Latest", error),
            Gap("ec2:DescribeKeyPairs", f"{other} key, of {group}", error),
            Gap("ec2:DescribePlacementGroups", f"{group}-wide", error),
            Gap("iam:GetInstanceProfile", f"{group}-instances", error),
            Gap("iam:GetInstanceProfile", f"arn:aws:iam::{account}:instance-profile/{nodegroup}-instances", error),
        ),
        live_clusters=frozenset({cluster, other}),
        images={
            own.id: own,
            builders.image_id(builders.version()): builders.image(),
            f"resolve:ssm:/{other}/{group}": Gap("ssm:GetParameters", f"/{other}/{group}", error),
        },
        ancestors={own.id: (ancestor,)},
        egress={"subnet-euw1-az1": Gap("ec2:DescribeRouteTables", "eu-west-1", error)},
        reservations={"cr-0a1b2c3d": Gap("ec2:DescribeCapacityReservations", "cr-0a1b2c3d", error)},
    )


def failed_update(message: str, resource_ids: tuple[str, ...]) -> NodegroupUpdate:
    error = UpdateError(code="PodEvictionFailure", message=message, resource_ids=resource_ids)
    return NodegroupUpdate(
        id="0a1b2c3d-0000", kind="VersionUpdate", status="Failed", created_at=builders.NOW, errors=(error,)
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
    reserved = CapacityReservation(id="cr-0a1b2c3d", zone_id="euw1-az1", state="active")
    original = builders.snapshot(reservations={reserved.id: reserved})
    after = redacted(original)
    for same in ("taken_at", "vpc_subnets", "versions", "images", "releases", "instance_types", "offered_zones"):
        assert getattr(after, same) == getattr(original, same)
    assert (after.egress, after.reservations) == (original.egress, original.reservations)
    assert after.cluster.id.region == "eu-west-1"


@pytest.mark.parametrize("name", ["cr", "nat", "subnet"])
def test_ids_stay_where_a_cluster_is_called_as_they_begin(name: str) -> None:
    ids = ClusterId("aws", "111111111111", "eu-west-1", name)
    launch = builders.launch(reservations=("cr-0a1b2c3d",))
    group = builders.managed(groups=(builders.scaling_group(launch=launch),))
    after = redacted(builders.snapshot(group, cluster=builders.cluster(id=ids)))
    [capacity] = after.capacities
    assert isinstance(capacity, ManagedNodeGroup)
    [found] = known(capacity.groups)
    assert not isinstance(found.launch, Gap)
    assert found.launch.reservations == launch.reservations
    assert after.egress == builders.snapshot().egress
    assert after.vpc_subnets == builders.snapshot().vpc_subnets


def test_an_error_keeps_its_code_and_its_wording() -> None:
    refused = builders.gap("eks:ListNodegroups", builders.CLUSTER_ID.arn, "AccessDeniedException: shop is not yours")
    [after] = redacted(builders.snapshot(gaps=(refused,))).gaps
    assert after.error == "AccessDeniedException: cluster-001 is not yours"
    assert after.resource.startswith("arn:aws:eks:eu-west-1:0000")


def test_what_built_an_image_stays_and_who_built_it_does_not() -> None:
    release = builders.image().name
    tags = {
        "source_ami_name": release,
        "source_ami_id": "ami-0a1b2c3d4e5f60718",
        "base_ami_name": "acme-base-2026",
        "Ec2ImageBuilderArn": "arn:aws:imagebuilder:eu-west-1:222233334444:image/acme-golden/1.0.0/3",
    }
    own = builders.image(id="ami-0a1b2c3d", owner_id="222233334444", owner_alias=None, tags=tags)
    after = redacted(builders.snapshot(images={own.id: own})).images[own.id]
    assert not isinstance(after, Gap)
    assert after.tags["source_ami_name"] == release
    assert after.tags["source_ami_id"] == tags["source_ami_id"]
    assert after.tags["base_ami_name"] == "x-x-2026"
    assert after.tags["Ec2ImageBuilderArn"].startswith("arn:aws:imagebuilder:eu-west-1:0000")
    assert after.tags["Ec2ImageBuilderArn"].endswith("/1.0.0/3")
    assert after.owner_id in after.tags["Ec2ImageBuilderArn"]
    assert "acme" not in write_snapshot(redacted(builders.snapshot(images={own.id: own})))


def test_amazons_account_stays() -> None:
    history = builders.history(owner_id="602401143452")
    asked = builders.gap("ec2:DescribeImages", "602401143452 amazon-eks-node-*", "RequestLimitExceeded: slow down")
    original = builders.snapshot(images={}, releases={str(builders.LINE): history}, gaps=(asked,))
    assert redacted(original).gaps == (asked,)
    assert redacted(original).releases == original.releases


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


def test_resources_are_redacted_but_for_devices_that_everybody_has() -> None:
    prefix = "k8s.io/cluster-autoscaler/node-template/resources/"
    tags = {f"{prefix}{name}": "1" for name in ("nvidia.com/gpu", "acme-corp.com/fpga", "aws.amazon.com/neuron", "cpu")}
    original = builders.snapshot(
        builders.self_managed(group={"tags": builders.autoscaler_tags() | tags, "min_size": 0})
    )
    [capacity] = redacted(original).capacities
    after = capacity.group.tags  # type: ignore[union-attr]  # it is a self-managed group
    kept = {key.removeprefix(prefix) for key in after if key.startswith(prefix)}
    assert kept > {"nvidia.com/gpu", "aws.amazon.com/neuron", "cpu"}
    assert len(kept) == len(tags)
    assert "acme" not in write_snapshot(redacted(original))
    assert verdicts(redacted(original)) == verdicts(original)


def test_a_redacted_file_reads_back() -> None:
    text = write_snapshot(redacted(builders.snapshot()))
    assert read_snapshot(text, source="s.json") == redacted(builders.snapshot())
    assert json.loads(text)["cluster"]["id"]["account"].isdigit()


def test_redaction_survives_unread_parts() -> None:
    nothing = replace(
        builders.snapshot(builders.self_managed(labels=builders.gap(), taints=builders.gap())),
        live_clusters=builders.gap(),
        vpc_subnets=builders.gap(),
    )
    assert verdicts(redacted(nothing)) == verdicts(nothing)
