from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eks_auditor.model.cluster import ClusterId
from eks_auditor.model.finding import Finding, Fix, Subject
from eks_auditor.model.history import Change, Transition
from eks_auditor.model.verdict import Owner, Severity, Status
from eks_auditor.sinks.asff import asff
from tests.builders import CLUSTER_ID, NOW
from tests.sinks.fakes import complaints
from tests.sinks.transitions import AUDIT_ID, FIRST_SEEN, finding, subject, transition


def told(about: Transition, cluster: ClusterId = CLUSTER_ID, taken_at: datetime = NOW) -> dict[str, Any]:
    return asff(about, cluster=cluster, audit_id=AUDIT_ID, taken_at=taken_at)


def test_a_finding_as_security_hub_gets_it() -> None:
    made = told(transition())
    assert complaints([made]) == []
    assert made["Id"] == "eks-auditor/aws/111122223333/eu-west-1/shop/AMI001/managed/web"
    assert made["ProductArn"] == "arn:aws:securityhub:eu-west-1:111122223333:product/111122223333/default"
    assert made["GeneratorId"] == "eks-auditor/AMI001"
    assert made["SchemaVersion"] == "2018-10-08"
    assert made["Title"] == "Node groups should run a current release"
    assert made["Description"] == "superseded 34 days ago by 1.35.6-20261020"
    assert made["FindingProviderFields"] == {
        "Severity": {"Label": "MEDIUM", "Original": "MEDIUM"},
        "Types": ["Software and Configuration Checks/Patch Management"],
    }
    assert made["Remediation"]["Recommendation"]["Text"] == "aws eks update-nodegroup-version --nodegroup-name web"
    assert made["Remediation"]["Recommendation"]["Url"].startswith("https://docs.aws.amazon.com/")
    assert made["ProductFields"]["eks-auditor/audit_id"] == AUDIT_ID
    assert made["ProductFields"]["eks-auditor/evidence/superseded_days"] == "34"
    assert made["ProductFields"]["eks-auditor/evidence/release"] == "1.35.4-20260901"


def test_when_it_began_stays_and_when_it_changed_is_the_audits_instant() -> None:
    tokyo = timezone(timedelta(hours=9))
    made = told(transition(first_seen=FIRST_SEEN.astimezone(tokyo)), taken_at=NOW.astimezone(tokyo))
    assert made["CreatedAt"] == "2026-11-20T12:00:00.000000Z"
    assert made["UpdatedAt"] == "2026-11-23T12:00:00.000000Z"


@pytest.mark.parametrize("change", Change)
def test_what_each_change_makes_of_it(change: Change) -> None:
    made = told(transition(change=change))
    expected = {
        Change.RESOLVED: ("PASSED", "ARCHIVED"),
        Change.WITHDRAWN: ("NOT_AVAILABLE", "ARCHIVED"),
    }.get(change, ("FAILED", "ACTIVE"))
    assert (made["Compliance"]["Status"], made["RecordState"]) == expected
    assert made["Compliance"]["StatusReasons"] == [
        {"ReasonCode": change.name, "Description": "superseded 34 days ago by 1.35.6-20261020"}
    ]


def test_resources_are_the_subject_and_its_cluster() -> None:
    cluster = {
        "Type": "AwsEksCluster",
        "Id": CLUSTER_ID.arn,
        "Partition": "aws",
        "Region": "eu-west-1",
        "Details": {"AwsEksCluster": {"Arn": CLUSTER_ID.arn, "Name": "shop"}},
    }
    of_cluster = told(transition(finding(subject("shop", "cluster", arn=CLUSTER_ID.arn))))
    assert of_cluster["Resources"] == [cluster]
    group = "arn:aws:autoscaling:eu-west-1:111122223333:autoScalingGroup:1:autoScalingGroupName/batch"
    self_managed = told(transition(finding(subject("batch", "self-managed", arn=group))))
    assert self_managed["Resources"] == [
        {"Type": "AwsAutoScalingAutoScalingGroup", "Id": group, "Partition": "aws", "Region": "eu-west-1"},
        cluster,
    ]
    managed = told(transition())["Resources"]
    assert managed[0]["Type"] == "Other"
    assert managed[0]["Details"]["Other"] == {"Kind": "managed", "Name": "web", "Cluster": "shop"}
    assert managed[1] == cluster
    arn = f"{CLUSTER_ID.arn}/zone/euw1-az1"
    zone = told(transition(finding(subject("euw1-az1", "zone", arn=arn))))["Resources"]
    assert (zone[0]["Type"], zone[0]["Id"], zone[1]) == ("Other", arn, cluster)
    assert zone[0]["Details"]["Other"] == {"Kind": "zone", "Name": "euw1-az1", "Cluster": "shop"}


def test_a_partition_that_security_hub_does_not_know_is_left_out() -> None:
    for partition, known in (("aws-eusc", False), ("aws-cn", True)):
        made = told(transition(), ClusterId(partition, "111122223333", "eusc-de-east-1", "shop"))
        assert all(("Partition" in resource) is known for resource in made["Resources"])
        assert made["ProductArn"].startswith(f"arn:{partition}:securityhub:")
        assert complaints([made]) == []


def test_long_text_is_cut_where_it_shows_and_evidence_keeps_it() -> None:
    reason = "é" * 2000
    made = told(transition(finding(reason=reason, title="t" * 300, evidence={"reason": reason})))
    assert made["Description"] == "é" * 1023 + "…"
    assert made["Title"] == "t" * 255 + "…"
    assert made["ProductFields"]["eks-auditor/evidence/reason"] == reason


def test_half_a_command_is_never_shown() -> None:
    long = Fix(tool="aws", command="aws eks " + "x" * 600)
    short = Fix(tool="aws", command="aws eks update-nodegroup-version")
    other = Fix(tool="eksctl", command="eksctl upgrade nodegroup")
    assert told(transition(finding(fix=(other, long, short))))["Remediation"]["Recommendation"]["Text"] == short.command
    assert "Text" not in told(transition(finding(fix=(other, long))))["Remediation"]["Recommendation"]


def test_evidence_beyond_what_fits_gives_way_to_what_names_the_audit() -> None:
    made = told(transition(finding(evidence={f"zone-{number:02}": number for number in range(80)})))
    assert len(made["ProductFields"]) == 50
    assert made["ProductFields"]["eks-auditor/audit_id"] == AUDIT_ID
    assert complaints([made]) == []


_HOSTILE = st.text(st.characters() | st.sampled_from('\n\r\t\x00"\\…☃\ud800\u2028 '), max_size=40)
_TEXT = st.builds(lambda text, times: text * times, _HOSTILE, st.sampled_from([1, 2, 80]))
_SUBJECTS = st.builds(
    Subject,
    kind=st.sampled_from(["cluster", "managed", "self-managed", "standalone", "sibling-set", "zone"]),
    key=_TEXT,
    name=_TEXT,
    arn=_TEXT,
)
_FINDINGS = st.builds(
    Finding,
    id=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=512),
    check_id=st.sampled_from(["AMI001", "ZONE002", "CAS003", "HEALTH001", "UPG001"]),
    status=st.sampled_from(Status),
    severity=st.sampled_from(Severity),
    owner=st.sampled_from(Owner),
    subject=_SUBJECTS,
    title=_TEXT.map(lambda text: f"Nodes {text}"),
    reason=_TEXT,
    evidence=st.dictionaries(_TEXT, _TEXT | st.integers() | st.floats() | st.booleans(), max_size=60),
    fix=st.lists(st.builds(Fix, tool=st.sampled_from(["aws", "eksctl"]), command=_TEXT), max_size=3).map(tuple),
    docs=st.just("https://docs.aws.amazon.com/eks/"),
)


@settings(max_examples=150, deadline=None)
@given(_FINDINGS, st.sampled_from(Change), st.datetimes(timezones=st.just(NOW.tzinfo)))
def test_security_hub_takes_every_finding_whatever_people_write(about: Finding, change: Change, at: datetime) -> None:
    assert complaints([told(transition(about, change, first_seen=at))]) == []


def test_whose_it_is_goes_along_where_a_tag_says() -> None:
    assert "eks-auditor/team" not in told(transition())["ProductFields"]
    many = {f"key-{number}": number for number in range(60)}
    [found] = [told(transition(finding(team="é" * 256, evidence=many)))]
    assert found["ProductFields"]["eks-auditor/team"] == "é" * 256
    assert complaints([found]) == []
