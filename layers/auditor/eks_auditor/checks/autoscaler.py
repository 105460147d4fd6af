"""CAS: will Cluster Autoscaler do what its tags say?"""

from dataclasses import replace
from functools import partial

from eks_auditor.autoscaler.scaler import Scaler, lacking
from eks_auditor.autoscaler.tag_lists import tags_to_put, tags_to_take
from eks_auditor.autoscaler.tags import (
    ENABLED,
    OWNERSHIP,
    PREFIX,
    SOFT_EFFECT,
    IgnoredTaint,
    claims,
    demands,
    ignored_taints,
    owners,
)
from eks_auditor.check import check
from eks_auditor.checks.scaled import fixed, left_out, no_group
from eks_auditor.checks.worst import worst
from eks_auditor.model.capacity import GroupCapacity, ManagedNodeGroup, ScalingGroup, SelfManagedGroup
from eks_auditor.model.cluster import Cluster
from eks_auditor.model.gap import UnreadableError, known
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.model.verdict import Scalar, Severity, Verdict, failed, passed, settling

UNFINISHED = frozenset({"CREATING", "DELETING"})
"""A managed group whose Auto Scaling group EKS has not tagged yet, or takes apart."""


@check(
    id="CAS001",
    title="Auto Scaling groups should be discoverable by Cluster Autoscaler",
    severity=Severity.MEDIUM,
    docs="https://docs.aws.amazon.com/eks/latest/best-practices/cas.html",
)
def not_discoverable(capacity: ManagedNodeGroup | SelfManagedGroup, cluster: Cluster, scaler: Scaler) -> Verdict:
    """Looks for the tags by which Cluster Autoscaler discovers a group: its own key and the cluster's, unless told.

    A group needs all of them; a value counts only where the auditor's setting of the discovery names one. A group with
    none of them and of fixed size passes, for it is static on purpose. One that is named by the autoscaler's --nodes
    needs no tags: that flag is not visible here.

    Why: a group that the autoscaler does not discover never grows, and pods that only it can run stay pending.

    Fix:
    aws: aws autoscaling create-or-update-tags --region {region} --tags {tags}
    eksctl (self-managed): set iam.withAddonPolicies.autoScaler to true in the nodeGroups entry of your eksctl config:
      eksctl then sets the usual two tags on a new group
    terraform (managed): add an aws_autoscaling_group_tag for {key} on {group}
    terraform (self-managed): add a tag block with the key {key} to the aws_autoscaling_group {group}
    cloudformation (self-managed): add {key} to the Tags of the AWS::AutoScaling::AutoScalingGroup {group}
    """
    groups = known(capacity.groups)
    if isinstance(capacity, ManagedNodeGroup) and capacity.status in UNFINISHED:
        return settling(f"{capacity.name} is {capacity.status}")
    if not groups:
        return no_group(capacity)
    return worst(partial(_discovery, capacity, group, cluster, scaler) for group in groups)


@check(
    id="CAS003",
    title="Auto Scaling groups should be claimed by one cluster only",
    severity=Severity.CRITICAL,
    docs="https://docs.aws.amazon.com/eks/latest/best-practices/cas.html",
)
def claimed_by_another_cluster(
    capacity: ManagedNodeGroup | SelfManagedGroup, cluster: Cluster, snapshot: Snapshot, scaler: Scaler
) -> Verdict:
    """Looks for another cluster's name in the group's discovery tags and in its nodes' ownership tags.

    The claim of a cluster that lives in this account and Region is CRITICAL, of one that does not LOW: a stale tag.
    Nodes that another cluster's ownership tag marks are LOW.

    Why: two autoscalers that both own a group undo each other's decisions, and each removes nodes that the other needs.

    Fix:
    aws: aws autoscaling delete-tags --region {region} --tags {claiming_tags}
    aws: aws ec2 delete-tags --region {region} --resources {node} --tags Key={node_key}
    terraform: remove the tag {key} from {group} (tag blocks, or aws_autoscaling_group_tag)
    cloudformation (self-managed): remove {key} from the Tags of the AWS::AutoScaling::AutoScalingGroup {group}
    """
    groups = known(capacity.groups)
    if not groups:
        return no_group(capacity)
    return worst(partial(_claim, group, capacity, cluster, snapshot, scaler) for group in groups)


@check(
    id="CAS004",
    title="Taint tags should be in the form that Cluster Autoscaler reads",
    severity=Severity.LOW,
    docs="https://docs.aws.amazon.com/eks/latest/best-practices/cas.html",
)
def taint_tag_ignored(capacity: ManagedNodeGroup | SelfManagedGroup, scaler: Scaler) -> Verdict:
    """Reads the group's node-template taint tags as Cluster Autoscaler does, and finds those that come to nothing.

    Their value must be <value>:<effect> with the effect NoSchedule, NoExecute or PreferNoSchedule. It is HIGH for a
    self-managed group that may be empty and whose nodes have the taint, else LOW: running nodes and, for managed
    groups, EKS itself tell the autoscaler the taints, and it does not heed PreferNoSchedule. Tags of taints that nodes
    start with and lose are left out, for it is well that those come to nothing.

    Why: an empty group is simulated from its tags; without the taint the autoscaler starts nodes for pods that cannot
    run on them. The example in AWS's own guide, whose value is the effect alone, is dropped silently.

    Fix:
    aws: aws autoscaling create-or-update-tags --region {region} --tags {mended_tags}
    aws: aws autoscaling delete-tags --region {region} --tags {dead_tags} # or give the nodes the taint, and the tag its
      value and effect
    eksctl (managed): write {key} with the value {mended} under tags of a new node group, with propagateASGTags true (of
      this one by the AWS CLI)
    eksctl (self-managed): write {key} with the value {mended} under tags of a new node group, with propagateASGTags
      false (of this one by the AWS CLI)
    terraform: set the value of the tag {key} on {group} to {mended}
    terraform: remove the tag {dead} from {group}
    cloudformation (self-managed): set the value of {key} in the Tags of the AWS::AutoScaling::AutoScalingGroup
      {group} to {mended}
    cloudformation (self-managed): remove {dead} from the Tags of the AWS::AutoScaling::AutoScalingGroup {group}
    """
    groups = known(capacity.groups)
    if not groups:
        return no_group(capacity)
    return worst(partial(_taints, group, capacity, scaler) for group in groups)


def _discovery(capacity: GroupCapacity, group: ScalingGroup, cluster: Cluster, scaler: Scaler) -> Verdict:
    unjudged = left_out(capacity, group, scaler)
    if unjudged is not None:
        return unjudged
    demanded = demands(scaler.settings.discovery, cluster.name)
    missing = lacking(group.tags, demanded)
    if not missing:
        said = group.tags.get(ENABLED, "true")
        counts = said == "true" or dict(demanded).get(ENABLED) is not None
        note = "" if counts else f", for the value {said!r} of {ENABLED} counts for nothing"
        return passed(f"{group.name} is discovered{note} ({scaler.because})", group=group.name)
    if len(missing) == len(demanded) and fixed(capacity, group):
        return passed(
            f"{group.name} has no tag that discovery demands and the fixed size {group.max_size}: static on purpose"
        )
    severity = Severity.MEDIUM if len(missing) == len(demanded) else _rung(scaler)
    wanting = {name: wanted or ("true" if name == ENABLED else "owned") for name, wanted in missing}
    key = missing[0][0]
    lacks = " and ".join(name if wanted is None else f"{name}={wanted}" for name, wanted in missing)
    return failed(
        f"{group.name} lacks {lacks}, so the autoscaler does not discover it, unless its --nodes names it "
        f"({scaler.because})",
        severity=severity,
        group=group.name,
        key=key,
        value=wanting[key],
        tags=tags_to_put(group.name, wanting),
        missing=len(missing),
    )


def _rung(scaler: Scaler) -> Severity:
    if scaler.certainty == "proof":
        return Severity.HIGH
    if scaler.gap is not None:
        raise UnreadableError(scaler.gap)
    return Severity.MEDIUM


def _claim(
    group: ScalingGroup, capacity: GroupCapacity, cluster: Cluster, snapshot: Snapshot, scaler: Scaler
) -> Verdict:
    unjudged = left_out(capacity, group, scaler)
    if unjudged is not None:
        return unjudged
    others = claims(group.tags, cluster.name)
    if others:
        live_clusters = known(snapshot.live_clusters)
        live = [name for name in others if name in live_clusters]
        name = (live or others)[0]
        state = "lives in this account and Region" if live else "does not live in this account and Region: a stale tag"
        return failed(
            f"{group.name} carries the discovery {_tags(others)} of {', '.join(others)}; {name} {state} "
            f"({scaler.because})",
            severity=Severity.CRITICAL if live else Severity.LOW,
            group=group.name,
            key=PREFIX + name,
            claiming_tags=tags_to_take(group.name, [PREFIX + name]),
            other=name,
        )
    owned = [(node.id, name) for node in capacity.nodes for name in owners(node.tags, cluster.name)]
    if owned:
        node, name = min(owned)
        marked = sum(1 for _, other in owned if other == name)
        return failed(
            f"{marked} of {len(capacity.nodes)} nodes of {capacity.name} carry "
            f"{OWNERSHIP}{name}=owned beside this cluster's own; the first is {node} ({scaler.because})",
            severity=Severity.LOW,
            node=node,
            node_key=OWNERSHIP + name,
            other=name,
        )
    if (unseen := snapshot.unseen(("standalone",))) is not None:
        raise UnreadableError(unseen)
    if not capacity.nodes:
        return settling(f"{group.name} has no other cluster's tag, and no nodes now whose tags may tell of one")
    return passed(f"only {cluster.name} claims {group.name} ({scaler.because})")


def _tags(names: tuple[str, ...]) -> str:
    return "tag" if len(names) == 1 else "tags"


def _taints(group: ScalingGroup, capacity: GroupCapacity, scaler: Scaler) -> Verdict:
    unjudged = left_out(capacity, group, scaler)
    if unjudged is not None:
        return unjudged
    ignored = ignored_taints(group.tags, capacity.taints)
    if not ignored:
        return passed(f"every tag of a lasting taint of {group.name} is read as it stands ({scaler.because})")
    may_be_empty = isinstance(capacity, SelfManagedGroup) and group.min_size == 0
    weighty = [tag for tag in ignored if _keeps_off(tag)]
    first = (weighty or ignored)[0]
    none = ", and no taint of its nodes needs it" if first.mended is None else ""
    more = f", and {len(ignored) - 1} more" if len(ignored) > 1 else ""
    verdict = failed(
        f"{group.name} has the tag {first.key} with the value {first.value!r}: it {first.problem}{none}{more} "
        f"({scaler.because})",
        severity=Severity.HIGH if may_be_empty and weighty else Severity.LOW,
        group=group.name,
        key=first.key,
        value=first.value,
        ignored=len(ignored),
    )
    return replace(verdict, evidence={**verdict.evidence, **_ways(group, first, ignored)})


def _keeps_off(tag: IgnoredTaint) -> bool:
    """Whether pods would be kept off by the taint that a tag was meant for."""
    return tag.mended is not None and not tag.mended.endswith(f":{SOFT_EFFECT}")


def _ways(group: ScalingGroup, first: IgnoredTaint, ignored: tuple[IgnoredTaint, ...]) -> dict[str, Scalar]:
    mended = {tag.key: tag.mended for tag in ignored if tag.mended is not None}
    dead = [tag.key for tag in ignored if tag.mended is None]
    ways: dict[str, Scalar] = {} if first.mended is None else {"mended": first.mended}
    if mended:
        ways |= {"mended_tags": tags_to_put(group.name, mended)}
    if dead:
        ways |= {"dead_tags": tags_to_take(group.name, dead), "dead": ", ".join(dead)}
    return ways
