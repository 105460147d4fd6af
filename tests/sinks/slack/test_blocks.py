import pytest
from hypothesis import given
from hypothesis import strategies as st

from eks_auditor.sinks import blocks
from eks_auditor.sinks.mrkdwn import code
from eks_auditor.sinks.slack_message import Block, SlackMessage
from tests.sinks.slack.messages import faults, names, texts


@pytest.mark.parametrize(
    "block",
    [
        blocks.header("x" * 5000),
        blocks.header(""),
        blocks.words("x" * 5000),
        blocks.words("y" * 5000, 300),
        blocks.section("&amp;" * 5000),
        blocks.section(""),
        blocks.fields(["x" * 5000]),
        blocks.context("x" * 5000, ""),
        blocks.preformatted(""),
        blocks.divider(),
    ],
)
def test_a_block_is_within_its_limits(block: Block) -> None:
    assert faults(blocks.message("x" * 5000, [block])) == []


def test_a_cut_is_seen() -> None:
    assert texts(SlackMessage("a", (blocks.words("x" * 5000, 300), blocks.header("y" * 151)))) == [
        "x" * 299 + "…",
        "y" * 149 + "…",
    ]


def test_a_command_is_shown_as_it_is() -> None:
    command = "a && b < <(c) | d `e` '<!channel>'\nf"
    assert texts(SlackMessage("a", (blocks.preformatted(command),))) == [command]


@pytest.mark.parametrize("count", [0, 11])
def test_too_many_texts_are_refused(count: int) -> None:
    with pytest.raises(ValueError, match="Slack takes 1 to 10"):
        blocks.fields(["a"] * count)
    with pytest.raises(ValueError, match="Slack takes 1 to 10"):
        blocks.context(*["a"] * count)


def test_a_message_that_does_not_fit_is_refused() -> None:
    for too_much in ([blocks.divider()] * 51, [blocks.words("x" * 3000)] * 4):
        assert not blocks.fits(too_much)
        with pytest.raises(ValueError, match="group what they tell"):
            blocks.message("a", too_much)
    assert blocks.fits([blocks.divider()] * 50)


@given(st.lists(names.map(code), max_size=60))
def test_lines_are_packed_and_none_is_lost(lines: list[str]) -> None:
    packed = blocks.sections(lines)
    assert "\n".join(texts(SlackMessage("a", packed))) == "\n".join(lines)
    assert all(not faults(SlackMessage("a", (block,))) for block in packed)
    assert len(packed) <= 1 + sum(map(len, lines)) // 1000


def test_lines_are_cut_one_by_one() -> None:
    first, second = texts(SlackMessage("a", blocks.sections(["x" * 4000, "y"])))
    assert (len(first), first[-1], second) == (3000, "…", "y")
