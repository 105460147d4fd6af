"""What is wrong with a message: what Slack would refuse of it, and what other people's words would do in it."""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from eks_auditor.checks import CATALOGUE
from local_aws import slack_limits

FALLBACK = 4000
"""Characters of a message's own text that Slack recommends at most."""

OWN_HOSTS = frozenset({"github.com", *(urlsplit(check.docs).hostname for check in CATALOGUE)})
CONSOLES = (
    ".console.aws.amazon.com",
    ".console.amazonaws.cn",
    ".console.amazonaws-us-gov.com",
    ".console.amazonaws-eusc.eu",
)

_ANGLED = re.compile(r"<([^<>]*)>")
_LINK = re.compile(r"(https://[^|<>\s]+)\|([^|<>\n]+)")
_ENTITY = re.compile(r"&(?:amp|lt|gt);")


def broken(message: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with a message (``text`` and ``blocks``), a sentence each."""
    text, blocks = message["text"], message["blocks"]
    return [
        *slack_limits.broken(blocks),
        *(["msg_blocks_too_long"] if slack_limits.is_too_long(blocks) else []),
        *slack_limits.pings_of(message),
        *([] if 1 <= len(text) <= FALLBACK else [f"the text has {len(text)} characters"]),
        *_alive("the text", text),
        *_strange(message),
        *(fault for node in _objects(blocks) for fault in _object(node)),
    ]


def _object(node: Mapping[str, Any]) -> Iterator[str]:
    match node:
        case {"type": "mrkdwn", "text": str(markup), "verbatim": True}:
            yield from _alive(repr(markup[:80]), markup)
        case {"type": "mrkdwn"}:
            yield f"Slack makes links and mentions of what it finds in {node['text'][:80]!r}"
        case {"type": "plain_text", "emoji": False}:
            return
        case {"type": "plain_text"}:
            yield f"Slack makes emoji of what it finds in {node['text'][:80]!r}"


def _alive(name: str, markup: str) -> Iterator[str]:
    """Find mentions, links that are not ours, control characters that are not escaped, and a code span left open."""
    for inside in _ANGLED.findall(markup):
        link = _LINK.fullmatch(inside)
        if link is None or not _ours(link[1].replace("&amp;", "&")):
            yield f"{name} has <{inside}>"
    rest = _ANGLED.sub("", markup)
    if re.search("[<>&]", _ENTITY.sub("", rest)):
        yield f"{name} has a control character that is not escaped"
    if markup.count("`") % 2:
        yield f"{name} has a code span that does not end"


def _ours(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    return host in OWN_HOSTS or host.endswith(CONSOLES)


def _strange(node: object) -> Iterator[str]:
    """Find what no text of a message may hold: controls, marks that turn its direction, and what is no text at all."""
    match node:
        case str():
            odd = {character for character in node if not character.isprintable() and character != "\n"}
            if odd:
                yield f"{sorted(map(ascii, odd))} is in {node[:80]!r}"
        case dict():
            yield from (fault for each in node.values() for fault in _strange(each))
        case list():
            yield from (fault for each in node for fault in _strange(each))


def _objects(node: object) -> Iterator[Mapping[str, Any]]:
    match node:
        case dict():
            yield node
            yield from (each for value in node.values() for each in _objects(value))
        case list():
            yield from (each for value in node for each in _objects(value))
