"""A transitions message in a person's words: a subject line and a plain text, for mail."""

from collections import Counter
from collections.abc import Iterable

from eks_auditor.events.messages import TransitionsMessage
from eks_auditor.model.history import Change, Transition

SUBJECT_LIMIT = 99
"""SNS wants less than 100 ASCII characters without control characters."""

SHOWN = 20
"""The most findings that a letter spells out."""

_LINE_LIMIT = 600


def subject(message: TransitionsMessage) -> str:
    """Return the subject line: what happened, where, how bad."""
    cluster = message.cluster
    counts = Counter(transition.change for transition in message.transitions)
    what = ", ".join(f"{counts[change]} {change.value}" for change in Change if counts[change])
    if message.kind == "baseline":
        what = f"first look, {len(message.transitions)} open"
    if message.kind == "policy":
        what = f"new policy, {what}"
    worst = _worst_open(message.transitions)
    part = f" (part {message.part} of {message.parts})" if message.parts > 1 else ""
    return subject_line(f"{what}{f', worst {worst}' if worst else ''} in {cluster.name} ({cluster.region}){part}")


def subject_line(text: str) -> str:
    """Return a text as SNS takes a subject, with whose it is."""
    plain = "".join(character if " " <= character <= "~" else "?" for character in f"eks-auditor: {text}")
    return plain if len(plain) <= SUBJECT_LIMIT else f"{plain[: SUBJECT_LIMIT - 3]}..."


def one_line(text: str) -> str:
    """Keep other people's text on one line and in bounds."""
    clean = "".join(character if character.isprintable() else " " for character in text)
    return clean if len(clean) <= _LINE_LIMIT else f"{clean[: _LINE_LIMIT - 1]}…"


def letter(message: TransitionsMessage, shown: int = SHOWN) -> str:
    """Return the text: the worst findings first, each with its reason and its first fix.

    Args:
        message: What is told.
        shown: How many findings to spell out; the rest is counted.
    """
    cluster = message.cluster
    ordered = sorted(message.transitions, key=_gravity)
    lines = [
        f"Cluster {one_line(cluster.name)} in {cluster.region}, account {cluster.account}",
        f"Audit {message.audit_id} of {message.taken_at:%Y-%m-%d %H:%M:%S} UTC{_part(message)}",
        "",
    ]
    if message.kind == "baseline":
        lines += [
            "These were found by the first audit, or the first run of a check; from now on only changes are told.",
            "",
        ]
    if message.kind == "policy":
        lines += ["This was found by the first audit under another policy; most of it is that policy's doing.", ""]
    for transition in ordered[:shown]:
        lines += _entry(transition)
    rest = len(ordered) - shown
    if rest > 0:
        lines.append(f"… and {rest} more: Security Hub and the topic's other subscribers have them all.")
    return "\n".join(lines).strip() + "\n"


def _entry(transition: Transition) -> Iterable[str]:
    finding = transition.finding
    severity = finding.severity.name
    if transition.previous is not None and transition.change in (Change.WORSE, Change.BETTER):
        severity = f"{severity} (was {transition.previous.name})"
    yield f"{severity}  {transition.change.value}  {finding.check_id}  {one_line(finding.subject.name)}"
    yield f"  {one_line(finding.title)}"
    yield f"  {one_line(finding.reason)}"
    if finding.exemption is not None:
        accepted = finding.exemption
        yield f"  {one_line(f'accepted until {accepted.until} by {accepted.owner}: {accepted.reason}')}"
    elif finding.fix and transition.change not in (Change.RESOLVED, Change.WITHDRAWN):
        yield f"  fix: {one_line(finding.fix[0].command)}"
    yield ""


def _gravity(transition: Transition) -> tuple[bool, int, str]:
    """Order open findings before closed and accepted ones, the worst first."""
    finding = transition.finding
    return (not _open(transition), -finding.severity, finding.id)


def _open(transition: Transition) -> bool:
    return transition.change not in (Change.RESOLVED, Change.WITHDRAWN, Change.EXEMPTED)


def _worst_open(transitions: Iterable[Transition]) -> str:
    severities = [transition.finding.severity for transition in transitions if _open(transition)]
    return max(severities).name if severities else ""


def _part(message: TransitionsMessage) -> str:
    return f", part {message.part} of {message.parts}" if message.parts > 1 else ""
