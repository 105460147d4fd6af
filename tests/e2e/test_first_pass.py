"""The first sweep over the shipped fleet: everything that is wrong is found, and nothing else."""

import json
import time
from collections import Counter, defaultdict
from pathlib import Path

import jsonschema
import pytest

from eks_auditor.checks import CATALOGUE
from local_aws.building import ROOT
from local_aws.deployment import ACCOUNT
from local_aws.stage import Stage
from tests.e2e.conftest import SECONDS, FirstPass, Witness

pytestmark = pytest.mark.e2e

REPORTS_ONLY = {check.id for check in CATALOGUE if check.reports_only}
WAIT_FOR_A_SECOND_SIGHTING = frozenset({"ZONE003", "ZONE004", "CAS008", "CAS011"})
AT_ONCE = frozenset({("CAS008", "press-a, press-b")})
"""A size that is fixed is configuration, which no second look makes surer."""


def wrong_in_fleet(stage: Stage) -> dict[str, set[tuple[str, str]]]:
    """Return what the fleet's description says is wrong: cluster to (check, subject); not what only reports tell."""
    wrong: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for account in stage.audited.world.fleet.accounts.values():
        for region in account.regions.values():
            for name, cluster in region.clusters.items():
                for subject, described in cluster.judged(name):
                    wrong[name] |= {(check, subject) for check in described.wrong if check not in REPORTS_ONLY}
    return wrong


def waits(pair: tuple[str, str]) -> bool:
    """Whether this (check, subject) opens at its second sighting only."""
    return pair[0] in WAIT_FOR_A_SECOND_SIGHTING and pair not in AT_ONCE


def plain_name(stage: Stage, cluster: str, subject: str) -> str:
    """Return the fleet's name of a self-managed group, whose Auto Scaling group has a generated one."""
    named = stage.audited.world.fleet
    groups = [
        group
        for account in named.accounts.values()
        for region in account.regions.values()
        if cluster in region.clusters
        for group in region.clusters[cluster].self_managed
    ]
    return next((group for group in groups if f"-nodegroup-{group}-" in subject), subject)


def test_the_ledger_has_open_exactly_what_the_fleet_says_is_wrong(stage: Stage, first_pass: FirstPass) -> None:
    found: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for item in first_pass.ledger:
        if item["item"].startswith("FINDING#") and item["state"] == "OPEN":
            finding = json.loads(item["document"])
            cluster = item["cluster"].rpartition("/")[2]
            found[cluster].add((finding["check_id"], plain_name(stage, cluster, finding["subject"]["name"])))
    wrong = {cluster: {pair for pair in pairs if not waits(pair)} for cluster, pairs in wrong_in_fleet(stage).items()}
    assert dict(found) == {cluster: pairs for cluster, pairs in wrong.items() if pairs}


def test_what_needs_two_audits_waits_for_the_second(stage: Stage, first_pass: FirstPass) -> None:
    sightings = {
        item["cluster"].rpartition("/")[2]: sorted(finding_id.split("/")[5] for finding_id in item["sightings"])
        for item in first_pass.ledger
        if item["item"] == "HEAD" and item["sightings"]
    }
    waiting = {
        cluster: sorted(check for check, subject in pairs if waits((check, subject)))
        for cluster, pairs in wrong_in_fleet(stage).items()
    }
    assert sightings == {cluster: checks for cluster, checks in waiting.items() if checks}


def test_security_hub_holds_what_the_ledger_has_open(first_pass: FirstPass) -> None:
    opened = {
        json.loads(item["document"])["id"]
        for item in first_pass.ledger
        if item["item"].startswith("FINDING#") and f":{ACCOUNT}:" in item["cluster"]
    }
    assert {found["Id"] for found in first_pass.findings} == opened
    assert {(f["RecordState"], f["Compliance"]["Status"]) for f in first_pass.findings} == {("ACTIVE", "FAILED")}


def test_the_ledger_knows_what_security_hub_took(first_pass: FirstPass) -> None:
    took = {found["Id"]: found["UpdatedAt"] for found in first_pass.findings}
    noted = {
        json.loads(item["document"])["id"]: item.get("hub_at")
        for item in first_pass.ledger
        if item["item"].startswith("FINDING#")
    }
    assert {finding for finding, at in noted.items() if at} == set(took)


def test_a_first_audit_is_one_message_for_people(first_pass: FirstPass) -> None:
    kinds = Counter((message["cluster"]["name"], message["class"]) for message in first_pass.messages)
    assert set(kinds.values()) == {1}
    assert {kind for _, kind in kinds} == {"baseline"}


def test_every_message_fits_its_published_schema(first_pass: FirstPass) -> None:
    schema = json.loads(Path(ROOT / "docs/schemas/transitions-1.json").read_text())
    assert first_pass.messages
    for message in first_pass.messages:
        jsonschema.validate(message, schema)


def test_one_audit_id_leads_from_the_plan_to_the_finding(stage: Stage, first_pass: FirstPass) -> None:
    steps = ("asked for an audit", "audited arn:", "published OUTBOX#", "Security Hub")
    wanted = {(message["audit_id"], step) for message in first_pass.messages for step in steps}

    def told() -> set[tuple[str, str]]:
        lines = [line for line in stage.deployment.logs() if "audit_id" in line]
        return {(line["audit_id"], step) for line in lines for step in steps if step in line["message"]}

    deadline = time.monotonic() + SECONDS
    while missing := wanted - told():  # the lines of a function come after what it did
        assert time.monotonic() < deadline, missing
        time.sleep(0.5)
    ids = {message["audit_id"] for message in first_pass.messages}
    assert {found["ProductFields"]["eks-auditor/audit_id"] for found in first_pass.findings} <= ids


def test_a_second_sweep_tells_nothing(stage: Stage, first_pass: FirstPass, witness: Witness) -> None:
    before = {found["Id"]: found["UpdatedAt"] for found in first_pass.findings}
    asked = stage.fire_sweep()
    stage.settle(asked, seconds=SECONDS)
    assert [told for cluster in wrong_in_fleet(stage) for told in witness.told(cluster, asked)] == []
    assert {found["Id"]: found["UpdatedAt"] for found in stage.hub() if found["Id"] in before} == before
