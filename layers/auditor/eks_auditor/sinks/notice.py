"""The notice of a release in a person's words: a subject line and a plain text, for mail."""

from collections.abc import Callable, Iterator

from eks_auditor.events.messages import NoticedCapacity, NoticedCluster, ReleaseMessage
from eks_auditor.model.release import ReleaseLine
from eks_auditor.sinks import links
from eks_auditor.sinks.letter import SHOWN, SUBJECT_SEEN, one_line, subject_line
from eks_auditor.sinks.wording import capacities, minute, see_releases


def subject(message: ReleaseMessage) -> str:
    """Return the subject line: what AWS released, or took back, how much that concerns, and the Region if it fits."""
    release = message.release
    said = f"{_name(release.line)} {release.old.version} taken back"
    if not release.rollback:
        what = f"{message.concerned} superseded" if message.concerned else "nothing to do"
        said = f"{_name(release.line)} {release.new.version}: {what}"
    whole = subject_line(f"{said} ({release.region})")
    return whole if len(whole) <= SUBJECT_SEEN else subject_line(said)


def letter(message: ReleaseMessage, shown: int = SHOWN) -> str:
    """Return the text: what was released, what it supersedes and until when, and how to update.

    It is of the whole notice: people get the first part alone, which names the most urgent.

    Args:
        message: What is told.
        shown: How many capacities to spell out; the rest is counted.
    """
    lines = [headline(message), *_what_it_means(message), "", *_image(message), ""]
    spelt_out = first_of(message.clusters, shown)
    for entry in spelt_out:
        lines += [*_cluster(entry, message), ""]
    rest = message.concerned - sum(len(entry.capacities) for entry in spelt_out)
    if rest > 0:
        lines += [f"… and {rest} more; this shows what each runs:", see_releases(message.release.region), ""]
    for who, how in how_to_update(message):
        lines += [who, how, ""]
    lines.append(links.page("docs/releases.md"))
    return "\n".join(lines) + "\n"


def headline(message: ReleaseMessage) -> str:
    """Say it in one sentence."""
    old, new, family = message.release.old.version, message.release.new.version, message.release.line.family
    if message.release.rollback:
        return f"AWS took {family} {old} back and recommends {new} again. Nothing is due."
    if not message.concerned:
        return f"AWS recommends {family} {new} now. Nothing here runs an older one: there is nothing to do."
    return f"AWS recommends {family} {new} now: {capacities(message.concerned)} superseded."


def _what_it_means(message: ReleaseMessage) -> Iterator[str]:
    if message.release.rollback:
        old = message.release.old.version
        yield f"No finding opens for what only {old} had superseded."
        if message.concerned:
            yield f"What runs a release that was taken back is no finding either: {capacities(message.concerned)}."
    elif message.concerned:
        yield "No finding is open because of it: below is when the first one would open."
        yield "It would be AMI001, or AMI005 for an image of your own."


def _image(message: ReleaseMessage) -> Iterator[str]:
    release = message.release
    yield f"Image: {plainly(release.line)}"
    yield f"Region: {release.region}"
    yield f"Now: {release.new.version} ({release.new.image_id})"
    yield f"since {minute(release.published_at)}"
    yield f"Before: {release.old.version} ({release.old.image_id})"
    yield f"Clusters that run this image: {message.running}"


def _cluster(entry: NoticedCluster, message: ReleaseMessage) -> Iterator[str]:
    yield f"Cluster {one_line(entry.cluster.name)}, account {entry.cluster.account}"
    for capacity in entry.capacities:
        yield f"- {capacity.kind} {one_line(capacity.name)}: {runs(capacity, message)}"
    if (console := links.console(entry.cluster)) is not None:
        yield console


def runs(capacity: NoticedCapacity, message: ReleaseMessage, version: Callable[[str], str] = str) -> str:
    """Say what a capacity runs, and when a finding opens because of it.

    Args:
        capacity: What is superseded.
        message: The notice.
        version: Writes a release's version.
    """
    if capacity.version is None:
        return "its release cannot be read"
    runs = f"runs {version(capacity.version)}"
    if message.release.rollback:
        return runs
    if capacity.first_rung_at is None and capacity.superseded_since is not None:
        return f"{runs}; no finding opens, for the policy switches its check off"
    if capacity.first_rung_at is None:
        return f"{runs}, superseded before; the audit that follows says since when"
    tense = "would open" if capacity.first_rung_at > message.release.at else "was due to open"
    return f"{runs}; a finding {tense} on {minute(capacity.first_rung_at)}"


def how_to_update(message: ReleaseMessage) -> Iterator[tuple[str, str]]:
    """Say for whom, and how, once for each kind; the finding, should one open, has its own capacity's commands."""
    release = message.release
    concerned = [capacity for entry in message.clusters for capacity in entry.capacities]
    if release.rollback or not concerned:
        return
    kinds = {capacity.kind for capacity in concerned if not capacity.own_image}
    if "managed" in kinds:
        yield (
            "To update a managed node group:",
            (
                f"aws eks update-nodegroup-version --region {release.region} --cluster-name CLUSTER "
                f"--nodegroup-name NAME --kubernetes-version {release.line.minor}"
            ),
        )
        yield (
            "Where its launch template names the image:",
            (
                f"put {release.new.image_id} into a new version of the launch template, and give "
                "--launch-template name=TEMPLATE,version=NEW_VERSION instead of --kubernetes-version"
            ),
        )
    if "self-managed" in kinds:
        yield (
            "To update a self-managed group:",
            (
                f"put {release.new.image_id} into a new version of the launch template, "
                "and replace the nodes by an instance refresh"
            ),
        )
    if "karpenter" in kinds:
        yield (
            "To update a Karpenter pool:",
            (
                "raise the version that the amiSelectorTerms of its node class are pinned to; "
                "where they say latest, its nodes drift to it by themselves"
            ),
        )
    if any(capacity.own_image for capacity in concerned):
        yield (
            "To update an image of your own:",
            (
                f"build it anew on {release.new.image_id}, then put it into a new version of the "
                "launch template, or let the amiSelectorTerms of the pool's node class select it"
            ),
        )


def first_of(clusters: tuple[NoticedCluster, ...], shown: int) -> list[NoticedCluster]:
    """Return the first capacities that are told, by cluster."""
    first: list[NoticedCluster] = []
    for entry in clusters:
        if shown > 0:
            first.append(NoticedCluster(cluster=entry.cluster, capacities=entry.capacities[:shown]))
            shown -= len(entry.capacities)
    return first


def plainly(line: ReleaseLine) -> str:
    """Name a line in words."""
    return f"{line.family} ({line.variant}, {line.architecture}) for Kubernetes {line.minor}"


def _name(line: ReleaseLine) -> str:
    """Name a line in few words, and no other line by the same."""
    variant = "" if line.variant == "standard" else f"{line.variant} "
    return f"{line.family} {variant}{line.architecture} {line.minor}"
