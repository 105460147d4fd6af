import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eks_auditor.sinks import blocks
from eks_auditor.sinks.mrkdwn import code, cut, cut_markup, escape, length, link, plain
from eks_auditor.sinks.slack_message import SlackMessage
from tests.sinks.slack.messages import HOSTILE, faults, names


def test_text_is_escaped_once() -> None:
    assert escape("<!channel> & &lt;") == "&lt;!channel&gt; &amp; &amp;lt;"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("web", "`web`"),
        ("a`b", "`a'b`"),
        ("a\nb\u202ec", "`a b c`"),
        ("<@U1>", "`&lt;@U1&gt;`"),
        ("", "`(no name)`"),
        ("\x00", "`(no name)`"),
        ("x" * 200, f"`{'x' * 119}…`"),
    ],
)
def test_a_name_is_a_code_span(name: str, shown: str) -> None:
    assert code(name) == shown


@pytest.mark.parametrize("hostile", HOSTILE)
def test_nothing_hostile_comes_to_life(hostile: str) -> None:
    shown = SlackMessage(
        escape(hostile) or "a",
        (
            blocks.header(hostile),
            blocks.words(plain(hostile)),
            blocks.section(f"{code(hostile)} {link('https://github.com', hostile)}"),
            blocks.preformatted(hostile),
        ),
    )
    assert faults(shown) == []


@pytest.mark.parametrize("url", [None, "", "http://github.com", "javascript:alert(1)", f"https://{'a' * 1000}"])
def test_what_is_no_address_is_no_link(url: str | None) -> None:
    assert link(url, "a|b<c") == "a/b&lt;c"


def test_an_address_ends_where_it_should() -> None:
    assert link("https://a.example/?b=c&d=>|e<!f g", "h") == "<https://a.example/?b=c&amp;d=%3E%7Ce%3C!f%20g|h>"


@given(
    st.lists(st.sampled_from(["&amp;", "`a b`", "<https://github.com|x>", "y", " ", "🧨"])).map("".join),
    st.integers(1, 60),
)
def test_a_cut_splits_nothing(markup: str, limit: int) -> None:
    shown = cut_markup(markup, limit)
    assert length(shown) <= limit
    assert shown == markup if length(markup) <= limit else shown.endswith("…")
    assert re.fullmatch(r"(?:&amp;|`a b`|<https://github\.com\|x>|[y 🧨…])*", shown)


@given(names, st.integers(1, 600))
def test_a_cut_is_seen(text: str, limit: int) -> None:
    shown = cut(text, limit)
    assert length(shown) <= limit
    assert shown == text if length(text) <= limit else shown.endswith("…")
