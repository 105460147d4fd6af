"""What decides about a role's calls: the policies that are deployed now, with the quirks of who evaluates them."""

import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from local_aws.authorization import Denial, Question
from local_aws.building import REGION
from local_aws.deployment import ACCOUNT, DeploymentAws

NODEGROUP = f"arn:aws:eks:{REGION}:{ACCOUNT}:nodegroup/shop/web/1"
ANYBODY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}],
}
FOR_FUNCTIONS = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}

type Statement = dict[str, Any]


def allow(action: str | list[str], resource: str = "*", **more: object) -> Statement:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def document(*statements: Statement) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


class Role:
    """A deployed role, its one inline policy put anew by each test, and a session of it."""

    def __init__(self, deployment: DeploymentAws, name: str, trust: dict[str, Any]) -> None:
        self.deployment, self.name = deployment, name
        self.iam = deployment.client("iam")
        self.arn = self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
        self.key = ""

    def assume(self, **more: str) -> None:
        sts = self.deployment.client("sts")
        given = sts.assume_role(RoleArn=self.arn, RoleSessionName="session", **more)["Credentials"]
        self.key = given["AccessKeyId"]

    def put(self, *statements: Statement) -> None:
        self.iam.put_role_policy(RoleName=self.name, PolicyName="inline", PolicyDocument=document(*statements))

    def denied(self, action: str, *resources: str) -> Denial | None:
        return self.deployment.policies.denied(Question(self.key, action, resources or ("*",), REGION))


@pytest.fixture(scope="module")
def deployment() -> Iterator[DeploymentAws]:
    with DeploymentAws() as running:
        yield running


@pytest.fixture
def role(deployment: DeploymentAws, request: pytest.FixtureRequest) -> Role:
    role = Role(deployment, f"role-{abs(hash(request.node.name))}", ANYBODY)
    role.assume()
    return role


def test_a_policy_counts_from_the_next_call_on(role: Role) -> None:
    denied = role.denied("eks:ListClusters")
    assert denied == Denial(f"arn:aws:sts::{ACCOUNT}:assumed-role/{role.name}/session", "*")
    role.put(allow("eks:ListClusters"))
    assert role.denied("eks:ListClusters") is None
    role.put(allow("eks:ListNodegroups"))
    assert role.denied("eks:ListClusters") is not None


def test_actions_and_resources_are_matched_with_wildcards(role: Role) -> None:
    role.put(allow("eks:Describe*", f"arn:aws:eks:*:{ACCOUNT}:nodegroup/*/*/*"))
    assert role.denied("eks:DescribeNodegroup", NODEGROUP) is None
    assert role.denied("eks:DescribeNodegroup", f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/shop") is not None
    assert role.denied("eks:ListNodegroups", NODEGROUP) is not None


def test_every_resource_of_a_call_must_be_allowed(role: Role) -> None:
    public, own = f"arn:aws:ssm:{REGION}::parameter/aws/service/x", f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/own"
    role.put(allow("ssm:GetParameters", "arn:aws:ssm:*::parameter/aws/service/*"))
    assert role.denied("ssm:GetParameters", public) is None
    denied = role.denied("ssm:GetParameters", public, own)
    assert denied is not None
    assert denied.resource == own


def test_a_denial_outweighs_what_is_allowed_and_is_explicit(role: Role) -> None:
    role.put(allow("eks:*"), {"Effect": "Deny", "NotAction": "eks:ListClusters", "Resource": "*"})
    assert role.denied("eks:ListClusters") is None
    denied = role.denied("eks:DescribeNodegroup", NODEGROUP)
    assert denied is not None
    assert denied.explicit


def test_what_is_not_among_the_resources_is_allowed(role: Role) -> None:
    role.put({"Effect": "Allow", "Action": "eks:DescribeNodegroup", "NotResource": NODEGROUP})
    assert role.denied("eks:DescribeNodegroup", NODEGROUP) is not None
    assert role.denied("eks:DescribeNodegroup", f"{NODEGROUP}2") is None


def test_a_session_policy_narrows_what_the_role_may(role: Role) -> None:
    role.put(allow(["eks:ListClusters", "eks:ListNodegroups"]))
    role.assume(Policy=document(allow(["eks:ListClusters", "eks:DescribeCluster"])))
    assert role.denied("eks:ListClusters") is None
    assert role.denied("eks:ListNodegroups") is not None
    assert role.denied("eks:DescribeCluster") is not None


def test_managed_policies_and_boundaries_count(role: Role) -> None:
    both = document(allow(["eks:ListClusters", "eks:ListNodegroups"]))
    managed = role.iam.create_policy(PolicyName=f"{role.name}-may", PolicyDocument=both)["Policy"]["Arn"]
    role.iam.attach_role_policy(RoleName=role.name, PolicyArn=managed)
    assert role.denied("eks:ListNodegroups") is None
    one = document(allow("eks:ListClusters"))
    boundary = role.iam.create_policy(PolicyName=f"{role.name}-edge", PolicyDocument=one)["Policy"]["Arn"]
    role.iam.put_role_permissions_boundary(RoleName=role.name, PermissionsBoundary=boundary)
    assert role.denied("eks:ListClusters") is None
    assert role.denied("eks:ListNodegroups") is not None


def test_conditions_on_the_request_are_evaluated(role: Role) -> None:
    role.put(allow("eks:ListClusters", Condition={"StringEquals": {"aws:RequestedRegion": "us-east-1"}}))
    assert role.denied("eks:ListClusters") is not None
    role.put(allow("eks:ListClusters", Condition={"StringEquals": {"aws:RequestedRegion": REGION}}))
    assert role.denied("eks:ListClusters") is None
    role.put(allow("eks:ListClusters", Condition={"Bool": {"aws:SecureTransport": "true"}}))
    assert role.denied("eks:ListClusters") is None


def test_a_session_that_nobody_knows_may_nothing(role: Role) -> None:
    role.put(allow("*"))
    role.key = "ASIAUNKNOWN"
    assert role.denied("eks:ListClusters") == Denial("unknown", "*")


# -- quirks, each of them listed in local_aws/policies.py


def test_quirk_a_service_s_own_condition_key_has_no_value(role: Role) -> None:
    role.put(allow("ec2:DescribeInstances", Condition={"StringEquals": {"ec2:Region": REGION}}))
    assert role.denied("ec2:DescribeInstances") is not None
    role.put(allow("ec2:DescribeInstances", Condition={"StringEqualsIfExists": {"ec2:Region": "us-east-1"}}))
    assert role.denied("ec2:DescribeInstances") is None


def test_quirk_an_asterisk_crosses_the_parts_of_an_arn(role: Role) -> None:
    role.put(allow("eks:DescribeNodegroup", "arn:aws:eks:*/1"))
    assert role.denied("eks:DescribeNodegroup", NODEGROUP) is None


def test_quirk_policy_variables_are_text(role: Role) -> None:
    role.put(allow("eks:DescribeCluster", f"arn:aws:eks:{REGION}:${{aws:PrincipalAccount}}:cluster/shop"))
    assert role.denied("eks:DescribeCluster", f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/shop") is not None


def test_quirk_a_function_s_arn_is_known_of_its_code_alone(role: Role, deployment: DeploymentAws) -> None:
    """So what Lambda may do to tie a function to subnets, its code may not."""
    before_any_code = allow("ec2:DescribeSubnets", Condition={"Null": {"lambda:SourceFunctionArn": "true"}})
    role.put(before_any_code)
    assert role.denied("ec2:DescribeSubnets") is None
    own = Role(deployment, "function", FOR_FUNCTIONS)
    own.put(before_any_code, allow("eks:ListClusters"))
    deployment.client("lambda").create_function(
        FunctionName="code", Runtime="python3.13", Handler="code.handle", Role=own.arn, Code={"ZipFile": zipped()}
    )
    own.key = deployment.policies.credentials_of("code")["AWS_ACCESS_KEY_ID"]
    assert own.denied("eks:ListClusters") is None
    assert own.denied("ec2:DescribeSubnets") is not None


def zipped() -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        archive.writestr("code.py", "def handle(event, context): return None")
    return written.getvalue()


def test_credentials_of_a_function_that_is_not_there(deployment: DeploymentAws) -> None:
    with pytest.raises(ValueError, match="no function is named nobody"):
        deployment.policies.credentials_of("nobody")


def test_a_topic_refuses_whoever_else_publishes(deployment: DeploymentAws) -> None:
    """As the stack's topic does: evaluated by the deployment itself, for every principal but the one role."""
    sns = deployment.client("sns")
    topic = sns.create_topic(Name="told")["TopicArn"]
    publisher = Role(deployment, "publisher", ANYBODY)
    refused = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "sns:Publish",
        "Resource": topic,
        "Condition": {"ArnNotEquals": {"aws:PrincipalArn": publisher.arn}},
    }
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=document(refused))
    other = Role(deployment, "other", ANYBODY)
    for role in (publisher, other):
        role.put(allow("sns:Publish", topic))
    assert published(deployment, publisher, topic)
    with pytest.raises(ClientError, match="not authorized"):
        published(deployment, other, topic)


def published(deployment: DeploymentAws, role: Role, topic: str) -> str:

    keys = deployment.client("sts").assume_role(RoleArn=role.arn, RoleSessionName="test")["Credentials"]
    session = boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], region_name=REGION)
    message: str = session.client("sns", endpoint_url=deployment.endpoint).publish(TopicArn=topic, Message="x")[
        "MessageId"
    ]
    return message
