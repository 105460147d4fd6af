"""What a cluster runs, as release and image events name it: so that an event reaches the clusters it touches."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from eks_auditor.check import Check
from eks_auditor.checks.ami import release_superseded
from eks_auditor.checks.images import custom_image_on_old_release
from eks_auditor.checks.lateness import LADDER, lateness
from eks_auditor.findings.identity import target_of
from eks_auditor.model.capacity import GroupCapacity, Kind, ManagedNodeGroup, NodePool, SelfManagedGroup
from eks_auditor.model.gap import Gap, UnreadableError
from eks_auditor.model.history import Running
from eks_auditor.model.release import Image
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.policy.rules import Policy
from eks_auditor.policy.scope import Target
from eks_auditor.releases.ancestry import descent_of
from eks_auditor.releases.builds import Build, build_of, builds_or_gaps, images_or_gaps, is_absent
from eks_auditor.releases.families import CUSTOM, order
from eks_auditor.releases.provenance import BUILDER_ARN

_BUILDER_IMAGE = re.compile(
    r"arn:[^:]+:imagebuilder:[^:]+:(?P<account>\d{12}):image/(?P<name>[a-z0-9_-]{1,128})(?:/.*)?"
)


@dataclass(frozen=True, slots=True)
class _Release:
    """A release that a capacity runs; the other two as :class:`eks_auditor.model.history.Running` has them."""

    build: Build
    own_image: bool = False
    judged_from: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Limits:
    """What the policy says of how late a capacity may be.

    Attributes:
        release: How long its release may be superseded, and whether the policy switches that check off.
        own_image: The same of what its own images were built on.
        node_grace: How young a pool's nodes are that are not judged.
    """

    release: tuple[timedelta | None, bool]
    own_image: tuple[timedelta | None, bool]
    node_grace: timedelta

    @classmethod
    def of(cls, capacity: GroupCapacity | NodePool, snapshot: Snapshot, policy: Policy) -> Self:
        target = target_of(capacity, snapshot.cluster)
        late = policy.thresholds(release_superseded.id, release_superseded.thresholds, target)
        return cls(
            _first_rung(release_superseded, policy, target),
            _first_rung(custom_image_on_old_release, policy, target),
            late.time("node_grace"),
        )


def _first_rung(check: Check, policy: Policy, target: Target) -> tuple[timedelta | None, bool]:
    """Return how late a check lets a release be, None where that is the default, and whether it is off."""
    first = policy.thresholds(check.id, check.thresholds, target).time("low")
    return None if first == LADDER[0][0] else first, not policy.judges(check.id, target)


type _Source = _Release | str | Gap
"""What a capacity runs: a release, another maker's image by its key, or what hides one of these."""


def running_of(
    snapshot: Snapshot, policy: Policy = Policy.DEFAULT
) -> tuple[tuple[Running, ...], frozenset[tuple[Kind, str]]]:
    """Return what a cluster's capacities run, and which of these, by kind and name, may run something else as well.

    A capacity of the customer's stands there for each release line that it runs, with the oldest release of it: as
    AMI001 judges it, its own or its configured images', of a Karpenter pool its nodes'. An image that EKS did not
    publish stands there by its id, by the name that Image Builder knows it by, and by the line of the EKS release it
    was built on. What Auto Mode and Fargate run is AWS's to replace: no event about it asks anything of the customer.

    Something else is hidden by what could not be read of a capacity: of a pool, by nodes that could not. An image that
    EC2 says is not there (any more) hides nothing: nobody can launch it, and asking again gives the same answer.
    """
    running: dict[tuple[str, str, str], Running] = {}
    unread: set[tuple[Kind, str]] = set()
    for capacity in snapshot.capacities:
        if isinstance(capacity, ManagedNodeGroup | SelfManagedGroup | NodePool) and capacity.kind != "auto-mode":
            limits = _Limits.of(capacity, snapshot, policy)
            sources = tuple(_sources(capacity, snapshot, limits))
            nodes_hidden = isinstance(capacity, NodePool) and snapshot.unseen((capacity.kind,)) is not None
            if nodes_hidden or any(isinstance(source, Gap) for source in sources):
                unread.add((capacity.kind, capacity.name))
            running |= {_identity(each): each for each in _running(capacity, sources, snapshot, limits)}
    return tuple(running[each] for each in sorted(running)), frozenset(unread)


def _identity(running: Running) -> tuple[str, str, str]:
    return running.key, running.kind, running.name


def _sources(capacity: GroupCapacity | NodePool, snapshot: Snapshot, limits: _Limits) -> Iterator[_Source]:
    if isinstance(capacity, ManagedNodeGroup) and capacity.ami_type != CUSTOM:
        yield from (told if isinstance(told, Gap) else _Release(told) for told in builds_or_gaps(capacity, snapshot))
        return
    judged_from = _judged_from(capacity, limits.node_grace) if isinstance(capacity, NodePool) else {}
    for image in images_or_gaps(capacity, snapshot):
        if isinstance(image, Gap):
            # It has its id all the same, by which an event may tell of it.
            yield image.resource if is_absent(image) else image
        else:
            yield from _of_image(image, judged_from.get(image.id), snapshot)


def _judged_from(pool: NodePool, grace: timedelta) -> Mapping[str, datetime]:
    """Return, by image, when AMI001 begins to judge the first of a pool's nodes; AMI005 waits for none."""
    newest_first = sorted(pool.nodes, key=lambda node: node.launched_at, reverse=True)
    return {node.image_id: node.launched_at + grace for node in newest_first}


def _of_image(image: Image, judged_from: datetime | None, snapshot: Snapshot) -> Iterator[_Source]:
    build = build_of(image, snapshot)
    if build is not None:
        yield build if isinstance(build, Gap) else _Release(build, judged_from=judged_from)
        return
    yield image.id
    built = _BUILDER_IMAGE.fullmatch(image.tags.get(BUILDER_ARN, ""))
    if built is not None:
        yield f"imagebuilder/{built['account']}/{built['name']}"
    descent = descent_of(image, snapshot)
    if isinstance(descent, Gap):
        yield descent
    elif descent is not None and descent.build is not None:
        yield _Release(descent.build, own_image=True)


def _running(
    capacity: GroupCapacity | NodePool, sources: Iterable[_Source], snapshot: Snapshot, limits: _Limits
) -> Iterator[Running]:
    releases: dict[str, list[_Release]] = {}
    for source in sources:
        if isinstance(source, str):
            yield Running(key=source, kind=capacity.kind, name=capacity.name, version=None, superseded_since=None)
        elif isinstance(source, _Release):
            releases.setdefault(str(source.build.line), []).append(source)
    for key, of_line in releases.items():
        oldest = min(of_line, key=_age)
        since, known = _superseded_since(oldest.build, snapshot)
        first_rung, off = limits.own_image if oldest.own_image else limits.release
        yield Running(
            key=key,
            kind=capacity.kind,
            name=capacity.name,
            version=oldest.build.version,
            superseded_since=since,
            since_known=known,
            own_image=oldest.own_image,
            judged_from=oldest.judged_from,
            first_rung=first_rung,
            off=off,
        )


def _age(release: _Release) -> tuple[tuple[int, ...], bool, datetime | None]:
    """Order a capacity's releases of one line, the oldest first; of the same release, EKS's image judged first."""
    build = release.build
    return order(build.line, build.version) if build.version else (), release.own_image, release.judged_from


def _superseded_since(build: Build, snapshot: Snapshot) -> tuple[datetime | None, bool]:
    """Return since when a newer release is recommended, None if none is; and whether that is known and no bound."""
    try:
        late = lateness(build, snapshot)
    except UnreadableError:
        return None, False
    if late is None:
        return None, False
    return late.since, not late.at_least
