"""Slack's blocks: each within the limits of its page below https://docs.slack.dev/reference/block-kit.

Text that is too long ends in a visible ``…``. How many blocks a message has is for whoever composes it.
"""

from collections.abc import Iterable, Sequence

from eks_auditor.sinks.mrkdwn import cut, cut_markup, length, plain
from eks_auditor.sinks.slack_message import Block, SlackMessage

BLOCKS_LIMIT = 50
"""Blocks in a message (https://docs.slack.dev/reference/block-kit/blocks)."""

HEADER_LIMIT = 150
TEXT_LIMIT = 3000
"""Characters in a text object (https://docs.slack.dev/reference/block-kit/composition-objects/text-object)."""

FIELDS_LIMIT = 10
FIELD_LIMIT = 2000
ELEMENTS_LIMIT = 10
"""Elements in a context block."""

FALLBACK_LIMIT = 4000
"""Characters of a message's own text that Slack recommends at most (https://docs.slack.dev/reference/methods/chat.postMessage)."""

TOTAL_LIMIT = 9_000
"""Characters in all of a message's blocks together. Beyond an amount that it does not document Slack answers
``msg_blocks_too_long``: people saw 9,597 taken and 11,341 refused (https://github.com/slackapi/bolt-js/issues/2867)."""


def message(text: str, blocks: Sequence[Block]) -> SlackMessage:
    """Compose a message; ``text`` is markup, and what notifications show.

    Raises:
        ValueError: If these are more blocks, or more text, than a message may have.
    """
    if not fits(blocks):
        error = f"{len(blocks)} blocks are too many, or too long, for one Slack message; group what they tell"
        raise ValueError(error)
    return SlackMessage(cut_markup(text, FALLBACK_LIMIT), tuple(blocks))


def header(text: str) -> Block:
    """Return a headline: plain text, other people's included."""
    return {"type": "header", "text": _plain(plain(text), HEADER_LIMIT)}


def section(markup: str) -> Block:
    """Return a paragraph of markup."""
    return {"type": "section", "text": _markup(markup, TEXT_LIMIT)}


def words(text: str, limit: int = TEXT_LIMIT) -> Block:
    """Return a paragraph of plain text, in which nothing is markup: for what other people may have written."""
    return {"type": "section", "text": _plain(text, min(limit, TEXT_LIMIT))}


def fields(markups: Sequence[str]) -> Block:
    """Return at most ten short texts of markup, in two columns.

    Raises:
        ValueError: If there is none, or one too many.
    """
    _count(markups, FIELDS_LIMIT, "fields of a section")
    return {"type": "section", "fields": [_markup(markup, FIELD_LIMIT) for markup in markups]}


def context(*markups: str) -> Block:
    """Return small print: at most ten texts of markup.

    Raises:
        ValueError: If there is none, or one too many.
    """
    _count(markups, ELEMENTS_LIMIT, "elements of a context")
    return {"type": "context", "elements": [_markup(markup, FIELD_LIMIT) for markup in markups]}


def divider() -> Block:
    """Return a line."""
    return {"type": "divider"}


def preformatted(text: str) -> Block:
    """Return text to copy, as it is: rich text has no markup, so nothing in it is escaped or interpreted.

    Lines stay lines; other characters that are not printable become spaces. The caller sees to its length: half a
    command is worse than none.
    """
    clean = "".join(character if character.isprintable() or character == "\n" else " " for character in text)
    written = {"type": "text", "text": clean.strip() or " "}
    return {"type": "rich_text", "elements": [{"type": "rich_text_preformatted", "elements": [written]}]}


def sections(lines: Iterable[str]) -> tuple[Block, ...]:
    """Return lines of markup in as few paragraphs as hold them."""
    paragraphs: list[str] = []
    for line in (cut_markup(line, TEXT_LIMIT) for line in lines):
        longer = f"{paragraphs[-1]}\n{line}" if paragraphs else line
        if paragraphs and length(longer) <= TEXT_LIMIT:
            paragraphs[-1] = longer
        else:
            paragraphs.append(line)
    return tuple(section(paragraph) for paragraph in paragraphs)


def fits(blocks: Sequence[Block]) -> bool:
    """Tell whether Slack takes so many blocks with so much text as one message."""
    return len(blocks) <= BLOCKS_LIMIT and sum(length(text) for text in _texts(blocks)) <= TOTAL_LIMIT


def _texts(node: object) -> Iterable[str]:
    """Find the value of every member ``text`` that is a text."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "text" and isinstance(value, str):
                yield value
            else:
                yield from _texts(value)
    elif isinstance(node, (list, tuple)):
        for each in node:
            yield from _texts(each)


def _markup(markup: str, limit: int) -> Block:
    """``verbatim`` keeps Slack from making links and mentions of what is not marked up as one."""
    return {"type": "mrkdwn", "text": cut_markup(markup, limit) or " ", "verbatim": True}


def _plain(text: str, limit: int) -> Block:
    return {"type": "plain_text", "text": cut(text, limit) or " ", "emoji": False}


def _count(markups: Sequence[str], limit: int, what: str) -> None:
    if not 0 < len(markups) <= limit:
        message = f"{len(markups)} {what}: Slack takes 1 to {limit}"
        raise ValueError(message)
