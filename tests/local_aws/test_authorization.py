"""What a call asks of IAM, and how a no is handed on; who answers is a stand-in here."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_aws import AuditedAws, load_fleet
from local_aws.authorization import ALWAYS_ALLOWED, RESOURCES, Denial, Question
from local_aws.callers import Caller
from local_aws.services import OPERATIONS
from tests.local_aws.conftest import ACCOUNT, NOW, OTHER_ACCOUNT, REGION, Client, client_of, fleet_of
from tests.privilege import reference

ROLE_KEY = "ASIAROLE"
CALLER = Caller(ACCOUNT, "audit", "session")
ARN = f"arn:aws:sts::{ACCOUNT}:assumed-role/audit/session"
CLUSTER = f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/shop"


class Iam:
    """Allows whatever is not refused, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Question] = []
        self.refused: set[str] = set()
        self.explicit = False

    def __call__(self, question: Question) -> Denial | None:
        self.asked.append(question)
        return Denial(ARN, question.resources[0], self.explicit) if question.action in self.refused else None


@pytest.fixture
def iam() -> Iam:
    return Iam()


@pytest.fixture
def aws(iam: Iam) -> Iterator[AuditedAws]:
    described = fleet_of(
        clusters={"shop": {"node_groups": {"web": {}}, "fargate": {"default": {}}}},
        images={"golden": {"built_on": {"kubernetes": "1.35", "release": "20d"}}},
    )
    described["accounts"][OTHER_ACCOUNT] = {"roles": {"reader": {}}}
    fleet = load_fleet(described, now=NOW)
    with AuditedAws(fleet, resolver={ROLE_KEY: CALLER}.get, authorizer=iam) as started:
        yield started
        assert started.broken_answers == []


@pytest.fixture
def client(aws: AuditedAws) -> Callable[[str], Client]:
    return lambda service: client_of(aws, service, key=ROLE_KEY)


def test_every_operation_that_is_served_is_asked_about() -> None:
    served = {f"{service}:{name}" for service, operations in OPERATIONS.items() for name in operations}
    assert served == RESOURCES.keys() | ALWAYS_ALLOWED


@pytest.mark.parametrize("action", sorted(RESOURCES))
def test_every_action_is_one_of_the_reference_with_its_resource(action: str) -> None:
    """An operation may be asked about `*` only where the reference knows no resource."""
    asks_everything = RESOURCES[action].__name__ == "_everything"
    assert asks_everything == (not reference.forms(action))


def images_of(aws: AuditedAws) -> str:
    return next(iter(aws.region(ACCOUNT, REGION).images))


CALLS: list[tuple[str, str, dict[str, Any], list[str]]] = [
    ("eks", "describe_cluster", {"name": "shop"}, [CLUSTER]),
    ("eks", "list_clusters", {}, ["*"]),
    ("eks", "list_nodegroups", {"clusterName": "shop"}, [CLUSTER]),
    ("eks", "list_updates", {"name": "shop"}, [CLUSTER]),
    (
        "eks",
        "list_updates",
        {"name": "shop", "nodegroupName": "web"},
        [f"arn:aws:eks:{REGION}:{ACCOUNT}:nodegroup/shop/web/*"],
    ),
    (
        "eks",
        "describe_nodegroup",
        {"clusterName": "shop", "nodegroupName": "web"},
        [f"arn:aws:eks:{REGION}:{ACCOUNT}:nodegroup/shop/web/*"],
    ),
    (
        "eks",
        "describe_fargate_profile",
        {"clusterName": "shop", "fargateProfileName": "default"},
        [f"arn:aws:eks:{REGION}:{ACCOUNT}:fargateprofile/shop/default/*"],
    ),
    ("ec2", "describe_images", {"Owners": ["self"]}, ["*"]),
    ("autoscaling", "describe_auto_scaling_groups", {}, ["*"]),
    (
        "ssm",
        "get_parameters",
        {"Names": ["/aws/service/eks/x", "/golden/node", "plain:3"]},
        [
            f"arn:aws:ssm:{REGION}::parameter/aws/service/eks/x",
            f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/golden/node",
            f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/plain",
        ],
    ),
    ("securityhub", "get_findings", {}, [f"arn:aws:securityhub:{REGION}:{ACCOUNT}:hub/default"]),
]


@pytest.mark.parametrize("call", CALLS, ids=lambda call: f"{call[1]}-{len(call[2])}")
def test_a_call_is_asked_about_with_the_arns_that_the_service_would_take(
    client: Callable[[str], Client], iam: Iam, call: tuple[str, str, dict[str, Any], list[str]]
) -> None:
    service, method, params, resources = call
    getattr(client(service), method)(**params)
    [asked] = iam.asked
    assert (asked.access_key, asked.region) == (ROLE_KEY, REGION)
    assert len(asked.resources) == len(resources)
    for found, wanted in zip(asked.resources, resources, strict=True):
        assert reference.overlap(found, wanted), found


def test_an_image_s_arn_has_no_account(aws: AuditedAws, client: Callable[[str], Client], iam: Iam) -> None:
    image = images_of(aws)
    client("ec2").get_image_ancestry(ImageId=image)
    assert iam.asked[0].resources == (f"arn:aws:ec2:{REGION}::image/{image}",)


def test_findings_are_imported_for_a_product(client: Callable[[str], Client], iam: Iam) -> None:
    iam.refused = {"securityhub:BatchImportFindings"}
    product = f"arn:aws:securityhub:{REGION}:{ACCOUNT}:product/{ACCOUNT}/default"
    finding = {
        "SchemaVersion": "2018-10-08",
        "Id": "1",
        "ProductArn": product,
        "GeneratorId": "g",
        "AwsAccountId": ACCOUNT,
        "CreatedAt": "2026-11-23T12:00:00Z",
        "UpdatedAt": "2026-11-23T12:00:00Z",
        "Title": "t",
        "Description": "d",
        "Resources": [{"Type": "Other", "Id": "x"}],
    }
    with pytest.raises(ClientError, match="securityhub:BatchImportFindings on resource"):
        client("securityhub").batch_import_findings(Findings=[finding, finding])
    assert iam.asked[0].resources == (product,)


@pytest.mark.parametrize(
    "call",
    [
        ("eks", "describe_cluster", {"name": "shop"}, "AccessDeniedException", 403),
        ("ssm", "get_parameters", {"Names": ["/aws/service/x"]}, "AccessDeniedException", 400),
        ("securityhub", "get_findings", {}, "AccessDeniedException", 403),
        ("ec2", "describe_instances", {}, "UnauthorizedOperation", 403),
        ("autoscaling", "describe_policies", {}, "AccessDenied", 403),
        ("iam", "get_instance_profile", {"InstanceProfileName": "x"}, "AccessDenied", 403),
    ],
    ids=lambda call: call[0],
)
def test_each_service_words_a_denial_in_its_way_and_names_the_action(
    client: Callable[[str], Client], iam: Iam, call: tuple[str, str, dict[str, Any], str, int]
) -> None:
    service, method, params, code, status = call
    action = f"{service}:{''.join(word.capitalize() for word in method.split('_'))}"
    iam.refused = {action}
    with pytest.raises(ClientError) as raised:
        getattr(client(service), method)(**params)
    error = raised.value.response
    assert (error["Error"]["Code"], error["ResponseMetadata"]["HTTPStatusCode"]) == (code, status)
    assert f"User: {ARN} is not authorized to perform: {action}" in error["Error"]["Message"]
    assert f"because no identity-based policy allows the {action} action" in error["Error"]["Message"]


def test_an_explicit_denial_says_so(client: Callable[[str], Client], iam: Iam) -> None:
    iam.refused, iam.explicit = {"eks:ListClusters"}, True
    with pytest.raises(ClientError, match="with an explicit deny in an identity-based policy"):
        client("eks").list_clusters()


def test_what_is_denied_is_recorded_and_does_nothing(
    aws: AuditedAws, client: Callable[[str], Client], iam: Iam
) -> None:
    iam.refused = {"autoscaling:SuspendProcesses"}
    name = aws.group_of("shop", "web")["AutoScalingGroupName"]
    with pytest.raises(ClientError, match="autoScalingGroupName/"):
        client("autoscaling").suspend_processes(AutoScalingGroupName=name, ScalingProcesses=["Launch"])
    assert aws.group_of("shop", "web")["SuspendedProcesses"] == []
    assert aws.counts["autoscaling:SuspendProcesses", REGION] == 1


def test_people_and_the_fleet_s_own_roles_are_not_asked_about(aws: AuditedAws, iam: Iam) -> None:
    iam.refused = {"eks:ListClusters"}
    client_of(aws, "eks").list_clusters()
    arn = f"arn:aws:iam::{OTHER_ACCOUNT}:role/reader"
    keys = client_of(aws, "sts").assume_role(RoleArn=arn, RoleSessionName="person")["Credentials"]
    client_of(aws, "eks", key=keys["AccessKeyId"]).list_clusters()
    assert iam.asked == []


def test_who_one_is_cannot_be_denied(client: Callable[[str], Client], iam: Iam) -> None:
    assert client("sts").get_caller_identity()["Arn"] == ARN
    assert iam.asked == []
