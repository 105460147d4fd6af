"""Notices of releases for Slack: what AWS released or took back, and what that supersedes."""

import shlex
from collections.abc import Iterator, Sequence

from eks_auditor.events.messages import NoticedCapacity, ReleaseMessage
from eks_auditor.events.requests import Recommendation
from eks_auditor.model.cluster import ClusterId
from eks_auditor.model.release import ReleaseLine
from eks_auditor.sinks import blocks, links, notice
from eks_auditor.sinks.mrkdwn import bold, code, cut_markup, escape, joined, link, plain
from eks_auditor.sinks.slack_message import Block, SlackMessage
from eks_auditor.sinks.wording import capacities, minute, see_releases

SHOWN = 15
"""The most capacities, or notices, that a message lists."""

COMMANDS = 3
"""The most commands to copy; the others differ in names alone."""

WAY_LIMIT = 500
"""Characters of a way to update: only names that AWS never gives would make it so long."""

LINE_LIMIT = 80
VERSION_LIMIT = 40

type Place = tuple[ClusterId, NoticedCapacity]


def render(message: ReleaseMessage) -> SlackMessage:
    """Return one notice: what was released, what it supersedes and until when, and how to update."""
    places = _places(message)
    tries = (tuple(_blocks(message, places[:shown])) for shown in range(min(SHOWN, len(places)), -1, -1))
    composed = next(each for each in tries if blocks.fits(each))
    return blocks.message(escape(_headline(message)), composed)


def render_many(messages: Sequence[ReleaseMessage]) -> SlackMessage:
    """Return several notices in one: those that supersede the most first.

    A notice that comes twice, or in parts, is told once.

    Raises:
        ValueError: If there is none.
    """
    notices = {(each.release.event_id, each.release.move): each for each in sorted(messages, key=lambda m: -m.part)}
    if len(notices) == 1:
        return render(next(iter(notices.values())))
    ordered = sorted(notices.values(), key=lambda each: (-each.concerned, _headline(each), each.release.event_id))
    concerned = sum(each.concerned for each in ordered)
    headline = f"AWS moved {len(ordered)} node images, which concerns {capacities(concerned)}"
    tries = (tuple(_listed(headline, ordered, shown)) for shown in range(min(SHOWN, len(ordered)), -1, -1))
    return blocks.message(headline, next(each for each in tries if blocks.fits(each)))


def _blocks(message: ReleaseMessage, places: Sequence[Place]) -> Iterator[Block]:
    release = message.release
    yield blocks.header(_headline(message))
    yield blocks.fields(
        (
            f"{bold('Image')}\n{escape(_plainly(release.line))}",
            f"{bold('Region')}\n{escape(release.region)}",
            f"{bold('Now')}\n{_image(release.new)}\nsince {minute(release.published_at)}",
            f"{bold('Before')}\n{_image(release.old)}",
        )
    )
    yield blocks.words(_taken_back(message) if release.rollback else _superseding(message))
    yield from blocks.sections(_line(cluster, capacity, message) for cluster, capacity in places)
    rest = message.concerned - len(places)
    if rest > 0:
        more = f"and {rest} more" if places else capacities(rest)
        yield blocks.section(f"{more}: {code(see_releases(release.region))}")
    if message.concerned and not release.rollback:
        yield from _how_to_update(message, places)
    yield blocks.context(_about())


def _listed(headline: str, ordered: Sequence[ReleaseMessage], shown: int) -> Iterator[Block]:
    yield blocks.header(headline)
    yield from blocks.sections(map(_in_one_line, ordered[:shown]))
    others = ordered[shown:]
    if others:
        concerned = sum(each.concerned for each in others)
        yield blocks.section(f"and {len(others)} more, which concern {capacities(concerned)}")
    yield blocks.context(joined((f"What each capacity runs: {code(see_releases('all'))}", _about())))


def _headline(message: ReleaseMessage) -> str:
    release = message.release
    if release.rollback:
        return f"AWS took back {_short(release.line)} {release.old.version} ({release.region})"
    what = f"AWS released {_short(release.line)} {release.new.version} ({release.region})"
    return f"{what}: {capacities(message.concerned)} superseded" if message.concerned else f"{what}: nothing to do"


def _superseding(message: ReleaseMessage) -> str:
    running = f"Clusters that run this image: {message.running}"
    if not message.concerned:
        return f"{running}, none of them an older release. There is nothing to do."
    return (
        f"{running}. The release supersedes {capacities(message.concerned)}. No finding is open because of it; "
        "these are the days on which the first would open (AMI001; AMI005 for an image of your own)."
    )


def _taken_back(message: ReleaseMessage) -> str:
    old, new = (plain(each.version, VERSION_LIMIT) for each in (message.release.old, message.release.new))
    said = f"AWS recommends the older {new} again. No finding opens for what only {old} superseded."
    if not message.concerned:
        return said
    return (
        f"{said} What runs a release that was taken back, which is no finding either: {capacities(message.concerned)}."
    )


def _line(cluster: ClusterId, capacity: NoticedCapacity, message: ReleaseMessage) -> str:
    what = f"{escape(capacity.kind)} {code(capacity.name)} in {code(cluster.name)}, account {code(cluster.account, 20)}"
    return f"• {what}: {notice.runs(capacity, message, code)}"


def _how_to_update(message: ReleaseMessage, places: Sequence[Place]) -> Iterator[Block]:
    """Give commands to copy for managed node groups; what the others need depends on what built them."""
    managed = [place for place in places if _updates_by_itself(place[1])][:COMMANDS]
    if managed:
        yield blocks.words("To update a managed node group:")
        yield blocks.preformatted("\n".join(_command(*place, message.release.line) for place in managed))
    yield from blocks.sections(
        cut_markup(f"{escape(who)} {code(how, WAY_LIMIT) if how.startswith('aws ') else escape(how)}", WAY_LIMIT)
        for who, how in notice.how_to_update(message)
        if not (managed and how.startswith("aws "))
    )


def _updates_by_itself(capacity: NoticedCapacity) -> bool:
    """Tell whether EKS chooses the image, as far as that is known: it does not where it is one of people's own."""
    return capacity.kind == "managed" and not capacity.own_image and capacity.version is not None


def _command(cluster: ClusterId, capacity: NoticedCapacity, line: ReleaseLine) -> str:
    words = ["aws", "eks", "update-nodegroup-version", "--region", cluster.region, "--cluster-name", cluster.name]
    return shlex.join([*words, "--nodegroup-name", capacity.name, "--kubernetes-version", line.minor])


def _in_one_line(message: ReleaseMessage) -> str:
    release = message.release
    move = "taken back" if release.rollback else f"released {minute(release.published_at)}"
    first = min((each.first_rung_at for _, each in _places(message) if each.first_rung_at is not None), default=None)
    due = f", the first finding due {minute(first)}" if first is not None and not release.rollback else ""
    version = release.old.version if release.rollback else release.new.version
    concerned = f"{'runs on' if release.rollback else 'supersedes'} {capacities(message.concerned)}"
    return f"• {escape(_plainly(release.line))} in {escape(release.region)}: {code(version)} {move}, {concerned}{due}"


def _places(message: ReleaseMessage) -> tuple[Place, ...]:
    return tuple((entry.cluster, capacity) for entry in message.clusters for capacity in entry.capacities)


def _image(recommended: Recommendation) -> str:
    return f"{code(recommended.version)} {code(recommended.image_id)}"


def _plainly(line: ReleaseLine) -> str:
    return plain(f"{line.family} ({line.variant}, {line.architecture}) for Kubernetes {line.minor}", LINE_LIMIT)


def _short(line: ReleaseLine) -> str:
    return plain(f"{line.family} {line.variant} {line.architecture} {line.minor}", LINE_LIMIT)


def _about() -> str:
    return link(links.page("docs/releases.md"), "about releases")
