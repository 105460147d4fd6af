"""AMI003's rules: what tells that AWS does not build an image any more."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

from eks_auditor.checks.each_image import in_days, words_of
from eks_auditor.checks.lateness import history_of
from eks_auditor.checks.worst import worst
from eks_auditor.model.capacity import ManagedNodeGroup, NodePool, SelfManagedGroup
from eks_auditor.model.gap import Gap, UnreadableError, known
from eks_auditor.model.release import Image, Pointer, Release, ReleaseHistory, ReleaseLine
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.model.verdict import Owner, Scalar, Severity, Status, Verdict, failed, not_applicable, passed, unknown
from eks_auditor.releases.ancestry import descent_of
from eks_auditor.releases.builds import Build, Kubelet, build_of, builds_or_gaps, images_or_gaps, kubelets_or_gaps
from eks_auditor.releases.families import (
    CUSTOM,
    day_of,
    family_pattern,
    named,
    order,
    parameter_of,
)
from eks_auditor.releases.kubernetes import minors_behind, next_minor
from eks_auditor.releases.past import is_listed, past_releases

_SUCCESSORS = {
    ("standard", "x86_64"): "AL2023_x86_64_STANDARD",
    ("standard", "arm64"): "AL2023_ARM_64_STANDARD",
    ("nvidia", "x86_64"): "AL2023_x86_64_NVIDIA",
    ("neuron", "x86_64"): "AL2023_x86_64_NEURON",
}
"""What follows Amazon Linux 2, by the variant of Amazon Linux 2023 and the architecture."""

_NEURON = re.compile(r"(inf|trn)\d.*")
"""AWS Inferentia and Trainium: Amazon Linux 2 had one variant for them and for GPUs, 2023 has two.

Source: https://docs.aws.amazon.com/eks/latest/userguide/ml-eks-optimized-ami.html
"""


def judge_retirement(
    capacity: ManagedNodeGroup | SelfManagedGroup | NodePool, snapshot: Snapshot, in_doubt: timedelta
) -> Verdict:
    """Judge a capacity's images and the Kubernetes minors they are built for.

    Args:
        capacity: What runs them.
        snapshot: The cluster's.
        in_doubt: How old a recommended release is once its family is in doubt.
    """
    return worst((partial(_images, capacity, snapshot, in_doubt), partial(_minors, capacity, snapshot)))


def _images(
    capacity: ManagedNodeGroup | SelfManagedGroup | NodePool, snapshot: Snapshot, in_doubt: timedelta
) -> Verdict:
    told = tuple(_told(capacity, snapshot))
    if not told:
        return not_applicable("it runs no image that EKS publishes, nor one that was built on one")
    retired: list[str] = []

    def judge(image_id: str | None, build: Build | Gap) -> Verdict:
        verdict = _image(build, capacity, snapshot, in_doubt)
        if image_id is not None and verdict.status is Status.FAILED:
            retired.append(image_id)
        return verdict

    verdict = worst(partial(judge, *each) for each in told)
    # What these images suffer from besides has the same cause; what another image does has not.
    return replace(verdict, evidence={**verdict.evidence, "images": ", ".join(retired)}) if retired else verdict


def _told(
    capacity: ManagedNodeGroup | SelfManagedGroup | NodePool, snapshot: Snapshot
) -> Iterator[tuple[str | None, Build | Gap]]:
    """Yield the releases of EKS that a capacity runs, and those that its images of other makers were built on.

    Each with the id of the image that the capacity names, where it names one; what may hide one comes as its gap.
    """
    for build in builds_or_gaps(capacity, snapshot):
        yield None if isinstance(build, Gap) else build.image_id, build
    if isinstance(capacity, ManagedNodeGroup) and capacity.ami_type != CUSTOM:
        return
    for image in images_or_gaps(capacity, snapshot):
        if isinstance(image, Gap) or build_of(image, snapshot) is not None:
            continue
        descent = descent_of(image, snapshot)
        if isinstance(descent, Gap):
            yield image.id, descent
        elif descent is not None and descent.build is not None:
            yield image.id, replace(descent.build, words=f"the base {descent.words} of {words_of(image)}")


def _minors(capacity: ManagedNodeGroup | SelfManagedGroup | NodePool, snapshot: Snapshot) -> Verdict:
    kubelets = kubelets_or_gaps(capacity, snapshot)
    if not kubelets:
        return not_applicable("it has nothing to launch from and no nodes yet")
    return worst(partial(_minor, kubelet, capacity, snapshot) for kubelet in kubelets)


def _minor(
    told: Kubelet | Gap, capacity: ManagedNodeGroup | SelfManagedGroup | NodePool, snapshot: Snapshot
) -> Verdict:
    kubelet = known(told)
    minor = kubelet.minor
    statuses = {version.minor: version.status for version in known(snapshot.versions)}
    status = statuses.get(minor)
    if status is None and not _older_than_all(minor, statuses):
        return unknown(f"{kubelet.words} is for Kubernetes {minor}, which EKS does not list: it may be too new")
    if status is None or status == "UNSUPPORTED":
        now = "does not support" if status else "does not know"
        reason = f"{kubelet.words} is for Kubernetes {minor}, which EKS {now} any more"
        gone = failed(reason, severity=Severity.CRITICAL)
        return replace(gone, evidence={"kubernetes": minor} | _way_on(minor, capacity, snapshot))
    return passed(f"EKS supports Kubernetes {minor} ({status})", kubernetes=minor)


def _older_than_all(minor: str, listed: Iterable[str]) -> bool:
    """Whether EKS dropped a minor that it does not list: a newer one, or one in a gap, may be yet to come."""
    behind = [minors_behind(minor, other) for other in listed]
    return bool(behind) and min(behind) > 0


def _image(
    told: Build | Gap,
    capacity: ManagedNodeGroup | SelfManagedGroup | NodePool,
    snapshot: Snapshot,
    in_doubt: timedelta,
) -> Verdict:
    build = known(told)
    if build.line.family == "al2":
        return _amazon_linux_2(build, capacity, snapshot)
    history = history_of(build.line, snapshot)
    way_on = _way_on(build.line.minor, capacity, snapshot)
    if history.recommended is None:
        verdict = _without_parameter(build, history, snapshot, in_doubt)
    else:
        verdict = _recommended(build.line, history.recommended, history, snapshot, in_doubt)
    if verdict.status is Status.FAILED and verdict.owner is not Owner.AWS:
        return replace(verdict, evidence={**verdict.evidence, **way_on})
    return verdict


def _without_parameter(build: Build, history: ReleaseHistory, snapshot: Snapshot, in_doubt: timedelta) -> Verdict:
    """Judge a line that has no parameter: it is gone, unless this version looks for it in the wrong place.

    That it was there, the ledger or the shipped table may prove; else a release that AWS built lately speaks for it.
    """
    if history.pointer is None and not is_listed(build.line):
        published_at = _published_at(build, snapshot)
        unsure = f"there is no {history.parameter}, and nothing proves that there ever was"
        if published_at is None:
            return unknown(f"{build.words} is of unknown age: {unsure}")
        old_at = published_at + in_doubt
        if snapshot.taken_at < old_at:
            days = max(0, (snapshot.taken_at - published_at).days)
            return replace(unknown(f"{build.words} is {in_days(days)} old: {unsure}"), due_at=old_at)
    reason = f"{build.words}: AWS recommends no release of {build.line} any more ({history.parameter} is gone)"
    return replace(failed(reason, severity=Severity.CRITICAL), evidence={"line": str(build.line)})


def _published_at(build: Build, snapshot: Snapshot) -> datetime | None:
    """Return when a release was published: by an image of it that was read, by the table, or by its name."""
    if build.version is None:
        return None
    place = order(build.line, build.version)
    images = [image for image in snapshot.images.values() if isinstance(image, Image)]
    created = [image.created_at for image in images if named(image.name) == (build.line, build.version)]
    listed = [past.published_at for past in past_releases(build.line) if order(build.line, past.version) == place]
    day = day_of(build.line, build.version)
    told = [datetime(day.year, day.month, day.day, tzinfo=UTC)] if day else []
    return next(iter((*created, *listed, *told)), None)


def _recommended(
    line: ReleaseLine, recommended: Release, history: ReleaseHistory, snapshot: Snapshot, in_doubt: timedelta
) -> Verdict:
    now, since = snapshot.taken_at, _recommended_since(recommended, history.pointer)
    in_doubt_at = since + in_doubt
    days = max(0, (now - since).days)
    facts: dict[str, Scalar] = {"line": str(line), "recommended": recommended.version, "recommended_days": days}
    if now < in_doubt_at:
        reason = f"the recommended release {recommended.version} of {line} is {days} days old"
        return replace(passed(reason, due_at=in_doubt_at), evidence=facts)
    unread = Gap("ec2:DescribeImages", family_pattern(line), "the newest release of the family was not read")
    newest = known(history.family_newest or unread)
    try:
        moved_on = order(line, newest.version) > order(line, recommended.version)
    except ValueError as error:
        raise UnreadableError(Gap(unread.action, unread.resource, str(error))) from error
    reason = f"AWS has recommended no newer release of {line} than {recommended.version} for {days} days"
    if not moved_on:
        paused = f"{reason}, nor published any of the whole family: it is paused"
        return replace(failed(paused, severity=Severity.INFORMATIONAL, owner=Owner.AWS), evidence=facts)
    other = f"{reason}, and published {newest.version} of the same family for other minors or variants"
    facts |= {"family_newest": newest.version}
    return replace(failed(other, severity=Severity.HIGH), evidence=facts)


def _recommended_since(recommended: Release, pointer: Pointer | None) -> datetime:
    """Return since when AWS has left a recommendation alone: one that it went back to is old, and the word is new."""
    moved_at = pointer.moves[-1].at if pointer else None
    return max(recommended.published_at, moved_at) if moved_at else recommended.published_at


def _amazon_linux_2(
    build: Build, capacity: ManagedNodeGroup | SelfManagedGroup | NodePool, snapshot: Snapshot
) -> Verdict:
    reason = f"{build.words} is Amazon Linux 2, of which AWS built the last EKS image in December 2025 (v20251209)"
    facts: dict[str, Scalar] = {"line": str(build.line), **successor_of(build.line, capacity)}
    if "successor" in facts:
        # The nodes' own minor may be one that Amazon Linux 2023 is not built for any more; the control plane's is not.
        successor = _successor(build.line, capacity, snapshot.cluster.version)
        facts |= {"new_image_parameter": parameter_of(successor).image}
    return replace(failed(reason, severity=Severity.CRITICAL), evidence=facts)


def successor_of(line: ReleaseLine, capacity: ManagedNodeGroup | SelfManagedGroup | NodePool) -> dict[str, Scalar]:
    """Return what the fix takes to replace a capacity on a line of Amazon Linux 2."""
    successor = _successor(line, capacity, line.minor)
    ami_type = _SUCCESSORS.get((successor.variant, successor.architecture))
    return {"successor": ami_type, "successor_family": "AmazonLinux2023"} if ami_type else {}


def _successor(line: ReleaseLine, capacity: ManagedNodeGroup | SelfManagedGroup | NodePool, minor: str) -> ReleaseLine:
    """Return the line of Amazon Linux 2023 that follows one of Amazon Linux 2 on the capacity's instance types."""
    variant = line.variant
    if variant == "gpu":
        types = _instance_types(capacity)
        variant = "neuron" if types and all(_NEURON.fullmatch(name) for name in types) else "nvidia"
    return ReleaseLine("al2023", variant, line.architecture, minor)


def _instance_types(capacity: ManagedNodeGroup | SelfManagedGroup | NodePool) -> set[str]:
    """Return the types that a capacity launches; where it names none, those that it runs."""
    groups = () if isinstance(capacity, NodePool) or isinstance(capacity.groups, Gap) else capacity.groups
    launches = [group.launch for group in groups if not isinstance(group.launch, Gap)]
    named = {name for launch in launches for name in launch.instance_types}
    return named or {node.instance_type for node in capacity.nodes}


def _way_on(
    minor: str, capacity: ManagedNodeGroup | SelfManagedGroup | NodePool, snapshot: Snapshot
) -> dict[str, Scalar]:
    """Return what the fix takes: the nodes follow a newer control plane, or that has to go ahead."""
    control_plane = snapshot.cluster.version
    if minors_behind(minor, control_plane) <= 0:
        return {"next_minor": next_minor(control_plane)}
    takes_version = isinstance(capacity, ManagedNodeGroup) and capacity.ami_type != CUSTOM
    return {"upgrade_to": control_plane} if takes_version else {}
