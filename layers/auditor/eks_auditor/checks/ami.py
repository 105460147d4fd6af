"""AMI: is every node on a patched image?"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from functools import partial

from eks_auditor.check import check
from eks_auditor.checks.lateness import POOL_NODE_GRACE, RUNGS, judge_build, judge_pool
from eks_auditor.checks.retirement import judge_retirement, successor_of
from eks_auditor.checks.worst import worst
from eks_auditor.model.capacity import ManagedNodeGroup, NodePool, SelfManagedGroup
from eks_auditor.model.gap import Gap, known
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.model.verdict import Owner, Scalar, Severity, Verdict, failed, not_applicable, passed
from eks_auditor.policy.thresholds import Threshold, Thresholds, days, words
from eks_auditor.releases.builds import Build, Kubelet, builds_or_gaps, images_or_gaps, kubelets_or_gaps
from eks_auditor.releases.families import CUSTOM, FAMILY_IN_DOUBT_AFTER, UnmappedAmiTypeError, line_of_ami_type
from eks_auditor.releases.kubernetes import minors_behind, skew_limit


@check(
    id="AMI001",
    title="Nodes should run a release that has been superseded for less than 14 days",
    severity=Severity.MEDIUM,
    docs="https://docs.aws.amazon.com/eks/latest/userguide/update-managed-node-group.html",
    thresholds={
        **RUNGS,
        "node_grace": Threshold(POOL_NODE_GRACE, "a pool's nodes that were launched since then are not judged"),
    },
)
def release_superseded(
    capacity: ManagedNodeGroup | SelfManagedGroup | NodePool, snapshot: Snapshot, limits: Thresholds
) -> Verdict:
    """Counts the days since AWS first recommended a newer release of the same image than the one in use.

    The release is the managed group's own, the oldest of a self-managed group's configured images, or what the nodes
    of a Karpenter pool run that were launched more than 7 days ago. It is compared within its own operating system,
    variant, architecture and Kubernetes minor. From 14 days on it is LOW, from 30 MEDIUM, from 60 HIGH. A release newer
    than the recommended one passes: AWS takes recommendations back.

    Why: new releases carry the security fixes of the kernel, containerd and kubelet, and nothing moves nodes to them by
    itself; the age of an image says little, for the newest may be weeks old.

    Fix:
    aws (managed): aws eks update-nodegroup-version --region {region} --cluster-name {cluster} --nodegroup-name {name}
      --kubernetes-version {minor}
    eksctl (managed): eksctl upgrade nodegroup --region {region} --cluster {cluster} --name {name}
      --kubernetes-version {minor}
    terraform (managed): in aws_eks_node_group set release_version to the one that the public parameter
      {release_parameter} holds (with terraform-aws-eks: use_latest_ami_release_version = true)
    cloudformation (managed): in AWS::EKS::Nodegroup set ReleaseVersion to the one that the public parameter
      {release_parameter} holds
    aws (managed): aws eks update-nodegroup-version --region {region} --cluster-name {cluster} --nodegroup-name {name}
      --launch-template name=TEMPLATE,version=NEW_VERSION # a new version with the newest image instead of {image}
    aws (self-managed): aws ssm get-parameter --region {region} --name {parameter} --query Parameter.Value --output text
    guide (self-managed): migrate: create a second group with that image, taint the nodes of {name} with NoSchedule,
      drain them and delete the group
    guide (self-managed): in place: put that image instead of {image} into a new version of the launch template, and
      replace the nodes by an instance refresh (without a termination handler it does not drain them)
    aws (self-managed): aws autoscaling start-instance-refresh --region {region} --auto-scaling-group-name {name}
    terraform (self-managed): set image_id of the aws_launch_template to the image that the public parameter {parameter}
      holds (data aws_ssm_parameter), and add an instance_refresh block to the aws_autoscaling_group
    cloudformation (self-managed): set ImageId of the AWS::EC2::LaunchTemplate to the image that the public parameter
      {parameter} holds, and add an UpdatePolicy to the AWS::AutoScaling::AutoScalingGroup
    aws (karpenter): aws ssm get-parameter --region {region} --name {parameter} --query Parameter.Value --output text
    guide (karpenter): raise the version that the amiSelectorTerms of the pool {name} are pinned to; if they say latest,
      look for disruption budgets, do-not-disrupt annotations and pod disruption budgets that hold its nodes back
    """
    if isinstance(capacity, NodePool):
        if capacity.kind == "auto-mode":
            return _auto_mode()
        return judge_pool(capacity, snapshot, limits.ladder(), limits.time("node_grace"))
    builds = builds_or_gaps(capacity, snapshot)
    if not builds:
        return _no_release(capacity, snapshot)
    verdict = worst(partial(judge_build, build, snapshot, limits.ladder()) for build in builds)
    return replace(verdict, reason=f"{verdict.reason} ({_the_worst_of(builds)})") if builds[1:] else verdict


@check(
    id="AMI003",
    title="Nodes should run an image that AWS still builds",
    severity=Severity.CRITICAL,
    docs="https://docs.aws.amazon.com/eks/latest/userguide/eks-ami-deprecation-faqs.html",
    thresholds={
        # Whether a family goes on is asked of AWS from the default on only.
        "in_doubt": Threshold(
            FAMILY_IN_DOUBT_AFTER,
            "a recommended release that is so old is HIGH if its family goes on",
            least=FAMILY_IN_DOUBT_AFTER,
        )
    },
)
def image_family_retired(
    capacity: ManagedNodeGroup | SelfManagedGroup | NodePool, snapshot: Snapshot, limits: Thresholds
) -> Verdict:
    """Looks for images that will not be patched again, even where the newest release of them is in use.

    CRITICAL: Amazon Linux 2 in any form; a Kubernetes minor that EKS does not support any more; an image that AWS
    recommends no release of. HIGH: the recommended release is older than 60 days, while AWS went on to
    publish the same family for other minors or variants. INFORMATIONAL: AWS has paused the whole family. An image of
    one's own is judged by the release of EKS that it was built on.

    Why: the newest release of a retired image passes every comparison with the newest release, and gets no fix for the
    next vulnerability.

    Fix:
    aws (managed): aws eks create-nodegroup --region {region} --cluster-name {cluster} --nodegroup-name NEW_NAME
      --ami-type {successor} --node-role ROLE_ARN --subnets SUBNET_IDS
    eksctl (managed): eksctl create nodegroup --region {region} --cluster {cluster} --name NEW_NAME
      --node-ami-family {successor_family} && eksctl delete nodegroup --region {region} --cluster {cluster}
      --name {name}
    aws (managed): aws eks update-nodegroup-version --region {region} --cluster-name {cluster} --nodegroup-name {name}
      --kubernetes-version {upgrade_to}
    eksctl (managed): eksctl upgrade nodegroup --region {region} --cluster {cluster} --name {name}
      --kubernetes-version {upgrade_to}
    terraform (managed): set ami_type to {successor} in a second aws_eks_node_group, then remove the first
    terraform (managed): set version to {upgrade_to} in aws_eks_node_group
    cloudformation (managed): set AmiType to {successor} in a second AWS::EKS::Nodegroup, then remove the first
    cloudformation (managed): set Version to {upgrade_to} in AWS::EKS::Nodegroup
    aws: aws ssm get-parameter --region {region} --name {new_image_parameter} --query Parameter.Value --output text
    aws: aws eks update-cluster-version --region {region} --name {cluster} --kubernetes-version {next_minor}
    aws: aws eks describe-cluster-versions --region {region} --include-all
    guide (managed): or move to a variant of the image that AWS still builds, in a second group; taint the nodes of
      {name} with NoSchedule, drain them and delete the group
    guide (self-managed): migrate: create a second group with an image that AWS still builds, taint the nodes of {name}
      with NoSchedule, drain them and delete the group
    guide (self-managed): in place: put that image into a new version of the launch template (Amazon Linux 2023 takes a
      NodeConfig document instead of bootstrap.sh as user data), and replace the nodes by an instance refresh
    guide (karpenter): let the amiSelectorTerms of the pool {name} select an image that AWS still builds
    """
    if isinstance(capacity, NodePool) and capacity.kind == "auto-mode":
        return _auto_mode()
    if isinstance(capacity, NodePool) and not capacity.nodes:
        return not_applicable("it has no nodes")
    return judge_retirement(capacity, snapshot, limits.time("in_doubt"))


@check(
    id="AMI004",
    title="The kubelet should be at most one Kubernetes minor behind the control plane",
    severity=Severity.LOW,
    docs="https://docs.aws.amazon.com/eks/latest/best-practices/cluster-upgrades.html",
    thresholds={"grace": days(30, "so long after an update of the control plane, nodes may be one minor behind it")},
)
def kubelet_skew(
    capacity: ManagedNodeGroup | SelfManagedGroup | NodePool, snapshot: Snapshot, limits: Thresholds
) -> Verdict:
    """Compares the Kubernetes minor of the nodes' images with the control plane's.

    One minor behind passes within 30 days of the control plane's last version update; else up to the limit LOW. At the
    limit, 3 minors from Kubernetes 1.28 on and 2 before, HIGH: the next control-plane update is refused or leaves the
    nodes unsupported. Beyond the limit, or newer than the control plane, CRITICAL. The minor of an image launched by
    its id is read from its name, else its description, else from what EKS says of the node group.

    Why: a kubelet outside the supported skew may fail in ways that nobody tests, and it stands in the way of the next
    update of the control plane, which a version that runs out of support cannot wait for.

    Fix:
    aws (managed): aws eks create-nodegroup --region {region} --cluster-name {cluster} --nodegroup-name NEW_NAME
      --ami-type {successor} --node-role ROLE_ARN --subnets SUBNET_IDS
    eksctl (managed): eksctl create nodegroup --region {region} --cluster {cluster} --name NEW_NAME
      --node-ami-family {successor_family} && eksctl delete nodegroup --region {region} --cluster {cluster}
      --name {name}
    aws (managed): aws eks update-nodegroup-version --region {region} --cluster-name {cluster} --nodegroup-name {name}
      --kubernetes-version {upgrade_to}
    eksctl (managed): eksctl upgrade nodegroup --region {region} --cluster {cluster} --name {name}
      --kubernetes-version {upgrade_to}
    terraform (managed): set ami_type to {successor} in a second aws_eks_node_group, then remove the first
    terraform (managed): set version to {upgrade_to} in aws_eks_node_group
    cloudformation (managed): set AmiType to {successor} in a second AWS::EKS::Nodegroup, then remove the first
    cloudformation (managed): set Version to {upgrade_to} in AWS::EKS::Nodegroup
    aws: aws eks update-cluster-version --region {region} --name {cluster} --kubernetes-version {node_minor_to_follow}
    aws (managed): aws eks update-nodegroup-version --region {region} --cluster-name {cluster} --nodegroup-name {name}
      --launch-template name=TEMPLATE,version=NEW_VERSION # a new version with an image for Kubernetes {image_minor}
    guide (self-managed): migrate: create a second group with an image for Kubernetes {version}, taint the nodes of
      {name} with NoSchedule, drain them and delete the group
    guide (self-managed): in place: put an image for Kubernetes {version} into a new version of the launch template, and
      replace the nodes by an instance refresh (without a termination handler it does not drain them)
    aws (self-managed): aws autoscaling start-instance-refresh --region {region} --auto-scaling-group-name {name}
    terraform (self-managed): set image_id of the aws_launch_template to an image for Kubernetes {version}
    cloudformation (self-managed): set ImageId of the AWS::EC2::LaunchTemplate to an image for Kubernetes {version}
    aws (karpenter): aws eks describe-cluster --region {region} --name {cluster} --query cluster.version
    guide (karpenter): let the amiSelectorTerms of the pool {name} select images for Kubernetes {version}, or look for
      disruption budgets and do-not-disrupt annotations that hold its old nodes back
    """
    if isinstance(capacity, NodePool) and capacity.kind == "auto-mode":
        return _auto_mode()
    kubelets = kubelets_or_gaps(capacity, snapshot)
    if not kubelets:
        return not_applicable("it has nothing to launch from and no nodes yet")
    way_on, grace = _way_on(capacity, snapshot.cluster.version), limits.time("grace")
    return worst(partial(_skew, kubelet, snapshot, way_on, grace) for kubelet in kubelets)


def _way_on(capacity: ManagedNodeGroup | SelfManagedGroup | NodePool, control_plane: str) -> dict[str, Scalar]:
    """Return what the fix takes; Amazon Linux 2 has no images from Kubernetes 1.33 on, so it is left, not updated."""
    if not isinstance(capacity, ManagedNodeGroup) or capacity.ami_type == CUSTOM:
        return {"image_minor": control_plane}
    try:
        line = line_of_ami_type(capacity.ami_type, control_plane)
    except UnmappedAmiTypeError:
        line = None
    return successor_of(line, capacity) if line and line.family == "al2" else {"upgrade_to": control_plane}


def _skew(told: Kubelet | Gap, snapshot: Snapshot, way_on: Mapping[str, Scalar], grace: timedelta) -> Verdict:
    kubelet = known(told)
    minor, words, control_plane = kubelet.minor, kubelet.words, snapshot.cluster.version
    facts: dict[str, Scalar] = {"kubelet": minor, "control_plane": control_plane}
    behind = minors_behind(minor, control_plane)
    if behind < 0:
        reason = f"{words} is for Kubernetes {minor}, newer than the control plane's {control_plane}"
        return replace(failed(reason, severity=Severity.CRITICAL), evidence=facts | {"node_minor_to_follow": minor})
    if behind == 0:
        return replace(passed(f"{words} is for Kubernetes {minor}, as the control plane is"), evidence=facts)
    minors = f"{behind} minor{'s' if behind > 1 else ''}"
    reason = f"{words} is for Kubernetes {minor}, {minors} behind the control plane's {control_plane}"
    return replace(_behind(behind, reason, snapshot, grace), evidence=facts | {"minors_behind": behind} | dict(way_on))


def _behind(behind: int, reason: str, snapshot: Snapshot, grace: timedelta) -> Verdict:
    now, limit = snapshot.taken_at, skew_limit(snapshot.cluster.version)
    updated_at = known(snapshot.cluster.version_updated_at) if behind == 1 else None
    if updated_at and now < updated_at + grace:
        lately = f"which was updated {(now - updated_at).days} days ago: within the grace of {words(grace)}"
        return passed(f"{reason}, {lately}", due_at=updated_at + grace)
    if behind > limit:
        return failed(f"{reason}: beyond the limit of {limit}", severity=Severity.CRITICAL)
    if behind == limit:
        at_limit = f"{reason}, at the limit: the next update of the control plane is refused or unsupported"
        return failed(at_limit, severity=Severity.HIGH)
    return failed(f"{reason}; the limit is {limit}", severity=Severity.LOW)


def _the_worst_of(builds: tuple[Build | Gap, ...]) -> str:
    unread = sum(isinstance(build, Gap) for build in builds)
    return f"the worst of {len(builds)} images" + (f", of which {unread} could not be read" if unread else "")


def _no_release(capacity: ManagedNodeGroup | SelfManagedGroup, snapshot: Snapshot) -> Verdict:
    seen = [known(image) for image in images_or_gaps(capacity, snapshot)]
    images = [f"{image.id} ({image.name})" for image in seen]
    if not images:
        return not_applicable("it has nothing to launch from yet")
    return not_applicable(f"runs an image of its own, {', '.join(images)}, which no EKS release can be read from")


def _auto_mode() -> Verdict:
    verdict = not_applicable("EKS Auto Mode builds and replaces its nodes' images; disruption budgets decide when")
    return replace(verdict, owner=Owner.SHARED)
