"""Judging the images of one capacity, each by itself."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from eks_auditor.checks.worst import worst
from eks_auditor.model.capacity import ManagedNodeGroup, NodePool, SelfManagedGroup
from eks_auditor.model.gap import Gap, known
from eks_auditor.model.release import Image
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.model.verdict import Owner, Scalar, Status, Verdict, not_applicable
from eks_auditor.releases.builds import images_or_gaps
from eks_auditor.releases.families import CUSTOM

type Capacity = ManagedNodeGroup | SelfManagedGroup | NodePool


def judge_images(capacity: Capacity, snapshot: Snapshot, judge: Callable[[Image], Verdict]) -> Verdict:
    """Judge the images that a group would launch from or a Karpenter pool's nodes run; the worst counts.

    Raises:
        UnreadableError: If no image that can be read fails, and one cannot be.
    """
    if is_auto_mode(capacity):
        return auto_mode()
    images = images_or_gaps(capacity, snapshot)
    if not images:
        return nothing_to_judge(capacity)
    return worst_image(capacity, images, judge)


def worst_image(capacity: Capacity, images: Sequence[Image | Gap], judge: Callable[[Image], Verdict]) -> Verdict:
    """Judge these images of a capacity, one at least; the reason tells of how many it is the worst.

    Raises:
        UnreadableError: If no image that can be read fails, and one cannot be.
    """
    verdict = worst(partial(_judge, capacity, image, judge) for image in images)
    unread = [image for image in images if isinstance(image, Gap)]
    return replace(verdict, reason=f"{verdict.reason}{worst_of(len(images), unread)}")


def worst_of(count: int, unread: Sequence[Gap]) -> str:
    """Return what a reason says of the images that it is not about."""
    if count == 1:
        return ""
    names = ", ".join(gap.resource for gap in unread)
    return f" (the worst of {count} images" + (
        f", of which {len(unread)} could not be read: {names})" if unread else ")"
    )


def words_of(image: Image) -> str:
    """Return what people know an image by."""
    return f"{image.id} ({image.name})"


def in_days(days: int) -> str:
    """Spell an age."""
    return f"{days} day{'' if days == 1 else 's'}"


def way_on(capacity: Capacity, image_id: str) -> dict[str, Scalar]:
    """Return what the fixes take: EKS replaces its own image by a newer release, a template's goes by another id."""
    facts: dict[str, Scalar] = {"image": image_id}
    if not isinstance(capacity, ManagedNodeGroup):
        return facts
    if capacity.ami_type == CUSTOM:
        return facts | {"template_image": image_id}
    return facts | ({"minor": capacity.version} if capacity.version else {})


def is_auto_mode(capacity: Capacity) -> bool:
    """Whether AWS builds and replaces a capacity's images."""
    return isinstance(capacity, NodePool) and capacity.kind == "auto-mode"


def auto_mode() -> Verdict:
    """Say why the images of Auto Mode are not judged."""
    verdict = not_applicable("EKS Auto Mode builds and replaces its nodes' images; disruption budgets decide when")
    return replace(verdict, owner=Owner.SHARED)


def nothing_to_judge(capacity: Capacity) -> Verdict:
    """Say that a capacity has no image."""
    return not_applicable("it has no nodes" if isinstance(capacity, NodePool) else "it has nothing to launch from yet")


def _judge(capacity: Capacity, told: Image | Gap, judge: Callable[[Image], Verdict]) -> Verdict:
    image = known(told)
    verdict = judge(image)
    if verdict.status is not Status.FAILED:
        return verdict
    verdict = replace(verdict, evidence={**way_on(capacity, image.id), **verdict.evidence})
    if not isinstance(capacity, NodePool):
        return verdict
    running = sum(node.image_id == image.id for node in capacity.nodes)
    reason = f"{verdict.reason}; {running} of its {len(capacity.nodes)} nodes run it"
    return replace(verdict, reason=reason, evidence={**verdict.evidence, "nodes": running})
