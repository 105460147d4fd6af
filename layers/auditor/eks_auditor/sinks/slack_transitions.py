"""A transitions message for Slack: what changed in one cluster, the worst first."""

from collections.abc import Iterator, Sequence

from eks_auditor.events.messages import TransitionsMessage
from eks_auditor.sinks import blocks, wording
from eks_auditor.sinks.mrkdwn import code, escape, joined
from eks_auditor.sinks.slack_finding import Told, more, spelt_out, told_by, what_happened, where
from eks_auditor.sinks.slack_message import Block, SlackMessage

SHOWN = 10
"""The most findings that a message of news spells out."""

SHOWN_OF_SUMMARY = 3
"""The most that a first look, or the first by another policy, spells out."""


def render(message: TransitionsMessage, *, hub: bool = True) -> SlackMessage:
    """Return what people are told of one audit: at most ten findings spelt out, and the others counted by kind.

    How many are spelt out also depends on their length: what does not fit is counted, never cut off.

    Args:
        message: What is told.
        hub: Whether Security Hub is told: if not, there is nothing to see.
    """
    told = sorted(told_by(message), key=lambda each: each.gravity)
    most = SHOWN_OF_SUMMARY if message.kind in wording.SUMMARIES else SHOWN
    tries = (tuple(_blocks(message, told[:shown], told[shown:], hub=hub)) for shown in range(most, -1, -1))
    return blocks.message(
        f"{_what(message, told)} in {code(message.cluster.name)} ({escape(message.cluster.region)})",
        next(composed for composed in tries if blocks.fits(composed)),
    )


def _blocks(
    message: TransitionsMessage, first: Sequence[Told], others: Sequence[Told], *, hub: bool
) -> Iterator[Block]:
    cluster = message.cluster
    yield blocks.header(f"{_what(message, (*first, *others))} in {cluster.name} ({cluster.region})")
    yield blocks.context(
        joined(
            (
                f"cluster {code(cluster.name)}",
                f"account {code(cluster.account, 20)}",
                f"audit of {wording.minute(message.taken_at)}",
                f"part {message.part} of {message.parts}" if message.parts > 1 else "",
            )
        )
    )
    why = wording.why_at_once(message)
    if why:
        yield blocks.words(why)
    for each in first:
        yield from spelt_out(each)
    if others:
        yield blocks.section(more(others, after=len(first)))
    yield blocks.context(f"{_all_of_it(message)}: {where(cluster, hub=hub)}")


def _what(message: TransitionsMessage, told: Sequence[Told]) -> str:
    return what_happened(told, message.kind, more=message.parts > 1)


def _all_of_it(message: TransitionsMessage) -> str:
    """Say what is not here: of a summary people get the first part alone."""
    if message.kind in wording.SUMMARIES and message.parts > 1:
        return f"This is the first part of {message.parts}, with the worst; this shows all that is open"
    return "All that is open"
