"""What is read of user data for Cluster Autoscaler's sake, and what of it is written."""

import json

import pytest

from local_aws.stage import Stage
from tests.e2e.conftest import FirstPass
from tests.local_aws.planted import leaks, planted

pytestmark = pytest.mark.e2e


def log_lines(stage: Stage) -> list[str]:
    """Return every line that the functions and their runtime logged, JSON or not."""
    pages = stage.deployment.client("logs").get_paginator("filter_log_events")
    return [
        event["message"] for page in pages.paginate(logGroupName=stage.outputs["LogGroup"]) for event in page["events"]
    ]


def test_no_password_of_user_data_is_in_anything_that_was_written(stage: Stage, first_pass: FirstPass) -> None:
    assert len(planted(stage.audited)) == 1  # the group figs of the cluster glasshouse, which was read
    assert "glasshouse" in stage.audited.clusters_read
    written = {
        "ledger": [json.dumps(item, default=str) for item in (*first_pass.ledger, *stage.ledger())],
        "messages": [json.dumps(message) for message in (*first_pass.messages, *first_pass.attributes)],
        "findings": [json.dumps(finding, default=str) for finding in stage.hub()],
        "logs": log_lines(stage),
    }
    for where, cluster in (
        ("ledger", "glasshouse"),
        ("logs", "glasshouse"),
        ("messages", "orchard"),
        ("findings", "orchard"),
    ):
        assert any(cluster in text for text in written[where])
    assert {where: leaks(texts) for where, texts in written.items()} == {where: [] for where in written}
