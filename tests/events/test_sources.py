import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eks_auditor.events.errors import EventError, NewerMessageError
from eks_auditor.events.requests import (
    ClustersRequest,
    DigestRequest,
    DueRequest,
    ImagesRequest,
    PollRequest,
    Recommendation,
    RelayRequest,
    ReleaseRequest,
    SweepRequest,
)
from eks_auditor.events.sources import parse_event
from eks_auditor.model.release import ReleaseLine
from tests.template.cloudformation import Stack

EVENTS = Path(__file__).resolve().parents[2] / "events"
SIX = datetime(2026, 11, 23, 6, tzinfo=UTC)


def load(name: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    return event


def changed(name: str, **detail: Any) -> dict[str, Any]:  # noqa: ANN401  any member
    """A shipped event whose detail differs."""
    event = load(name)
    event["detail"] |= detail
    return event


def eks_call(**detail: Any) -> dict[str, Any]:  # noqa: ANN401  any member
    event = load("cluster_changed")
    event["detail"] |= detail
    return event


@pytest.mark.parametrize(
    ("name", "request_"),
    [
        ("sweep", SweepRequest()),
        ("due", DueRequest()),
        ("relay", RelayRequest()),
        ("release_poll", PollRequest()),
        ("digest", DigestRequest()),
        ("policy_parameter", SweepRequest(policy="policy changed: parameter /eks-auditor/policy, Update")),
        ("policy_object", SweepRequest(policy="policy changed: s3://platform-policies/eks-auditor/policy.yaml")),
        (
            "image_state_changed",
            ImagesRequest(
                keys=("ami-0abcdef1234567890",),
                partition="aws",
                region="eu-west-1",
                cause="EC2 AMI State Change: ami-0abcdef1234567890 is deregistered",
                at=SIX,
            ),
        ),
        (
            "image_built",
            ImagesRequest(
                keys=("imagebuilder/111111111111/hardened-al2023",),
                partition="aws",
                region="eu-west-1",
                cause="EC2 Image Builder Image State Change: imagebuilder/111111111111/hardened-al2023 is AVAILABLE",
                at=SIX,
            ),
        ),
        (
            "release",
            ReleaseRequest(
                event_id="47a6ce098f0820c9b862f85bd2910a80488b92af4673eded65d639afb6c8b4cd",
                move=3,
                partition="aws",
                region="eu-west-1",
                line=ReleaseLine("al2023", "standard", "x86_64", "1.35"),
                parameter="/aws/service/eks/optimized-ami/1.35/amazon-linux-2023/x86_64/standard/recommended",
                old=Recommendation(version="20261020", image_id="ami-0123456789abcdef0"),
                new=Recommendation(version="20261117", image_id="ami-0f1e2d3c4b5a69788"),
                published_at=datetime(2026, 11, 23, 5, 12, 8, tzinfo=UTC),
                rollback=False,
                at=datetime(2026, 11, 23, 6, 0, 2, 345678, tzinfo=UTC),
            ),
        ),
        (
            "audit_requested",
            ClustersRequest(
                clusters=("arn:aws:eks:eu-west-1:111111111111:cluster/payments",), cause="Audit Requested", at=SIX
            ),
        ),
        (
            "cluster_changed",
            ClustersRequest(
                clusters=("arn:aws:eks:eu-west-1:111111111111:cluster/payments",),
                cause="UpdateNodegroupVersion",
                at=SIX,
            ),
        ),
    ],
)
def test_every_shipped_event_is_read(name: str, request_: object) -> None:
    assert parse_event(load(name)) == request_


@pytest.mark.parametrize(
    "detail",
    [
        {"requestParameters": {"clusterName": "payments"}},
        {"requestParameters": None, "responseElements": {"nodegroup": {"clusterName": "payments"}}},
        {"requestParameters": {"name": "payments", "clusterName": "other"}},
    ],
)
def test_a_call_names_its_cluster_in_any_of_three_places(detail: dict[str, Any]) -> None:
    request = parse_event(eks_call(**detail))
    assert isinstance(request, ClustersRequest)
    assert request.clusters == ("arn:aws:eks:eu-west-1:111111111111:cluster/payments",)


def test_chinas_words_and_partition_are_read() -> None:
    event = load("cluster_changed") | {"detail-type": "Amazon API Call via CloudTrail", "region": "cn-north-1"}
    request = parse_event(event, partition="aws-cn")
    assert isinstance(request, ClustersRequest)
    assert request.clusters == ("arn:aws-cn:eks:cn-north-1:111111111111:cluster/payments",)


@pytest.mark.parametrize(
    ("event", "says"),
    [
        (None, "not a JSON object"),
        ([], "not a JSON object"),
        ({}, "none that is known"),
        ({"source": "aws.ec2", "detail-type": "EC2 Spot Instance Interruption Warning"}, "none that is known"),
        (load("sweep") | {"detail-type": "Sweep"}, "detail-type"),
        (load("sweep") | {"detail": {}}, "detail.schema_version"),
        (load("sweep") | {"detail": {"schema_version": 0}}, "schema_version 0"),
        (load("sweep") | {"detail": {"schema_version": True}}, "schema_version True"),
        (load("audit_requested") | {"detail": {"schema_version": 1, "clusters": []}}, "detail.clusters"),
        (load("audit_requested") | {"detail": {"schema_version": 1, "clusters": "payments"}}, "detail.clusters"),
        (load("audit_requested") | {"time": "yesterday"}, "time"),
        (eks_call(requestParameters={}, responseElements=None), "names no cluster"),
        (eks_call(eventSource="ec2.amazonaws.com"), "detail.eventSource"),
        (load("cluster_changed") | {"account": "me"}, "account"),
        (load("release") | {"detail-type": "EKS AMI Withdrawn"}, "detail-type"),
        (load("release") | {"detail": {}}, "detail.schema_version"),
        (changed("release", event_id="47a6"), "detail.event_id"),
        (changed("release", move=0), "detail.move"),
        (changed("release", move="3"), "detail.move"),
        (changed("release", rollback="no"), "detail.rollback"),
        (changed("release", partition="aws/eu-west-1"), "detail.partition"),
        (changed("release", region="eu-west-1/../us-east-1"), "detail.region"),
        (changed("release", family="al2023/standard"), "detail.family"),
        (changed("release", family="al2023\n"), "detail.family"),
        (changed("release", architecture="sparc"), "detail.architecture"),
        (changed("release", minor="1.35.2"), "detail.minor"),
        (changed("release", parameter="/own/parameter"), "detail.parameter"),
        (changed("release", old=None), "detail.old"),
        (changed("release", new={"release": "20261117", "image_id": "latest"}), "detail.new.image_id"),
        (changed("release", observed_at="2026-11-23T06:00:02"), "detail.observed_at"),
        (load("image_state_changed") | {"detail-type": "EC2 AMI Shared"}, "none that is known"),
        (changed("image_state_changed", State="failed"), "detail.State"),
        (changed("image_state_changed", ImageId="ami-0abc; drop"), "detail.ImageId"),
        (load("image_state_changed") | {"region": "Ireland"}, "region"),
        (load("image_built") | {"detail-type": "EC2 Image Builder CVE Detected"}, "none that is known"),
        (load("policy_object") | {"detail-type": "Object Deleted"}, "none that is known"),
        (changed("policy_object", object={}), "detail.object.key"),
        (load("policy_parameter") | {"detail": {"operation": "Update"}}, "detail.name"),
        (changed("image_built", state={"status": "BUILDING"}), "detail.state.status"),
        (load("image_built") | {"resources": []}, "resources"),
        (load("image_built") | {"resources": ["arn:aws:s3:::bucket"]}, "no image build version"),
        (
            load("image_built") | {"resources": ["arn:aws:imagebuilder:eu-west-1:1:image/a/1.2.3/4"]},
            "no image build version",
        ),
    ],
)
def test_what_is_no_event_of_ours_gets_one_sentence(event: object, says: str) -> None:
    with pytest.raises(EventError) as raised:
        parse_event(event)
    sentence = str(raised.value)
    assert says in sentence
    assert "\n" not in sentence
    assert ";" in sentence, "it says what to do"
    assert not isinstance(raised.value, NewerMessageError)


def test_a_state_of_no_consequence_is_none_the_rules_let_through() -> None:
    rules = Stack().of_type("AWS::Events::Rule")
    for state in rules["ImageChanged"]["EventPattern"]["detail"]["State"]:
        assert parse_event(changed("image_state_changed", State=state))
    for status in rules["ImageBuilt"]["EventPattern"]["detail"]["state"]["status"]:
        assert parse_event(changed("image_built", state={"status": status}))


def test_partitions_of_images_are_the_stack_s() -> None:
    request = parse_event(load("image_state_changed") | {"region": "cn-north-1"}, partition="aws-cn")
    assert isinstance(request, ImagesRequest)
    assert (request.partition, request.region) == ("aws-cn", "cn-north-1")


def sentence_of(event: object) -> str:
    """What is wrong with an event; nothing if it can be read."""
    try:
        parse_event(event)
    except EventError as error:
        return str(error)
    return ""


@given(
    st.sampled_from(["release", "image_state_changed", "image_built"]),
    st.dictionaries(
        st.text() | st.sampled_from([*load("release")["detail"], "ImageId", "State", "state"]),
        st.none()
        | st.booleans()
        | st.integers()
        | st.text()
        | st.lists(st.text())
        | st.dictionaries(st.text(), st.text()),
    ),
)
def test_no_detail_breaks_the_reader(name: str, detail: dict[str, Any]) -> None:
    assert "\n" not in sentence_of(changed(name, **detail))


@pytest.mark.parametrize("name", ["sweep", "audit_requested", "release"])
def test_a_newer_event_is_told_apart_whatever_its_shape(name: str) -> None:
    with pytest.raises(NewerMessageError, match="schema_version 2"):
        parse_event(load(name) | {"detail": {"schema_version": 2, "all": True}})
