"""What Auto Scaling groups launch: templates, launch configurations and overrides, put together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from eks_auditor.model.capacity import LaunchConfig, Purchase, TemplateUse, is_gone
from eks_auditor.model.gap import Gap
from eks_auditor.snapshot import autoscaling, references, templates
from eks_auditor.snapshot.joining import common
from eks_auditor.snapshot.reading import known_only
from eks_auditor.snapshot.references import PLACEMENT_GROUP, Reference
from eks_auditor.snapshot.requirements import combined, read_matches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from eks_auditor.snapshot.autoscaling import DescribedGroup, LaunchConfiguration, Source, TemplateRef
    from eks_auditor.snapshot.network import Network
    from eks_auditor.snapshot.reads import Reads
    from eks_auditor.snapshot.references import Found
    from eks_auditor.snapshot.requirements import Matches, Wanted
    from eks_auditor.snapshot.templates import TemplateVersion
    from eks_auditor.userdata import Joining

ENTIRELY_SPOT = Purchase(on_demand_percentage=0)
"""How a launch template or a launch configuration that asks for Spot buys, without a policy around it."""

type _Pair = tuple[Source, TemplateVersion]


@dataclass(frozen=True, slots=True)
class Sources:
    """What groups launch from."""

    versions: Mapping[TemplateRef, TemplateVersion | Gap]
    configurations: Mapping[str, LaunchConfiguration | Gap]

    def references(self) -> frozenset[Reference]:
        """Return what all of them name."""
        known: tuple[TemplateVersion | LaunchConfiguration, ...]
        known = (*known_only(self.versions).values(), *known_only(self.configurations).values())
        return frozenset(reference for source in known for reference in source.references)

    def pairs(self, group: DescribedGroup) -> tuple[_Pair, ...] | Gap:
        """Return a group's sources with their templates; one that cannot be read makes all of it a gap.

        One that is gone comes before one that could not be read: it is what keeps the group from launching.
        """
        answers = [(source, self.versions[source.template]) for source in group.sources]
        gaps = [version for _, version in answers if isinstance(version, Gap)]
        if gaps:
            return next(filter(is_gone, gaps), gaps[0])
        return tuple((source, version) for source, version in answers if not isinstance(version, Gap))

    def lost_template(self, group: DescribedGroup) -> Gap | None:
        """Say why the own template of a group's mixed instances policy could not be read; None if it was."""
        version = None if group.base is None else self.versions[group.base]
        return version if isinstance(version, Gap) else None

    def base_type(self, group: DescribedGroup) -> str | None:
        """Return the type of that template where the autoscaler goes by the template; else None."""
        version = None if group.base is None or group.policy != "template" else self.versions[group.base]
        return None if version is None or isinstance(version, Gap) else version.instance_type

    def configuration(self, name: str) -> LaunchConfiguration | Gap:
        """Return a launch configuration."""
        said = "NotFound: the group names a launch configuration that does not exist"
        return self.configurations.get(name) or Gap("autoscaling:DescribeLaunchConfigurations", name, said)


@dataclass(frozen=True, slots=True)
class Launches:
    """Everything that groups refer to in order to launch."""

    sources: Sources
    default_versions: Mapping[str, str | Gap]
    found: Found
    matches: Matches

    def of(self, group: DescribedGroup) -> LaunchConfig | Gap:
        """Say what the group's next instance is launched from."""
        if group.launch_configuration is not None:
            return self._of_configuration(group, group.launch_configuration)
        pairs = self.sources.pairs(group)
        return pairs if isinstance(pairs, Gap) else self._of_templates(group, pairs)

    def joining(self, group: DescribedGroup) -> Joining | Gap:
        """Say how the group's instances join, by all user data that they may start from."""
        if group.launch_configuration is not None:
            found = self.sources.configuration(group.launch_configuration)
            return found if isinstance(found, Gap) else found.joining
        pairs = self.sources.pairs(group)
        return pairs if isinstance(pairs, Gap) else common(group.name, [version.joining for _, version in pairs])

    def _of_templates(self, group: DescribedGroup, pairs: Sequence[_Pair]) -> LaunchConfig:
        versions = [version for _, version in pairs]
        images = [source.image_id or version.image_id for source, version in pairs]
        types = [source.instance_type or version.instance_type for source, version in pairs]
        wanted = tuple(_wanted(pairs))
        return LaunchConfig(
            image_ids=tuple(dict.fromkeys(image for image in images if image)),
            instance_types=() if wanted else tuple(dict.fromkeys(name for name in types if name)),
            pins=tuple(dict.fromkeys(_pins(group, versions, self.found.strategies))),
            templates=tuple(dict.fromkeys(_use(version, self.default_versions) for version in versions)),
            missing=self.found.missing(_named(group, versions)),
            reservations=tuple(dict.fromkeys(_reservations(group, versions))),
            weights=_weights(pairs),
            requirements=combined(wanted, self.matches),
            purchase=group.purchase or (ENTIRELY_SPOT if any(version.spot for version in versions) else Purchase()),
            base_type=self.sources.base_type(group),
        )

    def _of_configuration(self, group: DescribedGroup, name: str) -> LaunchConfig | Gap:
        found = self.sources.configuration(name)
        if isinstance(found, Gap):
            return found
        return LaunchConfig(
            image_ids=(found.image_id,),
            instance_types=(found.instance_type,),
            pins=tuple(_pins(group, (), self.found.strategies)),
            configuration=name,
            missing=self.found.missing(_named(group, [found])),
            reservations=group.reservations,
            purchase=ENTIRELY_SPOT if found.spot else Purchase(),
        )


def read_sources(reads: Reads, described: Sequence[DescribedGroup]) -> Sources:
    """Read the templates and launch configurations that groups launch from, each of them once."""
    clients = reads.clients
    refs = {source.template for group in described for source in group.sources}
    refs |= {group.base for group in described if group.base is not None}
    names = {group.launch_configuration for group in described if group.launch_configuration}
    versions = {ref: reads.start(templates.describe_template, clients.ec2, ref) for ref in refs}
    configurations = [
        reads.start(autoscaling.describe_launch_configurations, clients.autoscaling, batch)
        for batch in autoscaling.name_batches(names)
    ]
    return Sources(
        versions={ref: future.result() for ref, future in versions.items()},
        configurations={name: each for batch in configurations for name, each in batch.result().items()},
    )


def start_launches(
    reads: Reads, described: Sequence[DescribedGroup], sources: Sources
) -> Callable[[Network], Launches]:
    """Start to read what the sources name, and which version of each template is the default where theirs is not."""
    versions = known_only(sources.versions).values()
    placed = {Reference(PLACEMENT_GROUP, group.placement_group) for group in described if group.placement_group}
    found = references.look_up(reads, sources.references() | placed)
    others = {version.id: version.name for version in versions if not version.is_default}
    defaults = templates.read_default_versions(reads, others)
    pairs = [pairs for group in described if not isinstance(pairs := sources.pairs(group), Gap)]
    matches = read_matches(reads, (wanted for some in pairs for wanted in _wanted(some)))

    def launches(network: Network) -> Launches:
        own = {version.id: version.number for version in versions if version.is_default}
        return Launches(sources, {**defaults(), **own}, found(network), matches())

    return launches


def _wanted(pairs: Iterable[_Pair]) -> Iterator[Wanted]:
    """Yield the requirements of a group, with their images; those of a template do not count beside a type."""
    for source, version in pairs:
        own = version.requirements if source.instance_type is None else None
        if requirements := source.requirements or own:
            yield requirements, source.image_id or version.image_id


def _weights(pairs: Iterable[_Pair]) -> dict[str, int]:
    named = ((source.instance_type or version.instance_type, source.weight) for source, version in pairs)
    return {name: weight for name, weight in named if name is not None and weight is not None}


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
