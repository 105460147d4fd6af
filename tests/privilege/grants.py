"""Who may do what, as the templates write it, with every resource as the ARN that it will have."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.template.cloudformation import PSEUDO, Stack, actions, as_list, statements

PARAMETERS = {
    "KmsKeyArn": "arn:aws:kms:eu-west-1:111111111111:key/0",
    "VpcSubnetIds": "subnet-0",
    "VpcSecurityGroupIds": "sg-0",
    "Tracing": "on",
    "ImageParameterArns": "arn:aws:ssm:*:111111111111:parameter/golden/*",
    "PolicyParameter": "/eks-auditor/policy",
    "PolicyBucket": "your-bucket",
    "SlackSecretArn": "arn:aws:secretsmanager:eu-west-1:111111111111:secret:your-secret-a1B2c3",
    "Digest": "weekly",
}
"""Whatever adds a statement, also what excludes each other in one deployment."""

MEMBER = {
    **{f"{name}RoleArn": f"arn:aws:iam::111111111111:role/{name}Role" for name in ("WatchReleases", "PlanAudits")},
    **{f"{name}RoleArn": f"arn:aws:iam::111111111111:role/{name}Role" for name in ("AuditCluster", "ImportFindings")},
    "ImageParameterArns": PARAMETERS["ImageParameterArns"],
}

_PLACE = f"{PSEUDO['AWS::Region']}:{PSEUDO['AWS::AccountId']}"
_ARNS = {
    "AWS::DynamoDB::Table": f"arn:aws:dynamodb:{_PLACE}:table/{{}}",
    "AWS::Logs::LogGroup": f"arn:aws:logs:{_PLACE}:log-group:{{}}:*",
    "AWS::SNS::Topic": f"arn:aws:sns:{_PLACE}:{{}}",
    "AWS::SQS::Queue": f"arn:aws:sqs:{_PLACE}:{{}}",
    "AWS::Serverless::Function": f"arn:aws:lambda:{_PLACE}:function:{{}}",
}
"""What the ARN of a resource looks like, named by its logical id."""


@dataclass(frozen=True, slots=True)
class Grant:
    """One statement of a role or policy, all that is optional included.

    Attributes:
        carrier: The logical id of the role, or of the policy that several roles have.
        sid: The statement's.
        actions: What it allows.
        resources: On what: ARNs, or `*`.
        statement: The whole of it, resources resolved.
    """

    carrier: str
    sid: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    statement: Mapping[str, Any]


def grants() -> Iterator[Grant]:
    """Yield every statement of both templates."""
    for stack in (Stack(**PARAMETERS), Stack("template-member.yaml", **MEMBER)):
        for carrier, statement in statements(stack):
            resources = tuple(_arn(stack, each) for each in as_list(statement["Resource"]))
            resolved = {**statement, "Resource": list(resources)}
            yield Grant(carrier, statement["Sid"], tuple(actions(statement)), resources, resolved)


def _arn(stack: Stack, reference: Any) -> str:  # noqa: ANN401 - a template is nested text
    match reference:
        case {"Ref": str(name)}:
            return _of(stack, name, "Arn")
        case {"Fn::GetAtt": [str(name), str(attribute)]}:
            return _of(stack, name, attribute)
    return re.sub(r"\$\{(\w+)\.(\w+)\}", lambda found: _of(stack, found[1], found[2]), str(reference))


def _of(stack: Stack, name: str, attribute: str) -> str:
    arn = _ARNS[stack.resources[name]["Type"]].format(name)
    return f"{arn}/stream/2026-11-23T00:00:00.000" if attribute == "StreamArn" else arn
