"""The release history of every line in use: what AWS recommends, and what it published before."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from eks_auditor.model.gap import Gap
from eks_auditor.model.release import Release, ReleaseHistory, ReleaseLine
from eks_auditor.releases.families import (
    FAMILY_IN_DOUBT_AFTER,
    Recommended,
    family_pattern,
    name_pattern,
    named,
    order,
    parameter_of,
    read_parameter,
)
from eks_auditor.snapshot import ec2, ssm
from eks_auditor.snapshot.reading import one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from eks_auditor.model.release import Image
    from eks_auditor.snapshot.reads import Reads


def read_histories(reads: Reads, lines: Iterable[ReleaseLine]) -> dict[str, ReleaseHistory | Gap]:
    """Return the history of each line, by its text; those that another audit read lately are shared.

    A line whose public parameter does not exist has no recommended release, which is an answer; a recommended image
    that this account may not see leaves a gap, since nothing tells then whose releases to look at.
    """
    wanted = {str(line): line for line in lines}
    shared = {text: found for text in wanted if (found := reads.shared(reads.cache.histories, text)) is not None}
    read_at = reads.clock()
    fresh = _read(reads, [line for text, line in sorted(wanted.items()) if text not in shared])
    for text, history in fresh.items():
        if not isinstance(history, Gap) and not isinstance(history.family_newest, Gap):
            reads.cache.histories.put(reads.clients.place, text, history, read_at)
    return dict(sorted({**shared, **fresh}.items()))


def _read(reads: Reads, lines: list[ReleaseLine]) -> dict[str, ReleaseHistory | Gap]:
    recommended = _recommended(reads, lines)
    reads.checkpoint()
    images = reads.lasting(
        reads.cache.images,
        {found.image_id for found in recommended.values() if isinstance(found, Recommended)},
        ec2.batches,
        lambda ids: ec2.describe_images(reads.clients.ec2, ids),
    )()
    reads.checkpoint()
    started = {line: _start(reads, line, found, images) for line, found in recommended.items()}
    histories = {line: finish() for line, finish in started.items()}
    _add_family_newest(reads, histories, images)
    return {str(line): history for line, history in histories.items()}


def _start(
    reads: Reads, line: ReleaseLine, found: Recommended | Gap | None, images: Mapping[str, Image | Gap]
) -> Callable[[], ReleaseHistory | Gap]:
    """Start to list a line's releases; its images' owner is that of the recommended one."""
    if found is None:
        nothing = ReleaseHistory(parameter=parameter_of(line).name, recommended=None, releases=())
        return lambda: nothing
    if isinstance(found, Gap):
        return lambda: found
    image = images[found.image_id]
    if isinstance(image, Gap):
        return lambda: image
    listed = reads.start(ec2.find_images, reads.clients.ec2, image.owner_id, name_pattern(line))
    return lambda: _history(line, found, image, listed.result())


def _recommended(reads: Reads, lines: list[ReleaseLine]) -> dict[ReleaseLine, Recommended | Gap | None]:
    names = {name for line in lines for name in parameter_of(line).names}
    batches = [reads.start(ssm.get_parameters, reads.clients.ssm, batch) for batch in ssm.batches(names)]
    values = {name: value for batch in batches for name, value in batch.result().items()}
    return {line: _recommendation(reads, line, values) for line in lines}


def _recommendation(
    reads: Reads, line: ReleaseLine, values: Mapping[str, str | Gap | None]
) -> Recommended | Gap | None:
    known: dict[str, str] = {}
    for name in parameter_of(line).names:
        value = values[name]
        if not isinstance(value, str):
            return value
        known[name] = value
    try:
        return read_parameter(line, known)
    except ValueError as error:
        return reads.note(Gap("ssm:GetParameters", parameter_of(line).name, one_line(f"UnexpectedAnswer: {error}")))


def _history(
    line: ReleaseLine, found: Recommended, image: Image, published: tuple[Image, ...] | Gap
) -> ReleaseHistory | Gap:
    if isinstance(published, Gap):
        return published
    recommended = Release(version=found.version, image_id=image.id, published_at=image.created_at)
    releases = {found.version: recommended}
    for each in published:
        name = named(each.name)
        if name is not None and name[0] == line:
            releases.setdefault(name[1], Release(version=name[1], image_id=each.id, published_at=each.created_at))
    return ReleaseHistory(
        parameter=parameter_of(line).name,
        recommended=recommended,
        releases=tuple(sorted(releases.values(), key=lambda release: order(line, release.version))),
    )


def _add_family_newest(
    reads: Reads, histories: dict[ReleaseLine, ReleaseHistory | Gap], images: Mapping[str, Image | Gap]
) -> None:
    """Ask, for a recommended release so old that its family may be dead, for the family's newest in any form."""
    old_enough = reads.clock() - FAMILY_IN_DOUBT_AFTER
    doubted: dict[ReleaseLine, tuple[ReleaseHistory, Image]] = {}
    for line, history in histories.items():
        if isinstance(history, Gap) or history.recommended is None:
            continue
        image = images[history.recommended.image_id or ""]
        if history.recommended.published_at <= old_enough and not isinstance(image, Gap):
            doubted[line] = history, image
    asked = {(image.owner_id, family_pattern(line)) for line, (_, image) in doubted.items()}
    listed = {key: reads.start(ec2.find_images, reads.clients.ec2, *key) for key in asked}
    for line, (history, image) in doubted.items():
        newest = _newest(line.family, listed[image.owner_id, family_pattern(line)].result())
        histories[line] = replace(history, family_newest=newest)


def _newest(family: str, images: tuple[Image, ...] | Gap) -> Release | Gap | None:
    if isinstance(images, Gap):
        return images
    for image in reversed(images):
        name = named(image.name)
        if name is not None and name[0].family == family:
            return Release(version=name[1], image_id=image.id, published_at=image.created_at)
    return None
