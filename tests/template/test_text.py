"""Names, partitions, parameters, versions, and the events that the template sends."""

import ast
import json
import re
from pathlib import Path

import pytest

import eks_auditor
from tests.template.cloudformation import ROOT, Stack, load

TEMPLATES = ["template.yaml", "template-member.yaml"]
MODULES = [
    str(path.relative_to(ROOT)) for folder in ("layers", "functions") for path in sorted((ROOT / folder).rglob("*.py"))
]

# Names that are the same in every partition: service principals, and what CloudTrail calls a service.
PRINCIPAL = re.compile(r"(lambda|events|cloudwatch|sns|scheduler|eks|autoscaling|ec2|eks-nodegroup)\.amazonaws\.com")
# A host; followed by a slash and a word it is the key of a Kubernetes label, and by a slash alone the prefix of such.
HOST = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)*\.amazonaws\.com(?:\.cn)?(?!/(?:[A-Za-z]|$))", re.MULTILINE)
ARN = re.compile(r"arn:aws[a-z-]*:")

PHYSICAL_NAMES = {
    "AlarmName", "FunctionName", "LayerName", "LogGroupName", "QueueName", "RoleName", "TableName", "TopicName", "Name",
}  # fmt: skip
# EventBridge names no bus by itself (the stack's name is as unique), and a permission's FunctionName is a reference.
NAMED = {
    ("AuditBus", "Name"),
    ("AuditRequestedPermission", "FunctionName"),
    ("ClusterChangedPermission", "FunctionName"),
    ("ReleaseAnnouncedPermission", "FunctionName"),
    ("ImageChangedPermission", "FunctionName"),
    ("ImageBuiltPermission", "FunctionName"),
    ("PolicyChangedPermission", "FunctionName"),
}


def test_no_resource_has_a_name_of_its_own() -> None:
    named = {
        (name, key)
        for name, resource in load()["Resources"].items()
        for key in PHYSICAL_NAMES & resource.get("Properties", {}).keys()
    }
    assert named == NAMED
    assert load()["Resources"]["AuditBus"]["Properties"]["Name"] == {"Ref": "AWS::StackName"}


def literals(module: str) -> str:
    """Return the strings of a module but for its docstrings, which may show examples."""
    tree = ast.parse((ROOT / module).read_text())
    documentation = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    strings = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation
    ]
    return "\n".join(strings)


@pytest.mark.parametrize("name", [*TEMPLATES, *MODULES])
def test_no_partition_and_no_host_is_written_out(name: str) -> None:
    text = literals(name) if name.endswith(".py") else re.sub(r"(?m)^\s*#.*$", "", (ROOT / name).read_text())
    assert not ARN.findall(text), name
    assert not [host for host in HOST.findall(text) if not PRINCIPAL.fullmatch(host)], name


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_parameter_says_what_it_takes(name: str) -> None:
    for key, parameter in load(name)["Parameters"].items():
        assert parameter["Description"], key
        assert parameter["ConstraintDescription"].startswith("must be"), key
        assert {"AllowedPattern", "AllowedValues", "MinValue"} & parameter.keys(), key


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_parameter_has_its_group_and_in_the_stack_its_label(name: str) -> None:
    template = load(name)
    interface = template["Metadata"]["AWS::CloudFormation::Interface"]
    grouped = [key for group in interface["ParameterGroups"] for key in group["Parameters"]]
    assert sorted(grouped) == sorted(template["Parameters"])
    assert all(group["Label"]["default"] for group in interface["ParameterGroups"])
    if name == "template.yaml":
        assert sorted(interface["ParameterLabels"]) == sorted(template["Parameters"])


@pytest.mark.parametrize("name", TEMPLATES)
def test_defaults_are_allowed(name: str) -> None:
    for key, parameter in load(name)["Parameters"].items():
        if "Default" in parameter and "AllowedPattern" in parameter:
            assert re.search(parameter["AllowedPattern"], str(parameter["Default"])), key
        if "Default" in parameter and "AllowedValues" in parameter:
            assert parameter["Default"] in parameter["AllowedValues"], key


@pytest.mark.parametrize(
    ("key", "good", "bad"),
    [
        (
            "Targets",
            ["eu-west-1", "111122223333/us-gov-west-1, cn-north-1"],
            ["Ireland", "eu-west-1,", "1234/eu-west-1"],
        ),
        ("NotificationEmail", ["team@example.com"], ["team", "team@example"]),
        ("AlarmTopicArn", ["arn:aws-cn:sns:cn-north-1:111122223333:on-call"], ["on-call"]),
        (
            "KmsKeyArn",
            ["arn:aws:kms:eu-west-1:111122223333:key/mrk-0"],
            ["arn:aws:kms:eu-west-1:111122223333:alias/own"],
        ),
        ("PermissionsBoundaryArn", ["arn:aws-us-gov:iam::111122223333:policy/path/bounds"], ["bounds"]),
        ("VpcSubnetIds", ["subnet-0123"], ["vpc-0123"]),
        ("VpcSecurityGroupIds", ["sg-0123"], ["default"]),
        ("TimeZone", ["Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+1"], ["CEST now", "/Berlin"]),
        (
            "ImageParameterArns",
            ["arn:aws:ssm:*:111122223333:parameter/golden/*", "arn:aws-cn:ssm:cn-north-1:111122223333:parameter/node"],
            [
                "/golden/node",
                "*",
                "arn:aws:ssm:*:*:parameter/golden",
                "arn:aws:ssm:eu-west-1::parameter/aws/service/eks",
            ],
        ),
        ("ReadRoleName", ["eks-auditor-read"], ["arn:aws:iam::111122223333:role/read"]),
    ],
)
def test_patterns(key: str, good: list[str], bad: list[str]) -> None:
    pattern = load()["Parameters"][key]["AllowedPattern"]
    assert all(re.search(pattern, value) for value in good)
    assert not [value for value in bad if re.search(pattern, value)]


@pytest.mark.parametrize(
    ("schedule", "event"),
    [
        ("SweepSchedule", "sweep"),
        ("DueSchedule", "due"),
        ("RelaySchedule", "relay"),
        ("WatchSchedule", "release_poll"),
    ],
)
def test_schedules_send_the_events_that_are_documented(schedule: str, event: str) -> None:
    properties = Stack(TimeZone="Europe/Berlin").of_type("AWS::Scheduler::Schedule")[schedule]
    assert json.loads(properties["Target"]["Input"]) == json.loads((ROOT / "events" / f"{event}.json").read_text())
    assert properties["ScheduleExpressionTimezone"] == "Europe/Berlin"
    assert properties["FlexibleTimeWindow"]["Mode"] == "FLEXIBLE"


def test_the_version_is_one() -> None:
    application = load()["Metadata"]["AWS::ServerlessRepo::Application"]
    assert application["SemanticVersion"] == eks_auditor.__version__
    assert application["SpdxLicenseId"] == "Apache-2.0"
    for key in ("LicenseUrl", "ReadmeUrl"):
        assert Path(ROOT / application[key]).is_file()


def test_no_aliases_that_cloudformation_would_refuse() -> None:
    for name in TEMPLATES:
        assert not re.search(r"(?m):\s+[&*][a-z]", (ROOT / name).read_text())
