"""AMI, node by node: those that a roll-out left behind, and those that have run for too long."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from eks_auditor.check import check
from eks_auditor.checks.each_image import in_days
from eks_auditor.checks.lateness import lateness, launches_recommended
from eks_auditor.checks.left_behind import (
    LEFT_BEHIND_AFTER,
    LeftBehind,
    demand_all_seen,
    from_version_in_use,
    left_behind,
    nodes_in_service,
)
from eks_auditor.checks.worst import worst
from eks_auditor.model.capacity import (
    GroupCapacity,
    ManagedNodeGroup,
    Node,
    NodePool,
    SelfManagedGroup,
    StandaloneNodes,
)
from eks_auditor.model.gap import UnreadableError, known
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.model.verdict import Owner, Scalar, Severity, Verdict, failed, not_applicable, passed, settling
from eks_auditor.policy.thresholds import Threshold, Thresholds, days, in_hours, words
from eks_auditor.releases.builds import build_of, image_or_gap
from eks_auditor.releases.families import CUSTOM
from eks_auditor.releases.superseded import Superseded
from eks_auditor.spread.updating import updating

SHOWN = 20
"""How many nodes and images are named; the numbers count all."""

LIFETIME_AUTO_MODE = timedelta(days=21)
"""How long a node of Auto Mode may run: the ceiling that AWS sets itself, so no policy's to change.

Source: https://docs.aws.amazon.com/eks/latest/userguide/automode.html, "a 21-day maximum node lifetime".
"""

TERMINATING = timedelta(hours=1)
"""What AWS is given beyond that to terminate the node."""

GENTLY = "MinHealthyPercentage=100,MaxHealthyPercentage=110"
"""The preferences of an instance refresh that launches instances before it terminates those that they replace.

Source: https://docs.aws.amazon.com/autoscaling/ec2/userguide/instance-refresh-overview.html
"""


@check(
    id="AMI002",
    title="Nodes should run what their group launches now",
    severity=Severity.MEDIUM,
    docs="https://docs.aws.amazon.com/eks/latest/userguide/managed-node-update-behavior.html#managed-node-update-upgrade",
    thresholds={
        "left_behind": Threshold(LEFT_BEHIND_AFTER, "a roll-out may take so long before a node counts"),
        "grace": days(14, "superseded for less, nodes may stay while their group launches the recommended release"),
        "high": days(60, "superseded for so long, what a node runs makes it HIGH"),
    },
)
def nodes_left_behind(
    capacity: ManagedNodeGroup | SelfManagedGroup | NodePool, snapshot: Snapshot, limits: Thresholds
) -> Verdict:
    """Finds nodes in service, launched more than 24 hours ago, that run none of the images their group launches now.

    Those images are what the Auto Scaling group's launch template says, with the versions, overrides and parameters
    that it refers to as they stand now. The 24 hours begin with the latest of the node's launch, the creation of the
    newest of these images and that of the template's version: a roll-out may take a day, in which the last word stands
    (so a group that gets another image every day is never judged). MEDIUM; HIGH once what such a node runs has been
    superseded for 60 days, which is known of EKS's own images only. INFORMATIONAL where the image is right, but the
    node was launched from a version of the template that is not in use any more. A group whose image follows AWS's
    recommendation (resolve:ssm: of the public parameter) would fail after every release: while it launches the
    recommended release, its nodes come from the template's version in use and what they run has been superseded for
    less than 14 days, it passes. Pools replace their nodes by themselves and are not judged.

    Why: a roll-out that stopped half-way leaves nodes that nothing will replace: they keep old vulnerabilities, and
    pods behave differently from node to node.

    Fix:
    aws: aws autoscaling terminate-instance-in-auto-scaling-group --region {region} --instance-id {oldest_node}
      --no-should-decrement-desired-capacity # one by one, drained first: {node_ids}
    aws (managed): aws eks update-nodegroup-version --region {region} --cluster-name {cluster} --nodegroup-name {name}
      --kubernetes-version {minor}
    aws (managed): aws eks update-nodegroup-version --region {region} --cluster-name {cluster} --nodegroup-name {name}
      --launch-template id={template},version={template_version}
    eksctl (managed): eksctl upgrade nodegroup --region {region} --cluster {cluster} --name {name}
      --kubernetes-version {minor}
    terraform (managed): an apply replaces no node of an aws_eks_node_group that it finds unchanged: set
      force_update_version = true with the next release_version or launch template version
    cloudformation (managed): set ForceUpdateEnabled to true in AWS::EKS::Nodegroup with the next ReleaseVersion or
      launch template version
    aws (self-managed): aws autoscaling start-instance-refresh --region {region} --auto-scaling-group-name {name}
      --preferences {refresh_preferences}
    guide (self-managed): migrate: create a second group, taint the nodes of {name} with NoSchedule, drain them and
      delete the group
    guide (self-managed): in place: an instance refresh with SkipMatching replaces the nodes from other versions of the
      launch template only, without it all nodes (without a termination handler it does not drain them)
    terraform (self-managed): add an instance_refresh block to the aws_autoscaling_group, so that a new version of the
      launch template replaces the nodes
    cloudformation (self-managed): add an UpdatePolicy to the AWS::AutoScaling::AutoScalingGroup, so that a new version
      of the launch template replaces the nodes
    """
    if isinstance(capacity, NodePool):
        return _replaced_by_themselves(capacity)
    update = updating(capacity, snapshot)
    if update is not None:
        return settling(update.reason, due_at=update.due_at)
    return worst((partial(_group, capacity, snapshot, limits), partial(_all_seen, snapshot)))


@check(
    id="AMI009",
    title="Nodes should be replaced at least every 90 days, those of Auto Mode every 21",
    severity=Severity.LOW,
    docs="https://docs.aws.amazon.com/eks/latest/best-practices/protecting-the-infrastructure.html",
    # A maximum instance lifetime, which is one of the fixes, takes 1 to 365 days.
    thresholds={
        "low": days(90, "launched so long ago, a node is LOW; Auto Mode has AWS's ceiling", least=1, greatest=365)
    },
)
def long_lived_nodes(
    capacity: ManagedNodeGroup | SelfManagedGroup | NodePool | StandaloneNodes, snapshot: Snapshot, limits: Thresholds
) -> Verdict:
    """Counts the nodes that were launched more than 90 days ago, whatever they run: of groups those in service.

    Of Auto Mode those launched more than 21 days ago (and an hour), the longest that AWS lets a node live: MEDIUM, for
    then something of the cluster's own (a disruption budget, a do-not-disrupt annotation) holds it back.

    Why: a node that nobody dares to replace drifts from what its group launches, collects logs, images and leaks, and
    shows that a replacement has not been tried for as long.

    Fix:
    aws: aws ec2 describe-instances --region {region} --instance-ids {oldest_node}
      --query 'Reservations[].Instances[].PrivateDnsName' --output text # the node to drain first
    aws (managed): aws autoscaling terminate-instance-in-auto-scaling-group --region {region}
      --instance-id {oldest_node} --no-should-decrement-desired-capacity # EKS drains it; then the others: {node_ids}
    eksctl (managed): eksctl upgrade nodegroup --region {region} --cluster {cluster} --name {name} # replaces all nodes
    terraform (managed): raise release_version of the aws_eks_node_group with every release: EKS then replaces all nodes
    cloudformation (managed): raise ReleaseVersion of the AWS::EKS::Nodegroup with every release: EKS then replaces all
      nodes
    aws (self-managed): aws autoscaling update-auto-scaling-group --region {region} --auto-scaling-group-name {name}
      --max-instance-lifetime {lifetime_seconds} # needs a termination handler that drains
    guide (self-managed): migrate: create a second group, taint the nodes of {name} with NoSchedule, drain them and
      delete the group
    guide (self-managed): in place: replace the nodes by an instance refresh (without a termination handler it does not
      drain them)
    terraform (self-managed): set max_instance_lifetime to {lifetime_seconds} in the aws_autoscaling_group
    cloudformation (self-managed): set MaxInstanceLifetime to {lifetime_seconds} in the
      AWS::AutoScaling::AutoScalingGroup
    kubectl (karpenter): kubectl get nodeclaims --selector karpenter.sh/nodepool={name} # deleting one drains its node
    guide (karpenter): set expireAfter in the template of the pool {name}, with a terminationGracePeriod that ends what
      budgets and do-not-disrupt annotations hold back
    kubectl (auto-mode): kubectl get nodeclaims --selector karpenter.sh/nodepool={name} # deleting one drains its node
    guide (auto-mode): look in the pool {name} for disruption budgets that allow no node, for do-not-disrupt annotations
      and pod disruption budgets, and for a long terminationGracePeriod
    guide (standalone): launch another instance from a current image, drain this one and terminate it; better, move to a
      managed node group
    """
    by_aws = capacity.kind == "auto-mode"
    if by_aws:
        judge = partial(_long_lived, capacity, LIFETIME_AUTO_MODE, Severity.MEDIUM, snapshot.taken_at, TERMINATING)
    else:
        judge = partial(_long_lived, capacity, limits.time("low"), Severity.LOW, snapshot.taken_at)
    verdict = worst((judge, partial(_all_seen, snapshot)))
    return replace(verdict, owner=Owner.SHARED) if by_aws else verdict


def _all_seen(snapshot: Snapshot) -> Verdict:
    demand_all_seen(snapshot)
    return not_applicable("every node was seen")


def _replaced_by_themselves(pool: NodePool) -> Verdict:
    verdict = not_applicable("a pool's nodes are replaced by what launched them once their image drifts")
    return replace(verdict, owner=Owner.SHARED) if pool.kind == "auto-mode" else verdict


def _group(capacity: GroupCapacity, snapshot: Snapshot, limits: Thresholds) -> Verdict:
    if not capacity.nodes:
        return not_applicable("it has no nodes")
    after = limits.time("left_behind")
    found = left_behind(capacity, snapshot, after)
    if not found.in_service:
        return not_applicable("none of its nodes is in service")
    if found.settles_at:
        young = f"less than {in_hours(after)} old"
        reason = f"the image or the launch template's version that it launches is {young} and rolls out"
        return settling(reason, due_at=found.settles_at)
    if found.by_image:
        return _by_image(capacity, found, snapshot, limits)
    if found.by_template:
        return _by_template(capacity, found, snapshot)
    lately = f"launched within {in_hours(after)}"
    reason = f"nodes in service that it would launch so now, or {lately}: all {found.in_service}"
    return passed(reason, due_at=found.due_at, in_service=found.in_service)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Behind:
    """How long what some nodes run has been superseded.

    Attributes:
        worst: What became of the one that has been superseded for longest; None if none is known to be.
        foreign: Whether one is no release of EKS, or of a line that AWS recommends none of any more.
        hidden: Whether a worse one may be out of sight: an image or its history was not read, or reaches too short.
    """

    worst: Superseded | None
    foreign: bool
    hidden: bool


def _by_image(capacity: GroupCapacity, found: LeftBehind, snapshot: Snapshot, limits: Thresholds) -> Verdict:
    now, nodes = snapshot.taken_at, found.by_image
    images = list(dict.fromkeys(node.image_id for node in nodes))
    behind = _superseded(images, snapshot)
    since = behind.worst.since if behind.worst else None
    grace, high_at = limits.time("grace"), since + limits.time("high") if since else None
    reason = (
        f"nodes in service on images that it does not launch now ({_named(images)}): {len(nodes)} of "
        f"{found.in_service}, the oldest launched {_days(nodes[0].launched_at, now)} ago; {_words(behind, now)}"
    )
    facts = _facts(nodes, now) | {"in_service": found.in_service, "images": _listed(images)} | _way_on(capacity, nodes)
    if since or not (behind.foreign or behind.hidden):
        facts["superseded_days"] = behind.worst.days(now) if behind.worst else 0
    grace_until = None if behind.hidden or behind.foreign or since is None else since + grace
    moved_under_them = all(from_version_in_use(node, capacity) for node in nodes)
    if grace_until and now < grace_until and moved_under_them and launches_recommended(capacity, snapshot):
        due_at = min((at for at in (found.due_at, grace_until) if at), default=None)
        within = f"{reason}: within the grace of {words(grace)} of a release that it launches already"
        return replace(passed(within, due_at=due_at), evidence=facts)
    if high_at and now >= high_at:
        return replace(failed(reason, severity=Severity.HIGH, due_at=found.due_at), evidence=facts)
    due_at = min((at for at in (found.due_at, high_at) if at), default=None)
    medium = failed(reason, severity=Severity.MEDIUM, due_at=due_at)
    return replace(medium, evidence=facts, partial=behind.hidden)


def _superseded(images: Iterable[str], snapshot: Snapshot) -> _Behind:
    late: list[tuple[datetime, Superseded]] = []
    foreign = hidden = False
    for image_id in images:
        try:
            build = known(build_of(known(image_or_gap(image_id, snapshot)), snapshot))
            word = lateness(build, snapshot) if build is not None else None
        except UnreadableError:
            hidden = True
            continue
        foreign |= word is None
        if word is not None and word.since is not None:
            late.append((word.since, word))
            hidden |= word.at_least
    worst = min(late, key=lambda each: each[0])[1] if late else None
    return _Behind(worst=worst, foreign=foreign, hidden=hidden)


def _words(behind: _Behind, now: datetime) -> str:
    told: list[str] = []
    if behind.worst and behind.worst.since:
        bound = "at least " if behind.worst.at_least else ""
        told.append(f"the worst of them was superseded {bound}{in_days(behind.worst.days(now))} ago")
    elif not (behind.foreign or behind.hidden):
        told.append("none of them is superseded")
    if behind.foreign:
        told.append("since when images that EKS does not publish are superseded is not known")
    if behind.hidden:
        told.append("older releases, or some of these images, could not be read")
    return "; ".join(told)


def _by_template(capacity: GroupCapacity, found: LeftBehind, snapshot: Snapshot) -> Verdict:
    now, nodes = snapshot.taken_at, found.by_template
    reason = (
        f"nodes in service on an image that it launches now, but from a version of the launch template that is not in "
        f"use any more: {len(nodes)} of {found.in_service}, the oldest launched {_days(nodes[0].launched_at, now)} ago"
    )
    facts = _facts(nodes, now) | {"in_service": found.in_service} | _way_on(capacity, nodes)
    return replace(failed(reason, severity=Severity.INFORMATIONAL, due_at=found.due_at), evidence=facts)


def _way_on(capacity: GroupCapacity, nodes: tuple[Node, ...]) -> dict[str, Scalar]:
    """Return what replacing these nodes takes.

    Of a managed group the minor of EKS's own images, or the user's template; of a self-managed one what an instance
    refresh must be told. Skip matching compares templates, their versions and types: it would skip nodes whose image a
    parameter names, and does not work with launch configurations.

    Source: https://docs.aws.amazon.com/autoscaling/ec2/userguide/asg-instance-refresh-skip-matching.html
    """
    if not isinstance(capacity, ManagedNodeGroup):
        from_other_versions = all(from_version_in_use(node, capacity) is False for node in nodes)
        return {"refresh_preferences": f"SkipMatching=true,{GENTLY}" if from_other_versions else GENTLY}
    if capacity.ami_type != CUSTOM:
        return {"minor": capacity.version} if capacity.version else {}
    template = capacity.template
    return {"template": template.id, "template_version": template.version} if template else {}


def _long_lived(
    capacity: ManagedNodeGroup | SelfManagedGroup | NodePool | StandaloneNodes,
    lifetime: timedelta,
    severity: Severity,
    now: datetime,
    grace: timedelta = timedelta(0),
) -> Verdict:
    if not capacity.nodes:
        return not_applicable("it has no nodes")
    nodes = nodes_in_service(capacity) if isinstance(capacity, ManagedNodeGroup | SelfManagedGroup) else capacity.nodes
    if not nodes:
        return not_applicable("none of its nodes is in service")
    by_launch = sorted(nodes, key=lambda node: (node.launched_at, node.id))
    old = tuple(node for node in by_launch if now >= node.launched_at + lifetime + grace)
    oldest = _days(by_launch[0].launched_at, now)
    if not old:
        due_at = by_launch[0].launched_at + lifetime + grace
        return passed(f"nodes: {len(nodes)}, the oldest launched {oldest} ago", due_at=due_at)
    reason = f"nodes launched more than {words(lifetime)} ago: {len(old)} of {len(nodes)}, the oldest {oldest} ago"
    facts = _facts(old, now) | {"lifetime_seconds": int(lifetime.total_seconds())}
    return replace(failed(reason, severity=severity), evidence=facts)


def _facts(nodes: tuple[Node, ...], now: datetime) -> dict[str, Scalar]:
    """Return the evidence of nodes, the oldest launch first."""
    oldest = nodes[0]
    return {
        "nodes": len(nodes),
        "node_ids": _listed([node.id for node in nodes]),
        "oldest_node": oldest.id,
        "oldest_launched_at": oldest.launched_at.isoformat(),
        "oldest_days": (now - oldest.launched_at).days,
    }


def _days(since: datetime, now: datetime) -> str:
    days = (now - since).days
    return f"{days} day{'' if days == 1 else 's'}"


def _listed(names: list[str]) -> str:
    return ", ".join(names[:SHOWN])


def _named(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{_listed(names)}{more}"
