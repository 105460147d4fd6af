"""What chat is told: the custom notifications of Amazon Q Developer in chat applications, for Slack and Teams.

The schema is that of https://docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html. It comes to the service
as the topic's message for ``https``; what is not in a shape that it knows it drops without a word.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from eks_auditor.events.messages import ReleaseMessage, TransitionsMessage
from eks_auditor.model.history import Transition
from eks_auditor.sinks import links
from eks_auditor.sinks.mrkdwn import bold, code, cut, cut_markup, escape, joined, length, plain
from eks_auditor.sinks.notice import first_of, headline, how_to_update, plainly, runs
from eks_auditor.sinks.wording import (
    WORDS,
    acceptance,
    capacities,
    fix_of,
    groups,
    happened,
    rung,
    see_all,
    see_releases,
    standing,
    why_at_once,
    worst_first,
    worst_open,
)

TITLE_LIMIT = 250
DESCRIPTION_LIMIT = 3500
"""The documentation names no limits: this is what is safe on every platform behind it, and still read by people."""

STEP_LIMIT = 600
"""Characters of a step. Half a command is worse than none, so a longer one is left out."""

LIST_LIMIT = 10
"""Entries in a list."""

SHOWN = 5
"""The most findings, or capacities, that a notification spells out."""

STEPS = 3
"""The most of them whose fix is a next step."""

KINDS = 12
"""The most kinds of findings that the others are counted by."""

_REASON_LIMIT = 400
_KEYWORD_LIMIT = 60


def notification(  # noqa: PLR0913  the schema's own members
    *,
    identifier: str,
    title: str,
    lines: Iterable[str],
    steps: Iterable[str],
    keywords: Iterable[str],
    thread: str,
    summary: str,
    event_type: str,
    resources: Iterable[str],
    context: Mapping[str, str],
) -> dict[str, Any]:
    """Return one notification, within bounds: what does not fit is cut, with a mark that says so.

    Args:
        identifier: Unique, and the same each time it is told.
        title: Its headline, as markup.
        lines: Of its description, as markup.
        steps: What to do next, as markup.
        keywords: Words to find it by, as plain text.
        thread: Those of one thread belong together, where the channel's preferences let them.
        summary: One plain sentence, for notifications.
        event_type: Letters, digits and hyphens, as custom actions are attached by.
        resources: ARNs.
        context: What custom actions can be given; none of its values is empty.
    """
    return {
        "version": "1.0",
        "source": "custom",
        "id": identifier,
        "content": {
            "textType": "client-markdown",
            "title": cut_markup(title, TITLE_LIMIT),
            "description": cut_markup("\n".join(lines).strip(), DESCRIPTION_LIMIT),
            "nextSteps": [step for step in steps if length(step) <= STEP_LIMIT][:LIST_LIMIT],
            "keywords": [plain(word, _KEYWORD_LIMIT) for word in dict.fromkeys(keywords)][:LIST_LIMIT],
        },
        "metadata": {
            "threadId": thread,
            "summary": plain(summary, TITLE_LIMIT),
            "eventType": event_type,
            "relatedResources": [escape(arn) for arn in dict.fromkeys(resources)][:LIST_LIMIT],
            "additionalContext": {key: plain(value, TITLE_LIMIT) for key, value in context.items() if plain(value)},
        },
    }


def thread_of(place: str, at: datetime) -> str:
    """Return the thread of a place on a day (UTC)."""
    return f"{place}/{at:%Y-%m-%d}"


def written(document: Mapping[str, Any]) -> str:
    """Write a notification as the service reads it."""
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False)


def transitions(message: TransitionsMessage, shown: int = SHOWN) -> dict[str, Any]:
    """Return what is told of one audit: the worst findings, each with its reason, and their first fixes as next steps.

    Args:
        message: What is told.
        shown: How many findings to spell out; the rest is counted.
    """
    cluster = message.cluster
    ordered = worst_first(message.transitions)
    worst = worst_open(ordered)
    findings = [transition.finding for transition in ordered]
    said = f"{f'{worst} in ' if worst else ''}cluster {cluster.name} ({cluster.region}): {happened(message)}"
    return notification(
        identifier=f"{message.audit_id}/{message.kind}/{message.part}",
        title=f"{f'{bold(worst)} in ' if worst else ''}cluster {code(cluster.name)} ({escape(cluster.region)}): "
        f"{escape(happened(message))}",
        lines=_told(message, ordered, shown),
        steps=_fixes(ordered[:shown]),
        keywords=(*(each.severity.name for each in findings), *(each.check_id for each in findings)),
        thread=thread_of(cluster.arn, message.taken_at),
        summary=said,
        event_type=f"eks-auditor-{message.kind}",
        resources=(each.subject.arn for each in findings),
        context={
            "cluster": cluster.name,
            "account": cluster.account,
            "region": cluster.region,
            "audit_id": message.audit_id,
            "class": message.kind,
            "team": ", ".join(sorted({each.team for each in findings if each.team})),
        },
    )


def release(message: ReleaseMessage, shown: int = SHOWN) -> dict[str, Any]:
    """Return the notice of a release; ``shown`` counts the capacities that are spelt out."""
    of = message.release
    spelt_out = first_of(message.clusters, shown)
    kind = "release-taken-back" if of.rollback else "release"
    return notification(
        identifier=f"{of.event_id}/{of.move}/{message.part}",
        title=f"{bold(escape(plainly(of.line)))} in {escape(of.region)}: {escape(headline(message))}",
        lines=_noticed(message, shown),
        steps=_updating(message),
        keywords=("release", of.line.family, of.new.version),
        thread=thread_of(f"{of.partition}/{of.region}/releases", of.at),
        summary=f"{plainly(of.line)} in {of.region}: {headline(message)}",
        event_type=f"eks-auditor-{kind}",
        resources=(entry.cluster.arn for entry in spelt_out),
        context={
            "region": of.region,
            "image": str(of.line),
            "now": of.new.version,
            "before": of.old.version,
            "image_id": of.new.image_id,
            "superseded": str(0 if of.rollback else message.concerned),
        },
    )


def _told(message: TransitionsMessage, ordered: Sequence[Transition], shown: int) -> list[str]:
    """Spell out as many as fit beside the count of the others."""
    tries = (list(_lines(message, ordered[:most], ordered[most:])) for most in range(min(shown, len(ordered)), -1, -1))
    return next(lines for lines in tries if length("\n".join(lines)) <= DESCRIPTION_LIMIT)


def _lines(message: TransitionsMessage, first: Sequence[Transition], others: Sequence[Transition]) -> Iterator[str]:
    if why := why_at_once(message):
        yield escape(why)
        yield ""
    for transition in first:
        finding = transition.finding
        yield f"{bold(rung(transition))} {WORDS[transition.change]}: {code(finding.subject.name)} ({finding.check_id})"
        yield other_peoples(finding.reason)
        team = f"team {code(finding.team)}" if finding.team else ""
        yield joined((standing(transition, message.taken_at), team))
        if (accepted := acceptance(finding)) is not None:
            yield other_peoples(accepted)
        if (console := links.console(message.cluster, finding.subject)) is not None:
            yield escape(console)
        yield escape(links.check_page(finding.check_id))
        yield ""
    if others:
        counts = [phrase for _, phrase in groups(others)]
        kinds = [*counts[:KINDS], *([f"{len(counts) - KINDS} more kinds"] if len(counts) > KINDS else [])]
        yield f"{'and ' if first else ''}{len(others)}{' more' if first else ''}: {', '.join(kinds)}"
    yield f"All that is open: {code(see_all(message.cluster), STEP_LIMIT)}"


def _fixes(ordered: Sequence[Transition]) -> list[str]:
    fixes = ((each.finding.subject.name, fix_of(each, STEP_LIMIT)) for each in ordered)
    return [f"{code(name)}: {code(fix.command, STEP_LIMIT)}" for name, fix in fixes if fix is not None][:STEPS]


def _noticed(message: ReleaseMessage, shown: int) -> Iterator[str]:
    entries = first_of(message.clusters, shown)
    told = 0
    for entry in entries:
        for capacity in entry.capacities:
            told += 1
            place = f"{capacity.kind} {code(capacity.name)} in {code(entry.cluster.name)}"
            yield f"{place}: {escape(runs(capacity, message))}"
    if message.concerned > told:
        rest = f"{'and ' if told else ''}{capacities(message.concerned - told)}{' more' if told else ''}"
        yield f"{rest}: {code(see_releases(message.release.region))}"
    yield f"Clusters that run this image: {message.running}"
    yield escape(links.page("docs/releases.md"))


def _updating(message: ReleaseMessage) -> list[str]:
    return [
        f"{escape(who)} {code(how, STEP_LIMIT) if how.startswith('aws ') else escape(how)}"
        for who, how in how_to_update(message)
    ]


def other_peoples(text: str) -> str:
    """Return a reason or another free text, which names what people named: where that may link or call, as code."""
    said = cut(plain(text), _REASON_LIMIT)
    return code(said, _REASON_LIMIT) if any(mark in said for mark in ("://", "www.", "@", "`")) else escape(said)
