"""What changes in a cluster is told once, and what is gone is closed."""

import pytest

from local_aws.stage import Stage
from tests.e2e.conftest import SECONDS, Witness, arn, audit

pytestmark = pytest.mark.e2e


def hub_state(stage: Stage, cluster: str) -> dict[str, tuple[str, str]]:
    return {
        found["Id"].rpartition("/")[2]: (found["RecordState"], found["Compliance"]["Status"])
        for found in stage.hub()
        if f"/{cluster}/" in found["Id"]
    }


def test_a_node_group_breaks_and_is_repaired(audited: Stage, witness: Witness) -> None:
    audited.audited.break_nodegroup("changes", "web", "NodeCreationFailure", "Instances failed to join")
    asked = audit(audited, "changes")
    assert witness.told("changes", asked) == [("opened", "HEALTH001", "web")]
    assert hub_state(audited, "changes") == {"web": ("ACTIVE", "FAILED")}

    asked = audit(audited, "changes")
    assert witness.told("changes", asked) == []

    audited.audited.repair_nodegroup("changes", "web")
    asked = audit(audited, "changes")
    assert witness.told("changes", asked) == [("resolved", "HEALTH001", "web")]
    assert hub_state(audited, "changes") == {"web": ("ARCHIVED", "PASSED")}

    audited.audited.break_nodegroup("changes", "web", "NodeCreationFailure", "Instances failed to join")
    asked = audit(audited, "changes")
    assert witness.told("changes", asked) == [("reopened", "HEALTH001", "web")]
    assert hub_state(audited, "changes") == {"web": ("ACTIVE", "FAILED")}

    audited.audited.delete_nodegroup("changes", "web")
    asked = audit(audited, "changes")
    assert witness.told("changes", asked) == [("resolved", "HEALTH001", "web")]


def test_what_cannot_be_read_moves_nothing(audited: Stage, witness: Witness) -> None:
    audited.audited.break_nodegroup("parked", "web", "NodeCreationFailure", "Instances failed to join")
    audit(audited, "parked")
    audited.audited.fail(
        "eks",
        "DescribeNodegroup",
        "AccessDeniedException",
        "not authorized",
        status=403,
        when=lambda params: params.get("clusterName") == "parked",
    )
    try:
        asked = audit(audited, "parked")
        assert witness.told("parked", asked) == []
        assert hub_state(audited, "parked") == {"web": ("ACTIVE", "FAILED")}
        said = [line["message"] for line in audited.deployment.logs() if line.get("cluster") == arn("parked")]
        assert any("eks:DescribeNodegroup" in sentence for sentence in said)
    finally:
        audited.audited.mend()
        audited.audited.repair_nodegroup("parked", "web")
    asked = audit(audited, "parked")
    assert witness.told("parked", asked) == [("resolved", "HEALTH001", "web")]


def test_a_deleted_cluster_is_closed_and_forgotten_by_the_sweep(audited: Stage, witness: Witness) -> None:
    audited.audited.break_nodegroup("doomed", "web", "NodeCreationFailure", "Instances failed to join")
    audit(audited, "doomed")
    audited.audited.delete_cluster("doomed")
    asked = audited.fire_sweep()
    audited.settle(asked, seconds=SECONDS)
    assert witness.told("doomed", asked) == [("resolved", "HEALTH001", "web")]
    [head] = [item for item in audited.ledger() if item["cluster"] == arn("doomed") and item["item"] == "HEAD"]
    assert head["deleted"]
    assert "head" not in head


def test_a_cluster_created_again_starts_a_new_life(audited: Stage, witness: Witness) -> None:
    audited.audited.break_nodegroup("phoenix", "web", "NodeCreationFailure", "Instances failed to join")
    audit(audited, "phoenix")
    audited.audited.recreate_cluster("phoenix")
    asked = audit(audited, "phoenix")
    assert witness.told("phoenix", asked) == [("opened", "HEALTH001", "web")]
    assert [m["class"] for m in witness.messages if m["cluster"]["name"] == "phoenix"][-1] == "baseline"
