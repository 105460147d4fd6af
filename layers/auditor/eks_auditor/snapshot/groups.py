"""Auto Scaling groups in depth: what they launch, where, and what became of their last launches."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from eks_auditor.model.capacity import FailedLaunch, GroupInstance, LaunchConfig, ScalingGroup
from eks_auditor.model.gap import Gap
from eks_auditor.snapshot import autoscaling, ec2, templates
from eks_auditor.snapshot.network import Network

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from eks_auditor.snapshot.autoscaling import (
        Activities,
        DescribedGroup,
        FailedActivity,
        LaunchConfiguration,
        TemplateRef,
    )
    from eks_auditor.snapshot.reads import Reads
    from eks_auditor.snapshot.templates import TemplateVersion

FAILED_LAUNCHES_OF = timedelta(hours=24)
HAND_SCALINGS_OF = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class _Launches:
    """Everything that groups refer to in order to launch."""

    versions: Mapping[TemplateRef, TemplateVersion | Gap]
    configurations: Mapping[str, LaunchConfiguration | Gap]
    placements: Mapping[str, bool | Gap]


def read_groups(
    reads: Reads, described: Sequence[DescribedGroup], network: Network
) -> tuple[dict[str, ScalingGroup], Network]:
    """Read groups in depth, and the subnets of other VPCs that they launch in."""
    clients, now = reads.clients, reads.clock()
    activities = {
        group.name: reads.start(
            autoscaling.read_activities,
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
    launches = _read_launches(reads, described)
    whole = _read_subnets(reads, network, (subnet for group in described for subnet in group.subnet_ids))
    groups = {
        group.name: _group(group, whole, launches, activities[group.name].result(), refreshes[group.name].result())
        for group in described
    }
    return groups, whole


def _read_subnets(reads: Reads, network: Network, subnet_ids: Iterable[str]) -> Network:
    missing = tuple(sorted(network.missing(subnet_ids)))
    if not missing:
        return network
    found = reads.start(ec2.find_subnets, reads.clients.ec2, "subnet-id", missing).result()
    if isinstance(found, Gap):
        return Network(network.vpc, dict.fromkeys(missing, found))
    return Network(network.vpc, {subnet.id: subnet for subnet in found})


def _read_launches(reads: Reads, described: Sequence[DescribedGroup]) -> _Launches:
    clients = reads.clients
    refs = {source.template for group in described for source in group.sources}
    names = {group.launch_configuration for group in described if group.launch_configuration}
    versions = {ref: reads.start(templates.describe_template, clients.ec2, ref) for ref in refs}
    configurations = [
        reads.start(autoscaling.describe_launch_configurations, clients.autoscaling, batch)
        for batch in autoscaling.name_batches(names)
    ]
    known = {ref: future.result() for ref, future in versions.items()}
    placed = {version.placement_group for version in known.values() if not isinstance(version, Gap)}
    placed |= {group.placement_group for group in described}
    placements = {
        name: reads.start(templates.is_cluster_placement, clients.ec2, name) for name in placed if name is not None
    }
    return _Launches(
        versions=known,
        configurations={name: each for batch in configurations for name, each in batch.result().items()},
        placements={name: future.result() for name, future in placements.items()},
    )


def _group(
    group: DescribedGroup,
    network: Network,
    launches: _Launches,
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
        launch=_launch(group, launches),
        failed_launches=activities
        if isinstance(activities, Gap)
        else tuple(_failed(activity, network) for activity in activities.failed),
        hand_scalings=activities if isinstance(activities, Gap) else activities.hand_scalings,
        refresh=refresh,
    )


def _failed(activity: FailedActivity, network: Network) -> FailedLaunch:
    subnet = network.subnet(activity.subnet_id) if activity.subnet_id else None
    if subnet is not None and not isinstance(subnet, Gap):
        zone_id: str | None = subnet.zone_id
    else:
        zone_id = network.zone_id(activity.zone_name) if activity.zone_name else None
    return FailedLaunch(zone_id=zone_id, at=activity.at, message=activity.message)


def _launch(group: DescribedGroup, launches: _Launches) -> LaunchConfig | Gap:
    """Say what the group's next instance is launched from; one template that cannot be read makes all of it a gap."""
    if group.launch_configuration is not None:
        return _of_configuration(group.launch_configuration, launches)
    images: list[str] = []
    types: list[str] = []
    chosen: list[TemplateVersion] = []
    requirements = False
    for source in group.sources:
        version = launches.versions[source.template]
        if isinstance(version, Gap):
            return version
        chosen.append(version)
        images += [image for image in (source.image_id or version.image_id,) if image]
        types += [name for name in (source.instance_type or version.instance_type,) if name]
        requirements |= source.requirements or (version.requirements and source.instance_type is None)
    return LaunchConfig(
        image_ids=tuple(dict.fromkeys(images)),
        instance_types=() if requirements else tuple(dict.fromkeys(types)),
        pins=tuple(dict.fromkeys(_pins(group, chosen, launches.placements))),
    )


def _of_configuration(name: str, launches: _Launches) -> LaunchConfig | Gap:
    found = launches.configurations.get(name)
    if found is None:
        said = "NotFound: the group names a launch configuration that does not exist"
        return Gap("autoscaling:DescribeLaunchConfigurations", name, said)
    if isinstance(found, Gap):
        return found
    return LaunchConfig(image_ids=(found.image_id,), instance_types=(found.instance_type,))


def _pins(
    group: DescribedGroup, versions: Sequence[TemplateVersion], placements: Mapping[str, bool | Gap]
) -> Iterator[str]:
    if any(version.capacity_block for version in versions):
        yield "a Capacity Block"
    if group.targeted_reservation or any(version.targeted_reservation for version in versions):
        yield "a targeted capacity reservation"
    named = (group.placement_group, *(version.placement_group for version in versions))
    for name in dict.fromkeys(name for name in named if name is not None):
        clustered = placements[name]
        if isinstance(clustered, Gap):
            yield "a placement group whose strategy could not be read"
        elif clustered:
            yield "a cluster placement group"
    if any(version.efa for version in versions):
        yield "EFA"
