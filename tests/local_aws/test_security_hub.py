from copy import deepcopy
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_aws import AuditedAws
from tests.local_aws.conftest import ACCOUNT, NOW, OTHER_ACCOUNT, REGION, Client, Clients

PRODUCT = f"arn:aws:securityhub:{REGION}:{ACCOUNT}:product/{ACCOUNT}/default"


def at(minutes: int) -> str:
    return (NOW + timedelta(minutes=minutes)).isoformat()


def finding(identifier: str = "one", minutes: int = 0, /, **members: object) -> dict[str, Any]:
    return {
        "SchemaVersion": "2018-10-08",
        "Id": identifier,
        "ProductArn": PRODUCT,
        "GeneratorId": "eks-auditor/HEALTH001",
        "AwsAccountId": ACCOUNT,
        "CreatedAt": at(0),
        "UpdatedAt": at(minutes),
        "Title": "Node groups should be healthy",
        "Description": "NodeCreationFailure",
        "Resources": [{"Type": "Other", "Id": "arn"}],
        "FindingProviderFields": {
            "Severity": {"Label": "HIGH", "Original": "HIGH"},
            "Types": ["Software and Configuration Checks/AWS Security Best Practices"],
        },
        "Compliance": {"Status": "FAILED"},
        "RecordState": "ACTIVE",
        **members,
    }


@pytest.fixture
def hub(client: Clients) -> Client:
    return client("securityhub", validating=False)


def imported(hub: Client, *findings: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = hub.batch_import_findings(Findings=list(findings))
    return answer


def stored(aws: AuditedAws) -> dict[str, Any]:
    [only] = aws.findings(ACCOUNT, REGION)
    return only


def test_a_new_finding_is_kept_and_its_top_level_filled(hub: Client, aws: AuditedAws) -> None:
    answer = imported(hub, finding())
    assert (answer["SuccessCount"], answer["FailedCount"], answer["FailedFindings"]) == (1, 0, [])
    kept = stored(aws)
    assert kept["Severity"] == {"Label": "HIGH", "Normalized": 70, "Original": "HIGH"}
    assert kept["Types"] == ["Software and Configuration Checks/AWS Security Best Practices"]
    assert kept["Workflow"] == {"Status": "NEW"}
    [seen] = hub.get_findings()["Findings"]
    assert seen == kept


def test_a_hub_that_is_not_enabled_refuses_everything(client: Clients, aws: AuditedAws) -> None:
    aws.disable_security_hub(ACCOUNT, REGION)
    hub = client("securityhub")
    for call in (lambda: imported(hub, finding()), hub.get_findings, hub.describe_hub, hub.disable_security_hub):
        with pytest.raises(ClientError, match="not subscribed") as refused:
            call()
        assert refused.value.response["Error"]["Code"] == "InvalidAccessException"
    hub.enable_security_hub()
    assert imported(hub, finding())["SuccessCount"] == 1
    assert hub.describe_hub()["HubArn"].endswith("hub/default")
    with pytest.raises(ClientError, match="ResourceConflict"):
        hub.enable_security_hub()
    hub.disable_security_hub()
    aws.enable_security_hub(ACCOUNT, REGION)
    assert hub.get_findings()["Findings"] == []


def test_more_than_a_hundred_findings_are_refused(hub: Client, aws: AuditedAws) -> None:
    assert imported(hub, *(finding(str(index)) for index in range(100)))["SuccessCount"] == 100
    with pytest.raises(ClientError, match="between 1 and 100"):
        imported(hub, *(finding(str(index)) for index in range(101)))
    assert len(aws.findings(ACCOUNT, REGION)) == 100


def test_more_than_six_megabytes_are_refused(hub: Client) -> None:
    large = {f"k{index}": "x" * 2048 for index in range(50)}
    many = [finding(str(index), ProductFields=large) for index in range(62)]
    with pytest.raises(ClientError, match="6 MB"):
        imported(hub, *many)


@pytest.mark.parametrize(
    "broken",
    [
        {"Title": "x" * 257},
        {"Title": "  "},
        {"Description": "x" * 1025},
        {"Id": "x" * 513},
        {"GeneratorId": "x" * 513},
        {"SchemaVersion": "2020-01-01"},
        {"UpdatedAt": "yesterday"},
        {"CreatedAt": "2026-11-23 12:00:00"},
        {"Resources": []},
        {"Resources": [{"Type": "Other", "Id": "arn"}] * 33},
        {"Resources": [{"Type": "Other", "Id": "arn", "Details": {"Other": {"key": " "}}}]},
        {"Resources": [{"Type": "Other", "Id": "arn", "Partition": "aws-eusc"}]},
        {"FindingProviderFields": {"Types": ["Effects"]}},
        {"FindingProviderFields": {"Severity": {"Label": "URGENT"}}},
        {"FindingProviderFields": {"Severity": {"Label": "LOW", "Original": "x" * 65}}},
        {"Types": ["Reliability/Zones"]},
        {"Types": ["Effects"] * 51},
        {"ProductFields": {f"k{index}": "v" for index in range(51)}},
        {"ProductFields": {"k" * 129: "v"}},
        {"ProductFields": {"k": "v" * 2049}},
        {"UserDefinedFields": {"k": "v" * 1025}},
        {"Remediation": {"Recommendation": {"Text": "x" * 513}}},
        {"Compliance": {"Status": "BROKEN"}},
        {"Compliance": {"Status": "FAILED", "StatusReasons": [{"Description": "no code"}]}},
        {"ProductName": "x" * 129},
        {"RelatedFindings": []},
        {"Note": {"Text": "x" * 513, "UpdatedBy": "me", "UpdatedAt": "2026-11-23T12:00:00Z"}},
        {"Resources": [{"Type": "Other", "Id": "arn", "Details": {"Other": {"key": "x" * (240 * 1024)}}}]},
    ],
    ids=lambda broken: f"{next(iter(broken))}-{str(broken)[:40]}",
)
def test_a_malformed_finding_fails_alone(hub: Client, aws: AuditedAws, broken: dict[str, Any]) -> None:
    answer = imported(hub, finding("good"), finding(**broken))
    assert (answer["SuccessCount"], answer["FailedCount"]) == (1, 1)
    assert answer["FailedFindings"][0]["ErrorCode"] == "InvalidInput"
    assert stored(aws)["Id"] == "good"


def test_findings_of_others_are_refused(hub: Client, client: Clients, aws: AuditedAws) -> None:
    foreign = [
        finding(AwsAccountId=OTHER_ACCOUNT),
        finding(ProductArn=PRODUCT.replace(f"product/{ACCOUNT}", f"product/{OTHER_ACCOUNT}")),
        finding(ProductArn=PRODUCT.replace(REGION, "us-east-1")),
    ]
    answer = imported(hub, *foreign)
    assert [each["ErrorCode"] for each in answer["FailedFindings"]] == ["InvalidAccess"] * 3
    aws.enable_security_hub(OTHER_ACCOUNT, REGION)
    assert imported(client("securityhub", key=OTHER_ACCOUNT), finding())["FailedCount"] == 1


def test_an_older_or_equal_update_is_ignored_and_counts_as_success(hub: Client, aws: AuditedAws) -> None:
    imported(hub, finding("one", 10, Title="now"))
    for minutes in (10, 9):
        assert imported(hub, finding("one", minutes, Title="late"))["SuccessCount"] == 1
    assert stored(aws)["Title"] == "now"
    imported(hub, finding("one", 11, Title="newer"))
    assert stored(aws)["Title"] == "newer"


def test_the_same_instant_in_another_zone_is_not_newer(hub: Client, aws: AuditedAws) -> None:
    imported(hub, finding(UpdatedAt="2026-11-23T12:00:00Z"))
    imported(hub, finding(UpdatedAt="2026-11-23T13:00:00+01:00", Title="late"))
    assert stored(aws)["Title"] != "late"


def test_import_does_not_change_what_is_the_customer_s(hub: Client, aws: AuditedAws) -> None:
    imported(hub, finding())
    identifiers = [{"Id": "one", "ProductArn": PRODUCT}]
    answer = hub.batch_update_findings(
        FindingIdentifiers=[*identifiers, {"Id": "no", "ProductArn": PRODUCT}],
        Workflow={"Status": "SUPPRESSED"},
        Note={"Text": "known", "UpdatedBy": "me"},
        UserDefinedFields={"ticket": "7"},
        VerificationState="TRUE_POSITIVE",
        Severity={"Label": "LOW"},
    )
    assert answer["ProcessedFindings"] == identifiers
    assert answer["UnprocessedFindings"][0]["ErrorCode"] == "FindingNotFound"
    mine = deepcopy(stored(aws))
    note = {"Text": "mine", "UpdatedBy": "x", "UpdatedAt": at(1)}
    theirs = {
        "Workflow": {"Status": "NEW"},
        "Note": note,
        "UserDefinedFields": {"a": "b"},
        "VerificationState": "UNKNOWN",
    }
    imported(hub, finding("one", 5, FindingProviderFields={"Severity": {"Label": "CRITICAL"}}, **theirs))
    kept = stored(aws)
    for member in ("Workflow", "Note", "UserDefinedFields", "VerificationState", "Severity"):
        assert kept[member] == mine[member]
    assert kept["FindingProviderFields"]["Severity"] == {"Label": "CRITICAL"}
    assert kept["UpdatedAt"] == at(5)


def test_the_provider_s_severity_follows_while_the_customer_has_none(hub: Client, aws: AuditedAws) -> None:
    imported(hub, finding())
    imported(hub, finding("one", 1, FindingProviderFields={"Severity": {"Label": "CRITICAL"}}))
    assert stored(aws)["Severity"]["Label"] == "CRITICAL"


@pytest.mark.parametrize("workflow", ["NOTIFIED", "RESOLVED", "SUPPRESSED"])
@pytest.mark.parametrize(
    "case",
    [
        ({"RecordState": "ARCHIVED"}, {"RecordState": "ACTIVE"}, True),
        ({"Compliance": {"Status": "PASSED"}}, {"Compliance": {"Status": "FAILED"}}, True),
        ({"Compliance": {"Status": "PASSED"}}, {"Compliance": {"Status": "NOT_AVAILABLE"}}, True),
        ({"Compliance": {"Status": "FAILED"}}, {"Compliance": {"Status": "PASSED"}}, False),
        ({}, {"Title": "other"}, False),
    ],
)
def test_a_finding_that_comes_back_is_new_again_unless_suppressed(
    hub: Client, aws: AuditedAws, workflow: str, case: tuple[dict[str, Any], dict[str, Any], bool]
) -> None:
    before, after, back = case
    imported(hub, finding(**before))
    hub.batch_update_findings(FindingIdentifiers=[{"Id": "one", "ProductArn": PRODUCT}], Workflow={"Status": workflow})
    imported(hub, finding("one", 1, **after))
    expected = "NEW" if back and workflow != "SUPPRESSED" else workflow
    assert stored(aws)["Workflow"]["Status"] == expected


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"Id": [{"Value": "a1", "Comparison": "EQUALS"}]}, {"a1"}),
        ({"Id": [{"Value": "a", "Comparison": "PREFIX"}]}, {"a1", "a2"}),
        ({"Id": [{"Value": "a1", "Comparison": "EQUALS"}, {"Value": "b", "Comparison": "PREFIX"}]}, {"a1", "b1"}),
        ({"Id": [{"Value": "a", "Comparison": "PREFIX_NOT_EQUALS"}]}, {"b1"}),
        ({"GeneratorId": [{"Value": "eks-auditor/", "Comparison": "PREFIX"}]}, {"a1", "a2", "b1"}),
        ({"ProductArn": [{"Value": "other", "Comparison": "EQUALS"}]}, set()),
        ({"AwsAccountId": [{"Value": ACCOUNT, "Comparison": "EQUALS"}]}, {"a1", "a2", "b1"}),
        ({"RecordState": [{"Value": "ARCHIVED", "Comparison": "EQUALS"}]}, {"a2"}),
        ({"WorkflowStatus": [{"Value": "NEW", "Comparison": "NOT_EQUALS"}]}, set()),
        ({"ComplianceStatus": [{"Value": "PASSED", "Comparison": "EQUALS"}]}, {"a2"}),
        ({"SeverityLabel": [{"Value": "LOW", "Comparison": "EQUALS"}]}, {"b1"}),
        ({"ProductFields": [{"Key": "team", "Value": "x", "Comparison": "EQUALS"}]}, {"b1"}),
    ],
)
def test_findings_are_filtered(hub: Client, filters: dict[str, Any], found: set[str]) -> None:
    low = {"Severity": {"Label": "LOW"}}
    imported(
        hub,
        finding("a1"),
        finding("a2", RecordState="ARCHIVED", Compliance={"Status": "PASSED"}),
        finding("b1", FindingProviderFields=low, ProductFields={"team": "x"}),
    )
    assert {each["Id"] for each in hub.get_findings(Filters=filters)["Findings"]} == found


def test_a_filter_that_is_not_served_is_refused_not_ignored(hub: Client) -> None:
    imported(hub, finding())
    with pytest.raises(ClientError, match="does not filter findings by MalwareName"):
        hub.get_findings(Filters={"MalwareName": [{"Value": "x", "Comparison": "EQUALS"}]})


def test_findings_come_in_pages(hub: Client) -> None:
    imported(hub, *(finding(str(index)) for index in range(45)))
    assert len(hub.get_findings()["Findings"]) == 20
    pages = list(hub.get_paginator("get_findings").paginate(PaginationConfig={"PageSize": 10}))
    assert [len(page["Findings"]) for page in pages] == [10, 10, 10, 10, 5]
    ordered = hub.get_findings(SortCriteria=[{"Field": "Id", "SortOrder": "asc"}], MaxResults=3)["Findings"]
    assert [each["Id"] for each in ordered] == ["0", "1", "10"]
