"""What the images of other makers descend from: EC2's ancestry, each ancestor described in its own Region."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from eks_auditor.model.gap import Gap
from eks_auditor.model.release import Ancestor
from eks_auditor.releases.builds import is_absent
from eks_auditor.releases.provenance import source_id
from eks_auditor.snapshot import ec2, images
from eks_auditor.snapshot.reading import code_of, perhaps_no_way
from eks_auditor.snapshot.reads import singly

if TYPE_CHECKING:
    from collections.abc import Iterable

    from eks_auditor.model.release import Image
    from eks_auditor.snapshot.reads import Answers, Reads

_NOT_OFFERED = frozenset({"InvalidAction", "UnsupportedOperation"})
"""What EC2 says where it has no such operation: then the parent that the image itself names is all there is to know."""

_AMAZON = "amazon"


def read_ancestors(reads: Reads, customs: Iterable[Image]) -> dict[str, tuple[Ancestor, ...] | Gap]:
    """Return what each image descends from, by its id; nobody's parents change, so each is asked for once."""
    by_id = {image.id: image for image in customs}
    client, region = reads.clients.ec2, reads.clients.region
    told = reads.lasting(
        reads.cache.ancestries,
        by_id,
        singly,
        lambda ids: {each: images.get_ancestry(client, each, region) for each in ids},
    )()
    chains = {each: _chain(reads, by_id[each], answer) for each, answer in told.items()}
    ancestors = {ancestor for chain in chains.values() if not isinstance(chain, Gap) for ancestor in chain}
    described = _describe(reads, ancestors)
    whole = {
        each: chain
        if isinstance(chain, Gap)
        else tuple(_with_image(reads, one, described[_name(one)]) for one in chain)
        for each, chain in chains.items()
    }
    return {each: _ended(chain, told[each]) for each, chain in whole.items()}


def _chain(reads: Reads, image: Image, told: tuple[Ancestor, ...] | Gap) -> tuple[Ancestor, ...] | Gap:
    """Return the ancestry, or else the one parent that the image or its builder's tags name."""
    if not isinstance(told, Gap):
        return told or _parents(reads, image)
    if told.retryable:
        return told
    if code_of(told) in _NOT_OFFERED:
        reads.forgive(told)
        return _parents(reads, image)
    return _parents(reads, image) or told


def _ended(chain: tuple[Ancestor, ...] | Gap, told: tuple[Ancestor, ...] | Gap) -> tuple[Ancestor, ...] | Gap:
    """Let a parent stand for an ancestry that was refused, if it would have been the last of it: one of Amazon's.

    What another parent descends from is as hidden as before.
    """
    if isinstance(chain, Gap) or not isinstance(told, Gap) or code_of(told) in _NOT_OFFERED:
        return chain
    return chain if any(parent.owner_alias == _AMAZON for parent in chain) else told


def _parents(reads: Reads, image: Image) -> tuple[Ancestor, ...]:
    if image.source_image_id:
        return (_parent(image.source_image_id, image.source_image_region or reads.clients.region),)
    noted = source_id(image)
    return (_parent(noted, reads.clients.region),) if noted else ()


def _parent(image_id: str, region: str) -> Ancestor:
    return Ancestor(id=image_id, region=region, owner_alias=None, created_at=None, image=None)


def _describe(reads: Reads, ancestors: Iterable[Ancestor]) -> Answers[Image]:
    """Describe ancestors where they are, by :func:`_name`; their names, owners and dates are for ever."""
    wanted = {_name(each): each for each in ancestors}
    clients = {each.region: reads.elsewhere(each.region).ec2 for each in wanted.values()}

    def cut(names: Iterable[str]) -> list[tuple[str, ...]]:
        left = sorted(names)
        regions = sorted({wanted[name].region for name in left})
        return [batch for region in regions for batch in ec2.batches(n for n in left if wanted[n].region == region)]

    def describe(names: tuple[str, ...]) -> Answers[Image]:
        region = wanted[names[0]].region
        found = images.describe_images(clients[region], tuple(wanted[name].id for name in names))
        away = region != reads.clients.region
        return {name: _placed(found[wanted[name].id], name, away=away) for name in names}

    return reads.lasting(reads.cache.ancestors, wanted, cut, describe)()


def _name(ancestor: Ancestor) -> str:
    return f"{ancestor.id} in {ancestor.region}"


def _placed(answer: Image | Gap, name: str, *, away: bool) -> Image | Gap:
    if not isinstance(answer, Gap):
        return answer
    gap = replace(answer, resource=name)
    return perhaps_no_way(gap) if away else gap


def _with_image(reads: Reads, ancestor: Ancestor, image: Image | Gap) -> Ancestor:
    """Put an ancestor's image in its place; one that EC2 does not show is no gap: the ancestry tells its date."""
    if isinstance(image, Gap):
        if not is_absent(image):
            return replace(ancestor, image=image)
        reads.forgive(image)
        return ancestor
    return replace(ancestor, image=image, owner_alias=ancestor.owner_alias or image.owner_alias)
