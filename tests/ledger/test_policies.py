"""The last valid policy in the table."""

from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest

from eks_auditor.ledger.documents import NewerLedgerError, head_item, head_of, key
from eks_auditor.ledger.policies import ITEM, PARTITION, KeptPolicy, Policies
from eks_auditor.ledger.saving import Saved, save
from eks_auditor.ledger.table import Ledger
from eks_auditor.model.finding import Exemption
from eks_auditor.model.history import State
from tests.ledger.build import CLUSTER, at, audit, finding, head
from tests.ledger.conftest import TABLE

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def test_it_is_read_back_as_it_was_kept(dynamodb: "DynamoDBClient") -> None:
    policies = Policies(dynamodb, TABLE)
    assert policies.last() is None
    policies.keep(KeptPolicy("version: 1 # ünï\n", at(0)))
    assert policies.last() == KeptPolicy("version: 1 # ünï\n", at(0))


@pytest.mark.parametrize(("minutes", "text", "stays"), [(10, "b", "b"), (-10, "b", "a"), (0, "b", "a"), (10, "a", "a")])
def test_the_one_that_was_read_later_stays(dynamodb: "DynamoDBClient", minutes: int, text: str, stays: str) -> None:
    policies = Policies(dynamodb, TABLE)
    policies.keep(KeptPolicy("a", at(0)))
    policies.keep(KeptPolicy(text, at(0) + timedelta(minutes=minutes)))
    kept = policies.last()
    assert kept is not None
    assert kept.text == stays


def test_what_a_newer_release_wrote_is_left_alone(dynamodb: "DynamoDBClient") -> None:
    item = {**key(PARTITION, ITEM), "schema_version": {"N": "2"}}
    dynamodb.put_item(TableName=TABLE, Item=item)
    with pytest.raises(NewerLedgerError):
        Policies(dynamodb, TABLE).last()


@pytest.mark.parametrize("policy", ["default", "0f3c5a7b9d1e"])
def test_a_head_names_the_policy_of_its_last_whole_audit(policy: str) -> None:
    assert head_of(head_item(head(policy=policy))).policy == policy


def test_a_head_of_an_older_release_was_judged_by_the_default() -> None:
    item = head_item(head(policy="b"))
    del item["policy"]
    assert head_of(item).policy == "default"


def test_an_exempt_finding_is_kept_with_who_accepts_it_and_does_not_expire(dynamodb: "DynamoDBClient") -> None:
    accepted = Exemption(reason="r", owner="o", until=date(2026, 12, 31), source="policy")
    ledger = Ledger(dynamodb, TABLE, lambda: at(1), lambda _: None)
    saved = save(ledger, audit(0, replace(finding(), exemptions=(accepted,))), hub=False, clock=lambda: at(1))
    assert isinstance(saved, Saved)
    (record,) = ledger.load(CLUSTER)[1].values()
    assert (record.state, record.finding.exemption) == (State.EXEMPT, accepted)
    items = dynamodb.scan(TableName=TABLE)["Items"]
    assert ["expires_at" in item for item in items if item["item"]["S"].startswith("FINDING#")] == [False]
