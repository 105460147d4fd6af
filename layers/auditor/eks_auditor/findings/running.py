"""What a cluster runs, as release and image events name it: so that an event reaches the clusters it touches."""

import re
from collections.abc import Iterable, Iterator
from datetime import datetime

from eks_auditor.checks.lateness import lateness
from eks_auditor.model.capacity import GroupCapacity, ManagedNodeGroup, NodePool, SelfManagedGroup
from eks_auditor.model.gap import Gap, UnreadableError
from eks_auditor.model.history import Running
from eks_auditor.model.release import Image
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.releases.ancestry import descent_of
from eks_auditor.releases.builds import NOT_VISIBLE, Build, build_of, builds_or_gaps, images_or_gaps, is_absent
from eks_auditor.releases.families import CUSTOM, order
from eks_auditor.releases.provenance import BUILDER_ARN

_BUILDER_IMAGE = re.compile(
    r"arn:[^:]+:imagebuilder:[^:]+:(?P<account>\d{12}):image/(?P<name>[a-z0-9_-]{1,128})(?:/.*)?"
)

type _Source = Build | str | Gap
"""What a capacity runs: a release, another maker's image by its key, or what hides one of these."""


def running_of(snapshot: Snapshot) -> tuple[tuple[Running, ...], bool]:
    """Return what a cluster's capacities run, and whether that is all.

    A capacity of the customer's stands there for each release line that it runs, with the oldest release of it: as
    AMI001 judges it, its own or its configured images', of a Karpenter pool its nodes'. An image that EKS did not
    publish stands there by its id, by the name that Image Builder knows it by, and by the line of the EKS release it
    was built on. What Auto Mode and Fargate run is AWS's to replace: no event about it asks anything of the customer.

    It is all unless something that could not be read may run something else. An image that EC2 says is not there (any
    more) hides nothing: nobody can launch it, and asking again gives the same answer.
    """
    running: dict[tuple[str, str, str], Running] = {}
    whole = snapshot.unseen(("managed", "self-managed", "karpenter")) is None
    for capacity in snapshot.capacities:
        if isinstance(capacity, ManagedNodeGroup | SelfManagedGroup | NodePool) and capacity.kind != "auto-mode":
            sources = tuple(_sources(capacity, snapshot))
            whole = whole and not any(isinstance(source, Gap) for source in sources)
            running |= {_identity(each): each for each in _running(capacity, sources, snapshot)}
    return tuple(running[each] for each in sorted(running)), whole


def _identity(running: Running) -> tuple[str, str, str]:
    return running.key, running.kind, running.name


def _sources(capacity: GroupCapacity | NodePool, snapshot: Snapshot) -> Iterator[_Source]:
    if isinstance(capacity, ManagedNodeGroup) and capacity.ami_type != CUSTOM:
        yield from builds_or_gaps(capacity, snapshot)
        return
    for image in images_or_gaps(capacity, snapshot):
        if isinstance(image, Gap):
            # It has its id all the same, by which an event may tell of it.
            yield image.resource if is_absent(image) else image
        else:
            yield from _of_image(image, snapshot)


def _of_image(image: Image, snapshot: Snapshot) -> Iterator[_Source]:
    build = build_of(image, snapshot)
    if build is not None:
        yield build
        return
    yield image.id
    built = _BUILDER_IMAGE.fullmatch(image.tags.get(BUILDER_ARN, ""))
    if built is not None:
        yield f"imagebuilder/{built['account']}/{built['name']}"
    descent = descent_of(image, snapshot)
    if isinstance(descent, Gap):
        # What EC2 shows to nobody is no more hidden than an image that is not there.
        if not descent.error.startswith(NOT_VISIBLE):
            yield descent
    elif descent is not None and descent.build is not None:
        yield descent.build


def _running(capacity: GroupCapacity | NodePool, sources: Iterable[_Source], snapshot: Snapshot) -> Iterator[Running]:
    builds: dict[str, list[Build]] = {}
    for source in sources:
        if isinstance(source, str):
            yield Running(key=source, kind=capacity.kind, name=capacity.name, version=None, superseded_since=None)
        elif isinstance(source, Build):
            builds.setdefault(str(source.line), []).append(source)
    for key, of_line in builds.items():
        oldest = min(of_line, key=lambda build: order(build.line, build.version) if build.version else ())
        yield Running(
            key=key,
            kind=capacity.kind,
            name=capacity.name,
            version=oldest.version,
            superseded_since=_superseded_since(oldest, snapshot),
        )


def _superseded_since(build: Build, snapshot: Snapshot) -> datetime | None:
    """Return since when a newer release is recommended; None if none is, or if that cannot be read."""
    try:
        late = lateness(build, snapshot)
    except UnreadableError:
        return None
    return None if late is None else late.since
