"""The release history of every line in use: what AWS recommends, and what it published before."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from eks_auditor.model.gap import Gap
from eks_auditor.model.release import Release, ReleaseHistory, ReleaseLine
from eks_auditor.releases.builds import is_absent
from eks_auditor.releases.families import (
    FAMILY_IN_DOUBT_AFTER,
    Recommended,
    classify,
    family_pattern,
    name_pattern,
    named,
    order,
    parameter_of,
    read_parameter,
)
from eks_auditor.snapshot import images, ssm
from eks_auditor.snapshot.reading import one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from eks_auditor.model.release import Image, Pointer
    from eks_auditor.snapshot.reads import Reads

type Observed = Callable[[str, str, Collection[ReleaseLine]], Mapping[ReleaseLine, Pointer]]
"""Partition, Region and release lines to what was seen of their public parameters since somebody watches them."""


def nothing_observed(partition: str, region: str, lines: Collection[ReleaseLine]) -> Mapping[ReleaseLine, Pointer]:  # noqa: ARG001  an Observed
    """Answer where nobody watches."""
    return {}


def read_histories(reads: Reads, lines: Iterable[ReleaseLine]) -> dict[str, ReleaseHistory | Gap]:
    """Return the history of each line, by its text; those that another audit read lately are shared.

    With each comes what was observed of its public parameter. A line that has none has no recommended release, which is
    an answer; a recommended image that this account may not see leaves a gap, since nothing tells then whose releases
    to look at.
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
    wanted = {found.image_id for found in recommended.values() if isinstance(found, Recommended)}
    described = images.read_images(reads, wanted)()
    reads.checkpoint()
    started = {line: _start(reads, line, found, described) for line, found in recommended.items()}
    pointers = reads.observed(reads.clients.partition, reads.clients.region, lines) if lines else {}
    histories = {line: _observed(finish(), pointers.get(line)) for line, finish in started.items()}
    _add_family_newest(reads, histories, described)
    return {str(line): history for line, history in histories.items()}


def _observed(history: ReleaseHistory | Gap, pointer: Pointer | None) -> ReleaseHistory | Gap:
    return history if isinstance(history, Gap) else replace(history, pointer=pointer)


def _start(
    reads: Reads, line: ReleaseLine, found: Recommended | Gap | None, described: Mapping[str, Image | Gap]
) -> Callable[[], ReleaseHistory | Gap]:
    """Start to list a line's releases; its images' owner is that of the recommended one."""
    if found is None:
        nothing = ReleaseHistory(parameter=parameter_of(line).name, recommended=None, releases=())
        return lambda: nothing
    if isinstance(found, Gap):
        return lambda: found
    image = described[found.image_id]
    if isinstance(image, Gap):
        return lambda: image
    moving = torn(line, found, image)
    if moving is not None:
        reads.note(moving)
        return lambda: moving
    listed = reads.start(images.find_images, reads.clients.ec2, image.owner_id, name_pattern(line))
    return lambda: history_of(line, found, image, listed.result())


def torn(line: ReleaseLine, found: Recommended, image: Image) -> Gap | None:
    """Return the gap of a recommendation whose image is another release: AWS moves a version and an id one by one."""
    name = named(image.name)
    if name is None or name == (line, found.version):
        return None
    said = f"TornAnswer: it recommends {found.version}, and its image {image.id} is {image.name}; it is moving just now"
    return Gap("ssm:GetParameters", parameter_of(line).name, one_line(said), retryable=True)


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


def history_of(
    line: ReleaseLine, found: Recommended, image: Image, published: tuple[Image, ...] | Gap
) -> ReleaseHistory | Gap:
    """Return a line's history from what is recommended, its image, and its owner's images, other lines' among them."""
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
        owner_id=image.owner_id,
    )


def _add_family_newest(
    reads: Reads, histories: dict[ReleaseLine, ReleaseHistory | Gap], described: Mapping[str, Image | Gap]
) -> None:
    """Ask, for a recommended release so old that its family may be dead, for the family's newest in any form."""
    old_enough = reads.clock() - FAMILY_IN_DOUBT_AFTER
    doubted: dict[ReleaseLine, tuple[ReleaseHistory, Image]] = {}
    for line, history in histories.items():
        if isinstance(history, Gap) or history.recommended is None:
            continue
        image = described[history.recommended.image_id or ""]
        if history.recommended.published_at <= old_enough and not isinstance(image, Gap):
            doubted[line] = history, image
    asked = {(image.owner_id, family_pattern(line)) for line, (_, image) in doubted.items()}
    listed = {key: reads.start(images.find_images, reads.clients.ec2, *key) for key in asked}
    for line, (history, image) in doubted.items():
        newest = _newest(line.family, listed[image.owner_id, family_pattern(line)].result())
        histories[line] = replace(history, family_newest=newest)


def _newest(family: str, published: tuple[Image, ...] | Gap) -> Release | Gap | None:
    if isinstance(published, Gap):
        return published
    for image in reversed(published):
        name = named(image.name)
        if name is not None and name[0].family == family:
            return Release(version=name[1], image_id=image.id, published_at=image.created_at)
    return None


def published_by_eks(reads: Reads, described: Mapping[str, Image | Gap]) -> dict[str, bool | Gap]:
    """Return for each described image whether EKS published it; a gap where that cannot be told.

    Where EC2 tells no owner's alias, only the owner of the recommended image of the same line does.
    """
    doubted = {
        each: told[0]
        for each, image in described.items()
        if not isinstance(image, Gap) and not classify(image) and (told := named(image.name))
    }
    histories = read_histories(reads, doubted.values())

    def answer(each: str, image: Image | Gap) -> bool | Gap:
        if isinstance(image, Gap):
            return False if is_absent(image) else image
        if each not in doubted:
            return classify(image) is not None
        history = histories[str(doubted[each])]
        return history if isinstance(history, Gap) else classify(image, history.owner_id) is not None

    return {each: answer(each, image) for each, image in described.items()}
