"""CAS014: whether a Spot group can draw on enough pools of capacity."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial, reduce
from operator import or_
from typing import Self

from eks_auditor.autoscaler.scaler import Scaler
from eks_auditor.check import check
from eks_auditor.checks.scaled import left_out, no_group
from eks_auditor.checks.worst import worst
from eks_auditor.model.capacity import GroupCapacity, LaunchConfig, ManagedNodeGroup, ScalingGroup, SelfManagedGroup
from eks_auditor.model.gap import Gap, UnreadableError, known
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.model.verdict import Scalar, Severity, Verdict, failed, not_applicable, passed
from eks_auditor.policy.thresholds import Thresholds, count
from eks_auditor.spread.pins import accelerated
from eks_auditor.spread.pools import Pools
from eks_auditor.spread.siblings import Spread, key_of

LOWEST_PRICE = "lowest-price"
BETTER_STRATEGY = "price-capacity-optimized"


@check(
    id="CAS014",
    title="Spot groups should be able to draw on many pools of capacity",
    severity=Severity.MEDIUM,
    docs="https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-mixed-instances-groups.html",
    thresholds={
        "types": count(3, "fewer instance types are too narrow", least=1),
        # Each has its own Spot capacity and its own interruptions.
        "pools": count(6, "fewer pools, each an instance type in a zone, are too narrow", least=1),
    },
)
def spot_too_narrow(
    capacity: ManagedNodeGroup | SelfManagedGroup,
    snapshot: Snapshot,
    spread: Spread,
    scaler: Scaler,
    limits: Thresholds,
) -> Verdict:
    """Counts the instance types of a Spot group and its pools: each type in each of its zones that offers it.

    Fewer than 3 types or 6 pools are too narrow, and so is the strategy lowest-price, which takes the pools that are
    interrupted soonest: MEDIUM, and LOW with accelerators. A group that is bound to one zone is lent the pools of its
    siblings in others. A self-managed group that does not replace Spot instances at risk, or that mixes On-Demand and
    Spot, which the autoscaler cannot tell apart, is INFORMATIONAL. Of managed groups EKS chooses the strategy, never
    lowest-price.

    Why: when EC2 takes one pool back, a narrow group loses all of its nodes at once and finds no others.

    Fix:
    aws (managed): aws eks create-nodegroup --region {region} --cluster-name {cluster} --nodegroup-name {name}-2
      --capacity-type SPOT --node-role NODE_ROLE_ARN --subnets SUBNETS_OF_ITS_ZONES
      --instance-types {first_type} MORE_TYPES_OF_ITS_SIZE # then delete {name}
    aws (self-managed): aws autoscaling update-auto-scaling-group --region {region} --auto-scaling-group-name {group}
      --mixed-instances-policy {policy} # two further types or more, of the size of {first_type}
    aws (self-managed): aws autoscaling update-auto-scaling-group --region {region} --auto-scaling-group-name {group}
      --mixed-instances-policy {strategy}
    aws (self-managed): aws autoscaling update-auto-scaling-group --region {region}
      --auto-scaling-group-name {unbalanced_group} --capacity-rebalance
    aws (self-managed): aws autoscaling describe-auto-scaling-groups --region {region}
      --auto-scaling-group-names {mixed_group} # make one group of its On-Demand part, and one of its Spot part
    aws: aws autoscaling describe-auto-scaling-groups --region {region} --auto-scaling-group-names {loosened_group}
      # give its overrides more types, or loosen their instance requirements
    guide (self-managed): make a new group with a mixed instances policy in place of {plain_group}, from a launch
      template that does not ask for Spot itself: a policy takes no template that does
    eksctl (managed): eksctl create nodegroup --region {region} --cluster {cluster} --name {name}-2 --managed --spot
      --instance-types {first_type},MORE_TYPES_OF_ITS_SIZE
    terraform (managed): list more types of the size of {first_type} in instance_types of {name}
    terraform (self-managed): in the mixed_instances_policy of {mended_group}, add an override for each further type of
      the same size, set spot_allocation_strategy to price-capacity-optimized, and set capacity_rebalance to true
    cloudformation (managed): list more types of the size of {first_type} in InstanceTypes of {name}
    cloudformation (self-managed): in the MixedInstancesPolicy of {mended_group}, add an override for each further type
      of the same size, set SpotAllocationStrategy to price-capacity-optimized, and set CapacityRebalance to true
    """
    groups = known(capacity.groups)
    if not groups:
        return no_group(capacity)
    fewest = _Fewest(limits.number("types"), limits.number("pools"))

    def judge(group: ScalingGroup) -> Verdict:
        if (unjudged := left_out(capacity, group, scaler)) is not None:
            return unjudged
        if not _buys_spot(capacity, group):
            return not_applicable(f"{capacity.name} buys no Spot instances")
        breadth = _Breadth.of(capacity, group, snapshot, spread, fewest)
        return _spot(capacity, group, breadth, snapshot, scaler)

    return worst(partial(judge, group) for group in groups)


@dataclass(frozen=True, slots=True)
class _Fewest:
    """What is not too narrow: so many types, and so many pools."""

    types: int
    pools: int

    def missing(self, own: Pools, pools: Pools) -> bool:
        """Whether a group's own types, or its pools with those that are lent to it, are fewer."""
        return len(own.types) < self.types or len(pools.seen) < self.pools


def _spot(
    capacity: GroupCapacity, group: ScalingGroup, breadth: "_Breadth", snapshot: Snapshot, scaler: Scaler
) -> Verdict:
    lowest = _lowest_price(capacity, group)
    problems = [f"the strategy {LOWEST_PRICE} takes the pools that are interrupted soonest"] if lowest else []
    if breadth.narrow:
        fewest = breadth.fewest
        problems.append(f"{fewest.types} types and {fewest.pools} pools (a type in a zone) are the fewest")
    milder = list(_milder(capacity, group))
    if not (problems or milder):
        return passed(f"{breadth} ({scaler.because})", types=breadth.types, pools=breadth.pools)
    severity = _severity(group, snapshot) if problems else Severity.INFORMATIONAL
    verdict = failed(f"{'; '.join((str(breadth), *problems, *milder))} ({scaler.because})", severity=severity)
    return replace(verdict, evidence=dict(_evidence(capacity, group, breadth)))


def _buys_spot(capacity: GroupCapacity, group: ScalingGroup) -> bool:
    if isinstance(capacity, ManagedNodeGroup):
        return capacity.capacity_type == "SPOT"
    return known(group.launch).purchase.spot


@dataclass(frozen=True, slots=True)
class _Breadth:
    """What a group can draw on.

    Attributes:
        name: The group's.
        types: How many of its types some zone of it offers.
        pools: How many pools it has, with those that siblings in other zones lend it.
        siblings: Whether some are lent.
        narrow: Whether that is too little.
        fewest: What would not be.
    """

    name: str
    types: int
    pools: int
    siblings: bool
    narrow: bool
    fewest: _Fewest

    @classmethod
    def of(
        cls, capacity: GroupCapacity, group: ScalingGroup, snapshot: Snapshot, spread: Spread, fewest: _Fewest
    ) -> Self:
        """Count.

        Raises:
            UnreadableError: If what could not be read may make up for what is missing.
        """
        own = Pools.of(group, snapshot)
        lent, doubt = _lent(capacity, group, snapshot, spread)
        pools = own | lent
        narrow = fewest.missing(own, pools)
        if narrow and pools.gap is not None and not fewest.missing(own.at_most, pools.at_most):
            raise UnreadableError(pools.gap)
        if narrow and doubt is not None and len(own.types) >= fewest.types:
            raise UnreadableError(doubt)
        lends = pools.seen > own.seen
        return cls(group.name, len(own.types), len(pools.seen), siblings=lends, narrow=narrow, fewest=fewest)

    def __str__(self) -> str:
        """Name the numbers."""
        pools = f"{self.types} instance type{'' if self.types == 1 else 's'} and {self.pools} pools"
        return f"{self.name} can draw on {pools}{', those of its siblings included' if self.siblings else ''}"


def _lent(capacity: GroupCapacity, group: ScalingGroup, snapshot: Snapshot, spread: Spread) -> tuple[Pools, Gap | None]:
    """Return what siblings lend a group that is bound to one zone, and what hides more of that.

    One group for each zone is what AWS recommends for zonal volumes: the autoscaler turns to the next one.
    """
    nothing = Pools(frozenset())
    if len({subnet.zone_id for subnet in known(group.subnets)}) > 1:
        return nothing, None
    siblings = spread.set_of(capacity)
    if isinstance(siblings, Gap):
        return nothing, siblings
    lent, doubt = nothing, spread.doubts.get(siblings.key)
    for member in siblings.members:
        if isinstance(member, ManagedNodeGroup | SelfManagedGroup) and key_of(member) != key_of(capacity):
            try:
                lent = lent | _spot_pools(member, snapshot)
            except UnreadableError as error:
                doubt = doubt or error.gap
    return lent, doubt


def _spot_pools(capacity: GroupCapacity, snapshot: Snapshot) -> Pools:
    buying = [group for group in known(capacity.groups) if _buys_spot(capacity, group)]
    return reduce(or_, (Pools.of(group, snapshot) for group in buying), Pools(frozenset()))


def _lowest_price(capacity: GroupCapacity, group: ScalingGroup) -> bool:
    if isinstance(capacity, ManagedNodeGroup):
        return False
    return known(group.launch).purchase.spot_strategy == LOWEST_PRICE


def _milder(capacity: GroupCapacity, group: ScalingGroup) -> Iterator[str]:
    if isinstance(capacity, ManagedNodeGroup):
        return
    if not group.capacity_rebalance:
        yield "Spot instances at risk are not replaced, for capacity rebalancing is off"
    if _mixed(group):
        yield "it has On-Demand and Spot instances, which the autoscaler takes for the same"


def _mixed(group: ScalingGroup) -> bool:
    purchase = known(group.launch).purchase
    return purchase.on_demand_base > 0 or purchase.on_demand_percentage > 0


def _severity(group: ScalingGroup, snapshot: Snapshot) -> Severity:
    wanted = known(group.launch).requirements
    devices = wanted is not None and wanted.accelerators is not None and wanted.accelerators.least > 0
    return Severity.LOW if devices or accelerated([group], snapshot) else Severity.MEDIUM


def _evidence(capacity: GroupCapacity, group: ScalingGroup, breadth: _Breadth) -> Iterator[tuple[str, Scalar]]:
    launch = known(group.launch)
    yield from (("group", group.name), ("types", breadth.types), ("pools", breadth.pools))
    if breadth.narrow and launch.instance_types:
        yield "first_type", launch.instance_types[0]
    if isinstance(capacity, SelfManagedGroup):
        yield "plain_group" if group.policy is None else "mended_group", group.name
    if breadth.narrow and isinstance(capacity, SelfManagedGroup) and group.policy is not None:
        if launch.instance_types and len(launch.templates) == 1:
            yield "policy", json.dumps({"LaunchTemplate": {"Overrides": list(_overrides(launch))}})
        else:
            yield "loosened_group", group.name
    if _lowest_price(capacity, group):
        yield "strategy", json.dumps({"InstancesDistribution": {"SpotAllocationStrategy": BETTER_STRATEGY}})
    if isinstance(capacity, SelfManagedGroup):
        yield from (("unbalanced_group", group.name),) if not group.capacity_rebalance else ()
        yield from (("mixed_group", group.name),) if _mixed(group) else ()


def _overrides(launch: LaunchConfig) -> Iterator[dict[str, str]]:
    for name in launch.instance_types:
        weight = launch.weights.get(name)
        yield {"InstanceType": name} | ({} if weight is None else {"WeightedCapacity": str(weight)})
    # Either all overrides have a weight, or none has.
    yield {"InstanceType": "ANOTHER_TYPE"} | ({"WeightedCapacity": "ITS_WEIGHT"} if launch.weights else {})
