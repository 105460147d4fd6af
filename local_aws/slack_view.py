"""What Slack makes of a message's blocks, in a terminal: for the demo, and for the pictures in the docs.

Block Kit as far as the auditor uses it: https://docs.slack.dev/reference/block-kit/blocks.
"""

import re
from collections.abc import Iterator, Mapping
from html import unescape
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.rule import Rule
from rich.text import Text

type Block = Mapping[str, Any]

_MRKDWN = re.compile(r"<(?P<url>[^|>]+)\|(?P<label>[^>]*)>|`(?P<code>[^`]+)`|\*(?P<bold>[^*]+)\*")
_INDENT = (0, 0, 0, 2)


def view(message: Mapping[str, Any], *, name: str = "eks-auditor", width: int | None = None) -> Panel:
    """Return a message as people see it.

    Args:
        message: Its ``blocks``, and of a reply ``thread_ts``.
        name: Who posts it.
        width: In columns; None takes all there are.
    """
    reply = "  ↳ in the thread" if message.get("thread_ts") else ""
    return Panel(
        Group(*(part for block in message["blocks"] for part in _parts(block))),
        title=f"[bold]{name}[/][dim]{reply}[/]",
        title_align="left",
        border_style="dim",
        width=width,
    )


def _parts(block: Block) -> Iterator[RenderableType]:
    match block["type"]:
        case "header":
            yield Text(block["text"]["text"], style="bold")
        case "divider":
            yield Rule(style="dim")
        case "context":
            yield Padding(Text(" ").join(_text(element, "dim") for element in block["elements"]), (0, 0, 1, 0))
        case "rich_text":
            for element in block["elements"]:
                yield Padding(Text("".join(part["text"] for part in element["elements"]), style="green"), _INDENT)
        case "section":
            if "text" in block:
                yield _text(block["text"])
            for field in block.get("fields", []):
                yield Padding(_text(field), _INDENT)
        case other:
            message = f"the auditor uses no block {other!r}"
            raise ValueError(message)


def _text(element: Mapping[str, Any], style: str = "") -> Text:
    if element["type"] == "plain_text":
        return Text(element["text"], style=style)
    return markup(element["text"], style)


def markup(mrkdwn: str, style: str = "") -> Text:
    """Return mrkdwn as Slack shows it: bold, code and links by their labels."""
    shown, end = Text(style=style), 0
    for found in _MRKDWN.finditer(mrkdwn):
        shown.append(unescape(mrkdwn[end : found.start()]))
        if found["url"]:
            shown.append(unescape(found["label"]), style=f"underline link {unescape(found['url'])}")
        elif found["code"]:
            shown.append(unescape(found["code"]), style="magenta")
        else:
            shown.append(markup(found["bold"], "bold"))
        end = found.end()
    shown.append(unescape(mrkdwn[end:]))
    return shown
