"""AMI: what the images themselves tell, besides the release that they are."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from eks_auditor.check import check
from eks_auditor.checks.descent import AGE_RUNGS, judge_custom
from eks_auditor.checks.each_image import auto_mode, in_days, is_auto_mode, judge_images, nothing_to_judge, words_of
from eks_auditor.checks.lateness import RUNGS
from eks_auditor.checks.launchable import judge_launchable
from eks_auditor.model.capacity import ManagedNodeGroup, NodePool, SelfManagedGroup
from eks_auditor.model.release import Image
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.model.verdict import Scalar, Severity, Verdict, failed, not_applicable, passed, unknown
from eks_auditor.policy.thresholds import Thresholds, days, words
from eks_auditor.releases.builds import Build, build_of, images_or_gaps
from eks_auditor.releases.families import CUSTOM, parameter_of


@check(
    id="AMI005",
    title="Custom images should be built on a release that has been superseded for less than 14 days",
    severity=Severity.MEDIUM,
    docs="https://docs.aws.amazon.com/eks/latest/userguide/eks-ami-build-scripts.html",
    thresholds={**RUNGS, **AGE_RUNGS},
)
def custom_image_on_old_release(
    capacity: ManagedNodeGroup | SelfManagedGroup | NodePool, snapshot: Snapshot, limits: Thresholds
) -> Verdict:
    """Finds the EKS release that an image of one's own was built on, and counts the days since it was superseded.

    These are the images that a group would launch from, or that the nodes of a Karpenter pool run. The release is the
    nearest one among the image's ancestors, by EC2's record of them, else by the tags of Image Builder or Packer, else
    by the description, else by the name. From 14 days on it is LOW, from 30 MEDIUM, from 60 HIGH. An image of which no
    such ancestor is known fails by its own age: from 60 days on LOW, from 120 MEDIUM. Where AWS recommends no release
    of the ancestor's kind any more, AMI003 tells it.

    Why: an image of one's own stands still from the day it was built, and a freshly built one may stand on an old base,
    which misses the same security fixes; nothing else tells that apart.

    Fix:
    aws: aws ec2 get-image-ancestry --region {region} --image-id {image}
    aws: aws ssm get-parameter --region {region} --name {parameter} --query Parameter.Value --output text
    guide: build the image anew, on the newest release of its base (in EC2 Image Builder let the recipe's parent image
      follow the public parameter; in Packer let source_ami_filter take the most recent one)
    aws (managed): aws eks update-nodegroup-version --region {region} --cluster-name {cluster} --nodegroup-name {name}
      --launch-template name=TEMPLATE,version=NEW_VERSION # a new version with the new image instead of {image}
    eksctl (managed): eksctl upgrade nodegroup --region {region} --cluster {cluster} --name {name}
      --launch-template-version NEW_VERSION # a new version with the new image instead of {image}
    terraform (managed): set image_id of the aws_launch_template to the new image, and let launch_template.version of
      the aws_eks_node_group be its latest_version
    cloudformation (managed): set ImageId of the AWS::EC2::LaunchTemplate to the new image, and let
      LaunchTemplate.Version of the AWS::EKS::Nodegroup be its LatestVersionNumber
    guide (self-managed): migrate: create a second group with the new image, taint the nodes of {name} with NoSchedule,
      drain them and delete the group
    guide (self-managed): in place: put the new image instead of {image} into a new version of the launch template, and
      replace the nodes by an instance refresh (without a termination handler it does not drain them)
    aws (self-managed): aws autoscaling start-instance-refresh --region {region} --auto-scaling-group-name {name}
    terraform (self-managed): set image_id of the aws_launch_template to the new image, and add an instance_refresh
      block to the aws_autoscaling_group
    cloudformation (self-managed): set ImageId of the AWS::EC2::LaunchTemplate to the new image, and add an UpdatePolicy
      to the AWS::AutoScaling::AutoScalingGroup
    guide (karpenter): let the amiSelectorTerms of the pool {name} select the new image; Karpenter then replaces the
      nodes as disruption budgets allow
    """
    if is_auto_mode(capacity):
        return auto_mode()
    if isinstance(capacity, ManagedNodeGroup) and capacity.ami_type != CUSTOM:
        return not_applicable(f"EKS builds its images ({capacity.ami_type})")
    images = images_or_gaps(capacity, snapshot)
    return judge_custom(capacity, images, snapshot, limits) if images else nothing_to_judge(capacity)


@check(
    id="AMI006",
    title="Every image that a group launches should exist and be available",
    severity=Severity.CRITICAL,
    docs="https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/deregister-ami.html",
    thresholds={"windows_low": days(90, "so old, a Windows image of EKS is LOW: AWS withdraws it at four months")},
)
def image_cannot_be_launched(
    capacity: ManagedNodeGroup | SelfManagedGroup | NodePool, snapshot: Snapshot, limits: Thresholds
) -> Verdict:
    """Looks for configured images that EC2 does not show any more, or that are not available.

    Those are the images of the template version or launch configuration that the Auto Scaling group itself uses; for a
    managed group that is EKS's own copy. Such a group cannot launch another node: CRITICAL. An image that this
    account's Allowed AMIs would hide, were they enabled and not in audit mode, is INFORMATIONAL. A Windows image of EKS
    is LOW from three months on, unless it is the recommended one: AWS withdraws it at four. A group of maximum size 0
    launches nothing, and where EKS itself reports AmiIdNotFound, HEALTH001 tells it. What a Karpenter pool selects is
    not visible.

    Why: nodes that run go on, so nothing tells before the next scale-out, replacement or Spot interruption, and then
    capacity is lost and does not come back.

    Fix:
    aws: aws ec2 describe-images --region {region} --include-deprecated --include-disabled --image-ids {image}
    aws: aws ec2 get-allowed-images-settings --region {region} # Allowed AMIs is {allowed_images}: add the image's owner
    aws: aws ec2 enable-image --region {region} --image-id {disabled_image}
    aws: aws ec2 restore-image-from-recycle-bin --region {region} --image-id {lost_image} # if a retention rule kept it
    aws (managed): aws eks update-nodegroup-version --region {region} --cluster-name {cluster} --nodegroup-name {name}
      --kubernetes-version {minor}
    eksctl (managed): eksctl upgrade nodegroup --region {region} --cluster {cluster} --name {name}
      --kubernetes-version {minor}
    terraform (managed): in aws_eks_node_group leave release_version out, or set it to the newest one for Kubernetes
      {minor}
    cloudformation (managed): in AWS::EKS::Nodegroup set ReleaseVersion to the newest one for Kubernetes {minor}
    aws (managed): aws eks update-nodegroup-version --region {region} --cluster-name {cluster} --nodegroup-name {name}
      --launch-template name=TEMPLATE,version=NEW_VERSION # with an available image instead of {template_image}
    eksctl (managed): eksctl upgrade nodegroup --region {region} --cluster {cluster} --name {name}
      --launch-template-version NEW_VERSION # with an available image instead of {template_image}
    terraform (managed): set image_id of the aws_launch_template to an available image instead of {template_image},
      and let launch_template.version of the aws_eks_node_group be its latest_version
    cloudformation (managed): set ImageId of the AWS::EC2::LaunchTemplate to an available image instead of
      {template_image}, and let LaunchTemplate.Version of the AWS::EKS::Nodegroup be its LatestVersionNumber
    guide (self-managed): migrate: create a second group with an available image, taint the nodes of {name} with
      NoSchedule, drain them and delete the group
    guide (self-managed): in place: put an available image instead of {image} into a new version of the launch template
      and let the group use that version; replace no node before the group can launch another
    aws (self-managed): aws ec2 create-launch-template-version --region {region} --launch-template-id {template}
      --source-version {template_version} --launch-template-data ImageId=NEW_IMAGE # available, instead of {image}
    aws (self-managed): aws autoscaling update-auto-scaling-group --region {region} --auto-scaling-group-name {name}
      --launch-template LaunchTemplateId={template},Version=NEW_VERSION # with a mixed instances policy, change the
      version in there instead
    terraform (self-managed): set image_id of the aws_launch_template to an available image, and let version in the
      aws_autoscaling_group be its latest_version
    cloudformation (self-managed): set ImageId of the AWS::EC2::LaunchTemplate to an available image, and let Version
      in the AWS::AutoScaling::AutoScalingGroup be its LatestVersionNumber
    """
    if isinstance(capacity, NodePool):
        return auto_mode() if is_auto_mode(capacity) else not_applicable("which images the pool selects is not visible")
    return judge_launchable(capacity, snapshot, limits.time("windows_low"))


@check(
    id="AMI007",
    title="Images should not be deprecated",
    severity=Severity.MEDIUM,
    docs="https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ami-deprecate.html",
)
def image_deprecated(capacity: ManagedNodeGroup | SelfManagedGroup | NodePool, snapshot: Snapshot) -> Verdict:
    """Looks for images whose time of deprecation has passed.

    These are the images that a group would launch from, or that the nodes of a Karpenter pool run.

    Why: its owner says that nobody should use the image any more and may deregister it next, after which nothing can be
    launched from it; until then launches go on as if nothing were wrong, and those who look for images do not find it.

    Fix:
    aws: aws ec2 describe-images --region {region} --include-deprecated --include-disabled --image-ids {image}
    aws: aws ssm get-parameter --region {region} --name {parameter} --query Parameter.Value --output text
    aws (managed): aws eks update-nodegroup-version --region {region} --cluster-name {cluster} --nodegroup-name {name}
      --kubernetes-version {minor}
    eksctl (managed): eksctl upgrade nodegroup --region {region} --cluster {cluster} --name {name}
      --kubernetes-version {minor}
    terraform (managed): in aws_eks_node_group leave release_version out, or set it to the newest one for Kubernetes
      {minor}
    cloudformation (managed): in AWS::EKS::Nodegroup set ReleaseVersion to the newest one for Kubernetes {minor}
    aws (managed): aws eks update-nodegroup-version --region {region} --cluster-name {cluster} --nodegroup-name {name}
      --launch-template name=TEMPLATE,version=NEW_VERSION # with an image that is in use instead of {template_image}
    eksctl (managed): eksctl upgrade nodegroup --region {region} --cluster {cluster} --name {name}
      --launch-template-version NEW_VERSION # with an image that is in use instead of {template_image}
    terraform (managed): set image_id of the aws_launch_template to a newer image instead of {template_image}, and let
      launch_template.version of the aws_eks_node_group be its latest_version
    cloudformation (managed): set ImageId of the AWS::EC2::LaunchTemplate to a newer image instead of {template_image},
      and let LaunchTemplate.Version of the AWS::EKS::Nodegroup be its LatestVersionNumber
    guide (self-managed): migrate: create a second group with a newer image, taint the nodes of {name} with NoSchedule,
      drain them and delete the group
    guide (self-managed): in place: put a newer image instead of {image} into a new version of the launch template, and
      replace the nodes by an instance refresh (without a termination handler it does not drain them)
    aws (self-managed): aws autoscaling start-instance-refresh --region {region} --auto-scaling-group-name {name}
    terraform (self-managed): set image_id of the aws_launch_template to a newer image, and add an instance_refresh
      block to the aws_autoscaling_group
    cloudformation (self-managed): set ImageId of the AWS::EC2::LaunchTemplate to a newer image, and add an UpdatePolicy
      to the AWS::AutoScaling::AutoScalingGroup
    guide (karpenter): let the amiSelectorTerms of the pool {name} select a newer image, or look for disruption budgets
      and do-not-disrupt annotations that hold its old nodes back
    """
    return judge_images(capacity, snapshot, lambda image: _deprecation(image, snapshot))


@check(
    id="AMI011",
    title="Images should have no critical or high vulnerability that has had a fix for 14 days",
    severity=Severity.HIGH,
    docs="https://docs.aws.amazon.com/eks/latest/best-practices/protecting-the-infrastructure.html",
    thresholds={
        "overdue": days(14, "from then on a vulnerability that has a fix fails"),
        # Amazon Inspector looks again as vulnerabilities become known.
        "scan": days(7, "a scan that is older does not tell what is in an image", least=1),
    },
)
def image_with_fixable_vulnerabilities(
    capacity: ManagedNodeGroup | SelfManagedGroup | NodePool, snapshot: Snapshot, limits: Thresholds
) -> Verdict:
    """Counts the days since Amazon Inspector has known a fix for a vulnerability of the image.

    These are the images that a group would launch from, or that the nodes of a Karpenter pool run. From 14 days on a
    critical vulnerability is CRITICAL and a high one HIGH; what has no fix does not count. An image that was not
    scanned for 7 days is not judged, and neither is one that was never scanned.

    Why: a fix that has been there for two weeks is known to attackers as well, and a node gets it by a newer image
    only.

    Fix:
    aws: aws ec2 get-image-findings --region {region} --image-id {image}
    aws (managed): aws eks update-nodegroup-version --region {region} --cluster-name {cluster} --nodegroup-name {name}
      --kubernetes-version {minor}
    eksctl (managed): eksctl upgrade nodegroup --region {region} --cluster {cluster} --name {name}
      --kubernetes-version {minor}
    terraform (managed): in aws_eks_node_group leave release_version out, or set it to the newest one for Kubernetes
      {minor}
    cloudformation (managed): in AWS::EKS::Nodegroup set ReleaseVersion to the newest one for Kubernetes {minor}
    aws (managed): aws eks update-nodegroup-version --region {region} --cluster-name {cluster} --nodegroup-name {name}
      --launch-template name=TEMPLATE,version=NEW_VERSION # with an image built anew instead of {template_image}
    eksctl (managed): eksctl upgrade nodegroup --region {region} --cluster {cluster} --name {name}
      --launch-template-version NEW_VERSION # with an image built anew instead of {template_image}
    terraform (managed): set image_id of the aws_launch_template to an image built anew instead of {template_image}, and
      let launch_template.version of the aws_eks_node_group be its latest_version
    cloudformation (managed): set ImageId of the AWS::EC2::LaunchTemplate to an image built anew instead of
      {template_image}, and let LaunchTemplate.Version of the AWS::EKS::Nodegroup be its LatestVersionNumber
    guide (self-managed): migrate: create a second group with an image that has the fix, taint the nodes of {name} with
      NoSchedule, drain them and delete the group
    guide (self-managed): in place: put an image that has the fix instead of {image} into a new version of the launch
      template, and replace the nodes by an instance refresh (without a termination handler it does not drain them)
    aws (self-managed): aws autoscaling start-instance-refresh --region {region} --auto-scaling-group-name {name}
    terraform (self-managed): set image_id of the aws_launch_template to an image that has the fix, and add an
      instance_refresh block to the aws_autoscaling_group
    cloudformation (self-managed): set ImageId of the AWS::EC2::LaunchTemplate to an image that has the fix, and add an
      UpdatePolicy to the AWS::AutoScaling::AutoScalingGroup
    guide (karpenter): let the amiSelectorTerms of the pool {name} select an image that has the fix, or look for
      disruption budgets and do-not-disrupt annotations that hold its old nodes back
    """
    return judge_images(capacity, snapshot, lambda image: _vulnerabilities(image, snapshot.taken_at, limits))


def _deprecation(image: Image, snapshot: Snapshot) -> Verdict:
    at, now = image.deprecated_at, snapshot.taken_at
    if at is None:
        return passed(f"{words_of(image)} has no day of deprecation")
    if now < at:
        return passed(f"{words_of(image)} is not deprecated before {at:%Y-%m-%d}", due_at=at)
    reason = f"{words_of(image)} was deprecated by its owner {in_days((now - at).days)} ago, on {at:%Y-%m-%d}"
    facts: dict[str, Scalar] = {"deprecated_at": at.isoformat()}
    build = build_of(image, snapshot)
    if isinstance(build, Build):
        facts |= {"parameter": parameter_of(build.line).image}
    return replace(failed(reason, severity=Severity.MEDIUM), evidence=facts)


def _vulnerabilities(image: Image, now: datetime, limits: Thresholds) -> Verdict:
    scan = image.scan
    if scan is None:
        return not_applicable(f"Amazon Inspector has not scanned {words_of(image)}")
    if scan.scanned_at is None:
        return unknown(f"Amazon Inspector does not say when it scanned {words_of(image)}")
    if now > scan.scanned_at + limits.time("scan"):
        age = (now - scan.scanned_at).days
        return unknown(
            f"Amazon Inspector last scanned {words_of(image)} {age} days ago: what is in it now is not known"
        )
    fixes = {Severity.CRITICAL: scan.critical_fix_since, Severity.HIGH: scan.high_fix_since}
    return _fixable(image, fixes, now, limits.time("overdue"))


def _fixable(image: Image, fixes: Mapping[Severity, datetime | None], now: datetime, overdue: timedelta) -> Verdict:
    """Judge by since when there is a fix for a vulnerability of each severity, the worst first."""
    pending: list[tuple[datetime, str]] = []
    for severity, since in fixes.items():
        if since is None:
            continue
        label, age = severity.name.lower(), (now - since).days
        reason = f"{words_of(image)} has a {label} vulnerability that has had a fix for {in_days(age)}"
        if now >= since + overdue:
            # What waits at a milder severity changes nothing any more.
            due_at = min((at for at, _ in pending), default=None)
            facts: dict[str, Scalar] = {"vulnerability": label, "fix_days": age, "fix_since": since.isoformat()}
            return replace(failed(reason, severity=severity, due_at=due_at), evidence=facts)
        pending.append((since + overdue, reason))
    if not pending:
        return passed(f"Amazon Inspector knows no fix for a critical or high vulnerability of {words_of(image)}")
    due_at, reason = min(pending)
    return passed(f"{reason}: within the grace of {words(overdue)}", due_at=due_at)
