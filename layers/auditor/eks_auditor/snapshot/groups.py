"""Auto Scaling groups in depth: what they launch, where, and what became of their last launches."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from eks_auditor.model.capacity import FailedLaunch, GroupInstance, LaunchConfig, ScalingGroup, TemplateUse, is_gone
from eks_auditor.model.gap import Gap
from eks_auditor.snapshot import autoscaling, ec2, references, templates
from eks_auditor.snapshot.activities import read_activities
from eks_auditor.snapshot.network import with_subnets
from eks_auditor.snapshot.reading import known_only
from eks_auditor.snapshot.references import PLACEMENT_GROUP, SUBNET, Reference

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from eks_auditor.snapshot.activities import Activities, FailedActivity
    from eks_auditor.snapshot.autoscaling import DescribedGroup, LaunchConfiguration, TemplateRef
    from eks_auditor.snapshot.network import Network
    from eks_auditor.snapshot.reads import Reads
    from eks_auditor.snapshot.references import Found
    from eks_auditor.snapshot.templates import TemplateVersion

FAILED_LAUNCHES_OF = timedelta(hours=24)
HAND_SCALINGS_OF = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class _Sources:
    """What groups launch from."""

    versions: Mapping[TemplateRef, TemplateVersion | Gap]
    configurations: Mapping[str, LaunchConfiguration | Gap]

    def references(self) -> frozenset[Reference]:
        """Return what all of them name."""
        known: tuple[TemplateVersion | LaunchConfiguration, ...]
        known = (*known_only(self.versions).values(), *known_only(self.configurations).values())
        return frozenset(reference for source in known for reference in source.references)


@dataclass(frozen=True, slots=True)
class _Launches:
    """Everything that groups refer to in order to launch."""

    sources: _Sources
    default_versions: Mapping[str, str | Gap]
    found: Found


def read_groups(
    reads: Reads, described: Sequence[DescribedGroup], network: Network
) -> tuple[dict[str, ScalingGroup], Network]:
    """Read groups in depth, and the subnets that they name and that are not listed."""
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
    sources = _read_sources(reads, described)
    launches = _start_launches(reads, described, sources)
    whole = with_subnets(reads, network, _subnet_ids(described, sources), ec2.find_subnets)
    found = launches(whole)
    groups = {
        group.name: _group(group, whole, found, activities[group.name].result(), refreshes[group.name].result())
        for group in described
    }
    return groups, whole


def _subnet_ids(described: Sequence[DescribedGroup], sources: _Sources) -> Iterator[str]:
    yield from (subnet for group in described for subnet in group.subnet_ids)
    yield from (reference.id for reference in sources.references() if reference.what == SUBNET)


def _read_sources(reads: Reads, described: Sequence[DescribedGroup]) -> _Sources:
    clients = reads.clients
    refs = {source.template for group in described for source in group.sources}
    names = {group.launch_configuration for group in described if group.launch_configuration}
    versions = {ref: reads.start(templates.describe_template, clients.ec2, ref) for ref in refs}
    configurations = [
        reads.start(autoscaling.describe_launch_configurations, clients.autoscaling, batch)
        for batch in autoscaling.name_batches(names)
    ]
    return _Sources(
        versions={ref: future.result() for ref, future in versions.items()},
        configurations={name: each for batch in configurations for name, each in batch.result().items()},
    )


def _start_launches(
    reads: Reads, described: Sequence[DescribedGroup], sources: _Sources
) -> Callable[[Network], _Launches]:
    """Start to read what the sources name, and which version of each template is the default where theirs is not."""
    versions = known_only(sources.versions).values()
    placed = {Reference(PLACEMENT_GROUP, group.placement_group) for group in described if group.placement_group}
    found = references.look_up(reads, sources.references() | placed)
    others = {version.id: version.name for version in versions if not version.is_default}
    defaults = templates.read_default_versions(reads, others)

    def launches(network: Network) -> _Launches:
        own = {version.id: version.number for version in versions if version.is_default}
        return _Launches(sources, {**defaults(), **own}, found(network))

    return launches


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
    """Say what the group's next instance is launched from; one template that cannot be read makes all of it a gap.

    One that is gone comes before one that could not be read: it is what keeps the group from launching.
    """
    if group.launch_configuration is not None:
        return _of_configuration(group, group.launch_configuration, launches)
    answers = [launches.sources.versions[source.template] for source in group.sources]
    versions = [answer for answer in answers if not isinstance(answer, Gap)]
    gaps = [answer for answer in answers if isinstance(answer, Gap)]
    if gaps:
        return next(filter(is_gone, gaps), gaps[0])
    images: list[str] = []
    types: list[str] = []
    requirements = False
    for source, version in zip(group.sources, versions, strict=True):
        images += [image for image in (source.image_id or version.image_id,) if image]
        types += [name for name in (source.instance_type or version.instance_type,) if name]
        requirements |= source.requirements or (version.requirements and source.instance_type is None)
    return LaunchConfig(
        image_ids=tuple(dict.fromkeys(images)),
        instance_types=() if requirements else tuple(dict.fromkeys(types)),
        pins=tuple(dict.fromkeys(_pins(group, versions, launches.found.strategies))),
        templates=tuple(dict.fromkeys(_use(version, launches.default_versions) for version in versions)),
        missing=launches.found.missing(_named(group, versions)),
        reservations=tuple(dict.fromkeys(_reservations(group, versions))),
    )


def _use(version: TemplateVersion, default_versions: Mapping[str, str | Gap]) -> TemplateUse:
    return TemplateUse(
        id=version.id,
        name=version.name,
        version=version.number,
        default_version=default_versions[version.id],
        created_at=version.created_at,
    )


def _named(group: DescribedGroup, sources: Iterable[TemplateVersion | LaunchConfiguration]) -> Iterator[Reference]:
    yield from (reference for source in sources for reference in source.references)
    if group.placement_group:
        yield Reference(PLACEMENT_GROUP, group.placement_group)


def _of_configuration(group: DescribedGroup, name: str, launches: _Launches) -> LaunchConfig | Gap:
    found = launches.sources.configurations.get(name)
    if found is None:
        said = "NotFound: the group names a launch configuration that does not exist"
        return Gap("autoscaling:DescribeLaunchConfigurations", name, said)
    if isinstance(found, Gap):
        return found
    return LaunchConfig(
        image_ids=(found.image_id,),
        instance_types=(found.instance_type,),
        pins=tuple(_pins(group, (), launches.found.strategies)),
        configuration=name,
        missing=launches.found.missing(_named(group, [found])),
        reservations=group.reservations,
    )


def _reservations(group: DescribedGroup, versions: Iterable[TemplateVersion]) -> Iterator[str]:
    yield from group.reservations
    yield from (reservation for version in versions for reservation in version.reservations)


def _pins(
    group: DescribedGroup, versions: Sequence[TemplateVersion], strategies: Mapping[str, str | Gap]
) -> Iterator[str]:
    if any(version.capacity_block for version in versions):
        yield "a Capacity Block"
    if any(_reservations(group, versions)):
        yield "a targeted capacity reservation"
    named = {reference.id for reference in _named(group, versions) if reference.what == PLACEMENT_GROUP}
    for strategy in (strategies[name] for name in sorted(named)):
        # Of a group that does not exist it is as unknown whether it packs instances as of one that cannot be read.
        if isinstance(strategy, Gap) or not strategy:
            yield "a placement group whose strategy could not be read"
        elif strategy == "cluster":
            yield "a cluster placement group"
    if any(version.efa for version in versions):
        yield "EFA"
