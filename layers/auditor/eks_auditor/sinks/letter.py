"""A transitions message in a person's words: a subject line and a plain text, for mail.

It is read on a phone: what matters most comes first, one thought a line, no columns. Sentences are not broken into
lines, which a narrow screen would break again.
"""

from collections.abc import Iterator

from eks_auditor.events.messages import TransitionsMessage
from eks_auditor.model.cluster import ClusterId
from eks_auditor.model.history import Transition
from eks_auditor.sinks import links
from eks_auditor.sinks.wording import (
    WORDS,
    acceptance,
    fix_of,
    groups,
    happened,
    mendable,
    rung,
    see_all,
    standing,
    why_at_once,
    worst_first,
    worst_open,
)

SUBJECT_LIMIT = 99
"""SNS wants less than 100 ASCII characters without control characters."""

SUBJECT_SEEN = 60
"""What most programs show of a subject."""

SHOWN = 20
"""The most findings that a letter spells out."""

SHOWN_OF_SUMMARY = 5
"""The most that a first look, or the first by another policy, spells out."""

GROUPS_SHOWN = 12
"""The most kinds of findings that the others are counted by."""

FIX_LIMIT = 2000
"""Characters of a command. Half a command is worse than none."""

NAME_SEEN = 16
"""The fewest characters of a name in a subject."""

_OURS = "eks-auditor: "
_LINE_LIMIT = 600


def subject(message: TransitionsMessage) -> str:
    """Return the subject line: how bad, where, what happened."""
    worst = worst_open(message.transitions)
    part = f" ({message.part}/{message.parts})" if message.parts > 1 else ""
    if len(message.transitions) == 1 and message.kind == "news":
        [only] = message.transitions
        said = f"{rung(only)} {only.finding.check_id} {WORDS[only.change]}"
        return placed_subject(f"{said} in ", message.cluster, part)
    return placed_subject(f"{worst} in " if worst else "", message.cluster, f": {happened(message)}{part}")


def placed_subject(before: str, cluster: ClusterId, after: str) -> str:
    """Return a subject line around a cluster's name, cut so that the rest is seen; with its Region where that fits."""
    name = cluster.name
    if len(whole := subject_line(f"{before}{name} ({cluster.region}){after}")) <= SUBJECT_SEEN:
        return whole
    room = max(SUBJECT_SEEN - len(f"{_OURS}{before}{after}"), NAME_SEEN)
    return subject_line(f"{before}{name if len(name) <= room else f'{name[: room - 3]}...'}{after}")


def subject_line(text: str) -> str:
    """Return a text as SNS takes a subject, with whose it is."""
    plain = "".join(character if " " <= character <= "~" else "?" for character in f"{_OURS}{text}")
    return plain if len(plain) <= SUBJECT_LIMIT else f"{plain[: SUBJECT_LIMIT - 3]}..."


def one_line(text: str) -> str:
    """Keep other people's text on one line and in bounds."""
    clean = "".join(character if character.isprintable() else " " for character in text)
    return clean if len(clean) <= _LINE_LIMIT else f"{clean[: _LINE_LIMIT - 1]}…"


def letter(message: TransitionsMessage, shown: int = SHOWN) -> str:
    """Return the text: the worst findings first, each with its reason, how long it has been known and its first fix.

    Args:
        message: What is told.
        shown: How many findings to spell out; the rest is counted.
    """
    ordered = worst_first(message.transitions)
    if why_at_once(message):
        shown = min(shown, SHOWN_OF_SUMMARY)
    return "\n".join([*_head(message), *_entries(ordered[:shown], message), *_rest(ordered[shown:]), *_foot(message)])


def _head(message: TransitionsMessage) -> Iterator[str]:
    worst = worst_open(message.transitions)
    yield f"{f'{worst} in c' if worst else 'C'}luster {one_line(message.cluster.name)}: {happened(message)}."
    if why := why_at_once(message):
        yield why
    yield ""


def _entries(transitions: list[Transition], message: TransitionsMessage) -> Iterator[str]:
    for transition in transitions:
        yield from _entry(transition, message)
        yield ""


def _entry(transition: Transition, message: TransitionsMessage) -> Iterator[str]:
    finding = transition.finding
    yield f"{rung(transition)}, {WORDS[transition.change]}: {one_line(finding.subject.name)}"
    yield one_line(finding.reason)
    yield one_line(f"{finding.check_id}: {finding.title}")
    yield standing(transition, message.taken_at)
    if finding.team is not None:
        yield one_line(f"Team: {finding.team}")
    if (accepted := acceptance(finding)) is not None:
        yield one_line(accepted)
    if (fix := fix_of(transition, FIX_LIMIT)) is not None:
        yield "To mend it:" if fix.tool == "aws" else one_line(f"To mend it ({fix.tool}):")
        yield "".join(character if character.isprintable() else " " for character in fix.command)
    elif mendable(transition):
        yield "What mends it is too long for mail; this prints it:"
        yield one_line(see_all(message.cluster, finding.check_id))
    console = links.console(message.cluster, finding.subject)
    if console is not None:
        yield console
    yield links.check_page(finding.check_id)


def _rest(transitions: list[Transition]) -> Iterator[str]:
    if not transitions:
        return
    yield f"… and {len(transitions)} more:"
    counts = [phrase for _, phrase in groups(transitions)]
    yield from counts[:GROUPS_SHOWN]
    if len(counts) > GROUPS_SHOWN:
        yield f"and {len(counts) - GROUPS_SHOWN} more kinds"
    yield "The topic's other subscribers have them all."
    yield ""


def _foot(message: TransitionsMessage) -> Iterator[str]:
    cluster = message.cluster
    yield "All that is open there now:"
    yield one_line(see_all(cluster))
    yield ""
    yield f"Cluster {one_line(cluster.name)} in {cluster.region}, account {cluster.account}"
    part = f", part {message.part} of {message.parts}" if message.parts > 1 else ""
    yield f"Audit {message.audit_id} of {message.taken_at:%Y-%m-%d %H:%M:%S} UTC{part}"
    yield ""
