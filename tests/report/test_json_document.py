"""The JSON document is a contract."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from eks_auditor.model.cluster import ClusterId
from eks_auditor.model.verdict import Status
from eks_auditor.report.json_document import render_json
from tests import builders
from tests.report.findings import finding, report

SCHEMA = json.loads((Path(__file__).parents[2] / "docs/schemas/report-1.json").read_text())
WORDS = tuple(finding(f"HEALTH00{number}", status=status, fix=()) for number, status in enumerate(Status, start=2))


def rendered(*args: Any, show_all: bool = False, **kwargs: Any) -> Any:  # noqa: ANN401  what report() takes; JSON
    return json.loads(render_json(report(*args, **kwargs), show_all=show_all))


def test_the_document_is_exactly_the_contract() -> None:
    read = builders.snapshot(gaps=(builders.gap(),))
    assert rendered(finding(), snapshot=read, gaps=(builders.gap("eks:ListClusters", "us-east-1", "Denied: no"),)) == {
        "schema_version": 1,
        "taken_at": "2026-11-23T12:00:00Z",
        "gaps": [{"action": "eks:ListClusters", "resource": "us-east-1", "error": "Denied: no"}],
        "clusters": [
            {
                "arn": "arn:aws:eks:eu-west-1:111122223333:cluster/shop",
                "account": "111122223333",
                "region": "eu-west-1",
                "name": "shop",
                "kubernetes_version": "1.35",
                "complete": {
                    "managed": True,
                    "self-managed": True,
                    "karpenter": True,
                    "auto-mode": True,
                    "fargate": True,
                    "standalone": True,
                },
                "gaps": [{"action": "ec2:DescribeImages", "resource": "ami-1", "error": "UnauthorizedOperation: no"}],
                "findings": [
                    {
                        "id": "eks-auditor/aws/111122223333/eu-west-1/shop/HEALTH001/managed/web",
                        "check_id": "HEALTH001",
                        "status": "FAILED",
                        "severity": "HIGH",
                        "owner": "customer",
                        "subject": {
                            "kind": "managed",
                            "name": "web",
                            "arn": "arn:aws:eks:eu-west-1:111122223333:nodegroup/shop/web/0a1b2c3d",
                        },
                        "title": "Node groups should be healthy",
                        "reason": "EKS reports NodeCreationFailure",
                        "evidence": {"code": "NodeCreationFailure"},
                        "fix": [{"tool": "aws", "command": "aws eks describe-nodegroup --nodegroup-name web"}],
                        "docs": "https://docs.aws.amazon.com/eks/latest/userguide/troubleshooting.html",
                    }
                ],
            }
        ],
    }


def test_keys_stand_in_the_order_of_the_contract() -> None:
    document = rendered(finding())
    assert list(document) == ["schema_version", "taken_at", "gaps", "clusters"]
    assert list(document["clusters"][0]["findings"][0])[:5] == ["id", "check_id", "status", "severity", "owner"]


@pytest.mark.parametrize("show_all", [False, True])
def test_the_schema_describes_it(show_all: bool) -> None:  # noqa: FBT001  a parameter
    document = rendered(finding(), *WORDS, show_all=show_all, gaps=(builders.gap(),))
    jsonschema.validate(document, SCHEMA, format_checker=jsonschema.FormatChecker())


@pytest.mark.parametrize("key", ["schema_version", "taken_at", "gaps", "clusters"])
def test_the_schema_demands_every_key(key: str) -> None:
    document = rendered(finding())
    del document[key]
    with pytest.raises(jsonschema.ValidationError, match=key):
        jsonschema.validate(document, SCHEMA)


def test_every_word_but_not_applicable_is_in_it() -> None:
    def words(*, show_all: bool) -> set[str]:
        return {each["status"] for each in rendered(*WORDS, show_all=show_all)["clusters"][0]["findings"]}

    assert words(show_all=False) == {"PASSED", "FAILED", "UNKNOWN"}
    assert words(show_all=True) == {"PASSED", "FAILED", "UNKNOWN", "NOT_APPLICABLE"}


def test_it_says_what_is_incomplete() -> None:
    read = builders.snapshot(complete={"managed": False, "self-managed": True})
    assert rendered(snapshot=read)["clusters"][0]["complete"] == {"managed": False, "self-managed": True}


def test_names_in_any_script_stay_readable() -> None:
    text = render_json(report(finding(reason="größer als 3, 東京")))
    assert "größer als 3, 東京" in text


def test_other_partitions() -> None:
    there = ClusterId("aws-cn", "1" * 12, "cn-north-1", "shop")
    document = rendered(snapshot=builders.snapshot(cluster=builders.cluster(id=there)))
    assert document["clusters"][0]["arn"] == "arn:aws-cn:eks:cn-north-1:111111111111:cluster/shop"


def test_whose_it_is_is_told_where_a_tag_says() -> None:
    document = rendered(replace(finding(), team="payments"), finding("HEALTH002"))
    jsonschema.validate(document, SCHEMA)
    teams = [each.get("team", "none") for each in document["clusters"][0]["findings"]]
    assert teams == ["payments", "none"]
