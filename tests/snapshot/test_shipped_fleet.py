"""The shipped fleet, read and judged: what its description says is wrong is found, and nothing else."""

from collections.abc import Callable
from typing import Any

import pytest

from eks_auditor.checks import CATALOGUE
from eks_auditor.findings.judge import judge
from eks_auditor.model.verdict import Status
from local_aws import load_fleet
from tests.snapshot.bench import NOW, Bench

CLUSTERS = {name: (account, region, cluster) for account, region, name, cluster in load_fleet(now=NOW).clusters()}


@pytest.mark.parametrize("name", CLUSTERS)
def test_the_checks_find_exactly_what_is_wrong(shipped: Bench, name: str) -> None:
    account, region, cluster = CLUSTERS[name]
    judged = judge(shipped.read(name, account=account, region=region), CATALOGUE)
    scaling_groups = {f"eksctl-{name}-nodegroup-{group}-NodeGroup": group for group in cluster.self_managed}
    found = {
        (finding.check_id, scaling_groups.get(finding.subject.name.rpartition("-")[0], finding.subject.name))
        for finding in judged
        if finding.status is Status.FAILED
    }
    assert found == {(check, subject) for subject, described in cluster.judged(name) for check in described.wrong}
    unknown = [each for each in judged if each.status is Status.UNKNOWN and each.check_id.startswith("CAS")]
    assert unknown == []


SIBLINGS = {f"api-{zone}": {"zones": [zone], "labels": {"workload": "api"}, "desired": 2} for zone in "abc"}


def test_zones_without_addresses_are_no_place_to_grow(bench: Callable[..., Any]) -> None:
    def failing(started: Bench) -> set[tuple[str, str]]:
        started.start_anew()
        judged = judge(started.read(), CATALOGUE)
        return {(each.check_id, each.subject.name) for each in judged if each.status is Status.FAILED}

    with bench({"node_groups": SIBLINGS}) as started:
        assert failing(started) == set()
        for zone in ("euw1-az2", "euw1-az3"):
            started.aws.fill_subnet("shop", zone, 0)
        assert failing(started) == {
            ("ZONE006", "euw1-az2"),
            ("ZONE006", "euw1-az3"),
            ("ZONE004", "api-a, api-b, api-c"),
            ("ZONE010", "shop"),
        }


def test_a_lost_zone_is_told_of_what_it_emptied_and_of_what_cannot_grow_elsewhere(bench: Callable[..., Any]) -> None:
    groups = {"web": {"desired": 6, "max": 9}, **SIBLINGS}
    with bench({"node_groups": groups}) as started:
        assert len(started.aws.lose_zone("shop", "euw1-az3")) == 4
        judged = judge(started.read(), CATALOGUE)
    told = {(each.check_id, each.subject.name): each.severity.name for each in judged if each.status is Status.FAILED}
    assert told == {("ZONE003", "web"): "MEDIUM", ("ZONE003", "api-a, api-b, api-c"): "HIGH"}
    assert all(each.confirm for each in judged if each.status is Status.FAILED)
