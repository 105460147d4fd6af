from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from local_aws import Fleet, FleetError, load_fleet
from local_aws.expansion import expand
from local_aws.world import World
from tests.local_aws.conftest import ACCOUNT, NOW, REGION, fleet_of

AMI = {f"AMI{number:03}" for number in range(1, 14)} - {"AMI012"}  # a number that is not used
ZONE = {f"ZONE{number:03}" for number in range(1, 15)}
CAS = {f"CAS{number:03}" for number in range(1, 17)} - {"CAS002", "CAS010", "CAS013"}  # numbers that are not used
CHECKS = {*AMI, *ZONE, *CAS, "HEALTH001"}


def world_of(fleet: Fleet) -> World:
    return expand(fleet, lambda: fleet.now)


def web(**group: object) -> dict[str, Any]:
    return fleet_of(clusters={"shop": {"node_groups": {"web": group}}})


def test_the_shipped_fleet_has_every_check_failing_somewhere() -> None:
    wrong: set[str] = set()
    capacities = 0
    clusters = list(load_fleet(now=NOW).clusters())
    for _, _, name, cluster in clusters:
        for _, judged in cluster.judged(name):
            wrong |= set(judged.wrong)
        capacities += len(list(cluster.capacities()))
    assert wrong == CHECKS
    assert len(clusters) >= 3
    assert capacities >= 12


def test_a_fleet_in_code_needs_no_more_than_a_name() -> None:
    described = fleet_of(clusters={"shop": {"node_groups": {"web": {}}}})
    state = world_of(Fleet.model_validate(described)).region(ACCOUNT, REGION)
    nodegroup = state.nodegroups["shop"]["web"]
    assert nodegroup["status"] == "ACTIVE"
    assert {instance["Placement"]["AvailabilityZoneId"] for instance in state.instances.values()} == {
        "euw1-az1",
        "euw1-az2",
        "euw1-az3",
    }


def test_the_same_fleet_has_the_same_ids_and_another_instant_moves_only_times() -> None:
    first = world_of(load_fleet(now=NOW)).regions
    second = world_of(load_fleet(now=NOW)).regions
    later = world_of(load_fleet(now=NOW + timedelta(hours=1))).regions
    assert first == second
    for key, state in first.items():
        assert state.instances.keys() == later[key].instances.keys()


@pytest.mark.parametrize(
    ("described", "sentence"),
    [
        (
            web(zonez=["a"]),
            "the fleet: accounts.111111111111.regions.eu-west-1.clusters.shop.node_groups.web: unknown key 'zonez'",
        ),
        (
            web(superseded="soon"),
            "clusters.shop.node_groups.web.superseded: 'soon' is no age; write 30m, 12h, 90d or 2w",
        ),
        ({"accounts": {ACCOUNT: {"regions": {"eu-west-9": {}}}}}, "the fleet: accounts.111111111111.regions: "),
        (web(desired=9), "desired 9 is not between min 1 and max 6"),
        (web(image="mine"), "a node group with an image of its own has the AMI type CUSTOM"),
        (web(taints=["nonsense"]), "'nonsense' is no taint; write key=value:NoSchedule"),
        ({}, "the fleet: accounts: Field required"),
    ],
)
def test_what_a_fleet_says_wrongly_gets_one_clear_sentence(described: dict[str, Any], sentence: str) -> None:
    with pytest.raises(FleetError) as refused:
        load_fleet(described, now=NOW)
    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("group", "sentence"),
    [
        (
            {"release": "5d"},
            "web: no such release of AL2023_x86_64_STANDARD for Kubernetes 1.35; published were 88d, 74d",
        ),
        ({"kubernetes": "1.12"}, "web: no release of AL2023_x86_64_STANDARD for Kubernetes 1.12 is described"),
        ({"zones": ["f"]}, "the VPC has no zone f"),
        ({"ami": "CUSTOM", "image": "mine"}, "web: the Region describes no image 'mine'"),
    ],
)
def test_what_does_not_fit_together_is_named_by_its_path(group: dict[str, Any], sentence: str) -> None:
    with pytest.raises(FleetError, match=r"^111111111111\.eu-west-1\.shop\.") as refused:
        world_of(load_fleet(web(**group), now=NOW))
    assert sentence in str(refused.value)


def test_a_file_that_is_no_fleet_is_named(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    with pytest.raises(FleetError, match=r"^mine\.yaml: cannot be read"):
        load_fleet(file, now=NOW)
    for text, sentence in (
        ("a: [", "is not YAML"),
        ("- a", "a fleet is a mapping"),
        ("acounts: {}", "accounts: Field required"),
    ):
        file.write_text(text)
        with pytest.raises(FleetError, match=rf"^mine\.yaml: .*{sentence}"):
            load_fleet(file, now=NOW)


def test_superseded_is_the_release_before_the_one_published_then() -> None:
    state = world_of(load_fleet(web(superseded="33d"), now=NOW)).region(ACCOUNT, REGION)
    [instance, *_] = state.instances.values()
    image = state.public.images[instance["ImageId"]]
    assert datetime.fromisoformat(image["CreationDate"]) == NOW - timedelta(days=47)
    assert state.nodegroups["shop"]["web"]["releaseVersion"] == "1.35.4-20261004"
    assert image["Name"] == "amazon-eks-node-al2023-x86_64-standard-1.35-v20261004"


def test_the_kubernetes_calendar_follows_the_release_by_fourteen_and_twentysix_months() -> None:
    described = fleet_of() | {"kubernetes": {"1.35": {"released": "300d", "patch": 6}}}
    [version] = world_of(load_fleet(described, now=NOW)).region(ACCOUNT, REGION).public.cluster_versions
    assert version["releaseDate"] == datetime(2026, 1, 27, tzinfo=UTC)
    assert version["endOfStandardSupportDate"] == datetime(2027, 3, 27, tzinfo=UTC)
    assert version["endOfExtendedSupportDate"] == datetime(2028, 3, 27, tzinfo=UTC)
