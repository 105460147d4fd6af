"""What becomes of each fault of each call, and why: the table of docs/faults.md, held against what happens."""

from collections.abc import Mapping
from typing import Final

from tests.faults.expected import EVIDENCE, GAP, PARKED, RETRIED, STANDS, Expected, Row
from tests.faults.telling_rows import TELLING

AUDIT: Final = "AuditCluster"

_AGAIN: Final = Expected(RETRIED)
_GAP: Final = Expected(GAP)
_NOT_WORTH_IT: Final = Expected(GAP, "one check needs it: an audit does not wait for that, the next one reads again")
_ALIVE: Final = Expected(GAP, "the cluster was described a moment ago: it does not vanish by this")
_LISTED: Final = Expected(GAP, "it is gone only where a second list does not name it either")


def _nothing(why: str, *moves: str) -> Expected:
    return Expected(EVIDENCE, why, frozenset(moves))


def _impossible(why: str) -> Expected:
    return Expected(GAP, why)


def _read(
    action: str,
    *,
    empty: Expected | None = None,
    vanished: Expected | None = None,
    passing: Expected = _AGAIN,
    denied: Expected = _GAP,
) -> Row:
    return Row(AUDIT, action, passing, denied, empty, vanished)


READING: tuple[Row, ...] = (
    _read(
        "autoscaling:DescribeAutoScalingGroups",
        empty=_impossible("EKS or running nodes name groups: that there is not one is no evidence"),
    ),
    _read(
        "autoscaling:DescribeInstanceRefreshes",
        empty=_nothing("most groups were never refreshed"),
        vanished=_GAP,
    ),
    _read(
        "autoscaling:DescribeLaunchConfigurations",
        empty=Expected(STANDS, "a group names it: what it launches is unknown, and no call failed"),
    ),
    _read(
        "autoscaling:DescribePolicies",
        passing=_NOT_WORTH_IT,
        empty=_nothing("most accounts have none", "CAS009"),
    ),
    _read(
        "autoscaling:DescribeScalingActivities",
        empty=_nothing("a group may have had none for six weeks", "ZONE003", "ZONE012"),
        vanished=_GAP,
    ),
    _read(
        "autoscaling:DescribeScheduledActions",
        passing=_NOT_WORTH_IT,
        empty=_nothing("most accounts have none"),
    ),
    _read(
        "ec2:DescribeCapacityReservations",
        empty=_nothing("asked for by id, EC2 tells those that are over for a while and then no more", "ZONE014"),
        vanished=_nothing("EC2 says that it does not exist", "ZONE014"),
    ),
    _read(
        "ec2:DescribeImages",
        empty=_nothing("so EC2 answers by id for images that Allowed AMIs hide: none of them can launch", "AMI006"),
        vanished=_nothing("EC2 says of each image, asked for alone, that it does not exist", "AMI006"),
    ),
    _read(
        "ec2:DescribeInstanceTypeOfferings",
        empty=_impossible("that no zone offers any of the types, though nodes run on some, is no evidence"),
    ),
    _read("ec2:DescribeInstanceTypes", empty=_impossible("EC2 knows the types that it runs")),
    _read(
        "ec2:DescribeInstances",
        empty=_impossible("EKS's Auto Scaling groups have instances in service: where they have none, it is evidence"),
    ),
    _read(
        "ec2:DescribeKeyPairs",
        empty=_impossible("what a filter leaves out is asked for by name, and EC2 then says that it does not exist"),
    ),
    _read(
        "ec2:DescribeLaunchTemplateVersions",
        empty=_impossible("a version that does not exist EC2 refuses by its code"),
        vanished=_nothing("EC2 says that it does not exist: what launches from it cannot", "AMI013"),
    ),
    _read(
        "ec2:DescribeLaunchTemplates",
        empty=_impossible("each template was named a moment ago: which version is its default is unknown"),
    ),
    _read(
        "ec2:DescribeNatGateways",
        passing=_NOT_WORTH_IT,
        empty=Expected(STANDS, "a route leads to one that this account may not see, as in a shared VPC"),
    ),
    _read(
        "ec2:DescribePlacementGroups",
        empty=_impossible("what a filter leaves out is asked for by name, and EC2 then says that it does not exist"),
    ),
    _read(
        "ec2:DescribeRouteTables",
        passing=_NOT_WORTH_IT,
        empty=Expected(STANDS, "this account may not see those of a shared VPC"),
    ),
    _read(
        "ec2:DescribeSecurityGroups",
        empty=_impossible("what a filter leaves out is asked for by id, and EC2 then says that it does not exist"),
    ),
    _read("ec2:DescribeSubnets", empty=_impossible("a cluster has subnets: that the Region has none is no evidence")),
    _read("ec2:GetAllowedImagesSettings"),
    _read(
        "ec2:GetImageAncestry",
        empty=_impossible("an ancestry begins with the image itself"),
        vanished=_GAP,
    ),
    _read(
        "ec2:GetInstanceTypesFromInstanceRequirements",
        passing=_NOT_WORTH_IT,
        empty=_impossible("Auto Scaling makes no group of requirements that nothing matches"),
    ),
    _read(
        "eks:DescribeCluster",
        denied=Expected(STANDS, "nothing is saved: refused is not deleted"),
        vanished=Expected(STANDS, "nothing is saved: ListClusters beside it lists the cluster"),
    ),
    _read("eks:DescribeClusterVersions", empty=_impossible("EKS always knows some version")),
    _read("eks:DescribeFargateProfile", vanished=_LISTED),
    _read("eks:DescribeNodegroup", vanished=_LISTED),
    _read("eks:DescribeUpdate", vanished=_GAP),
    _read("eks:ListClusters", empty=_impossible("it leaves out the cluster that was just described")),
    _read(
        "eks:ListFargateProfiles",
        empty=_nothing("a cluster may have none: what was open on one is resolved", "ZONE011"),
        vanished=_ALIVE,
    ),
    _read(
        "eks:ListNodegroups",
        empty=_impossible("an Auto Scaling group of a node group's runs nodes: where none does, it is evidence"),
        vanished=_ALIVE,
    ),
    _read(
        "eks:ListPodIdentityAssociations",
        empty=_nothing(
            "most clusters have none: beside Karpenter nothing then proves that Cluster Autoscaler runs",
            *("CAS001", "CAS003", "CAS005", "CAS008", "CAS009"),
        ),
        vanished=_ALIVE,
    ),
    _read("eks:ListUpdates", empty=_nothing("EKS forgets old updates", "AMI010"), vanished=_ALIVE),
    _read("iam:GetInstanceProfile", vanished=_nothing("IAM says that it does not exist", "AMI013")),
    _read(
        "ssm:GetParameters",
        empty=_impossible("SSM names the parameters that do not exist: of these it says nothing"),
    ),
)
"""Of the calls by which a cluster is read, by the functions and the command line alike."""

BY_ACTION: Mapping[str, Row] = {row.action: row for row in READING}

_PARKED: Final = Expected(PARKED)
_ROLE: Final = Expected(GAP, "the place whose role it is is not listed; all others are")


def _own(  # noqa: PLR0913  a row's parts, all but three by name
    part: str,
    door: str,
    action: str,
    *,
    passing: Expected = _AGAIN,
    denied: Expected = _PARKED,
    empty: Expected | None = None,
    vanished: Expected | None = _PARKED,
) -> Row:
    return Row(part, action, passing, denied, empty, vanished, door)


_IN_FORCE: Final = Expected(STANDS, "the last valid policy stays in force, and that is said")
_NOT_WATCHED: Final = Expected(GAP, "what was last seen stands, and the next poll reads it again")

_NOT_MEASURED: Final = Expected(STANDS, "audits are asked for all the same; how the fleet stands is not said this time")

WORKING: tuple[Row, ...] = (
    _own(AUDIT, "auditing", "dynamodb:BatchGetItem", empty=_nothing("nobody watches these release lines yet")),
    _own(AUDIT, "auditing", "dynamodb:GetItem"),
    _own(
        AUDIT,
        "auditing",
        "dynamodb:Query",
        empty=_nothing("a consistent read of the own table: a lost one is rebuilt, and ids stay what they were"),
    ),
    _own(AUDIT, "auditing", "dynamodb:TransactWriteItems"),
    _own(
        AUDIT,
        "auditing elsewhere",
        "sts:AssumeRole",
        denied=Expected(STANDS, "nothing is saved: a role that may not be assumed says nothing of the cluster"),
        vanished=None,
    ),
    _own(AUDIT, "policed", "dynamodb:PutItem"),
    _own(AUDIT, "policed by a parameter", "ssm:GetParameter", passing=_IN_FORCE, denied=_IN_FORCE, vanished=_IN_FORCE),
    _own(AUDIT, "policed by an object", "s3:GetObject", passing=_IN_FORCE, denied=_IN_FORCE, vanished=_IN_FORCE),
    _own(
        "PlanAudits",
        "sweep",
        "dynamodb:BatchGetItem",
        passing=_NOT_MEASURED,
        denied=_NOT_MEASURED,
        empty=_nothing("no cluster was audited yet"),
        vanished=_NOT_MEASURED,
    ),
    _own(
        "PlanAudits",
        "sweep",
        "dynamodb:Query",
        empty=_nothing("the ledger knows no cluster: those that EKS lists are audited"),
    ),
    _own(
        "PlanAudits",
        "sweep",
        "eks:ListClusters",
        passing=Expected(GAP, "those that the ledger knows there are audited all the same; the next sweep lists again"),
        denied=_ROLE,
        empty=_nothing("it drops nothing: those that the ledger knows there are audited, and their audits tell"),
        vanished=None,
    ),
    _own(
        "PlanAudits",
        "sweep",
        "sqs:SendMessageBatch",
        empty=Expected(STANDS, "what the answer says nothing of is sent again at once"),
    ),
    _own("PlanAudits", "sweep", "sts:AssumeRole", passing=_ROLE, denied=_ROLE, vanished=None),
    _own("PlanAudits", "refused sweep", "sqs:SendMessage"),
    _own("PlanAudits", "release", "dynamodb:GetItem"),
    _own("PlanAudits", "release", "dynamodb:PutItem"),
    _own("WatchReleases", "poll", "dynamodb:PutItem"),
    _own("WatchReleases", "poll", "dynamodb:Query", empty=_nothing("nothing was watched yet: it begins now")),
    _own(
        "WatchReleases",
        "poll",
        "eks:DescribeClusterVersions",
        passing=Expected(GAP, "the releases that are watched already are read all the same"),
        denied=_GAP,
        empty=_impossible("EKS always knows some version"),
        vanished=None,
    ),
    _own("WatchReleases", "poll", "events:PutEvents", empty=Expected(RETRIED, "what it says nothing of is put again")),
    _own(
        "WatchReleases",
        "poll",
        "ssm:GetParameters",
        passing=_NOT_WATCHED,
        denied=_NOT_WATCHED,
        empty=_impossible("SSM names the parameters that do not exist: of these it says nothing"),
        vanished=None,
    ),
    _own("WatchReleases", "poll elsewhere", "sts:AssumeRole", passing=_NOT_WATCHED, denied=_GAP, vanished=None),
    _own("PublishTransitions", "stream", "dynamodb:GetItem"),
    _own("PublishTransitions", "stream", "dynamodb:UpdateItem"),
    _own("PublishTransitions", "stream", "sns:Publish"),
    _own("PublishTransitions", "relay", "dynamodb:Query", empty=_nothing("nothing waits; the next relay looks again")),
    _own("ImportFindings", "importing", "dynamodb:UpdateItem"),
    _own(
        "ImportFindings",
        "importing",
        "securityhub:BatchImportFindings",
        empty=Expected(RETRIED, "the answer accounts for fewer findings than were sent"),
        vanished=_nothing("the hub is not enabled: counted, and each audit offers the findings anew"),
    ),
    _own("ImportFindings", "importing", "sts:AssumeRole", vanished=None),
    *TELLING,
)
"""Of the functions' other calls."""

COMMANDS: Final = "the command line"

_ENDS: Final = Expected(STANDS, "the command ends with one sentence and exit code 3")

_NAMED: Final = Expected(GAP, "the table says what is recommended, and names what it could not read beside it")


def _typed(door: str, action: str, *, empty: Expected | None = None, vanished: Expected | None = _ENDS) -> Row:
    return Row(COMMANDS, action, _ENDS, _ENDS, empty, vanished, door)


TYPED: tuple[Row, ...] = (
    _typed("audit", "sts:GetCallerIdentity", vanished=None),
    _typed(
        "audit of a Region",
        "eks:ListClusters",
        empty=_nothing("there is no cluster: the report is empty, and says nothing of any"),
        vanished=None,
    ),
    _typed(
        "audit of all Regions",
        "ec2:DescribeRegions",
        empty=Expected(STANDS, "every account has Regions: the command ends with one sentence and exit code 3"),
        vanished=None,
    ),
    _typed(
        "releases",
        "eks:DescribeClusterVersions",
        empty=Expected(STANDS, "EKS always knows some version: one sentence and exit code 3"),
        vanished=None,
    ),
    Row(
        COMMANDS,
        "ec2:DescribeImages",
        _NAMED,
        _NAMED,
        empty=_NAMED,
        vanished=_NAMED,
        door="releases",
    ),
    _typed("releases", "ssm:GetParameters", empty=_ENDS, vanished=None),
    _typed("republish", "dynamodb:PutItem"),
    _typed("retire", "cloudformation:DescribeStacks", empty=_ENDS),
    _typed("retire", "dynamodb:GetItem"),
    _typed("retire", "dynamodb:Query", empty=_nothing("the ledger has nothing open")),
    _typed("retire", "securityhub:BatchImportFindings", empty=_ENDS, vanished=_nothing("the hub shows nothing there")),
)
"""Of the command line's calls, beside those by which it reads clusters."""

ROWS: tuple[Row, ...] = (*READING, *WORKING, *TYPED)
