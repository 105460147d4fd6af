"""What changed of one finding, as Slack shows it: spelt out, or counted among others."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from eks_auditor.events.messages import TransitionsMessage
from eks_auditor.model.cluster import ClusterId
from eks_auditor.model.finding import Fix
from eks_auditor.model.history import Change, Transition
from eks_auditor.model.verdict import Severity
from eks_auditor.sinks import blocks, links, wording
from eks_auditor.sinks.mrkdwn import bold, code, escape, joined, length, link, plain
from eks_auditor.sinks.slack_message import Block
from eks_auditor.sinks.wording import WORDS, is_open

REASON_LIMIT = 600
TITLE_LIMIT = 200
FIX_LIMIT = 1200
"""Of a command that is shown: half a command is worse than none."""

COMMAND_LIMIT = 400
"""Of the command that shows what is open."""

COUNTED_LIMIT = 1500
"""Characters of the kinds of findings that are counted in one sentence."""

_COLOURS = {
    Severity.CRITICAL: "🔴",
    Severity.HIGH: "🟠",
    Severity.MEDIUM: "🟡",
    Severity.LOW: "🔵",
    Severity.INFORMATIONAL: "⚪",
}


@dataclass(frozen=True, slots=True)
class Told:
    """A transition with where and when it was found.

    Attributes:
        transition: What changed.
        cluster: Where.
        taken_at: The instant of the snapshot that shows it.
    """

    transition: Transition
    cluster: ClusterId
    taken_at: datetime

    @property
    def urgent(self) -> bool:
        """Whether it has just opened at CRITICAL, or become it."""
        come = self.transition.change in (Change.OPENED, Change.REOPENED, Change.WORSE)
        return come and self.transition.finding.severity is Severity.CRITICAL

    @property
    def gravity(self) -> tuple[bool, int, datetime, str]:
        """Order what is open first, then the worst, then what has stood the longest."""
        finding = self.transition.finding
        return (not is_open(self.transition), -finding.severity, self.transition.first_seen, finding.id)


def told_by(message: TransitionsMessage) -> tuple[Told, ...]:
    """Return what a message tells."""
    return tuple(Told(transition, message.cluster, message.taken_at) for transition in message.transitions)


def spelt_out(told: Told, *, place: bool = False) -> Iterator[Block]:
    """Return at most four blocks: what changed, why, the command that mends it, and where to read on.

    Args:
        told: What changed.
        place: Whether to name the cluster, where a message is about several.
    """
    fix = wording.fix_of(told.transition, FIX_LIMIT)
    yield blocks.section(_headline(told, place=place))
    yield blocks.words(_explanation(told, fix))
    if fix is not None:
        yield blocks.preformatted(fix.command)
    yield blocks.context(_small_print(told))


def what_happened(told: Sequence[Told], kind: str = "news", *, more: bool = False) -> str:
    """Count by what happened, and say how bad it is: ``2 new, worst HIGH``, ``First look: 12 open, worst LOW``.

    Args:
        told: What changed.
        kind: The class of the messages that it came in.
        more: Whether there are parts of a summary that people do not get.
    """
    transitions = [each.transition for each in told]
    bad = wording.worst_open(transitions)
    beginning = f"{wording.SUMMARIES[kind].capitalize()}: " if kind in wording.SUMMARIES else ""
    return f"{beginning}{wording.how_many(kind, transitions, more=more)}{f', worst {bad}' if bad else ''}"


def counted(told: Sequence[Told]) -> str:
    """Count by rung, check and what happened, the worst first: ``8 HIGH AMI001 new, 3 LOW ZONE005 resolved``."""
    groups = list(wording.groups((each.transition for each in told), lambda check_id: code(check_id, 40)))
    phrases: list[str] = []
    for _, phrase in groups:
        if length(", ".join((*phrases, phrase))) > COUNTED_LIMIT:
            break
        phrases.append(phrase)
    others = groups[len(phrases) :]
    left = sum(count for count, _ in others)
    return ", ".join((*phrases, f"{left} of {len(others)} other kinds") if left else phrases)


def more(told: Sequence[Told], *, after: int) -> str:
    """Say what is not spelt out: ``and 14 more: 8 HIGH AMI001 new, …``.

    Args:
        told: What is only counted.
        after: How many were spelt out before.
    """
    how_many = f"and {len(told)} more" if after else f"{len(told)} finding{'' if len(told) == 1 else 's'}"
    return f"{how_many}: {counted(told)}"


def where(cluster: ClusterId, check_id: str | None = None, *, hub: bool) -> str:
    """Say where to see all of it: Security Hub if it is told, and the command that reads the cluster anew."""
    page = links.security_hub(cluster, check_id) if hub else None
    return joined(
        (
            link(page, f"Security Hub in {cluster.region}") if page else "",
            code(wording.see_all(cluster, check_id), COMMAND_LIMIT),
        )
    )


def _headline(told: Told, *, place: bool) -> str:
    transition, finding = told.transition, told.transition.finding
    subject = f"{escape(plain(finding.subject.kind, 40))} {code(finding.subject.name)}"
    parts = (bold(WORDS[transition.change]), bold(wording.rung(transition)), code(finding.check_id, 40), subject)
    where_it_is = f" in {code(told.cluster.name)} ({escape(told.cluster.region)})" if place else ""
    return f"{_colour(transition)} {joined(parts)}{where_it_is}"


def _colour(transition: Transition) -> str:
    if is_open(transition):
        return _COLOURS[transition.finding.severity]
    return "✅" if transition.change is Change.RESOLVED else "⚪"


def _explanation(told: Told, fix: Fix | None) -> str:
    """Say it without markup: all of it may hold other people's words."""
    finding = told.transition.finding
    accepted = wording.acceptance(finding) or ""
    lines = [plain(finding.title, TITLE_LIMIT), plain(finding.reason, REASON_LIMIT), plain(accepted, REASON_LIMIT)]
    if fix is not None:
        lines.append("Fix:" if fix.tool == "aws" else f"Fix ({plain(fix.tool, 40)}):")
    elif wording.mendable(told.transition):
        prints = wording.see_all(told.cluster, finding.check_id)
        lines.append(f"Its fix is too long to show here; this prints it: {prints}")
    return "\n".join(line for line in lines if line)


def _small_print(told: Told) -> str:
    finding = told.transition.finding
    console = links.console(told.cluster, finding.subject)
    return joined(
        (
            wording.standing(told.transition, told.taken_at),
            f"team {code(finding.team, 60)}" if finding.team else "",
            link(console, "AWS console") if console else "",
            link(links.check_page(finding.check_id), "about this check"),
            link(finding.docs, "guide"),
        )
    )
