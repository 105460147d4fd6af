"""What waited in a window, for Slack: one message per (check, rung), and one of each kind that is told as a summary."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from eks_auditor.events.messages import ReleaseMessage, TransitionsMessage
from eks_auditor.model.cluster import ClusterId
from eks_auditor.model.verdict import Severity
from eks_auditor.sinks import blocks, links, slack_release, slack_transitions, wording
from eks_auditor.sinks.mrkdwn import code, escape, joined, link, plain
from eks_auditor.sinks.slack_finding import TITLE_LIMIT, Told, more, spelt_out, told_by, what_happened, where
from eks_auditor.sinks.slack_message import Block, SlackMessage

EXAMPLES = 3
"""The most findings that a summary spells out."""

CLUSTERS = 10
"""The most clusters that it names."""

PLACES = 3
"""The most (account, Region) that it says where to look in."""


@dataclass(frozen=True, slots=True)
class Summary:
    """One Slack message that tells some of what several messages say.

    Attributes:
        message: What to post.
        cluster: The cluster that all of it is about; None where there are several, and of releases.
        shown: The findings that it tells, each with the sequence of its newest transition.
        covers: The indexes of the messages of which it tells anything. A message is done once every summary that
            covers it is posted.
        urgent: Whether something opened at CRITICAL, or became it.
    """

    message: SlackMessage
    cluster: ClusterId | None
    shown: tuple[tuple[str, int], ...]
    covers: frozenset[int]
    urgent: bool = False


@dataclass(frozen=True, slots=True, order=True)
class _Topic:
    """What one summary is about, in the order in which they are told: a check at a rung, or all of a kind."""

    order: int
    minus_severity: int = 0
    check_id: str = ""


_POLICY, _BASELINE = _Topic(1), _Topic(2)
_KINDS = {_POLICY: "policy", _BASELINE: "baseline"}
_TOPICS = {kind: topic for topic, kind in _KINDS.items()}
_SILENT = frozenset({"quiet", "refresh"})


@dataclass(frozen=True, slots=True)
class _Heard:
    """The last word on a finding: the message that it came in, and the indexes of all that said anything of it."""

    told: Told
    message: TransitionsMessage
    covers: frozenset[int]


def summaries(messages: Sequence[TransitionsMessage | ReleaseMessage], *, hub: bool = True) -> tuple[Summary, ...]:
    """Return what tells all of these messages: each finding in exactly one summary, the worst rung first.

    Of several transitions of one finding the newest alone is told: its last word. News that came in one message alone
    stays one message, which is never more than one per (check, rung).

    Args:
        messages: What waited, in any order, repetitions included. What is for no person is left out.
        hub: Whether Security Hub is told: if not, there is nothing to see.
    """
    groups: dict[_Topic, list[_Heard]] = defaultdict(list)
    for each in _heard(messages):
        groups[_topic(each)].append(each)
    news = [each for topic, heard in groups.items() if topic.order == 0 for each in heard]
    if news and all(each.message is news[0].message for each in news):
        groups = {topic: heard for topic, heard in groups.items() if topic.order} | {_Topic(0): news}
    return (*(_summary(topic, groups[topic], hub=hub) for topic in sorted(groups)), *_released(messages))


def _heard(messages: Sequence[TransitionsMessage | ReleaseMessage]) -> Iterator[_Heard]:
    """Find each finding's newest transition; of equal ones, which are one that came again, the first."""
    by_finding: dict[str, list[tuple[int, TransitionsMessage, Told]]] = defaultdict(list)
    for index, message in enumerate(messages):
        if isinstance(message, TransitionsMessage) and message.kind not in _SILENT:
            for told in told_by(message):
                by_finding[told.transition.finding.id].append((index, message, told))
    for said in by_finding.values():
        _, message, told = max(said, key=lambda each: each[2].transition.sequence)
        yield _Heard(told, message, frozenset(index for index, _, _ in said))


def _topic(heard: _Heard) -> _Topic:
    finding = heard.told.transition.finding
    return _TOPICS.get(heard.message.kind, _Topic(0, -finding.severity, finding.check_id))


def _summary(topic: _Topic, heard: Sequence[_Heard], *, hub: bool) -> Summary:
    told = sorted((each.told for each in heard), key=lambda each: each.gravity)
    sole = heard[0].message
    if all(each.message is sole for each in heard):
        message = slack_transitions.render(replace(sole, transitions=tuple(each.transition for each in told)), hub=hub)
    else:
        message = _composed(topic, told, [each.message for each in heard], hub=hub)
    clusters = {each.cluster for each in told}
    return Summary(
        message=message,
        cluster=clusters.pop() if len(clusters) == 1 else None,
        shown=tuple((each.transition.finding.id, each.transition.sequence) for each in told),
        covers=frozenset[int]().union(*(each.covers for each in heard)),
        urgent=any(each.urgent for each in told),
    )


def _composed(
    topic: _Topic, told: Sequence[Told], messages: Sequence[TransitionsMessage], *, hub: bool
) -> SlackMessage:
    headline = _headline(topic, told, messages)
    about = wording.why_at_once(messages[0]) or plain(told[0].transition.finding.title, TITLE_LIMIT)
    page = link(links.check_page(topic.check_id), "about this check") if topic.check_id else ""
    foot = joined((f"All that is open: {_where(told, topic.check_id or None, hub=hub)}", page))
    head, foot_block = (blocks.header(headline), blocks.words(about)), blocks.context(foot)
    tries = ((*head, *_findings(told, shown), foot_block) for shown in range(min(EXAMPLES, len(told)), -1, -1))
    return blocks.message(escape(headline), next(each for each in tries if blocks.fits(each)))


def _findings(told: Sequence[Told], shown: int) -> Iterator[Block]:
    """Say the gravest in full, how many others there are of which kinds, and in which clusters."""
    for each in told[:shown]:
        yield from spelt_out(each, place=True)
    others = told[shown:]
    if others:
        yield blocks.section(more(others, after=shown))
    yield blocks.section(_clusters(told))


def _headline(topic: _Topic, told: Sequence[Told], messages: Sequence[TransitionsMessage]) -> str:
    count = len({each.cluster for each in told})
    place = f"{told[0].cluster.name} ({told[0].cluster.region})" if count == 1 else f"{count} clusters"
    if topic in _KINDS:
        # Of these people get the first part alone, so there are more than can be counted here.
        more_of_it = any(message.parts > 1 for message in messages)
        return f"{what_happened(told, _KINDS[topic], more=more_of_it)} in {place}"
    counts = wording.counted(each.transition for each in told)
    return f"{plain(topic.check_id, 40)} {Severity(-topic.minus_severity).name}: {counts} in {place}"


def _clusters(told: Sequence[Told]) -> str:
    """Name the clusters with the most of it; how many are in each, where it is more than one in any."""
    counts = Counter(each.cluster for each in told)
    ordered = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    named = [
        f"{f'{count} in ' if len(told) > len(counts) else ''}{code(cluster.name)} ({escape(cluster.region)})"
        for cluster, count in ordered[:CLUSTERS]
    ]
    left = len(ordered) - len(named)
    rest = f", and {left} more cluster{'' if left == 1 else 's'}" if left else ""
    return f"Clusters: {', '.join(named)}{rest}"


def _where(told: Sequence[Told], check_id: str | None, *, hub: bool) -> str:
    """Say where to see the rest: a Security Hub is of one account and Region."""
    if len({each.cluster for each in told}) == 1:
        return where(told[0].cluster, check_id, hub=hub)
    command = code(wording.see_all_clusters(check_id))
    if not hub:
        return command
    counts = Counter((each.cluster.partition, each.cluster.account, each.cluster.region) for each in told)
    places = sorted(counts, key=lambda place: (-counts[place], place))
    named = [_hub(ClusterId(*place, name=""), check_id) for place in places[:PLACES]]
    left = len(places) - len(named)
    return joined((*named, f"and {left} more accounts and Regions" if left else "", command))


def _hub(place: ClusterId, check_id: str | None) -> str:
    said = f"Security Hub of {plain(place.account, 20)} in {plain(place.region, 40)}"
    return link(links.security_hub(place, check_id), said)


def _released(messages: Sequence[TransitionsMessage | ReleaseMessage]) -> Iterator[Summary]:
    notices = {index: message for index, message in enumerate(messages) if isinstance(message, ReleaseMessage)}
    if notices:
        message = slack_release.render_many(tuple(notices.values()))
        yield Summary(message=message, cluster=None, shown=(), covers=frozenset(notices))
