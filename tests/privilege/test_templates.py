"""What the templates grant, held against AWS's own reference, and against what is known to be needed."""

import re
from itertools import product

import pytest

from tests.privilege import lint, reference
from tests.privilege.grants import PARAMETERS, Grant, grants
from tests.privilege.needs import NEEDS, OPTIONAL, SERVICES
from tests.template.cloudformation import ROOT, TOLD, Stack

GRANTS = tuple(grants())

NARROWER = {
    "dynamodb:ListStreams": "the reference names no resource; the policy that AWS SAM writes takes a table's streams",
}
"""Actions that are granted on less than `*` although the reference knows no resource of them."""


def named(grant: Grant) -> str:
    return f"{grant.carrier}-{grant.sid}"


@pytest.mark.parametrize("grant", GRANTS, ids=named)
def test_every_action_exists_and_no_wildcard_is_in_it(grant: Grant) -> None:
    for action in grant.actions:
        assert re.fullmatch(r"[a-z0-9]+:[A-Za-z]+", action)
        assert reference.action(action)["name"] == action.partition(":")[2]


@pytest.mark.parametrize("grant", GRANTS, ids=named)
def test_every_resource_only_where_aws_has_no_better_one(grant: Grant) -> None:
    for action in grant.actions:
        if action not in NARROWER:
            assert ("*" in grant.resources) == (not reference.forms(action)), action


@pytest.mark.parametrize("grant", [each for each in GRANTS if "*" not in each.resources], ids=named)
def test_each_resource_fits_an_action_and_each_action_a_resource(grant: Grant) -> None:
    asked = [action for action in grant.actions if action not in NARROWER]
    for action in asked:
        pairs = product(reference.forms(action), grant.resources)
        assert any(reference.overlap(form, arn) for form, arn in pairs), action
    known = [form for action in asked for form in reference.forms(action)]
    for arn in grant.resources if asked else ():
        assert any(reference.overlap(form, arn) for form in known), arn


@pytest.mark.parametrize("name", ["template.yaml", "template-member.yaml"])
def test_each_statement_on_everything_says_why(name: str) -> None:
    lines = (ROOT / name).read_text().splitlines()
    for number, line in enumerate(lines):
        if line.strip() == 'Resource: "*"' and "Deny" not in "".join(lines[number - 3 : number]):
            start = max(at for at in range(number) if "- Sid:" in lines[at])
            above = [text.strip() for text in lines[start - 5 : start]]
            assert any(re.search(r"takes? no\s+resource", text) for text in above if text.startswith("#")), number + 1


def test_what_needs_it_is_known_of_every_action_and_of_no_other() -> None:
    granted = {(grant.carrier, grant.sid, action) for grant in GRANTS for action in grant.actions}
    others = SERVICES.keys() | OPTIONAL.keys()
    assert {(need.role, need.sid, need.action) for need in NEEDS} == {
        (carrier, sid, action) for carrier, sid, action in granted if (carrier, sid) not in others
    }
    assert others == {(carrier, sid) for carrier, sid, _ in granted if (carrier, sid) in others}


@pytest.mark.parametrize(
    ("topic", "publisher"), [("Topic", "PublishTransitionsRole"), ("DigestTopic", "SendDigestRole")]
)
def test_a_topic_refuses_whoever_else_publishes(topic: str, publisher: str) -> None:
    policies = Stack(**TOLD).of_type("AWS::SNS::TopicPolicy").values()
    [policy] = [each for each in policies if each["Topics"] == [{"Ref": topic}]]
    [refused] = [each for each in policy["PolicyDocument"]["Statement"] if each["Sid"] == "OnlyTheAuditorPublishes"]
    assert (refused["Effect"], refused["Principal"], refused["Action"]) == ("Deny", "*", "sns:Publish")
    assert refused["Resource"] == {"Ref": topic}
    only = {"Fn::GetAtt": [publisher, "Arn"]}
    assert refused["Condition"] == {"ArnNotEquals": {"aws:PrincipalArn": only}}


def test_your_own_key_encrypts_topics_queues_and_ledger() -> None:
    key = "arn:aws:kms:eu-west-1:111111111111:key/0"
    stack = Stack(**TOLD, KmsKeyArn=key)
    for name, queue in stack.of_type("AWS::SQS::Queue").items():
        assert queue["KmsMasterKeyId"] == key, name
        assert "SqsManagedSseEnabled" not in queue, name
    topics = stack.of_type("AWS::SNS::Topic")
    assert {name: topic["KmsMasterKeyId"] for name, topic in topics.items()} == {"Topic": key, "DigestTopic": key}
    [ledger] = stack.of_type("AWS::DynamoDB::Table").values()
    assert ledger["SSESpecification"] == {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": key}


def test_whoever_reads_the_secret_may_use_your_key() -> None:
    """A secret that another key encrypts cannot be read: docs/slack.md says so."""
    stack = Stack(**TOLD, KmsKeyArn=PARAMETERS["KmsKeyArn"])
    [runtime] = stack.of_type("AWS::IAM::Policy").values()
    assert {"Ref": "NotifySlackRole"} in runtime["Roles"]
    [use] = [each for each in runtime["PolicyDocument"]["Statement"] if each["Sid"] == "UseYourKey"]
    assert "kms:Decrypt" in use["Action"]
    assert use["Resource"] == PARAMETERS["KmsKeyArn"]


def test_the_linter_finds_nothing_in_the_templates_and_what_is_wrong_elsewhere() -> None:
    assert lint.issues(GRANTS) == []
    condition = {"StringEquals": {"eks:nonsense": "x"}}
    statement = {"Sid": "Wrong", "Effect": "Allow", "Action": "eks:ListNonsense", "Resource": ["*"]}
    wrong = Grant("Role", "Wrong", ("eks:ListNonsense",), ("*",), statement)
    odd = Grant("Role", "Odd", ("eks:ListClusters",), ("*",), {**statement, "Sid": "Odd", "Action": "eks:ListClusters"})
    found = lint.issues([wrong, Grant("Role", "Odd", odd.actions, ("*",), {**odd.statement, "Condition": condition})])
    assert any("ListNonsense" in sentence for sentence in found)
    assert any("eks:nonsense" in sentence for sentence in found)
