"""Slack's limits of blocks, and what in a message would notify somebody.

Below https://docs.slack.dev/reference/block-kit: ``blocks`` (50 in a message) and a page for each of them,
``composition-objects/text-object``, ``block-elements/button-element``.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

BLOCKS_LIMIT = 50
TEXT_LIMIT = 3000
HEADER_LIMIT = 150
FIELDS_LIMIT = 10
FIELD_LIMIT = 2000
CONTEXT_LIMIT = 10
ACTIONS_LIMIT = 25
BUTTON_LIMIT = 75
URL_LIMIT = 3000
ID_LIMIT = 255
MESSAGE_LIMIT = 40_000
"""Characters of a message's own text; what is longer Slack cuts off."""

TOTAL_LIMIT = 9_600
"""Characters of text in all blocks of ``chat.postMessage`` together. This limit alone Slack does not document: people
saw 9,597 taken and 11,341 refused with ``msg_blocks_too_long`` (https://github.com/slackapi/bolt-js/issues/2867)."""

_RICH = {
    "rich_text_section": frozenset({"text", "link", "emoji", "user", "usergroup", "channel", "broadcast", "date"}),
    "rich_text_preformatted": frozenset({"text", "link"}),
    "rich_text_quote": frozenset({"text", "link", "emoji", "user", "usergroup", "channel", "broadcast", "date"}),
}
_LOUD_ELEMENTS = frozenset({"user", "usergroup", "channel", "broadcast"})

_MENTION = re.compile(r"<(?:[!@#][^<>]*)>")
_BARE = re.compile(r"(?<![\w`])@(?:channel|here|everyone)\b")


def broken(blocks: list[Any]) -> Iterator[str]:
    """Yield what Slack would not take, in words like its own, each with where it is."""
    if len(blocks) > BLOCKS_LIMIT:
        yield f"no more than {BLOCKS_LIMIT} items allowed [json-pointer:/blocks]"
    ids: set[str] = set()
    for index, block in enumerate(blocks):
        where = f"/blocks/{index}"
        if not isinstance(block, dict):
            yield f"must be an object [json-pointer:{where}]"
            continue
        yield from _block(block, where)
        block_id = block.get("block_id")
        if block_id is not None:
            if not isinstance(block_id, str) or not 0 < len(block_id) <= ID_LIMIT or block_id in ids:
                yield f"invalid or repeated block_id [json-pointer:{where}/block_id]"
            ids.add(str(block_id))


def is_too_long(blocks: list[Any]) -> bool:
    """Tell whether blocks, each within its limits, are too much together."""
    return sum(_length(text) for text in _texts(blocks)) > TOTAL_LIMIT


def pings_of(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield what would notify somebody, or be made a mention or a link though nobody marked it up as one."""
    if document.get("link_names") or document.get("parse") == "full":
        yield "link_names or parse makes names in the text mentions"
    yield from _mentions(str(document.get("text") or ""))
    for node in _nodes(document.get("blocks") or []):
        if node.get("type") == "mrkdwn":
            yield from _mentions(str(node.get("text")))
            if not node.get("verbatim"):
                yield from _BARE.findall(str(node.get("text")))
        if node.get("type") in _LOUD_ELEMENTS:
            yield f"element {node['type']}"


def _mentions(text: str) -> list[str]:
    return [found for found in _MENTION.findall(text) if not found.startswith("<!date")]


def _block(block: Mapping[str, Any], where: str) -> Iterator[str]:
    match block.get("type"):
        case "header":
            yield from _text(block.get("text"), f"{where}/text", HEADER_LIMIT, ("plain_text",))
        case "section":
            yield from _section(block, where)
        case "context":
            yield from _context(block.get("elements"), f"{where}/elements")
        case "actions":
            yield from _actions(block.get("elements"), f"{where}/elements")
        case "rich_text":
            yield from _rich_text(block.get("elements"), f"{where}/elements")
        case "divider":
            return
        case other:
            yield f"unsupported type: {other} [json-pointer:{where}/type]"


def _section(block: Mapping[str, Any], where: str) -> Iterator[str]:
    fields = block.get("fields")
    if "text" not in block and fields is None:
        yield f"missing required field: text or fields [json-pointer:{where}]"
    if "text" in block:
        yield from _text(block["text"], f"{where}/text", TEXT_LIMIT)
    if fields is not None:
        yield from _count(fields, f"{where}/fields", FIELDS_LIMIT)
        for index, each in enumerate(fields):
            yield from _text(each, f"{where}/fields/{index}", FIELD_LIMIT)
    if "accessory" in block:
        yield from _button(block["accessory"], f"{where}/accessory")


def _context(elements: Any, where: str) -> Iterator[str]:  # noqa: ANN401  other people's JSON
    yield from _count(elements, where, CONTEXT_LIMIT)
    for index, each in enumerate(elements or []):
        yield from _text(each, f"{where}/{index}", TEXT_LIMIT)


def _actions(elements: Any, where: str) -> Iterator[str]:  # noqa: ANN401  other people's JSON
    yield from _count(elements, where, ACTIONS_LIMIT)
    for index, each in enumerate(elements or []):
        yield from _button(each, f"{where}/{index}")


def _button(element: Any, where: str) -> Iterator[str]:  # noqa: ANN401  other people's JSON
    if not isinstance(element, dict) or element.get("type") != "button":
        yield f"unsupported element [json-pointer:{where}]"
        return
    yield from _text(element.get("text"), f"{where}/text", BUTTON_LIMIT, ("plain_text",))
    if len(str(element.get("url", ""))) > URL_LIMIT:
        yield f"must be less than {URL_LIMIT + 1} characters [json-pointer:{where}/url]"
    if len(str(element.get("action_id", ""))) > ID_LIMIT:
        yield f"must be less than {ID_LIMIT + 1} characters [json-pointer:{where}/action_id]"


def _rich_text(elements: Any, where: str) -> Iterator[str]:  # noqa: ANN401  other people's JSON
    yield from _count(elements, where, BLOCKS_LIMIT)
    for index, part in enumerate(elements or []):
        at = f"{where}/{index}"
        if not isinstance(part, dict) or part.get("type") not in (*_RICH, "rich_text_list"):
            yield f"unsupported element [json-pointer:{at}]"
        elif part["type"] == "rich_text_list":
            yield from _rich_text(part.get("elements"), f"{at}/elements")
        else:
            yield from _rich_elements(part, at)


def _rich_elements(part: Mapping[str, Any], where: str) -> Iterator[str]:
    elements = part.get("elements")
    if not isinstance(elements, list) or not elements:
        yield f"missing required field: elements [json-pointer:{where}]"
        return
    for index, each in enumerate(elements):
        at = f"{where}/elements/{index}"
        if not isinstance(each, dict) or each.get("type") not in _RICH[part["type"]]:
            yield f"unsupported element [json-pointer:{at}]"
        elif each["type"] == "text" and not (isinstance(each.get("text"), str) and each["text"]):
            yield f"must be more than 0 characters [json-pointer:{at}/text]"


def _text(
    given: Any,  # noqa: ANN401  other people's JSON
    where: str,
    limit: int,
    types: tuple[str, ...] = ("plain_text", "mrkdwn"),
) -> Iterator[str]:
    if not isinstance(given, dict) or given.get("type") not in types or not isinstance(given.get("text"), str):
        yield f"failed to match all allowed schemas [json-pointer:{where}]"
        return
    if given["type"] == "plain_text" and "verbatim" in given:
        yield f"verbatim is of mrkdwn alone [json-pointer:{where}]"
    if not given["text"]:
        yield f"must be more than 0 characters [json-pointer:{where}/text]"
    if _length(given["text"]) > limit:
        yield f"must be less than {limit + 1} characters [json-pointer:{where}/text]"


def _count(elements: Any, where: str, limit: int) -> Iterator[str]:  # noqa: ANN401  other people's JSON
    if not isinstance(elements, list) or not elements:
        yield f"must have at least 1 item [json-pointer:{where}]"
    elif len(elements) > limit:
        yield f"no more than {limit} items allowed [json-pointer:{where}]"


def _nodes(node: Any) -> Iterator[Mapping[str, Any]]:  # noqa: ANN401  any part of the blocks
    if isinstance(node, dict):
        yield node
        for each in node.values():
            yield from _nodes(each)
    elif isinstance(node, list):
        for each in node:
            yield from _nodes(each)


def _texts(blocks: list[Any]) -> Iterator[str]:
    return (node["text"] for node in _nodes(blocks) if isinstance(node.get("text"), str))


def _length(text: str) -> int:
    """Count as the strictest reader would: in UTF-16, where an emoji is two."""
    return len(text.encode("utf-16-le", errors="surrogatepass")) // 2
