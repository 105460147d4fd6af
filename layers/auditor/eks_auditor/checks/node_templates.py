"""CAS, by the node that the autoscaler simulates for an empty group: whether it is the one that comes up."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from eks_auditor.autoscaler.compare import NEURON_PREFIX, Difference, differences, mending_tags
from eks_auditor.autoscaler.node_template import NodeTemplate, believed
from eks_auditor.autoscaler.options import IgnoredTag, ignored_options, ignored_resources
from eks_auditor.autoscaler.passing_taints import passing
from eks_auditor.autoscaler.real_node import real
from eks_auditor.autoscaler.scaler import Scaler
from eks_auditor.autoscaler.tag_lists import tags_to_put, tags_to_take
from eks_auditor.autoscaler.tags import LABEL, RESOURCE, TAINT, ignored_taints, taint_keys
from eks_auditor.autoscaler.versions import minor_of
from eks_auditor.check import check
from eks_auditor.checks.scaled import left_out, no_group
from eks_auditor.checks.worst import worst
from eks_auditor.model.capacity import GroupCapacity, ManagedNodeGroup, ScalingGroup, SelfManagedGroup
from eks_auditor.model.gap import known
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.model.verdict import Scalar, Severity, Verdict, failed, not_applicable, passed, settling
from eks_auditor.spread.siblings import first_of

PREFIXES: Mapping[str, str] = {"label": LABEL, "taint": TAINT, "resource": RESOURCE}
"""How the keys of the tags begin that tell of each kind."""

UNFINISHED = frozenset({"CREATING", "DELETING"})
"""A managed group whose Auto Scaling group EKS has not tagged yet, or takes apart."""


@check(
    id="CAS005",
    title="The node that Cluster Autoscaler simulates for an empty group should be the one that comes up",
    severity=Severity.HIGH,
    docs="https://docs.aws.amazon.com/eks/latest/best-practices/cas.html",
)
def template_disagrees(capacity: ManagedNodeGroup | SelfManagedGroup, snapshot: Snapshot, scaler: Scaler) -> Verdict:
    """Compares the labels and taints that the autoscaler believes in with those that a node would register with.

    It is for groups of minimum size 0. The autoscaler takes them from the Auto Scaling group's tags and, of a managed
    group, from EKS, whose taints without a value it drops. The nodes have those of the node group or, of a self-managed
    group, of its user data. It is HIGH where a self-managed group's nodes have a label or taint that the autoscaler
    does not know, or a managed group's a taint without a value; else INFORMATIONAL. Labels that EKS and the tools add
    by themselves, such as eks.amazonaws.com/nodegroup, are left out; so are a self-managed group's taints whose tags
    the autoscaler does not read as they were meant, which CAS004 tells at the same rung.

    Why: without a label of its nodes, an empty group is not started for the pods that select it, and they stay pending;
    without a taint, the autoscaler starts nodes for pods that cannot run on them, again and again.

    Fix:
    aws: aws autoscaling create-or-update-tags --region {region} --tags {tags}
    aws: aws autoscaling delete-tags --region {region} --tags {surplus_tags} # or give the nodes what they promise; not
      where --startup-taint names the taint
    guide: eks-auditor template {template} --cluster {cluster} --region {region} --autoscaler-version {minor} shows both
      nodes side by side, and the tags for every tool
    eksctl (managed): write {keys} under tags of a new node group, with propagateASGTags true (of this one by the AWS
      CLI)
    eksctl (self-managed): write {keys} under tags of a new node group, with propagateASGTags false (of this one by the
      AWS CLI)
    terraform (managed): add an aws_autoscaling_group_tag for each of {keys} to {group}, with propagate_at_launch false
    terraform (self-managed): add a tag block for each of {keys} to the aws_autoscaling_group {group}
      (autoscaling_group_tags of the module terraform-aws-eks)
    cloudformation (managed): AWS::EKS::Nodegroup puts no tags on {group}: add {keys} by the AWS CLI; or give a taint
      without a value one in the Taints of {name}
    cloudformation (self-managed): add {keys} to the Tags of the AWS::AutoScaling::AutoScalingGroup {group}
    """
    groups = known(capacity.groups)
    if isinstance(capacity, ManagedNodeGroup) and capacity.status in UNFINISHED:
        return settling(f"{capacity.name} is {capacity.status}")
    if not groups:
        return no_group(capacity)
    return worst(partial(_template, group, capacity, snapshot, scaler) for group in groups)


@check(
    id="CAS006",
    title="Resource and option tags should be in the form that Cluster Autoscaler reads",
    severity=Severity.MEDIUM,
    docs="https://docs.aws.amazon.com/eks/latest/best-practices/cas.html",
)
def resource_or_option_tag_ignored(
    capacity: ManagedNodeGroup | SelfManagedGroup, snapshot: Snapshot, scaler: Scaler
) -> Verdict:
    """Reads a group's tags of resources and autoscaling options as Cluster Autoscaler does, and finds those it ignores.

    A resource's value has to be a quantity as Kubernetes writes it, such as 4, 500m or 20Gi; of a managed node group
    its own tags count as well. An option needs a name that the autoscaler knows, and a value that it can parse.

    Why: such a tag is dropped with no more than a line in a log: pods that ask for the resource start no node of an
    empty group, or the group is scaled in by the options of all others.

    Fix:
    aws: aws autoscaling create-or-update-tags --region {region} --tags {mended_tags}
    aws: aws autoscaling delete-tags --region {region} --tags {dead_tags} # or write them as it reads them
    aws (managed): aws eks tag-resource --region {region} --resource-arn {arn} --tags {mended_nodegroup_tags}
    aws (managed): aws eks untag-resource --region {region} --resource-arn {arn} --tag-keys {dead_nodegroup_keys}
    eksctl: correct the tag {key} under tags of a new node group (of this one by the AWS CLI)
    terraform: correct the tag {key} of {tagged}
    cloudformation: correct the tag {key} in the Tags of {tagged}
    """
    groups = known(capacity.groups)
    if not groups:
        return no_group(capacity)
    return worst(partial(_tags, group, capacity, snapshot, scaler) for group in groups)


def _template(group: ScalingGroup, capacity: GroupCapacity, snapshot: Snapshot, scaler: Scaler) -> Verdict:
    unjudged = left_out(capacity, group, scaler)
    if unjudged is not None:
        return unjudged
    if group.min_size > 0:
        return not_applicable(f"{group.name} keeps {group.min_size} or more nodes, which tell the autoscaler all")
    minor = minor_of(scaler.settings, snapshot.cluster)
    comparison = _Comparison.of(
        believed(capacity, group, snapshot, minor),
        real(capacity, group, snapshot),
        told_apart=_told_by_tags(capacity, group),
    )
    if not comparison.told:
        same = f"an empty {group.name} is simulated with the labels and taints of its nodes{comparison.but}"
        return replace(passed(f"{same} ({scaler.because})"), evidence=comparison.counts)
    verdict = failed(f"{comparison.words(group)} ({scaler.because})", severity=_rung(capacity, comparison))
    facts: dict[str, Scalar] = {"group": group.name, "template": f"{capacity.kind}:{capacity.name}", "minor": minor}
    return replace(verdict, evidence={**facts, **comparison.counts, **comparison.ways(group)})


@dataclass(frozen=True, slots=True)
class _Comparison:
    """What tells the simulated node from the real one.

    Attributes:
        simulated: The one that the autoscaler believes in.
        actual: The one that comes up.
        missing: What the nodes have, and the simulated one has not or has otherwise.
        surplus: What only the simulated one has.
        apart: Keys of taints that differ, and that CAS004 tells of.
    """

    simulated: NodeTemplate
    actual: NodeTemplate
    missing: tuple[Difference, ...]
    surplus: tuple[Difference, ...]
    apart: tuple[str, ...]

    @classmethod
    def of(cls, simulated: NodeTemplate, actual: NodeTemplate, told_apart: frozenset[str]) -> "_Comparison":
        every = [d for d in differences(simulated, actual) if d.counts and not _is_neuron(d)]
        apart = [d for d in every if d.kind == "taint" and d.name in told_apart]
        told = [d for d in every if d not in apart]
        missing = tuple(difference for difference in told if difference.real is not None)
        surplus = tuple(difference for difference in told if difference.real is None)
        return cls(simulated, actual, missing, surplus, tuple(dict.fromkeys(d.name for d in apart)))

    @property
    def told(self) -> bool:
        return bool(self.missing or self.surplus)

    @property
    def counts(self) -> dict[str, Scalar]:
        return {
            "believed_labels": len(self.simulated.labels),
            "believed_taints": len(self.simulated.taints),
            "real_labels": len(self.actual.labels),
            "real_taints": len(self.actual.taints),
        }

    @property
    def but(self) -> str:
        return f", but for what CAS004 tells of the tags of taints: {first_of(self.apart)}" if self.apart else ""

    def words(self, group: ScalingGroup) -> str:
        parts = []
        if self.missing:
            parts.append(f"without {_listed(self.missing)}, which its nodes have{self._too_long()}")
        passing_by = tuple(difference for difference in self.surplus if _passes(difference))
        lasting = tuple(difference for difference in self.surplus if not _passes(difference))
        if lasting:
            parts.append(f"with {_listed(lasting)}, which its nodes are not told to have")
        if passing_by:
            parts.append(
                f"with {_listed(passing_by)}, which its nodes lose once they are ready and the autoscaler takes to stay"
            )
        return f"an empty {group.name} is simulated {' and '.join(parts)}{self.but}"

    def _too_long(self) -> str:
        written = mending_tags(self.missing)
        left = [each.name for each in self.missing if PREFIXES[each.kind] + each.name not in written]
        return f" (too long for a tag, and so to be shortened: {first_of(left)})" if left else ""

    def ways(self, group: ScalingGroup) -> dict[str, Scalar]:
        """Return what the fixes take: each list of tags as JSON, which is one word for a shell."""
        facts: dict[str, Scalar] = {}
        tags = mending_tags(self.missing)
        if self.missing:
            facts |= {"missing": _names(self.missing), "missing_count": len(self.missing)}
        if tags:
            facts |= {
                "tags": tags_to_put(group.name, tags),
                "keys": ", ".join(f"{key}={tags[key]}" for key in sorted(tags)),
            }
        if self.surplus:
            facts |= {"surplus": _names(self.surplus), "surplus_count": len(self.surplus)}
        if keys := sorted(key for key in group.tags if _promises(key, self.surplus)):
            facts |= {"surplus_tags": tags_to_take(group.name, keys)}
        return facts


def _told_by_tags(capacity: GroupCapacity, group: ScalingGroup) -> frozenset[str]:
    """Return the keys of taints that CAS004 tells at the same rung; those of a managed group it tells milder."""
    if isinstance(capacity, ManagedNodeGroup):
        return frozenset()
    keys = taint_keys(group.tags)
    return frozenset(keys[tag.key] for tag in ignored_taints(group.tags, capacity.taints))


def _passes(difference: Difference) -> bool:
    """Whether it is a taint that nodes start with and lose."""
    return difference.kind == "taint" and passing(difference.name)


def _is_neuron(difference: Difference) -> bool:
    """Whether CAS016 tells it."""
    return difference.kind == "resource" and difference.name.startswith(NEURON_PREFIX)


def _rung(capacity: GroupCapacity, comparison: _Comparison) -> Severity:
    missing = {(difference.kind, difference.name) for difference in comparison.missing}
    if isinstance(capacity, SelfManagedGroup):
        weighty = any(kind != "resource" for kind, _ in missing)
    else:
        weighty = any(("taint", taint.key) in missing for taint in capacity.taints if not taint.has_value)
    return Severity.HIGH if weighty else Severity.INFORMATIONAL


def _listed(told: tuple[Difference, ...]) -> str:
    """Name what differs, the first few of each kind."""
    words = {kind: [_words(difference) for difference in told if difference.kind == kind] for kind in PREFIXES}
    return " and ".join(
        f"the {kind}{'s' if len(found) > 1 else ''} {first_of(found)}" for kind, found in words.items() if found
    )


def _words(difference: Difference) -> str:
    if difference.real is None:
        return f"{difference.name}={difference.believed}"
    instead = "" if difference.believed is None else f" (believed: {difference.believed})"
    return f"{difference.name}={difference.real}{instead}"


def _names(told: tuple[Difference, ...]) -> str:
    return first_of([f"{difference.kind} {difference.name}" for difference in told])


def _promises(key: str, surplus: Iterable[Difference]) -> bool:
    """Whether a tag promises what the nodes do not have."""
    return any(key == PREFIXES[difference.kind] + difference.name for difference in surplus)


def _tags(group: ScalingGroup, capacity: GroupCapacity, snapshot: Snapshot, scaler: Scaler) -> Verdict:
    unjudged = left_out(capacity, group, scaler)
    if unjudged is not None:
        return unjudged
    minor = minor_of(scaler.settings, snapshot.cluster)
    of_group = (*ignored_resources(group.tags), *ignored_options(group.tags, minor))
    of_nodegroup = ignored_resources(capacity.tags) if isinstance(capacity, ManagedNodeGroup) else ()
    ignored = (*of_group, *of_nodegroup)
    if not ignored:
        return passed(f"every resource and option tag of {group.name} is read as it stands ({scaler.because})")
    first, owner = ignored[0], group.name if of_group else capacity.name
    more = f", and {len(ignored) - 1} more" if len(ignored) > 1 else ""
    verdict = failed(
        f"{owner} has the tag {first.key} with the value {first.value!r}: it {first.problem}{more} ({scaler.because})",
        severity=Severity.MEDIUM,
        group=group.name,
        tagged=owner,
        key=first.key,
        value=first.value,
        ignored=len(ignored),
    )
    ways = _ways_of_group(group, of_group) | _ways_of_nodegroup(capacity, of_nodegroup)
    return replace(verdict, evidence={**verdict.evidence, **ways})


def _ways_of_group(group: ScalingGroup, ignored: Iterable[IgnoredTag]) -> dict[str, Scalar]:
    mended, dead = _sorted_out(ignored)
    ways: dict[str, Scalar] = {"mended_tags": tags_to_put(group.name, mended)} if mended else {}
    return ways | ({"dead_tags": tags_to_take(group.name, dead)} if dead else {})


def _ways_of_nodegroup(capacity: GroupCapacity, ignored: Iterable[IgnoredTag]) -> dict[str, Scalar]:
    mended, dead = _sorted_out(ignored)
    ways: dict[str, Scalar] = {"arn": capacity.arn} if mended or dead else {}
    ways |= {"mended_nodegroup_tags": json.dumps(mended)} if mended else {}
    return ways | ({"dead_nodegroup_keys": json.dumps(dead)} if dead else {})


def _sorted_out(ignored: Iterable[IgnoredTag]) -> tuple[dict[str, str], list[str]]:
    """Part tags into those whose value can be mended, and the keys of the others."""
    mended, dead = {}, []
    for tag in ignored:
        if tag.mended is None:
            dead.append(tag.key)
        else:
            mended[tag.key] = tag.mended
    return mended, dead
