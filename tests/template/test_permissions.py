"""Least privilege, written out: each statement named, with its reason, and no wider than its work."""

import re

import pytest

from eks_auditor.events.releases import DETAIL_TYPE, SOURCE
from eks_auditor.ledger import digests, quiet
from eks_auditor.ledger.pointers import partition_key
from eks_auditor.wiring.permissions import ACTIONS
from tests.plan.releasing import notice
from tests.template.cloudformation import ROOT, SLACK, TOLD, Document, Stack, actions, as_list, load, statements

EVERYTHING = {
    **TOLD,
    "KmsKeyArn": "arn:aws:kms:eu-west-1:111111111111:key/0",
    "VpcSubnetIds": "subnet-0",
    "VpcSecurityGroupIds": "sg-0",
    "Tracing": "on",
    "PermissionsBoundaryArn": "arn:aws:iam::111111111111:policy/boundary",
    "ImageParameterArns": "arn:aws:ssm:*:111111111111:parameter/golden/*,arn:aws:ssm:*:111111111111:parameter/node",
}
MEMBER = {
    "WatchReleasesRoleArn": "arn:aws:iam::111111111111:role/watch",
    "PlanAuditsRoleArn": "arn:aws:iam::111111111111:role/plan",
    "AuditClusterRoleArn": "arn:aws:iam::111111111111:role/audit",
    "ImportFindingsRoleArn": "arn:aws:iam::111111111111:role/import",
    "PermissionsBoundaryArn": EVERYTHING["PermissionsBoundaryArn"],
    "ImageParameterArns": EVERYTHING["ImageParameterArns"],
}
STACKS = [Stack(**EVERYTHING), Stack("template-member.yaml", **MEMBER)]

# Reads that take no resource; nothing that changes anything belongs here, but for X-Ray's segments.
WITHOUT_RESOURCE = re.compile(
    r"(autoscaling|ec2):Describe\w+|ec2:Get(AllowedImagesSettings|InstanceTypesFromInstanceRequirements)"
    r"|eks:(DescribeClusterVersions|ListClusters)|xray:Put\w+"
)


@pytest.fixture(params=STACKS, ids=["home", "member"])
def stack(request: pytest.FixtureRequest) -> Stack:
    found: Stack = request.param
    return found


def granted(stack: Stack, role: str) -> dict[str, list[str]]:
    return {statement["Sid"]: actions(statement) for name, statement in statements(stack) if name == role}


def test_no_wildcard_in_an_action(stack: Stack) -> None:
    for name, statement in statements(stack):
        for action in actions(statement):
            assert re.fullmatch(r"[a-z0-9]+:[A-Z][A-Za-z0-9]+", action), f"{name}: {action}"


def test_every_resource_only_where_there_is_no_other_way(stack: Stack) -> None:
    for name, statement in statements(stack):
        if "*" in as_list(statement["Resource"]):
            for action in actions(statement):
                assert WITHOUT_RESOURCE.fullmatch(action), f"{name}: {action}"


def test_each_statement_has_a_name_of_its_own(stack: Stack) -> None:
    for name in {name for name, _ in statements(stack)}:
        names = [statement.get("Sid") for carrier, statement in statements(stack) if carrier == name]
        assert all(names), name
        assert len(set(names)) == len(names), name


@pytest.mark.parametrize("name", ["template.yaml", "template-member.yaml"])
def test_each_statement_has_its_reason_above_it(name: str) -> None:
    lines = (ROOT / name).read_text().splitlines()
    forms = {"- !If", *(f"- {condition}" for condition in load(name)["Conditions"])}
    inside = False
    for number, line in enumerate(lines):
        if line.strip() in ("PolicyDocument:", "Policy:"):
            inside = True
        elif line.strip() == "AssumeRolePolicyDocument:":
            inside = False
        if inside and line.strip().startswith("- Sid:"):
            above = [text.strip() for text in lines[number - 3 : number] if text.strip() not in forms]
            assert above[-1].startswith("#"), f"{name}:{number + 1}"


def test_every_role_is_written_out_and_has_no_managed_policy(stack: Stack) -> None:
    for name, role in stack.of_type("AWS::IAM::Role").items():
        assert "ManagedPolicyArns" not in role, name
    for name, function in stack.of_type("AWS::Serverless::Function").items():
        assert function["Role"] == {"Fn::GetAtt": [f"{name}Role", "Arn"]}
        assert not {"Policies", "PermissionsBoundary"} & function.keys(), name


def test_every_role_has_the_boundary(stack: Stack) -> None:
    for name, role in stack.of_type("AWS::IAM::Role").items():
        assert role["PermissionsBoundary"] == EVERYTHING["PermissionsBoundaryArn"], name
    for role in Stack(**TOLD).of_type("AWS::IAM::Role").values():
        assert "PermissionsBoundary" not in role


def test_each_role_is_trusted_by_its_service_only() -> None:
    for name, role in Stack(**EVERYTHING).of_type("AWS::IAM::Role").items():
        [statement] = role["AssumeRolePolicyDocument"]["Statement"]
        service = "scheduler" if name == "SchedulerRole" else "lambda"
        assert statement["Principal"] == {"Service": f"{service}.amazonaws.com"}


def test_member_roles_are_trusted_by_their_functions_only() -> None:
    roles = STACKS[1].of_type("AWS::IAM::Role")
    trusted = {
        name: as_list(role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]["AWS"])
        for name, role in roles.items()
    }
    assert trusted == {
        "ReadRole": [MEMBER["WatchReleasesRoleArn"], MEMBER["PlanAuditsRoleArn"], MEMBER["AuditClusterRoleArn"]],
        "ImportRole": [MEMBER["ImportFindingsRoleArn"]],
    }


def test_member_roles_may_what_the_functions_may_at_home() -> None:
    reads = (
        *("ReadEks", "ListEks", "ReadAutoScaling", "ReadEc2", "ReadAncestors"),
        *("ReadInstanceProfiles", "ReadReleases", "ResolveImages"),
    )

    def written(stack: Stack, role: str, names: tuple[str, ...]) -> list[Document]:
        return [statement for carrier, statement in statements(stack) if carrier == role and statement["Sid"] in names]

    home, member = STACKS
    assert written(home, "AuditClusterRole", reads) == written(member, "ReadRole", reads)
    assert len(granted(member, "ReadRole")) == len(reads)
    imports = ("ImportFindings",)
    assert written(home, "ImportFindingsRole", imports) == written(member, "ImportRole", imports)
    assert len(granted(member, "ImportRole")) == len(imports)


def test_who_reads_tells_nobody_and_who_tells_reads_nothing() -> None:
    home = STACKS[0]
    of = {name: {action for found in granted(home, name).values() for action in found} for name, _ in statements(home)}
    telling = {"sns:Publish", "securityhub:BatchImportFindings", "events:PutEvents"}
    assert not of["AuditClusterRole"] & telling
    assert not of["PlanAuditsRole"] & telling
    # The watcher reads what AWS publishes for everybody, and tells that; nothing of what runs here.
    assert of["WatchReleasesRole"] & telling == {"events:PutEvents"}
    assert not {action for action in of["WatchReleasesRole"] if action.split(":")[0] in ("ec2", "autoscaling")}
    assert {action for action in of["WatchReleasesRole"] if action.startswith("eks:")} == {
        "eks:DescribeClusterVersions"
    }
    for role in ("PublishTransitionsRole", "ImportFindingsRole"):
        assert not {action for action in of[role] if action.split(":")[0] in ("eks", "ec2", "autoscaling", "ssm")}


def test_nothing_in_the_audited_account_can_be_changed() -> None:
    for name, statement in statements(STACKS[1]):
        for action in actions(statement):
            assert re.search(r":(Describe|List|Get)|^securityhub:BatchImportFindings$", action), f"{name}: {action}"


def test_permissions_for_what_is_not_asked_for_are_left_out() -> None:
    asked = {action.split(":")[0] for _, statement in statements(STACKS[0]) for action in actions(statement)}
    plain = {action.split(":")[0] for _, statement in statements(Stack()) for action in actions(statement)}
    assert asked - plain == {"kms", "secretsmanager", "xray"}
    assert "JoinVpc" not in granted(Stack(), "RuntimePolicy")


def test_parameters_of_ones_own_are_read_by_the_audit_alone_and_only_where_they_are_named() -> None:
    for stack, role in zip(STACKS, ("AuditClusterRole", "ReadRole"), strict=True):
        read = [(name, found["Resource"]) for name, found in statements(stack) if found["Sid"] == "ResolveImages"]
        assert read == [(role, EVERYTHING["ImageParameterArns"].split(","))]
    unnamed = Stack(), Stack("template-member.yaml", **{**MEMBER, "ImageParameterArns": ""})
    assert not [found for stack in unnamed for _, found in statements(stack) if found["Sid"] == "ResolveImages"]


def test_the_import_mark_is_the_only_thing_import_findings_may_write() -> None:
    [mark] = [statement for _, statement in statements(STACKS[0]) if statement["Sid"] == "MarkImported"]
    assert mark["Action"] == "dynamodb:UpdateItem"
    assert mark["Condition"] == {
        "ForAllValues:StringEquals": {
            "dynamodb:Attributes": ["cluster", "item", "hub_at", "sequence", "schema_version"]
        }
    }


def test_the_watcher_puts_one_kind_of_event_on_one_bus() -> None:
    """As written: the AWS that the tests run on evaluates no policy of a bus, and how EventBridge itself fills the key
    from a batch of several sources is not executed here.
    """
    [announce] = [statement for _, statement in statements(STACKS[0]) if statement["Sid"] == "AnnounceReleases"]
    assert announce["Resource"] == "arn:aws:events:eu-west-1:111111111111:event-bus/eks-auditor"
    assert announce["Condition"] == {"StringEquals": {"events:source": SOURCE, "events:detail-type": DETAIL_TYPE}}
    [others] = [
        statement
        for bus in STACKS[0].of_type("AWS::Events::EventBus").values()
        for statement in bus["Policy"]["Statement"]
        if statement["Effect"] == "Deny"
    ]
    assert others["Principal"] == "*"
    assert others["Condition"] == {
        "ForAnyValue:StringEquals": {"events:source": SOURCE},
        "ArnNotEquals": {"aws:PrincipalArn": {"Fn::GetAtt": ["WatchReleasesRole", "Arn"]}},
    }
    putting = {name for name, statement in statements(STACKS[0]) if "events:PutEvents" in actions(statement)}
    assert putting == {"WatchReleasesRole"}


@pytest.mark.parametrize(
    ("sid", "leading_key", "written"),
    [
        ("KeepPointers", "pointers/*", partition_key("aws", "eu-west-1")),
        ("GiveNotice", "releases/*", notice()[0].key.cluster),
    ],
)
def test_who_keeps_releases_touches_nobody_else_s_items(sid: str, leading_key: str, written: str) -> None:
    [keep] = [statement for _, statement in statements(STACKS[0]) if statement["Sid"] == sid]
    assert keep["Resource"] == {"Fn::GetAtt": ["Ledger", "Arn"]}
    assert keep["Condition"] == of_items("ForAllValues:StringLike", leading_key)
    assert written == leading_key.replace("*", "aws/eu-west-1")


@pytest.mark.parametrize(("sid", "written"), [("KeepQuiet", quiet.PARTITION), ("KeepFigures", digests.PARTITION)])
def test_who_tells_people_touches_nobody_else_s_items(sid: str, written: str) -> None:
    [keep] = [statement for _, statement in statements(STACKS[0]) if statement["Sid"] == sid]
    assert keep["Resource"] == {"Fn::GetAtt": ["Ledger", "Arn"]}
    assert keep["Condition"] == of_items("ForAllValues:StringEquals", written)


@pytest.mark.parametrize(
    ("arn", "taken"), [("", True), (SLACK, True), (SLACK.rpartition("-")[0], False), (f"{SLACK}*", False)]
)
def test_the_secret_is_named_whole(arn: str, taken: bool) -> None:  # noqa: FBT001  a parameter
    """IAM compares it with the whole ARN; without its end Secrets Manager would find the secret, and IAM refuse it."""
    pattern = load()["Parameters"]["SlackSecretArn"]["AllowedPattern"]
    assert bool(re.search(pattern, arn)) is taken


def of_items(operator: str, leading_key: str) -> Document:
    """A condition that holds for items with that partition key, and not for a call that names none."""
    return {operator: {"dynamodb:LeadingKeys": [leading_key]}, "Null": {"dynamodb:LeadingKeys": "false"}}


# What Lambda does in a function's name; no code of ours calls it.
LAMBDA_S_OWN = {"TakeAudits", "TakeMessages", "TakeTransitions", "ReadStream", "FindStream", "KeepFailedEvents"}


@pytest.mark.parametrize("function", sorted(ACTIONS))
def test_policies_equal_the_actions_declared_beside_the_calls(function: str) -> None:
    # A stack has one place of its policy, or none; the functions may read either.
    stack = Stack(**TOLD, PolicyParameter="/policy", PolicyBucket="policies")
    policies = granted(stack, f"{function}Role").items()
    assert {action for name, found in policies if name not in LAMBDA_S_OWN for action in found} == ACTIONS[function]


def test_functions_wait_for_their_permissions() -> None:
    """The runtime policy is a resource of its own; a function in a VPC cannot be made before it is attached."""
    for name, function in load()["Resources"].items():
        if function["Type"] == "AWS::Serverless::Function":
            assert function["DependsOn"] == "RuntimePolicy", name
