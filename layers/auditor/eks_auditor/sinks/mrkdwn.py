"""Slack's markup: other people's text in it, and markup cut to a length.

Its three control characters are ``&``, ``<`` and ``>``, written as entities; everything that pings or links is between
angle brackets (https://docs.slack.dev/messaging/formatting-message-text). The rest of the markup has no escapes: text
that people chose goes through :func:`code`, where nothing is markup, or into a plain text object.
"""

import re
from collections.abc import Iterable

ELLIPSIS = "…"

NAMELESS = "(no name)"
"""What an empty name is shown as: an empty code span would be two backticks."""

NAME_LIMIT = 120
"""Of one name within a line: an EKS name has at most 100 characters, a node group's 63, an Auto Scaling group's 255."""

ADDRESS_LIMIT = 1000
"""Of a link's address: a name of 255 characters that all need encoding would make one of thousands."""

_TOKENS = re.compile(r"<[^<>]*>|&(?:amp|lt|gt);|`[^`]*`|.", re.DOTALL)
"""What may not be cut in two: a link, an entity, a code span."""


def plain(text: str, limit: int | None = None) -> str:
    """Return other people's text on one line of printable characters, and cut to a length: no markup yet.

    What is not printable (line breaks, controls, marks that turn the direction of what follows) becomes a space.
    """
    clean = " ".join("".join(character if character.isprintable() else " " for character in text).split())
    return clean if limit is None else cut(clean, limit)


def escape(text: str) -> str:
    """Return other people's text as markup that pings nobody and links nowhere; ``*``, ``_``, ``~`` may emphasise.

    A backtick, which has no escape, is shown as '.
    """
    return plain(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("`", "'")


def code(text: str, limit: int = NAME_LIMIT) -> str:
    """Return other people's text as a code span: nothing in it is markup."""
    return f"`{escape(plain(text, limit)) or NAMELESS}`"


def bold(markup: str) -> str:
    """Return markup of our own in bold."""
    return f"*{markup}*"


def link(url: str | None, label: str) -> str:
    """Return a link with a label; without an address, or with one that is not https or is too long, the label alone."""
    shown = escape(label).replace("|", "/") or NAMELESS
    address = _address(url or "")
    return f"<{address}|{shown}>" if address.startswith("https://") and len(address) <= ADDRESS_LIMIT else shown


def joined(parts: Iterable[str], between: str = " · ") -> str:
    """Join the parts that say something."""
    return between.join(part for part in parts if part)


def length(text: str) -> int:
    """Count as the strictest reader of Slack's limits would: an emoji beyond the first plane is two."""
    return len(text) + sum(character > "\uffff" for character in text)


def cut(text: str, limit: int) -> str:
    """Return plain text of at most ``limit`` characters; a cut ends in ``…``."""
    return text if length(text) <= limit else _run(text, limit)


def cut_markup(markup: str, limit: int) -> str:
    """Return markup of at most ``limit`` characters; a cut ends in ``…``, and splits no link, entity or code span."""
    return markup if length(markup) <= limit else _run(_TOKENS.findall(markup), limit)


def _run(tokens: Iterable[str], limit: int) -> str:
    kept: list[str] = []
    room = limit - len(ELLIPSIS)
    for token in tokens:
        room -= length(token)
        if room < 0:
            break
        kept.append(token)
    return f"{''.join(kept).rstrip()}{ELLIPSIS}"


def _address(url: str) -> str:
    """Keep what would end the link, or begin another, out of its address."""
    safe = url.replace("&", "&amp;").replace("<", "%3C").replace(">", "%3E").replace("|", "%7C").replace("`", "%60")
    return "".join(character if character.isprintable() and character != " " else "%20" for character in safe)
