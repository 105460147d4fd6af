"""Auto Scaling groups in depth: what they launch, where, what scales them, and what became of their last launches."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from eks_auditor.model.capacity import FailedLaunch, GroupInstance, ScalingGroup
from eks_auditor.model.gap import Gap
from eks_auditor.snapshot import autoscaling, ec2
from eks_auditor.snapshot.activities import read_activities
from eks_auditor.snapshot.launches import read_sources, start_launches
from eks_auditor.snapshot.network import with_subnets
from eks_auditor.snapshot.policies import read_scaled
from eks_auditor.snapshot.references import SUBNET

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from eks_auditor.snapshot.activities import Activities, FailedActivity
    from eks_auditor.snapshot.autoscaling import DescribedGroup
    from eks_auditor.snapshot.launches import Launches, Sources
    from eks_auditor.snapshot.network import Network
    from eks_auditor.snapshot.policies import Scaled
    from eks_auditor.snapshot.reads import Reads
    from eks_auditor.userdata import Joining

FAILED_LAUNCHES_OF = timedelta(hours=24)
HAND_SCALINGS_OF = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Groups:
    """Groups in depth, by name.

    Attributes:
        scaling: The groups.
        joining: How the instances of each join the cluster.
        network: The subnets, those included that groups name and that are not listed.
    """

    scaling: Mapping[str, ScalingGroup]
    joining: Mapping[str, Joining | Gap]
    network: Network


def read_groups(reads: Reads, described: Sequence[DescribedGroup], network: Network) -> Groups:
    """Read groups in depth, and the subnets that they name and that are not listed."""
    if not described:
        return Groups({}, {}, network)
    clients, now = reads.clients, reads.clock()
    activities = {
        group.name: reads.start(
            read_activities,
            clients.autoscaling,
            group.name,
            failed_since=now - FAILED_LAUNCHES_OF,
            scaled_since=now - HAND_SCALINGS_OF,
        )
        for group in described
    }
    refreshes = {
        group.name: reads.start(autoscaling.find_open_refresh, clients.autoscaling, group.name) for group in described
    }
    scaled = read_scaled(reads)
    sources = read_sources(reads, described)
    launches = start_launches(reads, described, sources)
    whole = with_subnets(reads, network, _subnet_ids(described, sources), ec2.find_subnets)
    found, scalers = launches(whole), scaled()
    groups = {
        group.name: _group(
            group, whole, found, scalers, activities[group.name].result(), refreshes[group.name].result()
        )
        for group in described
    }
    return Groups(groups, {group.name: found.joining(group) for group in described}, whole)


def _subnet_ids(described: Sequence[DescribedGroup], sources: Sources) -> Iterator[str]:
    yield from (subnet for group in described for subnet in group.subnet_ids)
    yield from (reference.id for reference in sources.references() if reference.what == SUBNET)


def _group(  # noqa: PLR0913, PLR0917  a group is what each of the reads told of it
    group: DescribedGroup,
    network: Network,
    launches: Launches,
    scaled: Scaled,
    activities: Activities | Gap,
    refresh: str | Gap | None,
) -> ScalingGroup:
    return ScalingGroup(
        name=group.name,
        arn=group.arn,
        created_at=group.created_at,
        min_size=group.min_size,
        max_size=group.max_size,
        desired=group.desired,
        tags=group.tags,
        subnets=network.subnets(group.subnet_ids),
        instances=tuple(
            GroupInstance(id=each.id, zone_id=network.zone_id(each.zone_id), lifecycle_state=each.lifecycle_state)
            for each in group.instances
        ),
        suspended=group.suspended,
        launch=launches.of(group),
        failed_launches=activities
        if isinstance(activities, Gap)
        else tuple(_failed(activity, network) for activity in activities.failed),
        hand_scalings=activities if isinstance(activities, Gap) else activities.hand_scalings,
        refresh=refresh,
        zone_names=group.zone_names,
        policy=group.policy,
        lost_template=launches.sources.lost_template(group),
        policies=scaled.policies_of(group.name),
        scheduled=scaled.scheduled_of(group.name),
        capacity_rebalance=group.capacity_rebalance,
        scaled_at=activities if isinstance(activities, Gap) else activities.scaled_at,
        wished_at=activities if isinstance(activities, Gap) else activities.wished_at,
        hand_scaling_days=0 if isinstance(activities, Gap) else activities.hand_scaling_days,
        wished_size=None if isinstance(activities, Gap) else activities.wished_size,
    )


def _failed(activity: FailedActivity, network: Network) -> FailedLaunch:
    subnet = network.subnet(activity.subnet_id) if activity.subnet_id else None
    if subnet is not None and not isinstance(subnet, Gap):
        zone_id: str | None = subnet.zone_id
    else:
        zone_id = network.zone_id(activity.zone_name) if activity.zone_name else None
    return FailedLaunch(zone_id=zone_id, at=activity.at, message=activity.message)
