"""What a message tells, in the words that mail and chat share: pure."""

import shlex
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import datetime, timedelta

from eks_auditor.events.messages import TransitionsMessage
from eks_auditor.model.cluster import ClusterId
from eks_auditor.model.finding import Finding, Fix
from eks_auditor.model.history import Change, Transition
from eks_auditor.sinks.mrkdwn import length

WORDS: Mapping[Change, str] = {
    Change.OPENED: "new",
    Change.REOPENED: "open again",
    Change.WORSE: "worse",
    Change.BETTER: "better",
    Change.EXEMPTED: "accepted",
    Change.RESOLVED: "resolved",
    Change.WITHDRAWN: "no longer judged",
    Change.REFRESHED: "still open",
}
"""What happened, to people."""

SUMMARIES: Mapping[str, str] = {"baseline": "first look", "policy": "new policy"}
"""The classes of messages that are told as a summary."""

_CLOSED = (Change.RESOLVED, Change.WITHDRAWN)


def is_open(transition: Transition) -> bool:
    """Tell whether the finding fails and nobody accepts it."""
    return transition.change not in (*_CLOSED, Change.EXEMPTED)


def worst_first(transitions: Iterable[Transition]) -> list[Transition]:
    """Order open findings before accepted and closed ones, the worst first."""
    return sorted(transitions, key=lambda each: (not is_open(each), -each.finding.severity, each.finding.id))


def worst_open(transitions: Iterable[Transition]) -> str:
    """Return the name of the worst rung that stands open; an empty text where none does."""
    severities = [transition.finding.severity for transition in transitions if is_open(transition)]
    return max(severities).name if severities else ""


def counted(transitions: Iterable[Transition]) -> str:
    """Count by what happened: ``1 worse, 2 resolved``."""
    counts = Counter(transition.change for transition in transitions)
    return ", ".join(f"{counts[change]} {word}" for change, word in WORDS.items() if counts[change])


def happened(message: TransitionsMessage) -> str:
    """Say what a message tells, without its place: ``1 worse, 2 resolved``, ``first look, 12 open``."""
    said = how_many(message.kind, message.transitions, more=message.parts > 1)
    return f"{SUMMARIES[message.kind]}, {said}" if message.kind in SUMMARIES else said


def how_many(kind: str, transitions: Collection[Transition], *, more: bool) -> str:
    """Count what transitions of one class tell: ``1 worse, 2 resolved``, ``at least 12 open``.

    Args:
        kind: The class of their messages.
        transitions: What changed.
        more: Whether there are other parts: of a summary people get the first alone, which does not count the others.
    """
    said = f"{len(transitions)} open" if kind == "baseline" else counted(transitions)
    return f"at least {said}" if more and kind in SUMMARIES else said


def why_at_once(message: TransitionsMessage) -> str:
    """Say why so much comes together; an empty text where it does not."""
    match message.kind:
        case "baseline":
            return "The first audit, or a check's first run, found these. From now on only changes are told."
        case "policy":
            return "The first audit under another policy found these: most are that policy's doing."
    return ""


def rung(transition: Transition) -> str:
    """Return the severity, with the one before where it moved: ``HIGH (was MEDIUM)``."""
    name = transition.finding.severity.name
    moved = transition.previous is not None and transition.change in (Change.WORSE, Change.BETTER)
    return f"{name} (was {transition.previous.name})" if moved and transition.previous is not None else name


def standing(transition: Transition, at: datetime) -> str:
    """Say how long a finding has been known; it may have been resolved for a while in between."""
    known_for = at - transition.first_seen
    if known_for <= timedelta():
        return "First seen in this audit"
    return f"First seen {lasting(known_for)} ago, on {minute(transition.first_seen)}"


def lasting(span: timedelta) -> str:
    """Return a span in the one unit that people would name it in, rounded down."""
    if span >= timedelta(days=2):
        return f"{span.days} days"
    hours = span // timedelta(hours=1)
    if hours >= 2:  # noqa: PLR2004  up to then minutes say more
        return f"{hours} hours"
    minutes = span // timedelta(minutes=1)
    return f"{minutes} minute{'' if minutes == 1 else 's'}"


def mendable(transition: Transition) -> bool:
    """Tell whether there is something to mend, and a way to do it."""
    return is_open(transition) and transition.finding.exemption is None and bool(transition.finding.fix)


def fix_of(transition: Transition, limit: int) -> Fix | None:
    """Choose a command of the AWS CLI, or else the first of the others, that is short enough: half a one is worse."""
    if not mendable(transition):
        return None
    short = [fix for fix in transition.finding.fix if length(fix.command) <= limit]
    return next((fix for fix in short if fix.tool == "aws"), short[0] if short else None)


def acceptance(finding: Finding) -> str | None:
    """Say who accepts a finding, until when and why; None if nobody does."""
    accepted = finding.exemption
    return None if accepted is None else f"Accepted until {accepted.until} by {accepted.owner}: {accepted.reason}"


def groups(transitions: Iterable[Transition], check: Callable[[str], str] = str) -> Iterator[tuple[int, str]]:
    """Count what is not spelt out, by rung, check and change: ``8 HIGH AMI001 new``; open ones and the worst first.

    Args:
        transitions: What is only counted.
        check: Writes a check's id.

    Yields:
        How many, and the phrase that says so.
    """
    counts = Counter(
        (not is_open(each), -each.finding.severity, each.finding.severity.name, each.finding.check_id, each.change)
        for each in transitions
    )
    for (_, _, severity, check_id, change), count in sorted(counts.items()):
        yield count, f"{count} {severity} {check(check_id)} {WORDS[change]}"


def see_all(cluster: ClusterId, check_id: str | None = None) -> str:
    """Return the command that shows everything that is open in a cluster now, of one check or of all."""
    words = ["eks-auditor", "audit", "--region", cluster.region, "--cluster", cluster.name]
    return shlex.join(words if check_id is None else [*words, "--check", check_id])


def see_all_clusters(check_id: str | None = None) -> str:
    """Return the command that shows the same of every cluster of the account that one is signed in to."""
    words = ["eks-auditor", "audit", "--region", "all"]
    return shlex.join(words if check_id is None else [*words, "--check", check_id])


def see_releases(region: str) -> str:
    """Return the command that shows what each capacity of a Region, or of ``all``, runs."""
    return shlex.join(["eks-auditor", "audit", "--region", region, "--check", "AMI001", "--check", "AMI005", "--all"])


def minute(instant: datetime) -> str:
    """Return an instant as people read it."""
    return f"{instant:%Y-%m-%d %H:%M} UTC"


def capacities(count: int) -> str:
    """Count capacities."""
    return f"{count} capacit{'y' if count == 1 else 'ies'}"
