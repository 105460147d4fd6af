"""CAS: will Cluster Autoscaler do what its tags say?"""

from functools import partial

from eks_auditor.autoscaler.scaler import Scaler, scaler_of
from eks_auditor.autoscaler.tags import ENABLED, OWNERSHIP, PREFIX, claims, discovery_keys, ignored_taints, owners
from eks_auditor.check import check
from eks_auditor.checks.worst import worst
from eks_auditor.model.capacity import GroupCapacity, ManagedNodeGroup, ScalingGroup, SelfManagedGroup
from eks_auditor.model.cluster import Cluster
from eks_auditor.model.gap import UnreadableError, known
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.model.verdict import Severity, Verdict, failed, not_applicable, passed, settling

UNFINISHED = frozenset({"CREATING", "DELETING"})
"""A managed group whose Auto Scaling group EKS has not tagged yet, or takes apart."""


@check(
    id="CAS001",
    title="Auto Scaling groups should be discoverable by Cluster Autoscaler",
    severity=Severity.MEDIUM,
    docs="https://docs.aws.amazon.com/eks/latest/best-practices/cas.html",
)
def not_discoverable(capacity: ManagedNodeGroup | SelfManagedGroup, cluster: Cluster, snapshot: Snapshot) -> Verdict:
    """Looks for the two tag keys by which Cluster Autoscaler discovers a group: its own and the cluster's.

    A group needs both keys; their values count for nothing. A group with neither and of fixed size passes, for it is
    static on purpose. One that is named by the autoscaler's --nodes needs no tags: that flag is not visible here.

    Why: a group that the autoscaler does not discover never grows, and pods that only it can run stay pending.

    Fix:
    aws: aws autoscaling create-or-update-tags --region {region} --tags
      ResourceId={group},ResourceType=auto-scaling-group,Key={key},Value={value},PropagateAtLaunch=true
    eksctl (self-managed): set iam.withAddonPolicies.autoScaler to true in the nodeGroups entry of your eksctl config:
      eksctl then sets both tags on a new group
    terraform (managed): add an aws_autoscaling_group_tag for {key} on {group}
    terraform (self-managed): add a tag block with the key {key} to the aws_autoscaling_group {group}
    cloudformation (self-managed): add {key} to the Tags of the AWS::AutoScaling::AutoScalingGroup {group}
    """
    scaler = scaler_of(snapshot)
    groups = known(capacity.groups)
    if isinstance(capacity, ManagedNodeGroup) and capacity.status in UNFINISHED:
        return settling(f"{capacity.name} is {capacity.status}")
    if not groups:
        return _no_group(capacity)
    return worst(partial(_discovery, group, cluster, scaler) for group in groups)


@check(
    id="CAS003",
    title="Auto Scaling groups should be claimed by one cluster only",
    severity=Severity.CRITICAL,
    docs="https://docs.aws.amazon.com/eks/latest/best-practices/cas.html",
)
def claimed_by_another_cluster(
    capacity: ManagedNodeGroup | SelfManagedGroup, cluster: Cluster, snapshot: Snapshot
) -> Verdict:
    """Looks for another cluster's name in the group's discovery tags and in its nodes' ownership tags.

    The claim of a cluster that lives in this account and Region is CRITICAL, of one that does not LOW: a stale tag.
    Nodes that another cluster's ownership tag marks are LOW.

    Why: two autoscalers that both own a group undo each other's decisions, and each removes nodes that the other needs.

    Fix:
    aws: aws autoscaling delete-tags --region {region} --tags
      ResourceId={group},ResourceType=auto-scaling-group,Key={key}
    aws: aws ec2 delete-tags --region {region} --resources {node} --tags Key={node_key}
    terraform: remove the tag {key} from {group} (tag blocks, or aws_autoscaling_group_tag)
    cloudformation (self-managed): remove {key} from the Tags of the AWS::AutoScaling::AutoScalingGroup {group}
    """
    scaler = scaler_of(snapshot)
    groups = known(capacity.groups)
    if not groups:
        return _no_group(capacity)
    return worst(partial(_claim, group, capacity, cluster, snapshot, scaler) for group in groups)


@check(
    id="CAS004",
    title="Taint tags should be in the form that Cluster Autoscaler reads",
    severity=Severity.LOW,
    docs="https://docs.aws.amazon.com/eks/latest/best-practices/cas.html",
)
def taint_tag_ignored(capacity: ManagedNodeGroup | SelfManagedGroup, snapshot: Snapshot) -> Verdict:
    """Reads the group's node-template taint tags as Cluster Autoscaler does, and finds those that come to nothing.

    Their value must be <value>:<effect> with the effect NoSchedule, NoExecute or PreferNoSchedule. It is HIGH for a
    self-managed group that may be empty, else LOW: running nodes and, for managed groups, EKS itself tell the
    autoscaler the taints.

    Why: an empty group is simulated from its tags; without the taint the autoscaler starts nodes for pods that cannot
    run on them. The example in AWS's own guide, whose value is the effect alone, is dropped silently.

    Fix:
    aws: aws autoscaling create-or-update-tags --region {region} --tags
      ResourceId={group},ResourceType=auto-scaling-group,Key={key},Value={mended},PropagateAtLaunch=true
    eksctl: write the tag {key} with the value {mended} under tags of the node group, for propagateASGTags writes
      taints without their effect
    terraform: set the value of the tag {key} on {group} to {mended}
    cloudformation (self-managed): set the value of {key} in the Tags of the AWS::AutoScaling::AutoScalingGroup
      {group} to {mended}
    """
    scaler = scaler_of(snapshot)
    groups = known(capacity.groups)
    if not groups:
        return _no_group(capacity)
    return worst(partial(_taints, group, capacity, scaler) for group in groups)


def _no_group(capacity: GroupCapacity) -> Verdict:
    return not_applicable(f"{capacity.name} has no Auto Scaling group")


def _left_out(group: ScalingGroup, scaler: Scaler) -> Verdict | None:
    """Say why a group is not judged: nothing scales it by tags; None where it is.

    Raises:
        UnreadableError: If a proof that would decide it could not be read.
    """
    fixed = group.min_size == group.max_size
    if scaler.certainty == "proof" or (scaler.certainty == "intent" and not fixed):
        return None
    if scaler.gap is not None:
        raise UnreadableError(scaler.gap)
    if scaler.certainty == "none":
        return not_applicable(f"Cluster Autoscaler is not seen to scale this cluster ({scaler.because})")
    return not_applicable(f"{group.name} has the fixed size {group.max_size}, and no proof that the autoscaler runs")


def _discovery(group: ScalingGroup, cluster: Cluster, scaler: Scaler) -> Verdict:
    left_out = _left_out(group, scaler)
    if left_out is not None:
        return left_out
    keys = discovery_keys(cluster.name)
    missing = [key for key in keys if key not in group.tags]
    if not missing:
        value = group.tags[ENABLED]
        note = "" if value == "true" else f", for the value {value!r} of {ENABLED} counts for nothing"
        return passed(f"{group.name} is discovered{note} ({scaler.because})", group=group.name)
    if len(missing) == len(keys) and group.min_size == group.max_size:
        return passed(f"{group.name} has neither discovery key and the fixed size {group.max_size}: static on purpose")
    severity = Severity.MEDIUM if len(missing) == len(keys) else _rung(scaler)
    return failed(
        f"{group.name} lacks {' and '.join(missing)}, so the autoscaler does not discover it, unless its --nodes "
        f"names it ({scaler.because})",
        severity=severity,
        group=group.name,
        key=missing[0],
        value="true" if missing[0] == ENABLED else "owned",
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
    left_out = _left_out(group, scaler)
    if left_out is not None:
        return left_out
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
    return passed(f"only {cluster.name} claims {group.name} ({scaler.because})")


def _tags(names: tuple[str, ...]) -> str:
    return "tag" if len(names) == 1 else "tags"


def _taints(group: ScalingGroup, capacity: GroupCapacity, scaler: Scaler) -> Verdict:
    left_out = _left_out(group, scaler)
    if left_out is not None:
        return left_out
    ignored = ignored_taints(group.tags, capacity.taints)
    if not ignored:
        return passed(f"every taint tag of {group.name} is read as it stands ({scaler.because})")
    first = ignored[0]
    more = f", and {len(ignored) - 1} more" if len(ignored) > 1 else ""
    may_be_empty = isinstance(capacity, SelfManagedGroup) and group.min_size == 0
    return failed(
        f"{group.name} has the tag {first.key} with the value {first.value!r}: it {first.problem}{more} "
        f"({scaler.because})",
        severity=Severity.HIGH if may_be_empty else Severity.LOW,
        group=group.name,
        key=first.key,
        value=first.value,
        mended=first.mended,
        ignored=len(ignored),
    )
