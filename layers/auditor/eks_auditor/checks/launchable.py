"""AMI006's rules: whether the next instance can be launched from a configured image."""

from dataclasses import replace
from datetime import timedelta
from functools import partial

from eks_auditor.checks.each_image import in_days, nothing_to_judge, way_on, words_of, worst_of
from eks_auditor.checks.lateness import history_of
from eks_auditor.checks.worst import worst
from eks_auditor.model.capacity import GroupCapacity, ManagedNodeGroup
from eks_auditor.model.gap import Gap, UnreadableError, known
from eks_auditor.model.release import Image
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.model.verdict import Scalar, Severity, Status, Verdict, failed, not_applicable, passed
from eks_auditor.releases.builds import build_of, images_launched, is_absent
from eks_auditor.releases.families import CUSTOM, named

SAID_BY_EKS = "AmiIdNotFound"
"""The health issue of a managed group by which EKS itself says that it cannot launch: HEALTH001 tells it."""

_ENABLED, _AUDITED = "enabled", "audit-mode"


def judge_launchable(group: GroupCapacity, snapshot: Snapshot, windows: timedelta) -> Verdict:
    """Judge the images that a group would launch its next instance from; the worst counts.

    An Auto Scaling group of maximum size 0 launches nothing.

    Args:
        group: What launches them.
        snapshot: The cluster's.
        windows: How old a Windows image of EKS may be: AWS makes it private four months after its release. Source:
            https://docs.aws.amazon.com/eks/latest/userguide/eks-optimized-windows-ami.html

    Raises:
        UnreadableError: If none of them fails, and one could not be asked about.
    """
    if isinstance(group, ManagedNodeGroup) and any(issue.code == SAID_BY_EKS for issue in group.health_issues):
        return not_applicable(f"EKS says so itself ({SAID_BY_EKS}): see HEALTH001")
    groups = known(group.groups)
    if groups and not any(each.max_size > 0 for each in groups):
        return not_applicable("it has no Auto Scaling group that may launch anything")
    images = images_launched((each for each in groups if each.max_size > 0), snapshot)
    if not images:
        return nothing_to_judge(group)
    verdict = worst(partial(_image, group, image, snapshot, windows) for image in images)
    unread = [image for image in images if isinstance(image, Gap) and not is_absent(image)]
    return replace(verdict, reason=f"{verdict.reason}{worst_of(len(images), unread)}")


def _image(group: GroupCapacity, told: Image | Gap, snapshot: Snapshot, windows: timedelta) -> Verdict:
    if isinstance(told, Gap):
        return _absent(group, told, snapshot)
    rules = (
        partial(_state, told, snapshot),
        partial(_allowed, told, snapshot),
        partial(_windows, told, snapshot, windows),
    )
    verdict = worst(rules)
    if verdict.status is not Status.FAILED:
        return verdict
    return replace(verdict, evidence=_way_on(group, told.id) | dict(verdict.evidence))


def _way_on(group: GroupCapacity, image_id: str) -> dict[str, Scalar]:
    """Return what the fixes take: of a self-managed group also its template, if it is the only one that it can be."""
    facts = way_on(group, image_id)
    if isinstance(group, ManagedNodeGroup) or isinstance(group.group.launch, Gap):
        return facts
    if len(templates := group.group.launch.templates) == 1:
        facts |= {"template": templates[0].id, "template_version": templates[0].version}
    return facts


def _absent(group: GroupCapacity, gap: Gap, snapshot: Snapshot) -> Verdict:
    """Judge an image that EC2 does not show; a call that failed shows nothing."""
    if not is_absent(gap):
        raise UnreadableError(gap)
    by_eks = isinstance(group, ManagedNodeGroup) and group.ami_type != CUSTOM
    fate = _fate(snapshot.allowed_images, by_eks=by_eks)
    facts = _way_on(group, gap.resource)
    if snapshot.allowed_images == _ENABLED:
        facts |= {"allowed_images": _ENABLED}
    if not by_eks:
        facts |= {"lost_image": gap.resource}
    reason = f"{gap.resource}, which it would launch, is not to be seen in this Region: {fate}"
    return replace(failed(reason, severity=Severity.CRITICAL), evidence=facts)


def _fate(mode: str | Gap, *, by_eks: bool) -> str:
    """Return what may have become of an image that EC2 does not show; Allowed AMIs never hides an account's own."""
    owner = "its owner, AWS" if by_eks else "its owner"
    if mode == _ENABLED:
        foreign = f"hidden by Allowed AMIs or withdrawn by {owner}"
        return foreign if by_eks else f"{foreign}, or deregistered if it was this account's own"
    lost = f"withdrawn by {owner}" if by_eks else f"deregistered, or withdrawn by {owner}"
    return f"{lost}, or hidden by Allowed AMIs, which could not be read ({mode})" if isinstance(mode, Gap) else lost


def _state(image: Image, snapshot: Snapshot) -> Verdict:
    if image.state == "available":
        return passed(f"{words_of(image)} is available")
    facts: dict[str, Scalar] = {"state": image.state}
    if image.owner_id == snapshot.cluster.id.account:
        ways_back: dict[str, dict[str, Scalar]] = {
            "disabled": {"disabled_image": image.id},
            "deregistered": {"lost_image": image.id},
        }
        facts |= ways_back.get(image.state, {})
    reason = f"{words_of(image)} is {image.state}: only an available image can be launched"
    return replace(failed(reason, severity=Severity.CRITICAL), evidence=facts)


def _allowed(image: Image, snapshot: Snapshot) -> Verdict:
    """Judge what Allowed AMIs says of an image that is to be seen."""
    if image.allowed is not False:
        return passed(f"{words_of(image)} is allowed")
    mode = known(snapshot.allowed_images)
    facts: dict[str, Scalar] = {"allowed_images": mode}
    if mode == _ENABLED:
        reason = f"{words_of(image)} is hidden by this account's Allowed AMIs, so it cannot be launched"
        return replace(failed(reason, severity=Severity.CRITICAL), evidence=facts)
    if mode == _AUDITED:
        reason = f"{words_of(image)} is none of this account's Allowed AMIs: once they are enabled, it is hidden"
        return replace(failed(reason, severity=Severity.INFORMATIONAL), evidence=facts)
    return passed(f"{words_of(image)} is available, and Allowed AMIs is off")


def _windows(image: Image, snapshot: Snapshot, oldest: timedelta) -> Verdict:
    fine = passed(f"{words_of(image)} is available")
    told = named(image.name)
    if told is None or not told[0].family.startswith("windows-"):
        return fine
    if known(build_of(image, snapshot)) is None:
        return fine
    recommended = history_of(told[0], snapshot).recommended
    if recommended is not None and recommended.image_id == image.id:
        # There is nothing newer to go to.
        return fine
    in_doubt_at = image.created_at + oldest
    if snapshot.taken_at < in_doubt_at:
        return replace(fine, due_at=in_doubt_at)
    days = (snapshot.taken_at - image.created_at).days
    reason = f"{words_of(image)} is a Windows image of EKS and {in_days(days)} old: AWS withdraws it at four months"
    return failed(reason, severity=Severity.LOW, image_days=days)
