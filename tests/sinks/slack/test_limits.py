"""The checker itself: each of these it must find."""

from typing import Any

import pytest

from tests.sinks.slack.limits import broken


def markup(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}


def plain(text: str, kind: str = "header") -> dict[str, Any]:
    return {"type": kind, "text": {"type": "plain_text", "text": text, "emoji": False}}


@pytest.mark.parametrize(
    "block",
    [
        plain("x" * 151),
        plain(""),
        plain("a\x00b"),
        markup("x" * 3001),
        markup("<!channel>"),
        markup("<@U1>"),
        markup("<https://evil.example|AWS console>"),
        markup("<https://github.com.evil.example|page>"),
        markup("<https://github.com>"),
        markup("a < b"),
        markup("a & b"),
        markup("a `b"),
        {"type": "section", "text": {"type": "mrkdwn", "text": "not verbatim"}},
        {"type": "section", "fields": [markup("a")["text"]] * 11},
        {"type": "context", "elements": []},
        {"type": "context", "elements": [markup("a")["text"]] * 11},
        {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": []}]},
        {"type": "image", "image_url": "https://evil.example"},
    ],
)
def test_a_fault_is_found(block: dict[str, Any]) -> None:
    assert broken({"text": "a", "blocks": [block]})


def test_too_much_is_found() -> None:
    assert broken({"text": "a", "blocks": [markup("a")] * 51})
    assert broken({"text": "a", "blocks": [markup("x" * 3000)] * 4}) == ["msg_blocks_too_long"]
    assert broken({"text": "x" * 4001, "blocks": [markup("a")]}) == ["the text has 4001 characters"]
    assert broken({"text": "<!channel>", "blocks": [markup("a")]})


def test_a_sound_message_has_no_fault() -> None:
    link = markup("*ours* `a&amp;b` <https://eu-west-1.console.aws.amazon.com/eks?a=b&amp;c=d|AWS console>")
    assert broken({"text": "a", "blocks": [plain("שלום <!channel> 🧨"), link, {"type": "divider"}]}) == []
