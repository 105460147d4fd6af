"""AMI005's rules: how old the release is that a custom image was built on."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from eks_auditor.checks.each_image import Capacity, in_days, words_of, worst_image
from eks_auditor.checks.lateness import Ladder, judge_build, rung_of
from eks_auditor.model.gap import Gap, known
from eks_auditor.model.release import Image
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.model.verdict import Status, Verdict, failed, not_applicable, passed
from eks_auditor.policy.thresholds import Threshold, Thresholds, days
from eks_auditor.releases.ancestry import descent_of
from eks_auditor.releases.builds import Build, build_of

AGE_RUNGS: Mapping[str, Threshold] = {
    "age_low": days(60, "so old, an image that descends from no release of EKS is LOW"),
    "age_medium": days(120, "from then on MEDIUM"),
}
"""How old an image may be that descends from no release of EKS: thresholds of AMI005."""


def judge_custom(capacity: Capacity, images: Sequence[Image | Gap], snapshot: Snapshot, limits: Thresholds) -> Verdict:
    """Judge those of a capacity's images that EKS did not publish; the worst counts.

    Raises:
        UnreadableError: If none of them fails, and one could not be read.
    """
    told = [_custom(image, snapshot) for image in images]
    custom = [image for image in told if image is not None]
    if not custom:
        return not_applicable("every image of it is EKS's own")
    return worst_image(capacity, custom, lambda image: _judge(image, snapshot, limits))


def _custom(image: Image | Gap, snapshot: Snapshot) -> Image | Gap | None:
    """Return an image that EKS did not publish, or the gap that hides whose it is; None for a release of EKS."""
    if isinstance(image, Gap):
        return image
    build = build_of(image, snapshot)
    if isinstance(build, Build):
        return None
    return image if build is None else build


def _judge(image: Image, snapshot: Snapshot, limits: Thresholds) -> Verdict:
    ages = limits.ladder("age_")
    descent = known(descent_of(image, snapshot))
    if descent is None:
        return _aged(image, "descends from no image that EKS publishes", snapshot.taken_at, ages)
    if descent.build is None:
        words = f"was built, by its {descent.how}, on {descent.words}; nothing tells that it was EKS's"
        return _aged(image, words, snapshot.taken_at, ages)
    verdict = judge_build(descent.build, snapshot, limits.ladder())
    if verdict.status is Status.NOT_APPLICABLE:
        # Nothing supersedes that release any more, and no age makes the image a good one.
        words = f"{words_of(image)} was built on {descent.words}, of whose kind AWS recommends no release any more"
        return not_applicable(f"{words}: see AMI003")
    # The minor and the parameter of a managed release mend nothing here: the image is to be built anew.
    late = {name: value for name, value in verdict.evidence.items() if name not in ("minor", "release_parameter")}
    facts = late | {"image": image.id, "ancestor": descent.words, "ancestor_known_by": descent.how}
    reason = f"{words_of(image)} was built, by its {descent.how}, on an EKS release: {verdict.reason}"
    return replace(verdict, reason=reason, evidence=facts)


def _aged(image: Image, words: str, now: datetime, ages: Ladder) -> Verdict:
    severity, due_at = rung_of(ages, image.created_at, now)
    age = (now - image.created_at).days
    reason = f"{words_of(image)} {words}, and is {in_days(age)} old itself"
    if severity is None:
        return passed(reason, due_at=due_at, image_days=age)
    return failed(reason, severity=severity, due_at=due_at, image_days=age)
