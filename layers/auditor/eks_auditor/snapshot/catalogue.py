"""The catalogue of a Region: what AWS recommends of every AMI type and Kubernetes minor, and what it published before.

Few calls, whatever the number of lines: parameters go ten to a call, recommended images a hundred, and the images of
all lines of a family are listed at once.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from eks_auditor.model.gap import Gap
from eks_auditor.releases.families import (
    family_pattern,
    line_of_ami_type,
    name_pattern,
    named,
)
from eks_auditor.releases.parameters import Recommended
from eks_auditor.snapshot import ec2, images, pointers
from eks_auditor.snapshot.histories import history_of, torn
from eks_auditor.snapshot.pointers import Seen, read_pointers, supported_minors

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from concurrent.futures import Executor

    from eks_auditor.model.release import Image, ReleaseHistory, ReleaseLine
    from eks_auditor.snapshot.clients import Clients

ACTIONS = pointers.ACTIONS | {"ec2:DescribeImages"}
"""The IAM actions that reading the catalogue needs."""

type Publisher = tuple[str, str]
"""The account that owns a family's images in a Region, learnt from a recommended one, and the family."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One AMI type at one Kubernetes minor in one Region.

    Attributes:
        ami_type: As EKS names it.
        line: Its release line.
        pointer: What the public parameter says; None where AWS has none (any more).
        image: The recommended image; None where the parameter does not tell which.
        history: The releases; None where the image does not tell who publishes them.
    """

    ami_type: str
    line: ReleaseLine
    pointer: Seen | Gap | None
    image: Image | Gap | None
    history: ReleaseHistory | Gap | None

    @property
    def gap(self) -> Gap | None:
        """Return the read that failed, if one did: none is made that depends on it."""
        return next((each for each in (self.pointer, self.image, self.history) if isinstance(each, Gap)), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """What was read of one Region.

    Attributes:
        partition: Such as ``aws-cn``.
        region: Such as ``cn-north-1``.
        entries: By AMI type in the order asked for, the newest Kubernetes minor first.
        gap: Why the Kubernetes minors in support are not known; then there are no entries.
    """

    partition: str
    region: str
    entries: tuple[Entry, ...]
    gap: Gap | None = None


def read_catalogue(clients: Clients, ami_types: Collection[str], minors: Collection[str], pool: Executor) -> Catalogue:
    """Read the catalogue of the clients' Region.

    Args:
        clients: What to read with; whose account it is does not matter.
        ami_types: Those to read, none of which is ``CUSTOM``.
        minors: Such as ``1.35``; for none, all that EKS supports here.
        pool: What reads side by side; never the one that this runs on.

    Raises:
        UnmappedAmiTypeError: If this version does not know a type.
    """
    place = clients.partition, clients.region
    found = minors or supported_minors(clients.eks, clients.region)
    if isinstance(found, Gap):
        return Catalogue(partition=place[0], region=place[1], entries=(), gap=found)
    lines = dict(_lines(ami_types, found))
    seen = read_pointers(clients.ssm, lines)
    recommended = _recommended_images(clients, seen, pool)
    histories = _histories(clients, seen, recommended, pool)
    entries = (
        Entry(
            ami_type=ami_type,
            line=line,
            pointer=seen[line],
            image=recommended.get(line),
            history=histories.get(line),
        )
        for line, ami_type in lines.items()
    )
    return Catalogue(partition=place[0], region=place[1], entries=tuple(entries))


def _lines(ami_types: Collection[str], minors: Collection[str]) -> Iterator[tuple[ReleaseLine, str]]:
    newest_first = sorted(minors, key=lambda minor: [int(number) for number in minor.split(".")], reverse=True)
    for ami_type in ami_types:
        for minor in newest_first:
            line = line_of_ami_type(ami_type, minor)
            if line is not None:
                yield line, ami_type


def _recommended_images(
    clients: Clients, seen: Mapping[ReleaseLine, Seen | Gap | None], pool: Executor
) -> dict[ReleaseLine, Image | Gap]:
    ids = {line: each.recommended.image_id for line, each in seen.items() if isinstance(each, Seen)}
    batches = ec2.batches(set(ids.values()))
    described: dict[str, Image | Gap] = {}
    for answer in pool.map(lambda batch: images.describe_images(clients.ec2, batch), batches):
        described |= answer
    return {line: described[image_id] for line, image_id in ids.items()}


def _histories(
    clients: Clients,
    seen: Mapping[ReleaseLine, Seen | Gap | None],
    recommended: Mapping[ReleaseLine, Image | Gap],
    pool: Executor,
) -> dict[ReleaseLine, ReleaseHistory | Gap]:
    by_publisher: dict[Publisher, dict[ReleaseLine, Image]] = defaultdict(dict)
    for line, image in recommended.items():
        if not isinstance(image, Gap):
            by_publisher[image.owner_id, line.family][line] = image
    started = {
        publisher: pool.submit(images.find_images, clients.ec2, publisher[0], _pattern(list(lines)))
        for publisher, lines in by_publisher.items()
    }
    histories: dict[ReleaseLine, ReleaseHistory | Gap] = {}
    for publisher, lines in by_publisher.items():
        published = started[publisher].result()
        of_line = published if isinstance(published, Gap) else _by_line(published)
        for line, image in lines.items():
            pointer = seen[line]
            if isinstance(pointer, Seen):
                apart = pointer.spread is not None
                found = Recommended(pointer.recommended.version, image.id, image.name, apart=apart)
                own = of_line if isinstance(of_line, Gap) else tuple(of_line.get(line, ()))
                histories[line] = torn(line, found, image) or history_of(line, found, image, own)
    return histories


def _pattern(lines: list[ReleaseLine]) -> str:
    """Return the wildcard for the names of the images of lines of one family; of one line alone, no others' names."""
    return name_pattern(lines[0]) if len(lines) == 1 else family_pattern(lines[0])


def _by_line(published: tuple[Image, ...]) -> dict[ReleaseLine, list[Image]]:
    """Sort a family's images by their line, so that each line looks through its own only."""
    found: dict[ReleaseLine, list[Image]] = defaultdict(list)
    for image in published:
        told = named(image.name)
        if told is not None:
            found[told[0]].append(image)
    return found
