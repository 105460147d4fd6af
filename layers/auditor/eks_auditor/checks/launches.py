"""AMI, where nodes come from: launch templates, and the updates that roll them out."""

from dataclasses import replace
from functools import partial

from eks_auditor.check import check
from eks_auditor.checks.version_updates import LIMITS, judge_newest_update
from eks_auditor.checks.worst import worst
from eks_auditor.model.capacity import (
    GroupCapacity,
    LaunchConfig,
    ManagedNodeGroup,
    ScalingGroup,
    SelfManagedGroup,
    TemplateUse,
    is_gone,
)
from eks_auditor.model.gap import Gap, UnreadableError, known
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.model.verdict import Scalar, Severity, Verdict, failed, not_applicable, passed
from eks_auditor.policy.thresholds import Thresholds

SHOWN = 20
"""How many missing things are named; the numbers count all."""

SAID_BY_EKS = frozenset(
    {
        "AmiIdNotFound",
        "Ec2LaunchTemplateInvalidConfiguration",
        "Ec2LaunchTemplateNotFound",
        "Ec2LaunchTemplateVersionMismatch",
        "Ec2SecurityGroupNotFound",
        "Ec2SubnetNotFound",
        "IamInstanceProfileNotFound",
    }
)
"""Health issues of a managed group by which EKS itself says that it cannot launch: HEALTH001 tells those."""


@check(
    id="AMI008",
    title="Groups should launch from the default version of their launch template",
    severity=Severity.INFORMATIONAL,
    docs="https://docs.aws.amazon.com/eks/latest/userguide/launch-templates.html",
)
def launch_template_drift(capacity: ManagedNodeGroup | SelfManagedGroup) -> Verdict:
    """Compares the launch template version that a group uses with the template's default version.

    Of a managed group that is the user's own template; one that EKS made is not judged. INFORMATIONAL where the version
    is older than the default; a newer one passes. A launch configuration instead of a template is LOW: instance types
    newer than 2022 cannot be launched from one, and new accounts cannot create any.

    Why: whoever makes a version the default means it to be used, but neither EKS nor Auto Scaling moves a group that
    names a version by its number.

    Fix:
    aws (managed): aws eks update-nodegroup-version --region {region} --cluster-name {cluster} --nodegroup-name {name}
      --launch-template id={template},version={default_version}
    eksctl (managed): eksctl upgrade nodegroup --region {region} --cluster {cluster} --name {name}
      --launch-template-version {default_version}
    terraform (managed): set version in the launch_template block of the aws_eks_node_group to default_version of the
      aws_launch_template
    cloudformation (managed): set LaunchTemplate.Version of the AWS::EKS::Nodegroup to {default_version}
    aws (self-managed): aws autoscaling update-auto-scaling-group --region {region} --auto-scaling-group-name {name}
      --launch-template LaunchTemplateId={template},Version={default_version} # with a mixed instances policy, change
      the version in there instead
    aws (self-managed): aws autoscaling describe-launch-configurations --region {region}
      --launch-configuration-names {configuration} # make a launch template of it
    aws (self-managed): aws autoscaling update-auto-scaling-group --region {region} --auto-scaling-group-name {name}
      --launch-template LaunchTemplateName=NEW_TEMPLATE,Version=1 # instead of {configuration}
    guide (self-managed): migrate: create a second group with that launch template, taint the nodes of {name} with
      NoSchedule, drain them and delete the group
    guide (self-managed): in place: replace the nodes by an instance refresh (without a termination handler it does not
      drain them)
    terraform (self-managed): set version in the launch_template block of the aws_autoscaling_group to the
      default_version of the aws_launch_template, and replace an aws_launch_configuration with one
    cloudformation (self-managed): set LaunchTemplate.Version of the AWS::AutoScaling::AutoScalingGroup to
      !GetAtt TEMPLATE.DefaultVersionNumber, and replace an AWS::AutoScaling::LaunchConfiguration with a template
    """
    if isinstance(capacity, ManagedNodeGroup):
        if capacity.template is None:
            return not_applicable("it launches from a template that EKS made, not from one of yours")
        return _template_in_use(capacity.template)
    launch = known(capacity.group.launch)
    if launch.configuration is not None:
        return _launch_configuration(launch.configuration)
    if not launch.templates:
        return not_applicable("no launch template of it is known")
    return worst(partial(_template_in_use, template) for template in launch.templates)


@check(
    id="AMI010",
    title="Updates of node groups should succeed, and come to an end",
    severity=Severity.HIGH,
    docs="https://docs.aws.amazon.com/eks/latest/userguide/managed-node-update-behavior.html#managed-node-update-upgrade",
    thresholds=LIMITS,
)
def update_failed_or_stuck(group: ManagedNodeGroup, snapshot: Snapshot, limits: Thresholds) -> Verdict:
    """Looks at the newest version update of a managed node group.

    HIGH where it failed within 30 days, or failed and nodes in service still run images that the group does not launch
    any more. LOW where it was cancelled within 30 days. MEDIUM where it has been in progress for longer than 6 hours
    and than 20 minutes for every maxUnavailable of the group's nodes. An update of the group that came after counts
    instead.

    Why: a failed update leaves a group of two kinds of nodes, and does not go on by itself; one that is stuck keeps
    extra nodes running and the next update waiting.

    Fix:
    aws (managed): aws eks describe-update --region {region} --name {cluster} --nodegroup-name {name}
      --update-id {update}
    guide (managed): {advice!s}
    kubectl (managed): kubectl get poddisruptionbudgets --all-namespaces # which allow no disruption?
    aws (managed): aws eks update-nodegroup-version --region {region} --cluster-name {cluster} --nodegroup-name {name}
      --kubernetes-version {minor} # or the minor that it was to go to
    aws (managed): aws eks update-nodegroup-version --region {region} --cluster-name {cluster} --nodegroup-name {name}
      --launch-template id={template},version={template_version} # or the version that it was to go to
    aws (managed): aws eks update-nodegroup-version --region {region} --cluster-name {cluster} --nodegroup-name {name}
      --kubernetes-version {forced_minor} --force # ends pods that their budgets would keep
    aws (managed): aws eks update-nodegroup-version --region {region} --cluster-name {cluster} --nodegroup-name {name}
      --launch-template id={forced_template},version={template_version} --force # ends pods that budgets would keep
    eksctl (managed): eksctl upgrade nodegroup --region {region} --cluster {cluster} --name {name}
      --kubernetes-version {minor} # or the minor that it was to go to
    eksctl (managed): eksctl upgrade nodegroup --region {region} --cluster {cluster} --name {name}
      --kubernetes-version {forced_minor} --force-upgrade # ends pods that their budgets would keep
    terraform (managed): apply again once the cause is mended; force_update_version = true in aws_eks_node_group ends
      pods that their budgets would keep
    cloudformation (managed): update the stack again once the cause is mended; ForceUpdateEnabled of AWS::EKS::Nodegroup
      ends pods that their budgets would keep
    """
    return judge_newest_update(group, snapshot, limits)


@check(
    id="AMI013",
    title="Everything that a group's launch names should exist",
    severity=Severity.CRITICAL,
    docs="https://docs.aws.amazon.com/eks/latest/userguide/launch-templates.html",
)
def launch_names_what_is_gone(capacity: ManagedNodeGroup | SelfManagedGroup) -> Verdict:
    """Looks for what a group's next launch needs and does not find.

    CRITICAL where the launch template or the version in use was deleted, or where it names a security group, instance
    profile, key pair, subnet or placement group that does not exist. A group of maximum size 0 launches nothing, and
    where EKS reports such an issue of a managed node group itself, HEALTH001 tells it.

    Why: nothing happens until the group needs a node; then every launch fails, be it to replace one that failed or to
    take a rising load.

    Fix:
    aws: aws autoscaling describe-scaling-activities --region {region} --auto-scaling-group-name {group}
    aws (managed): aws eks create-nodegroup --region {region} --cluster-name {cluster} --nodegroup-name NEW_NAME
      --node-role ROLE_ARN --subnets SUBNET_IDS # like {name}, which has lost {lost}
    aws (managed): aws eks update-nodegroup-version --region {region} --cluster-name {cluster} --nodegroup-name {name}
      --launch-template id={own_template},version=NEW_VERSION # a new version that does not name {missing}
    eksctl (managed): eksctl create nodegroup --region {region} --cluster {cluster} --name NEW_NAME && eksctl delete
      nodegroup --region {region} --cluster {cluster} --name {name} # which has lost {lost}
    terraform (managed): correct the aws_launch_template or remote_access block; where the group itself has to be
      replaced, use create_before_destroy and node_group_name_prefix in aws_eks_node_group
    cloudformation (managed): correct the AWS::EC2::LaunchTemplate and raise LaunchTemplate.Version of
      AWS::EKS::Nodegroup; a new Subnets or RemoteAccess makes a new group before the old one goes
    aws (self-managed): aws autoscaling update-auto-scaling-group --region {region} --auto-scaling-group-name {name}
      --launch-template LaunchTemplateName=TEMPLATE,Version=VERSION # one that exists, instead of {gone}
    aws (self-managed): aws ec2 create-launch-template-version --region {region} --launch-template-id {template}
      --source-version {template_version} --launch-template-data CHANGES # what exists, instead of {missing}
    guide (self-managed): migrate: create a second group from a launch template that names only what exists, taint the
      nodes of {name} with NoSchedule, drain them and delete the group
    guide (self-managed): in place: let the group use a version of its launch template that names only what exists
    terraform (self-managed): apply the aws_launch_template and what it names again, and let the aws_autoscaling_group
      use its latest_version
    cloudformation (self-managed): let the AWS::AutoScaling::AutoScalingGroup use a version of the
      AWS::EC2::LaunchTemplate that names only what the stack has
    """
    if isinstance(capacity, ManagedNodeGroup):
        said = sorted(SAID_BY_EKS & {issue.code for issue in capacity.health_issues})
        if said:
            return not_applicable(f"EKS says so itself ({', '.join(said)}): see HEALTH001")
    groups = [group for group in known(capacity.groups) if group.max_size > 0]
    if not groups:
        return not_applicable("it has no Auto Scaling group that may launch anything")
    return worst(partial(_launch, group, capacity) for group in groups)


def _template_in_use(template: TemplateUse) -> Verdict:
    default = known(template.default_version)
    named = f"version {template.version} of {template.name} ({template.id})"
    if _number(template.version, template) >= _number(default, template):
        return passed(f"it launches from {named}; the default is {default}")
    return failed(
        f"it launches from {named}, which is behind the default version {default}",
        severity=Severity.INFORMATIONAL,
        template=template.id,
        template_version=template.version,
        default_version=default,
    )


def _number(version: str, template: TemplateUse) -> int:
    try:
        return int(version)
    except ValueError as error:
        unreadable = Gap("ec2:DescribeLaunchTemplates", template.id, f"{version!r} is no number of a version")
        raise UnreadableError(unreadable) from error


def _launch_configuration(name: str) -> Verdict:
    reason = (
        f"it launches from the launch configuration {name}, not from a launch template: EC2 supports no instance type "
        "newer than 2022 in those, and lets new accounts create none"
    )
    return failed(reason, severity=Severity.LOW, configuration=name)


def _launch(group: ScalingGroup, capacity: GroupCapacity) -> Verdict:
    if isinstance(group.launch, Gap) and is_gone(group.launch):
        return _gone(group, group.launch, capacity)
    launch = known(group.launch)
    missing = [f"{reference.what} {reference.id}" for reference in known(launch.missing)]
    if not missing:
        return passed(f"what {group.name} launches from exists")
    shown = ", ".join(missing[:SHOWN])
    more = f" and {len(missing) - SHOWN} more" if len(missing) > SHOWN else ""
    reason = f"{group.name} launches with what does not exist: {shown}{more}; its next launch fails"
    facts: dict[str, Scalar] = {"group": group.name, "missing": shown, "missing_count": len(missing)}
    facts |= _to_correct(shown, launch, capacity)
    return replace(failed(reason, severity=Severity.CRITICAL), evidence=facts)


def _gone(group: ScalingGroup, gap: Gap, capacity: GroupCapacity) -> Verdict:
    lost = f"the launch template of {group.name}, or the version that it uses,"
    reason = f"{lost} does not exist: its next launch fails ({gap})"
    told = "lost" if isinstance(capacity, ManagedNodeGroup) else "gone"
    facts: dict[str, Scalar] = {"group": group.name, told: gap.resource}
    return replace(failed(reason, severity=Severity.CRITICAL), evidence=facts)


def _to_correct(missing: str, launch: LaunchConfig, capacity: GroupCapacity) -> dict[str, Scalar]:
    """Return the template to correct: of a managed group the user's own, never the copy that EKS makes of it."""
    if isinstance(capacity, ManagedNodeGroup):
        return {"own_template": capacity.template.id} if capacity.template else {"lost": missing}
    if not launch.templates:
        return {}
    first = launch.templates[0]
    return {"template": first.id, "template_version": first.version}
