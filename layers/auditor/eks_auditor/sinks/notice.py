"""The notice of a release in a person's words: a subject line and a plain text, for mail."""

from collections.abc import Iterator
from datetime import datetime

from eks_auditor.events.messages import NoticedCapacity, NoticedCluster, ReleaseMessage
from eks_auditor.model.release import ReleaseLine
from eks_auditor.sinks.letter import SHOWN, one_line, subject_line


def subject(message: ReleaseMessage) -> str:
    """Return the subject line: what AWS released, or took back, and how much that concerns."""
    release = message.release
    if release.rollback:
        return subject_line(f"AWS took back {release.line} {release.old.version} ({release.region})")
    what = f"{_capacities(message.concerned)} superseded by"
    return subject_line(f"{what} {release.line} {release.new.version} ({release.region})")


def letter(message: ReleaseMessage, shown: int = SHOWN) -> str:
    """Return the text: what was released, what it supersedes and until when, and how to update.

    It is of the whole notice: people get the first part alone, which names the most urgent.

    Args:
        message: What is told.
        shown: How many capacities to spell out; the rest is counted.
    """
    lines = [*_head(message), "", *(_taken_back(message) if message.release.rollback else _superseding(message)), ""]
    spelt_out = _first(message.clusters, shown)
    for entry in spelt_out:
        lines += [*_cluster(entry, message), ""]
    rest = message.concerned - sum(len(entry.capacities) for entry in spelt_out)
    if rest > 0:
        lines += [f"… and {rest} more: the topic's other subscribers have them all.", ""]
    if message.concerned and not message.release.rollback:
        lines += _how_to_update(message)
    return "\n".join(lines).strip() + "\n"


def _head(message: ReleaseMessage) -> Iterator[str]:
    release = message.release
    yield f"AWS recommends another EKS node image in {release.region}: {_plainly(release.line)}"
    yield f"  now     {release.new.version} ({release.new.image_id}), since {_minute(release.published_at)}"
    yield f"  before  {release.old.version} ({release.old.image_id})"


def _superseding(message: ReleaseMessage) -> Iterator[str]:
    if not message.concerned:
        yield f"Clusters that run this image: {message.running}, none of them an older release. There is nothing to do."
        return
    yield f"Clusters that run this image: {message.running}. The release supersedes {_capacities(message.concerned)}."
    yield "No finding is open because of it. The first one would open (AMI001; AMI005 for an image of your own):"


def _taken_back(message: ReleaseMessage) -> Iterator[str]:
    old = message.release.old.version
    yield f"It took {old} back. Nothing is due: no finding opens for what only {old} had superseded."
    if message.concerned:
        yield f"What runs a release that was taken back: {_capacities(message.concerned)}. That is no finding either."


def _cluster(entry: NoticedCluster, message: ReleaseMessage) -> Iterator[str]:
    yield f"Cluster {one_line(entry.cluster.name)}, account {entry.cluster.account}"
    for capacity in entry.capacities:
        yield f"  {capacity.kind} {one_line(capacity.name)}: {_runs(capacity, message)}"


def _runs(capacity: NoticedCapacity, message: ReleaseMessage) -> str:
    if capacity.version is None:
        return "its release cannot be read"
    runs = f"runs {capacity.version}"
    if message.release.rollback:
        return runs
    if capacity.first_rung_at is None and capacity.superseded_since is not None:
        return f"{runs}; no finding opens, for the policy switches its check off"
    if capacity.first_rung_at is None:
        return f"{runs}, which was superseded before; the audit that follows says since when"
    tense = "would open" if capacity.first_rung_at > message.release.at else "was due to open"
    return f"{runs}; a finding {tense} on {_minute(capacity.first_rung_at)}"


def _how_to_update(message: ReleaseMessage) -> Iterator[str]:
    """Say it once for each kind; the finding, should one open, has the commands for its own capacity."""
    release = message.release
    capacities = [capacity for entry in message.clusters for capacity in entry.capacities]
    kinds = {capacity.kind for capacity in capacities if not capacity.own_image}
    yield "To update"
    if "managed" in kinds:
        yield (
            f"  managed: aws eks update-nodegroup-version --region {release.region} --cluster-name CLUSTER "
            f"--nodegroup-name NAME --kubernetes-version {release.line.minor}"
        )
        yield (
            f"  managed, where its launch template names the image: put {release.new.image_id} into a new version of "
            "the launch template, and give --launch-template name=TEMPLATE,version=NEW_VERSION instead of "
            "--kubernetes-version"
        )
    if "self-managed" in kinds:
        yield (
            f"  self-managed: put {release.new.image_id} into a new version of the launch template, "
            "and replace the nodes by an instance refresh"
        )
    if "karpenter" in kinds:
        yield (
            "  karpenter: raise the version that the amiSelectorTerms of the pool's node class are pinned to; "
            "where they say latest, its nodes drift to it by themselves"
        )
    if any(capacity.own_image for capacity in capacities):
        yield (
            f"  an image of your own: build it anew on {release.new.image_id}, then put it into a new version of the "
            "launch template, or let the amiSelectorTerms of the pool's node class select it"
        )


def _first(clusters: tuple[NoticedCluster, ...], shown: int) -> list[NoticedCluster]:
    """Return the first capacities that are told, by cluster."""
    first: list[NoticedCluster] = []
    for entry in clusters:
        if shown > 0:
            first.append(NoticedCluster(cluster=entry.cluster, capacities=entry.capacities[:shown]))
            shown -= len(entry.capacities)
    return first


def _plainly(line: ReleaseLine) -> str:
    return f"{line.family} ({line.variant}, {line.architecture}) for Kubernetes {line.minor}"


def _capacities(count: int) -> str:
    return f"{count} capacit{'y' if count == 1 else 'ies'}"


def _minute(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M} UTC"
