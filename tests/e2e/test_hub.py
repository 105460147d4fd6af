"""Security Hub that is not enabled is an answer; enabling it fills it within a sweep."""

import json

import pytest

from local_aws.stage import Stage
from tests.e2e.conftest import SECONDS, Witness

pytestmark = pytest.mark.e2e

OTHER = "222222222222"


def test_a_hub_that_is_enabled_later_is_filled_by_the_next_sweep(audited: Stage, witness: Witness) -> None:
    assert audited.audited.findings(OTHER, "eu-west-1") == []
    audited.audited.enable_security_hub(OTHER, "eu-west-1")
    asked = audited.fire_sweep()
    audited.settle(asked, seconds=SECONDS)
    found = audited.audited.findings(OTHER, "eu-west-1")
    opened = {
        json.loads(item["document"])["id"]
        for item in audited.ledger()
        if item["item"].startswith("FINDING#") and item["state"] == "OPEN" and f":{OTHER}:" in item["cluster"]
    }
    assert f"eks-auditor/aws/{OTHER}/eu-west-1/sandbox/HEALTH001/managed/experiments" in opened
    assert {finding["Id"] for finding in found} == opened
    assert {finding["AwsAccountId"] for finding in found} == {OTHER}
    assert witness.told("sandbox", asked) == []
