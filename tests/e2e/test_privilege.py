"""Deployed roles are sufficient and necessary: no run is denied anything, and each without one action is denied that.

The functions are run in this process, with the credentials of their deployed roles, against the deployment and the
audited AWS, which both evaluate those roles' policies as they are at each call.
"""

import json
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from eks_auditor.events.messages import AuditRequest
from eks_auditor.model.cluster import ClusterId
from local_aws import load_fleet
from local_aws.building import REGION, ROOT
from local_aws.deployment import ACCOUNT
from local_aws.member import STACK as MEMBER_STACK
from local_aws.stage import Stage
from tests.privilege import needs
from tests.privilege.fleet import CLUSTER, FLEET, MEMBER, POLICY, SPARE, VISITED
from tests.privilege.grants import PARAMETERS, grants
from tests.privilege.needs import NEEDS, Need
from tests.privilege.running import Ran, run
from tests.privilege.telling import Telling

pytestmark = pytest.mark.e2e

type Document = dict[str, Any]

GRANTS = tuple(grants())

OBJECT = {"POLICY_PARAMETER": "", "POLICY_BUCKET": PARAMETERS["PolicyBucket"], "POLICY_KEY": "eks-auditor/policy.yaml"}
"""The environment of a stack whose policy an object holds."""

NOTHING = {"Sid": "Nothing", "Effect": "Allow", "Action": "sts:GetCallerIdentity", "Resource": "*"}
"""A statement must be there, so one that allows what nobody can be denied."""


class Roles:
    """The deployed roles' inline policies, taken away and given back by PutRolePolicy."""

    def __init__(self, stage: Stage) -> None:
        member = stage.deployment.client("cloudformation", account=MEMBER)
        found = member.describe_stack_resources(StackName=MEMBER_STACK)["StackResources"]
        self._there = {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in found}
        self._here = stage.deployment.stack_resources()
        self._deployment = stage.deployment

    def policies(self, role: str) -> dict[str, Document]:
        """Return a role's inline policies by name."""
        iam, name = self._of(role)
        names = iam.list_role_policies(RoleName=name)["PolicyNames"]
        return {each: iam.get_role_policy(RoleName=name, PolicyName=each)["PolicyDocument"] for each in names}

    def add(self, role: str, statement: Document) -> None:
        """Put one more statement, in a policy of its own."""
        iam, name = self._of(role)
        document = {"Version": "2012-10-17", "Statement": [statement]}
        iam.put_role_policy(RoleName=name, PolicyName=statement["Sid"], PolicyDocument=json.dumps(document))

    @contextmanager
    def without(self, role: str, changed: Callable[[Document], Document]) -> Iterator[None]:
        """Put each of a role's policies as changed, and back as it was at the end."""
        iam, name = self._of(role)
        before = self.policies(role)
        try:
            for each, document in before.items():
                iam.put_role_policy(RoleName=name, PolicyName=each, PolicyDocument=json.dumps(changed(document)))
            yield
        finally:
            for each, document in before.items():
                iam.put_role_policy(RoleName=name, PolicyName=each, PolicyDocument=json.dumps(document))

    def _of(self, role: str) -> tuple[Any, str]:
        if role in self._there:
            return self._deployment.client("iam", account=MEMBER), self._there[role]
        return self._deployment.client("iam"), self._here[role]


def lacking(need: Need) -> Callable[[Document], Document]:
    """Return what takes one action out of one statement."""

    def changed(document: Document) -> Document:
        kept = []
        for statement in document["Statement"]:
            actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
            if statement["Sid"] == need.sid:
                actions = [action for action in actions if action != need.action]
            if actions:
                kept.append({**statement, "Action": actions})
        return {**document, "Statement": kept or [NOTHING]}

    return changed


class Runs:
    """The runs that rows of `needs` name: what is prepared for each, and what the function is given."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self._numbers = count(1)
        self._of: Mapping[str, Callable[[], Ran]] = {
            needs.POLL: self._poll,
            needs.POLL_THERE: self._poll,
            needs.NEWS: self._news,
            needs.SWEEP: lambda: run(stage, "PlanAudits", sample("sweep")),
            needs.RELEASE: self._release,
            needs.AUDIT: lambda: self._audit(ACCOUNT, CLUSTER),
            needs.AUDIT_OBJECT: lambda: self._audit(ACCOUNT, CLUSTER, **OBJECT),
            needs.AUDIT_THERE: lambda: self._audit(MEMBER, VISITED),
            needs.CHANGED: self._changed,
            needs.SHRUNK: self._shrunk,
            needs.RECORD: self._record,
            needs.RELAY: lambda: run(stage, "PublishTransitions", sample("relay")),
            needs.IMPORT: lambda: self._import(CLUSTER),
            needs.IMPORT_THERE: lambda: self._import(VISITED),
            **Telling(stage, self._announcements).of,
        }

    def __call__(self, name: str) -> Ran:
        """Do one."""
        return self._of[name]()

    def prepare(self) -> None:
        """Do what must have happened before: releases noted, clusters audited."""
        for name in (needs.POLL, needs.AUDIT, needs.AUDIT_THERE):
            ran = self(name)
            assert not ran.denied, ran.said

    def _news(self) -> Ran:
        self.stage.audited.roll_back(ami_types=["AL2023_x86_64_STANDARD"], region=REGION)
        return self._poll()

    def _poll(self) -> Ran:
        return run(self.stage, "WatchReleases", sample("release_poll"))

    def _release(self) -> Ran:
        event, now = sample("release"), datetime.now(UTC).isoformat()
        event["time"] = event["detail"]["published_at"] = event["detail"]["observed_at"] = now
        event["detail"]["event_id"] = uuid.uuid4().hex * 2
        return run(self.stage, "PlanAudits", event)

    def _audit(self, account: str, cluster: str, **environment: str) -> Ran:
        asked = AuditRequest(
            audit_id=uuid.uuid4().hex,
            cluster=ClusterId("aws", account, REGION, cluster),
            not_before=datetime.now(UTC),
            cause="a test",
        )
        return run(self.stage, "AuditCluster", messages(asked.body()), **environment)

    def _changed(self) -> Ran:
        message = f"no capacity, as seen {next(self._numbers)} times"
        self.stage.audited.break_nodegroup(CLUSTER, "web", "AsgInstanceLaunchFailures", message)
        return self._audit(ACCOUNT, CLUSTER)

    def _shrunk(self) -> Ran:
        if SPARE in self.stage.audited.region(ACCOUNT, REGION).nodegroups[CLUSTER]:
            self.stage.audited.delete_nodegroup(CLUSTER, SPARE)
        return self._audit(ACCOUNT, CLUSTER)

    def _record(self) -> Ran:
        items = self._announcements()
        [item, *_] = [each for each in items if "unrelayed" in each]
        record = {"eventID": "1", "eventName": "INSERT", "dynamodb": {"NewImage": item, "SequenceNumber": "1"}}
        return run(self.stage, "PublishTransitions", {"Records": [record]})

    def _import(self, cluster: str) -> Ran:
        [item, *_] = [each for each in self._announcements() if each["cluster"]["S"].endswith(f"/{cluster}")]
        return run(self.stage, "ImportFindings", messages(item["body"]["S"]))

    def _announcements(self) -> list[Document]:
        pages = self.stage.deployment.client("dynamodb").get_paginator("scan")
        found = pages.paginate(TableName=self.stage.outputs["LedgerTable"])
        return [item for page in found for item in page["Items"] if item["item"]["S"].startswith("OUTBOX#20")]


def sample(name: str) -> Document:
    event: Document = json.loads((ROOT / "events" / f"{name}.json").read_text())
    return event


def messages(body: str) -> Document:
    return {"Records": [{"messageId": "1", "body": body}]}


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    """A stage of its own: here roles lack what they need, and nothing but these tests may run."""
    with Stage(load_fleet(FLEET, now=datetime.now(UTC)), parameters={"PolicyParameter": POLICY}) as running:
        client = running.deployment.client("lambda")
        for mapping in client.list_event_source_mappings()["EventSourceMappings"]:
            client.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
        yield running
        assert running.audited.broken_answers == []


@pytest.fixture(scope="module")
def roles(stage: Stage) -> Roles:
    roles = Roles(stage)
    # A policy is in a parameter or in an object. The stack has the one; the statement for the other is added to it.
    [other] = [grant for grant in GRANTS if grant.sid == "ReadPolicyObject"]
    roles.add(other.carrier, dict(other.statement))
    s3 = stage.deployment.client("s3")
    s3.create_bucket(Bucket=OBJECT["POLICY_BUCKET"], CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket=OBJECT["POLICY_BUCKET"], Key=OBJECT["POLICY_KEY"], Body=b"version: 1\n")
    return roles


@pytest.fixture(scope="module")
def runs(stage: Stage, roles: Roles) -> Runs:
    assert roles.policies("AuditClusterRole").keys() >= {"audit", "ReadPolicyObject"}
    runs = Runs(stage)
    runs.prepare()
    return runs


@pytest.mark.parametrize("role", sorted({need.role for need in NEEDS}))
def test_with_an_empty_policy_a_role_may_nothing(runs: Runs, roles: Roles, role: str) -> None:
    """The control: enforcement itself works."""
    first = next(need for need in NEEDS if need.role == role)
    with roles.without(role, lambda document: {**document, "Statement": [NOTHING]}):
        assert runs(first.run).denied & {need.action for need in NEEDS if need.role == role}


@pytest.mark.parametrize("need", NEEDS, ids=lambda need: f"{need.role}-{need.sid}-{need.action}")
def test_without_one_action_what_needs_it_fails_naming_it(runs: Runs, roles: Roles, need: Need) -> None:
    with roles.without(need.role, lacking(need)):
        ran = runs(need.run)
    assert ran.denied == {need.action}, ran.said


@contextmanager
def client_of(stage: Stage, function: str, service: str) -> Iterator[Any]:
    """Make a client that may what a function may."""
    keys = stage.deployment.policies.credentials_of(stage.outputs[f"{function}Function"])
    client = boto3.Session(
        keys["AWS_ACCESS_KEY_ID"], keys["AWS_SECRET_ACCESS_KEY"], keys.get("AWS_SESSION_TOKEN"), region_name=REGION
    ).client(service, endpoint_url=stage.deployment.endpoint)  # type: ignore[call-overload]  # the name is a variable
    try:
        yield client
    finally:
        client.close()


@pytest.mark.parametrize("output", ["TopicArn", "DigestTopicArn"])
def test_a_topic_refuses_whoever_else_may_publish(stage: Stage, roles: Roles, output: str) -> None:
    topic = stage.outputs[output]
    allowed = {"Sid": "Publish", "Effect": "Allow", "Action": "sns:Publish", "Resource": topic}
    with (
        client_of(stage, "AuditCluster", "sns") as other,
        roles.without("AuditClusterRole", lambda document: {**document, "Statement": [allowed]}),
        pytest.raises(ClientError, match="explicit deny"),
    ):
        other.publish(TopicArn=topic, Message="{}")


def of_partition(partition: str, item: str) -> Document:
    return {"cluster": {"S": partition}, "item": {"S": item}}


def touching(partition: str, table: str) -> dict[str, Document]:
    """Return calls that are about another partition of the table than NotifySlack's, alone or beside its own."""
    own, other, update = of_partition("slack", "own"), of_partition(partition, "other"), "SET a = :a"
    values = {":a": {"S": "x"}}
    return {
        "get_item": {"TableName": table, "Key": other},
        "put_item": {"TableName": table, "Item": other},
        "delete_item": {"TableName": table, "Key": other},
        "update_item": {
            "TableName": table,
            "Key": other,
            "UpdateExpression": update,
            "ExpressionAttributeValues": values,
        },
        "query": {
            "TableName": table,
            "KeyConditionExpression": "#cluster = :cluster",
            "ExpressionAttributeNames": {"#cluster": "cluster"},
            "ExpressionAttributeValues": {":cluster": other["cluster"]},
        },
        "scan": {"TableName": table},
        "batch_get_item": {"RequestItems": {table: {"Keys": [own, other]}}},
        "transact_write_items": {
            "TransactItems": [
                {"Delete": {"TableName": table, "Key": own}},
                {"Put": {"TableName": table, "Item": other}},
            ]
        },
    }


@pytest.mark.parametrize("call", touching("", ""))
def test_slack_s_items_are_all_that_notify_slack_may_touch(stage: Stage, call: str) -> None:
    table = stage.outputs["LedgerTable"]
    with client_of(stage, "NotifySlack", "dynamodb") as dynamodb:
        if call != "scan":
            getattr(dynamodb, call)(**touching("slack", table)[call])
        with pytest.raises(ClientError, match="not authorized to perform"):
            getattr(dynamodb, call)(**touching("digest", table)[call])


def test_without_the_name_of_an_item_a_condition_on_items_does_not_hold(stage: Stage, roles: Roles) -> None:
    """Scan names none: ForAllValues alone would let it pass."""
    [keep] = [each for each in GRANTS if each.sid == "KeepQuiet"]
    scan = {**keep.statement, "Action": "dynamodb:Scan", "Resource": "*"}
    loose = {**scan, "Condition": {name: keys for name, keys in keep.statement["Condition"].items() if name != "Null"}}
    with client_of(stage, "NotifySlack", "dynamodb") as dynamodb:
        with (
            roles.without("NotifySlackRole", lambda document: {**document, "Statement": [scan]}),
            pytest.raises(ClientError, match="not authorized to perform"),
        ):
            dynamodb.scan(TableName=stage.outputs["LedgerTable"])
        with roles.without("NotifySlackRole", lambda document: {**document, "Statement": [loose]}):
            assert dynamodb.scan(TableName=stage.outputs["LedgerTable"])["Items"]


@pytest.mark.parametrize("name", sorted({need.run for need in NEEDS}))
def test_with_all_that_is_deployed_nothing_is_denied(runs: Runs, name: str) -> None:
    """Last, for what was pending until now is then done."""
    assert runs(name).denied == set()
