"""With which labels and taints the nodes of self-managed groups register, and what is said where nobody can tell."""

import base64
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from eks_auditor.model.capacity import UNDECLARED, SelfManagedGroup, Taint
from eks_auditor.model.gap import Gap
from eks_auditor.snapshot.joining import common, joining_of
from eks_auditor.spread.siblings import Spread
from eks_auditor.userdata import Joining
from tests.snapshot.bench import ACCOUNT, BATCH, REGION, Bench, ago, batch, by_name

SPOT_WEB = (
    "/etc/eks/bootstrap.sh shop --kubelet-extra-args '--node-labels=tier=web --register-with-taints=spot=yes:NoExecute'"
)
PLAIN = "/etc/eks/bootstrap.sh shop"
DECLARED = {"labels": {"tier": "web"}, "taints": ["spot=yes:NoExecute"]}
TAINT = Taint(key="spot", value="yes", effect="NoExecute")
VERSIONS = "ec2:DescribeLaunchTemplateVersions"


@pytest.fixture
def started(bench: Callable[..., Any]) -> Iterator[Bench]:
    with bench(BATCH) as one:
        yield one


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def script(line: str) -> str:
    return encoded(f"#!/bin/bash\n{line}\n")


def versions(bench: Bench) -> list[dict[str, Any]]:
    [found] = bench.aws.region(ACCOUNT, REGION).template_versions.values()
    return found


def say(bench: Bench, user_data: str | None) -> None:
    """Let the launch template hold this user data, or none."""
    content = versions(bench)[0]["LaunchTemplateData"]
    content.pop("UserData", None)
    if user_data is not None:
        content["UserData"] = user_data


def add_version(bench: Bench, user_data: str, **changes: object) -> dict[str, Any]:
    """Add a version to the launch template; return how a group names it."""
    first = versions(bench)[0]
    content = {**first["LaunchTemplateData"], "UserData": user_data, **changes}
    number = len(versions(bench)) + 1
    versions(bench).append({**first, "VersionNumber": number, "DefaultVersion": False, "LaunchTemplateData": content})
    return {"LaunchTemplateId": first["LaunchTemplateId"], "Version": str(number)}


def override(bench: Bench, *templates: dict[str, Any] | None) -> None:
    """Let the group launch from its own template, by an override each, or from another one."""
    own = batch(bench).pop("LaunchTemplate")
    overrides = [{"LaunchTemplateSpecification": each} if each else {"InstanceType": "m5.large"} for each in templates]
    batch(bench)["MixedInstancesPolicy"] = {
        "LaunchTemplate": {"LaunchTemplateSpecification": own, "Overrides": overrides}
    }


def read(bench: Bench) -> SelfManagedGroup:
    snapshot = bench.read()
    assert snapshot.gaps == (), "no read failed"
    found = by_name(snapshot)["batch"]
    assert isinstance(found, SelfManagedGroup)
    return found


@pytest.mark.parametrize(
    ("ami", "form"),
    [
        ("AL2_x86_64", "bootstrap.sh"),
        ("AL2023_x86_64_STANDARD", "NodeConfig"),
        ("BOTTLEROCKET_x86_64", "Bottlerocket settings"),
        ("WINDOWS_FULL_2022_x86_64", "EKSBootstrap.ps1"),
    ],
)
def test_every_way_to_say_it(bench: Callable[..., Any], ami: str, form: str) -> None:
    kubernetes = {"kubernetes": "1.32"} if ami == "AL2_x86_64" else {}
    with bench({"self_managed": {"batch": {"ami": ami, **kubernetes, **DECLARED}}}) as started:
        found = read(started)
    assert (found.labels, found.taints, found.declared_in) == ({"tier": "web"}, (TAINT,), form)


def test_a_launch_configuration_says_it_too(started: Bench) -> None:
    del batch(started)["LaunchTemplate"]
    batch(started)["LaunchConfigurationName"] = "old-way"
    described = {
        "LaunchConfigurationName": "old-way",
        "ImageId": versions(started)[0]["LaunchTemplateData"]["ImageId"],
        "InstanceType": "m5.large",
        "CreatedTime": ago(days=900),
        "UserData": script(SPOT_WEB),
    }
    started.aws.region(ACCOUNT, REGION).launch_configurations["old-way"] = described
    found = read(started)
    assert (found.labels, found.taints, found.declared_in) == ({"tier": "web"}, (TAINT,), "bootstrap.sh")
    del described["UserData"]
    silent = read(started).labels
    assert isinstance(silent, Gap)
    assert (silent.action, silent.resource) == ("autoscaling:DescribeLaunchConfigurations", "old-way")


def test_who_says_how_to_join_and_names_no_label_has_none(started: Bench) -> None:
    say(started, script(PLAIN))
    found = read(started)
    assert (found.labels, found.taints, found.declared_in) == ({}, (), "bootstrap.sh")


@pytest.mark.parametrize("user_data", [None, "", script("echo welcome")])
def test_user_data_that_says_nothing_of_it_is_no_empty_map(started: Bench, user_data: str | None) -> None:
    say(started, user_data)
    found = read(started)
    assert isinstance(found.labels, Gap)
    assert found.labels == found.taints
    assert found.labels.resource == f"{versions(started)[0]['LaunchTemplateId']}:1"
    assert found.labels.error == f"{UNDECLARED}: its user data does not say how its nodes join: the image may"
    assert (found.labels.action, found.labels.retryable, found.declared_in) == (VERSIONS, False, "")


def test_user_data_that_cannot_be_read(started: Bench) -> None:
    say(started, script('/etc/eks/bootstrap.sh shop --kubelet-extra-args "--node-labels=$LABELS"'))
    found = read(started)
    assert isinstance(found.labels, Gap)
    assert found.labels.error.startswith(f"{UNDECLARED}: the user data cannot be read: ")
    assert "LABELS" not in found.labels.error
    assert not found.labels.retryable


def test_templates_that_say_alike_are_as_one(started: Bench) -> None:
    say(started, script(SPOT_WEB))
    override(started, None, add_version(started, script(f"echo other\n{SPOT_WEB}")))
    found = read(started)
    assert (found.labels, found.taints) == ({"tier": "web"}, (TAINT,))


@pytest.mark.parametrize("other", [PLAIN, SPOT_WEB.replace("tier=web", "tier=api"), SPOT_WEB.replace("yes", "no")])
def test_templates_that_say_different_things_say_nothing(started: Bench, other: str) -> None:
    say(started, script(SPOT_WEB))
    override(started, None, add_version(started, script(other)))
    found = read(started)
    assert isinstance(found.labels, Gap)
    assert found.labels == found.taints
    assert found.labels.resource == found.name
    assert found.labels.error == f"{UNDECLARED}: its launch templates declare different labels or taints"


def test_one_template_that_is_silent_hides_what_the_others_say(started: Bench) -> None:
    say(started, script(SPOT_WEB))
    override(started, None, add_version(started, script("echo welcome")))
    found = read(started).labels
    assert isinstance(found, Gap)
    assert "does not say" in found.error


def test_nothing_at_all_is_not_alike() -> None:
    assert isinstance(common("batch", []), Gap)


def test_a_template_that_cannot_be_read_is_the_gap_of_labels_and_launch(started: Bench) -> None:
    started.aws.fail("ec2", "DescribeLaunchTemplateVersions", "RequestLimitExceeded", "no", status=503)
    snapshot = started.read()
    found = by_name(snapshot)["batch"]
    assert isinstance(found.labels, Gap)
    assert found.labels == found.taints == found.group.launch
    assert snapshot.gaps == (found.labels,)
    assert found.labels.retryable
    assert not Spread.of(snapshot).whole


def test_a_template_of_many_groups_is_read_once(bench: Callable[..., Any]) -> None:
    with bench({"self_managed": {f"batch-{number}": {} for number in range(20)}}) as started:
        groups = started.aws.region(ACCOUNT, REGION).groups.values()
        one = next(iter(groups))["LaunchTemplate"]
        for group in groups:
            group["LaunchTemplate"] = one
        snapshot = started.read()
        assert started.count(VERSIONS) == 1
    assert {each.declared_in for each in snapshot.capacities if isinstance(each, SelfManagedGroup)} == {"NodeConfig"}


def test_groups_whose_user_data_says_the_same_are_siblings(bench: Callable[..., Any]) -> None:
    zonal = {f"batch-{zone}": {"zones": [zone], **DECLARED} for zone in "abc"}
    other = {"other": {**DECLARED, "labels": {"tier": "api"}}}
    with bench({"self_managed": {**zonal, **other}}) as started:
        spread = Spread.of(started.read())
    assert sorted(len(each.members) for each in spread.sets) == [1, 3]
    assert (spread.whole, spread.doubts, spread.unreadable) == (True, {}, {})


def test_who_is_silent_is_in_no_set_and_has_never_been_in_one(bench: Callable[..., Any]) -> None:
    with bench({"self_managed": {"batch": {"user_data": False}}, "node_groups": {"web": {}}}) as started:
        spread = Spread.of(started.read())
    assert spread.whole
    assert [key for key, _ in spread.unreadable.items() if key[0] == "self-managed"]


def test_the_text_is_in_nothing_that_is_kept() -> None:
    secret = "hunter2-0123456789"  # noqa: S105  planted
    texts = (f"{SPOT_WEB}\nexport TOKEN={secret}", f"export TOKEN={secret}", f"/etc/eks/bootstrap.sh '{secret}", secret)
    for text in texts:
        found = joining_of(script(text), VERSIONS, "lt-1:1")
        assert secret not in repr(found)
    assert isinstance(joining_of(script(texts[0]), VERSIONS, "lt-1:1"), Joining)
