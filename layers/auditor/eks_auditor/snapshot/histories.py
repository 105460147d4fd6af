"""The release history of every line in use: what AWS recommends, and what it published before."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from eks_auditor.model.gap import Gap
from eks_auditor.model.release import Release, ReleaseHistory, ReleaseLine
from eks_auditor.releases.families import (
    FAMILY_IN_DOUBT_AFTER,
    classify,
    family_pattern,
    name_pattern,
    named,
    order,
    parameter_of,
    read_parameter,
)
from eks_auditor.releases.parameters import Recommended
from eks_auditor.releases.past import abandoned
from eks_auditor.snapshot import images, ssm
from eks_auditor.snapshot.reading import one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from eks_auditor.model.release import Image, Pointer
    from eks_auditor.snapshot.reads import Reads

_AMAZON_LINUX = frozenset({"al2", "al2023"})
"""The families whose images one account owns in a Region."""

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
    known = recommended | _recommended(reads, _to_learn_owners_from(recommended))
    reads.checkpoint()
    wanted = {found.image_id for found in known.values() if isinstance(found, Recommended)}
    described = images.read_images(reads, wanted)()
    reads.checkpoint()
    owners = _owners(known, described)
    started = {line: _start(reads, line, found, described, owners) for line, found in recommended.items()}
    pointers = reads.observed(reads.clients.partition, reads.clients.region, lines) if lines else {}
    histories = {line: _observed(finish(), pointers.get(line)) for line, finish in started.items()}
    _add_family_newest(reads, histories)
    return {str(line): history for line, history in histories.items()}


def _observed(history: ReleaseHistory | Gap, pointer: Pointer | None) -> ReleaseHistory | Gap:
    return history if isinstance(history, Gap) else replace(history, pointer=pointer)


def _to_learn_owners_from(recommended: Mapping[ReleaseLine, Recommended | Gap | None]) -> list[ReleaseLine]:
    """Return lines to ask for where AWS recommends nothing of Amazon Linux 2 any more.

    Without the owner, its images could not be told from anybody's where EC2 gives owners no alias.
    """
    gone = {line.minor for line, found in recommended.items() if found is None and line.family in _AMAZON_LINUX}
    asked = {ReleaseLine("al2023", "standard", "x86_64", minor) for minor in gone}
    return sorted(asked - recommended.keys())


def _owners(
    recommended: Mapping[ReleaseLine, Recommended | Gap | None], described: Mapping[str, Image | Gap]
) -> Mapping[str, str]:
    """Return the owner of each family's recommended images in this Region; one account owns all Amazon Linux."""
    owners: dict[str, str] = {}
    for line, found in recommended.items():
        image = described[found.image_id] if isinstance(found, Recommended) else None
        if image is not None and not isinstance(image, Gap):
            owners |= dict.fromkeys(_AMAZON_LINUX if line.family in _AMAZON_LINUX else [line.family], image.owner_id)
    return owners


def _start(
    reads: Reads,
    line: ReleaseLine,
    found: Recommended | Gap | None,
    described: Mapping[str, Image | Gap],
    owners: Mapping[str, str],
) -> Callable[[], ReleaseHistory | Gap]:
    """Start to list a line's releases; its images' owner is that of the recommended one."""
    if found is None:
        name, owner = parameter_of(line).name, owners.get(line.family)
        nothing = ReleaseHistory(parameter=name, recommended=None, releases=(), owner_id=owner)
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
    """Return the gap of a recommendation whose image is another release, where two parameters told the two.

    AWS moves those one by one. One document cannot be torn: what it says is the release. Asking again at once would
    tell the same, since AWS may take a while, or mean it: the next audit asks anew.
    """
    name = named(image.name)
    if not found.apart or name is None:
        return None
    if name[0] == line and order(line, name[1]) == order(line, found.version):
        return None
    said = f"TornAnswer: it recommends {found.version}, and its image {image.id} is {image.name}"
    return Gap("ssm:GetParameters", parameter_of(line).name, one_line(said))


def _recommended(reads: Reads, lines: list[ReleaseLine]) -> dict[ReleaseLine, Recommended | Gap | None]:
    names = (parameter_of(line).names for line in lines)
    batches = [reads.start(ssm.get_parameters, reads.clients.ssm, batch) for batch in ssm.batches(names)]
    values = {name: value for batch in batches for name, value in batch.result().items()}
    return {line: _recommendation(reads, line, values) for line in lines}


def _recommendation(
    reads: Reads, line: ReleaseLine, values: Mapping[str, str | Gap | None]
) -> Recommended | Gap | None:
    known = ssm.whole(parameter_of(line), values)
    if known is None:
        return None
    if isinstance(known, Gap):
        return reads.note(known)
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
    releases = {order(line, found.version): recommended}
    for each in published:
        name = named(each.name)
        if name is None or name[0] != line or each.id == image.id:
            continue
        place, first = order(line, name[1]), Release(version=name[1], image_id=each.id, published_at=each.created_at)
        known = releases.setdefault(place, first)
        # A release that AWS built again is as old as its first build.
        releases[place] = replace(known, published_at=min(known.published_at, each.created_at))
    return ReleaseHistory(
        parameter=parameter_of(line).name,
        recommended=releases[order(line, found.version)],
        releases=tuple(releases[place] for place in sorted(releases)),
        owner_id=image.owner_id,
    )


def _add_family_newest(reads: Reads, histories: dict[ReleaseLine, ReleaseHistory | Gap]) -> None:
    """Ask, for a recommended release so old that its family may be dead, for the family's newest in any form."""
    old_enough = reads.clock() - FAMILY_IN_DOUBT_AFTER
    doubted: dict[ReleaseLine, tuple[ReleaseHistory, Release, tuple[str, str]]] = {}
    for line, history in histories.items():
        if isinstance(history, Gap) or history.recommended is None or history.owner_id is None:
            continue
        if history.recommended.published_at <= old_enough:
            doubted[line] = history, history.recommended, (history.owner_id, family_pattern(line))
    asked = {key for _, _, key in doubted.values()}
    listed = {key: reads.start(images.find_images, reads.clients.ec2, *key) for key in asked}
    for line, (history, recommended, key) in doubted.items():
        newest = newest_of_family(line, recommended, history.releases, listed[key].result())
        histories[line] = replace(history, family_newest=newest)


def newest_of_family(
    line: ReleaseLine, recommended: Release, releases: tuple[Release, ...], published: tuple[Image, ...] | Gap
) -> Release | Gap:
    """Return the newest release that AWS published of a line's family and not of the line; its own, if none is newer.

    What AWS abandoned is none of them, nor what it built for the line, too: that was taken back or is yet to be
    recommended, and what it was built for besides proves nothing. All lines of a family spell their versions alike.
    """
    if isinstance(published, Gap):
        return published
    own = {order(line, release.version) for release in releases}
    newest = {order(line, recommended.version): recommended}
    for image in published:
        name = named(image.name)
        if name is None or name[0].family != line.family or name[0] == line:
            continue
        place = order(line, name[1])
        if place not in own and place not in abandoned(name[0]):
            newest[place] = Release(version=name[1], image_id=image.id, published_at=image.created_at)
    return newest[max(newest)]


def published_by_eks(reads: Reads, described: Mapping[str, Image | Gap]) -> dict[str, bool | Gap]:
    """Return for each described image whether EKS published it; a gap where that cannot be told.

    So it is of an image that EC2 does not show: EKS may have withdrawn it. Where EC2 tells no owner's alias, only the
    owner of the recommended image of the same line does.
    """
    doubted = {
        each: told[0]
        for each, image in described.items()
        if not isinstance(image, Gap) and not classify(image) and (told := named(image.name))
    }
    histories = read_histories(reads, doubted.values())

    def answer(each: str, image: Image | Gap) -> bool | Gap:
        if isinstance(image, Gap):
            return image
        if each not in doubted:
            return classify(image) is not None
        history = histories[str(doubted[each])]
        return history if isinstance(history, Gap) else classify(image, history.owner_id) is not None

    return {each: answer(each, image) for each, image in described.items()}
