"""What launches name and what of it does not exist; a read that fails makes nothing missing."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from eks_auditor.checks import CATALOGUE
from eks_auditor.findings.judge import audit_of
from eks_auditor.model.capacity import LaunchConfig, MissingReference
from eks_auditor.model.gap import Gap
from eks_auditor.model.verdict import Status
from eks_auditor.snapshot.reader import ACTIONS
from eks_auditor.snapshot.reading import code_of
from eks_auditor.snapshot.references import find_key_pairs, find_placement_groups
from tests.snapshot.bench import ACCOUNT, NOW, REGION, Bench, ago, group_of

TWO: dict[str, Any] = {
    "clusters": {"shop": {"self_managed": {"batch": {}}}, "bank": {"self_managed": {"batch": {}}}},
}
GROUP, INTERFACES_GROUP = "sg-0123456789abcdef0", "sg-0123456789abcdef1"
PLACEMENT = "pg-0123456789abcdef0"
PROFILE_ARN = f"arn:aws:iam::{ACCOUNT}:instance-profile/teams/batch/workers"
MINUTE = timedelta(minutes=1)

NAMED: dict[str, Any] = {
    "SecurityGroupIds": [GROUP],
    "SecurityGroups": ["by-name"],
    "KeyName": "ops",
    "IamInstanceProfile": {"Name": "workers"},
    "NetworkInterfaces": [{"DeviceIndex": 0, "SubnetId": "subnet-peer", "Groups": [INTERFACES_GROUP]}],
    "Placement": {"GroupName": "tight"},
}


@pytest.fixture
def started(bench: Callable[..., Any]) -> Iterator[Bench]:
    with bench({"self_managed": {"batch": {}}}) as one:
        yield one


def state(bench: Bench) -> Any:  # noqa: ANN401  the local AWS's own
    return bench.aws.region(ACCOUNT, REGION)


def name(bench: Bench, **named: Any) -> None:  # noqa: ANN401  any member of a template's content
    """Let every launch template name these, and nothing else of their kind."""
    for [version] in state(bench).template_versions.values():
        content = version["LaunchTemplateData"]
        for member in NAMED:
            content.pop(member, None)
        content.update(named)


def make(bench: Bench) -> None:
    """Let all that may be named exist."""
    there = state(bench)
    some = next(iter(there.subnets.values()))
    there.subnets["subnet-peer"] = {**some, "SubnetId": "subnet-peer", "VpcId": "vpc-peer"}
    for group in (GROUP, INTERFACES_GROUP):
        there.security_groups[group] = {"GroupId": group, "GroupName": group, "VpcId": some["VpcId"]}
    there.key_pairs["ops"] = {"KeyName": "ops", "KeyPairId": "key-0123456789abcdef0"}
    there.placement_groups[PLACEMENT] = {
        "GroupId": PLACEMENT,
        "GroupName": "tight",
        "Strategy": "spread",
        "State": "available",
    }
    there.iam.instance_profiles["workers"] = {
        "Path": "/teams/batch/",
        "InstanceProfileName": "workers",
        "InstanceProfileId": "AIPA0123456789ABCDEF0",
        "Arn": PROFILE_ARN,
        "CreateDate": NOW,
        "Roles": [],
    }


def missing(bench: Bench) -> tuple[MissingReference, ...] | Gap:
    found = group_of(bench.read(), "batch").launch
    assert isinstance(found, LaunchConfig)
    return found.missing


def absent(*named: tuple[str, str]) -> tuple[MissingReference, ...]:
    return tuple(MissingReference(what=what, id=each) for what, each in named)


def test_all_there(started: Bench) -> None:
    make(started)
    name(started, **NAMED)
    assert missing(started) == ()
    assert started.read().gaps == ()


def test_nothing_named(started: Bench) -> None:
    name(started)
    assert missing(started) == ()
    asked = {"ec2:DescribeSecurityGroups", "ec2:DescribeKeyPairs", "ec2:DescribePlacementGroups"}
    assert not (asked | {"iam:GetInstanceProfile"}) & started.operations


def test_all_gone_names_each_one(started: Bench) -> None:
    name(started, **NAMED)
    assert missing(started) == absent(
        ("instance profile", "workers"),
        ("key pair", "ops"),
        ("placement group", "tight"),
        ("security group", GROUP),
        ("security group", INTERFACES_GROUP),
        ("subnet", "subnet-peer"),
    )


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        ({"IamInstanceProfile": {"Arn": PROFILE_ARN}}, ()),
        ({"IamInstanceProfile": {"Arn": f"{PROFILE_ARN}-2"}}, (("instance profile", f"{PROFILE_ARN}-2"),)),
        ({"Placement": {"GroupId": PLACEMENT}}, ()),
        ({"Placement": {"GroupId": "pg-fedcba9876543210f"}}, (("placement group", "pg-fedcba9876543210f"),)),
        ({"Placement": {"GroupName": "pg-workers"}}, (("placement group", "pg-workers"),)),
        ({"Placement": {"Tenancy": "default"}}, ()),
        ({"SecurityGroups": ["nobody-knows"]}, ()),  # a name has no meaning in a VPC
        ({"NetworkInterfaces": [{"DeviceIndex": 0}]}, ()),
        ({"KeyName": "OPS"}, (("key pair", "OPS"),)),
    ],
)
def test_other_ways_to_name(started: Bench, named: dict[str, Any], expected: tuple[tuple[str, str], ...]) -> None:
    make(started)
    name(started, **named)
    assert missing(started) == absent(*expected)


def test_a_subnet_of_the_vpc_is_not_asked_for_again(started: Bench) -> None:
    name(started, NetworkInterfaces=[{"DeviceIndex": 0, "SubnetId": next(iter(state(started).subnets))}])
    assert missing(started) == ()
    assert started.count("ec2:DescribeSubnets") == 1


def test_references_of_every_template_and_of_the_group_itself(started: Bench) -> None:
    make(started)
    name(started, KeyName="ops")
    there = state(started)
    [versions] = there.template_versions.values()
    second = {**versions[0], "VersionNumber": 2, "DefaultVersion": False}
    versions.append(second | {"LaunchTemplateData": {**versions[0]["LaunchTemplateData"], "KeyName": "lost"}})
    [group] = there.groups.values()
    whole = group.pop("LaunchTemplate")
    overrides = [{"InstanceType": "m5.large"}, {"LaunchTemplateSpecification": {**whole, "Version": "2"}}]
    group["MixedInstancesPolicy"] = {
        "LaunchTemplate": {"LaunchTemplateSpecification": whole, "Overrides": overrides},
    }
    group["PlacementGroup"] = "nowhere"
    assert missing(started) == absent(("key pair", "lost"), ("placement group", "nowhere"))


def test_references_of_a_launch_configuration(started: Bench) -> None:
    make(started)
    there = state(started)
    [group] = there.groups.values()
    del group["LaunchTemplate"]
    group["LaunchConfigurationName"] = "old-way"
    there.launch_configurations["old-way"] = configuration = {
        "LaunchConfigurationName": "old-way",
        "ImageId": "ami-1",
        "InstanceType": "m5.large",
        "CreatedTime": ago(days=900),
        "SecurityGroups": [GROUP, "by-name"],
        "KeyName": "",  # how Auto Scaling says that there is none
        "IamInstanceProfile": "workers",
    }
    assert missing(started) == ()
    configuration |= {"SecurityGroups": ["sg-gone"], "KeyName": "lost", "IamInstanceProfile": f"{PROFILE_ARN}-2"}
    started.now += MINUTE
    assert missing(started) == absent(
        ("instance profile", f"{PROFILE_ARN}-2"), ("key pair", "lost"), ("security group", "sg-gone")
    )


@pytest.mark.parametrize(
    ("service", "operation", "named"),
    [
        ("ec2", "DescribeSecurityGroups", {"SecurityGroupIds": [GROUP]}),
        ("ec2", "DescribeKeyPairs", {"KeyName": "ops"}),
        ("ec2", "DescribePlacementGroups", {"Placement": {"GroupName": "tight"}}),
        ("ec2", "DescribePlacementGroups", {"Placement": {"GroupId": PLACEMENT}}),
        ("iam", "GetInstanceProfile", {"IamInstanceProfile": {"Name": "workers"}}),
        ("ec2", "DescribeSubnets", {"NetworkInterfaces": [{"DeviceIndex": 0, "SubnetId": "subnet-peer"}]}),
    ],
)
@pytest.mark.parametrize("code", ["AccessDenied", "Throttling"])
def test_a_failed_read_makes_nothing_missing(
    started: Bench, service: str, operation: str, named: dict[str, Any], code: str
) -> None:
    name(started, **named)  # nothing of it exists
    started.aws.fail(service, operation, code, "no", status=400)
    found = missing(started)
    assert isinstance(found, Gap)
    assert found.action == f"{service}:{operation}"
    assert found.action in ACTIONS
    assert found.error == f"{code}: no"
    assert found.retryable is (code == "Throttling")


def test_without_a_way_to_iam_an_audit_is_whole_and_only_what_needs_it_is_unknown(started: Bench) -> None:
    name(started, IamInstanceProfile={"Name": "workers"})
    started.unreachable = {("iam", REGION)}
    snapshot = started.read()
    [gap] = snapshot.gaps
    assert (gap.action, code_of(gap), gap.retryable) == ("iam:GetInstanceProfile", "EndpointConnectionError", False)
    launch = group_of(snapshot, "batch").launch
    assert isinstance(launch, LaunchConfig)
    assert launch.missing == gap
    audit = audit_of(snapshot, CATALOGUE, "audit")
    assert not audit.retryable, "it is saved whole"
    [judged] = [finding for finding in audit.findings if finding.check_id == "AMI013"]
    assert judged.status is Status.UNKNOWN


def test_a_way_to_ec2_is_sought_again(started: Bench) -> None:
    name(started, KeyName="ops")
    started.unreachable = {("ec2", REGION)}
    gaps = started.read().gaps
    assert gaps
    assert all(gap.retryable for gap in gaps)


def test_what_is_evidently_missing_is_told_whatever_else_could_not_be_read(started: Bench) -> None:
    name(started, KeyName="lost", SecurityGroupIds=[GROUP])
    started.aws.fail("ec2", "DescribeSecurityGroups", "UnauthorizedOperation", status=403)
    assert missing(started) == absent(("key pair", "lost"))


def test_one_call_for_all_groups_of_a_cluster(bench: Callable[..., Any]) -> None:
    with bench({"self_managed": {f"batch-{number}": {} for number in range(6)}}) as started:
        make(started)
        name(started, **NAMED)
        assert started.read().gaps == ()
        counted = ("ec2:DescribeSecurityGroups", "ec2:DescribeKeyPairs", "ec2:DescribePlacementGroups")
        assert {started.count(operation) for operation in (*counted, "iam:GetInstanceProfile")} == {1}


def test_audits_share_what_was_looked_up_before_they_were_asked_for(bench: Callable[..., Any]) -> None:
    with bench(**TWO) as started:
        name(started, KeyName="lost", IamInstanceProfile={"Name": "workers"})
        started.read("shop")
        make(started)
        state(started).key_pairs["lost"] = {"KeyName": "lost", "KeyPairId": "key-0123456789abcdef1"}
        started.aws.calls.clear()
        started.now += 3 * MINUTE
        shared = started.read("bank", not_before=NOW - MINUTE)
        assert not {"ec2:DescribeKeyPairs", "iam:GetInstanceProfile"} & started.operations
        assert shared.taken_at == NOW
        fresh = started.read("bank", not_before=NOW + MINUTE)
    launches = [group_of(snapshot, "batch").launch for snapshot in (shared, fresh)]
    assert [isinstance(launch, LaunchConfig) and launch.missing for launch in launches] == [
        absent(("instance profile", "workers"), ("key pair", "lost")),
        (),
    ]


def test_a_failed_look_up_is_not_shared(started: Bench) -> None:
    name(started, KeyName="lost")
    started.aws.fail("ec2", "DescribeKeyPairs", "Throttling", times=1)
    assert isinstance(missing(started), Gap)
    started.now += MINUTE
    assert missing(started) == absent(("key pair", "lost"))


class Recorder:
    """An EC2 client that notes the filters it is asked with and finds nothing."""

    def __init__(self) -> None:
        self.values: list[str] = []

    def describe_key_pairs(self, **params: Any) -> dict[str, Any]:  # noqa: ANN401  boto3's
        [condition] = params["Filters"]
        self.values += condition["Values"]
        return {"KeyPairs": []}

    def describe_placement_groups(self, **params: Any) -> dict[str, Any]:  # noqa: ANN401  boto3's
        [condition] = params["Filters"]
        self.values += condition["Values"]
        return {"PlacementGroups": []}


@pytest.mark.parametrize("find", [find_key_pairs, find_placement_groups])
def test_a_name_is_no_pattern(find: Callable[..., dict[str, object]]) -> None:
    recorder = Recorder()
    odd = "a*b?c\\d"
    assert set(find(recorder, (odd, "plain"))) == {odd, "plain"}
    assert recorder.values == ["a\\*b\\?c\\\\d", "plain"]
