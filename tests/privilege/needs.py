"""What needs what: for each role, statement and action, the run of a function that fails without it, and why.

The end-to-end tests take every row away in turn; docs/permissions.md is made from the same rows.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

POLL = "a poll of the recommended releases"
NEWS = "a poll that finds another release recommended"
SWEEP = "a sweep"
RELEASE = "the plan after a release"
AUDIT = "an audit"
CHANGED = "an audit that finds something changed"
SHRUNK = "an audit that finds a node group gone"
AUDIT_OBJECT = "an audit in a stack whose policy an object holds"
AUDIT_THERE = "an audit of another account's cluster"
POLL_THERE = "a poll of a Region in which only another account is audited"
RECORD = "an announcement that the ledger's stream brings"
RELAY = "a relay"
IMPORT = "an import"
IMPORT_THERE = "an import in another account"
FIRST = "the first message of a quiet channel"
NEXT = "a message that others wait with"
FLUSH = "the end of that wait"
UNREADABLE = "a message that nobody can read"
NEWER = "a message of a newer release"
DIGEST = "a digest"


@dataclass(frozen=True, slots=True)
class Need:
    """One row.

    Attributes:
        role: Its logical id.
        sid: The statement's.
        action: What it allows.
        run: What fails without it: one of the runs above.
        what: What the call is for.
    """

    role: str
    sid: str
    action: str
    run: str
    what: str


READS: Mapping[str, Mapping[str, str]] = {
    "ReadEks": {
        "eks:DescribeCluster": "the cluster itself: version, status, VPC, support, Auto Mode",
        "eks:DescribeFargateProfile": "a Fargate profile's subnets and status",
        "eks:DescribeNodegroup": "a managed node group: release, health, sizes, its Auto Scaling groups",
        "eks:DescribeUpdate": "how an update ended, and what went wrong",
        "eks:ListFargateProfiles": "which Fargate profiles there are",
        "eks:ListNodegroups": "which managed node groups there are",
        "eks:ListPodIdentityAssociations": "whether Cluster Autoscaler or Karpenter has credentials here",
        "eks:ListUpdates": "which updates a node group had",
    },
    "ListEks": {
        "eks:DescribeClusterVersions": "how long a Kubernetes version is supported",
        "eks:ListClusters": "which clusters live beside it, whose names may stand in a group's tags",
    },
    "ReadAutoScaling": {
        "autoscaling:DescribeAutoScalingGroups": "the groups behind the capacity",
        "autoscaling:DescribeInstanceRefreshes": "whether instances are being replaced",
        "autoscaling:DescribeLaunchConfigurations": "what a group without a launch template launches",
        "autoscaling:DescribePolicies": "what else sets a group's size",
        "autoscaling:DescribeScalingActivities": "launches that failed, and what asked for sizes",
        "autoscaling:DescribeScheduledActions": "when a group's size is set by the clock",
    },
    "ReadEc2": {
        "ec2:DescribeCapacityReservations": "the reservation that a group launches into",
        "ec2:DescribeImages": "what image nodes run, and whether it can still be launched",
        "ec2:DescribeInstanceTypeOfferings": "which zones offer an instance type",
        "ec2:DescribeInstanceTypes": "how large an instance type is",
        "ec2:DescribeInstances": "the nodes",
        "ec2:DescribeKeyPairs": "whether the key pair of a launch exists",
        "ec2:DescribeLaunchTemplateVersions": "what a launch template launches",
        "ec2:DescribeLaunchTemplates": "which version of a launch template is its default and its latest",
        "ec2:DescribeNatGateways": "which zone a NAT gateway is in",
        "ec2:DescribePlacementGroups": "whether the placement group of a launch exists",
        "ec2:DescribeRouteTables": "where a subnet's default route leads",
        "ec2:DescribeSecurityGroups": "whether the security groups of a launch exist",
        "ec2:DescribeSubnets": "zones and free addresses of subnets",
        "ec2:GetAllowedImagesSettings": "whether the account allows an image",
        "ec2:GetInstanceTypesFromInstanceRequirements": "which types fit what a group asks for",
    },
    "ReadAncestors": {"ec2:GetImageAncestry": "which release of AWS an image of your own was built from"},
    "ReadInstanceProfiles": {"iam:GetInstanceProfile": "whether the instance profile of a launch exists"},
    "ReadReleases": {"ssm:GetParameters": "which release AWS recommends now"},
}

LEDGER: Mapping[str, tuple[str, str]] = {
    "dynamodb:BatchGetItem": (AUDIT, "which releases were seen to be recommended, and since when"),
    "dynamodb:DeleteItem": (SHRUNK, "to forget what a capacity ran that is gone"),
    "dynamodb:GetItem": (AUDIT, "the cluster's last audit, which this one must be newer than"),
    "dynamodb:PutItem": (CHANGED, "findings, and the announcement of what changed"),
    "dynamodb:Query": (AUDIT, "what was last said about the cluster"),
    "dynamodb:UpdateItem": (CHANGED, "findings that were known before"),
}


QUIET: Mapping[str, tuple[str, str]] = {
    "dynamodb:BatchGetItem": (FIRST, "what of it Slack was told before"),
    "dynamodb:ConditionCheckItem": (NEXT, "to hold it only where somebody will tell it"),
    "dynamodb:DeleteItem": (FLUSH, "to forget what was held, once it is told"),
    "dynamodb:GetItem": (FIRST, "whether others wait already, and where the thread of the cluster's day is"),
    "dynamodb:PutItem": (FIRST, "that others are to wait now, and whose turn it is to post"),
    "dynamodb:Query": (FLUSH, "what was held"),
    "dynamodb:UpdateItem": (FIRST, "to note what Slack was told"),
}


def _reads(role: str, run: str) -> Iterator[Need]:
    for sid, actions in READS.items():
        for action, what in actions.items():
            yield Need(role, sid, action, run, what)


NEEDS: tuple[Need, ...] = (
    Need("WatchReleasesRole", "ReadVersions", "eks:DescribeClusterVersions", POLL, "which versions are in support"),
    Need("WatchReleasesRole", "ReadReleases", "ssm:GetParameters", POLL, "which releases AWS recommends now"),
    Need("WatchReleasesRole", "KeepPointers", "dynamodb:Query", POLL, "what it recommended at the last poll"),
    Need("WatchReleasesRole", "KeepPointers", "dynamodb:PutItem", NEWS, "to remember it for the next poll"),
    Need("WatchReleasesRole", "AnnounceReleases", "events:PutEvents", NEWS, "to announce a release"),
    Need("WatchReleasesRole", "ReadOtherAccounts", "sts:AssumeRole", POLL_THERE, "to read as the other account does"),
    Need("PlanAuditsRole", "ListClusters", "eks:ListClusters", SWEEP, "which clusters there are"),
    Need("PlanAuditsRole", "ReadHeads", "dynamodb:Query", SWEEP, "which clusters the ledger knows"),
    Need("PlanAuditsRole", "MeasureFleet", "dynamodb:BatchGetItem", SWEEP, "when they were audited, and what is open"),
    Need("PlanAuditsRole", "ReadRunning", "dynamodb:Query", RELEASE, "which clusters run what was released"),
    Need("PlanAuditsRole", "GiveNotice", "dynamodb:GetItem", RELEASE, "whether notice of the release was given before"),
    Need("PlanAuditsRole", "GiveNotice", "dynamodb:PutItem", RELEASE, "to give notice of it"),
    Need("PlanAuditsRole", "AskForAudits", "sqs:SendMessage", SWEEP, "to ask for an audit of each cluster"),
    Need("PlanAuditsRole", "ReadOtherAccounts", "sts:AssumeRole", SWEEP, "to list the other account's clusters"),
    *_reads("AuditClusterRole", AUDIT),
    *(Need("AuditClusterRole", "KeepLedger", action, run, what) for action, (run, what) in LEDGER.items()),
    Need("AuditClusterRole", "ReadPolicy", "ssm:GetParameter", AUDIT, "the policy, where a parameter holds it"),
    Need("AuditClusterRole", "ReadPolicyObject", "s3:GetObject", AUDIT_OBJECT, "the policy, where an object holds it"),
    Need("AuditClusterRole", "ReadOtherAccounts", "sts:AssumeRole", AUDIT_THERE, "to read as the other account does"),
    Need("PublishTransitionsRole", "FindUnrelayed", "dynamodb:Query", RELAY, "what was saved and not yet published"),
    Need("PublishTransitionsRole", "MarkRelayed", "dynamodb:GetItem", RECORD, "whether it was published by now"),
    Need("PublishTransitionsRole", "Publish", "sns:Publish", RECORD, "to publish it"),
    Need("PublishTransitionsRole", "MarkRelayed", "dynamodb:UpdateItem", RECORD, "to note that it was published"),
    Need("ImportFindingsRole", "ImportFindings", "securityhub:BatchImportFindings", IMPORT, "to tell Security Hub"),
    Need(
        "ImportFindingsRole", "MarkImported", "dynamodb:UpdateItem", IMPORT, "to note that Security Hub has a finding"
    ),
    Need(
        "ImportFindingsRole", "ImportInOtherAccounts", "sts:AssumeRole", IMPORT_THERE, "to import where the cluster is"
    ),
    Need("NotifySlackRole", "ReadSecret", "secretsmanager:GetSecretValue", FIRST, "how to reach Slack"),
    *(Need("NotifySlackRole", "KeepQuiet", action, run, what) for action, (run, what) in QUIET.items()),
    Need("NotifySlackRole", "LetWait", "sqs:SendMessage", FIRST, "the message that ends the wait of others"),
    Need("NotifySlackRole", "LetWait", "sqs:ChangeMessageVisibility", NEWER, "to let it wait for an update"),
    Need("NotifySlackRole", "KeepUndeliverable", "sqs:SendMessage", UNREADABLE, "to keep it whole for a person"),
    Need("SendDigestRole", "ReadLedger", "dynamodb:BatchGetItem", DIGEST, "when each cluster was audited last"),
    Need("SendDigestRole", "ReadLedger", "dynamodb:Scan", DIGEST, "what is open, what runs, and what was announced"),
    Need("SendDigestRole", "FindClusters", "dynamodb:Query", DIGEST, "which clusters the ledger knows"),
    Need("SendDigestRole", "KeepFigures", "dynamodb:Query", DIGEST, "the figures of the digests before"),
    Need("SendDigestRole", "KeepFigures", "dynamodb:PutItem", DIGEST, "to note its figures, and that it was sent"),
    Need("SendDigestRole", "Publish", "sns:Publish", DIGEST, "to publish it"),
    *_reads("ReadRole", AUDIT_THERE),
    Need("ImportRole", "ImportFindings", "securityhub:BatchImportFindings", IMPORT_THERE, "to tell Security Hub there"),
)

SERVICES: Mapping[tuple[str, str], str] = {
    ("SchedulerRole", "StartScheduledWork"): "EventBridge Scheduler starts the functions",
    ("SchedulerRole", "KeepUndelivered"): "EventBridge Scheduler keeps what it could not deliver",
    ("WatchReleasesRole", "KeepFailedEvents"): "Lambda keeps the events that failed",
    ("PlanAuditsRole", "KeepFailedEvents"): "Lambda keeps the events that failed",
    ("AuditClusterRole", "TakeAudits"): "Lambda takes the audits from the queue",
    ("PublishTransitionsRole", "ReadStream"): "Lambda reads the ledger's stream",
    ("PublishTransitionsRole", "FindStream"): "Lambda looks for the ledger's streams",
    ("PublishTransitionsRole", "KeepFailedEvents"): "Lambda keeps what failed",
    ("ImportFindingsRole", "TakeTransitions"): "Lambda takes the messages from the queue",
    ("NotifySlackRole", "TakeMessages"): "Lambda takes the messages from the queue",
    ("SendDigestRole", "KeepFailedEvents"): "Lambda keeps the events that failed",
    ("RuntimePolicy", "WriteLogs"): "Lambda writes the function's log lines",
    ("RuntimePolicy", "UseYourKey"): "ledger, queues, topics and the secret decrypt and encrypt in the caller's name",
    ("RuntimePolicy", "SendTraces"): "Lambda and the X-Ray daemon send traces",
    ("RuntimePolicy", "JoinVpc"): "Lambda ties the functions to your subnets",
    ("RuntimePolicy", "SeeVpc"): "Lambda looks at the subnets and interfaces for that",
    ("SchedulerRole", "UseYourKey"): "the queues decrypt and encrypt in the caller's name",
}
"""Statements by which an AWS service acts in a role's name: no code of ours does, and no local AWS asks for them."""

OPTIONAL: Mapping[tuple[str, str], str] = {
    ("AuditClusterRole", "ResolveImages"): "EC2 resolves a launch template's image by your parameter",
    ("ReadRole", "ResolveImages"): "EC2 resolves a launch template's image by that account's parameter",
}
"""Statements that a parameter of the template adds, about resources that the stage of these tests does not have."""
