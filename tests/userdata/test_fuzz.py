"""The fuzzer itself: it runs, it repeats itself, and it would see a parser that breaks its word."""

import random
from dataclasses import replace

import pytest

from eks_auditor.model.capacity import Taint
from eks_auditor.userdata import Joining, UnreadableUserDataError, joined_clusters, read_user_data
from tests.userdata.fuzz import FuzzError, Read, fuzz, made, main


def test_five_hundred_inputs() -> None:
    outcome = fuzz(500, seed=7)
    assert outcome.inputs == 500
    assert 50 < outcome.speaking <= outcome.readable < 450
    assert outcome.calls / 10 < outcome.understood < outcome.calls == 50


def test_the_same_seed_makes_the_same_inputs() -> None:
    one, same, other = (random.Random(seed) for seed in (1, 1, 2))  # noqa: S311  repeatable, not secret
    inputs = [made(one) for _ in range(20)]
    assert inputs == [made(same) for _ in range(20)]
    assert inputs != [made(other) for _ in range(20)]


def raises(error: Exception) -> Read:
    def read(text: str) -> Joining:
        if len(text) % 10 == 0:
            raise error
        return read_user_data(text)

    return read


def chained(text: str) -> Joining:
    try:
        return Joining(clusters=frozenset({text[200_000]}))
    except IndexError as error:
        problem = "it is too short"
        raise UnreadableUserDataError(problem) from error


@pytest.mark.parametrize(
    "broken",
    [
        raises(IndexError("list index out of range")),
        raises(UnicodeDecodeError("utf-8", b"x", 0, 1, "secret")),
        raises(RecursionError()),
        chained,
        lambda _: Joining(form="another"),
        lambda _: Joining(labels={"a": "b"}),
        lambda _: Joining(form="NodeConfig", labels={"a": "b c"}),
        lambda _: Joining(form="NodeConfig", taints=(Taint(key="a", value="b", effect="Never"),)),
        lambda _: Joining(form="NodeConfig", clusters=frozenset({"-"})),
        lambda _: Joining(form="NodeConfig", clusters=frozenset({"another"})),
    ],
)
def test_it_sees_a_parser_that_breaks_its_word(broken: Read) -> None:
    with pytest.raises(FuzzError, match=r"input \d+ of seed 1"):
        fuzz(300, seed=1, read=broken)


def without_taints(text: str) -> Joining:
    found = read_user_data(text)
    return replace(found, taints=()) if found.form == "bootstrap.sh" else found


def bold(text: str) -> Joining:
    """Take for no labels what cannot be read."""
    try:
        return read_user_data(text)
    except UnreadableUserDataError:
        return Joining(form="bootstrap.sh", clusters=joined_clusters(text))


@pytest.mark.parametrize("broken", [without_taints, bold])
def test_it_sees_other_labels_than_a_call_gives(broken: Read) -> None:
    with pytest.raises(FuzzError, match="other labels or taints than"):
        fuzz(300, seed=1, read=broken)


def test_it_prints_how_many_inputs_and_which_seed(capsys: pytest.CaptureFixture[str]) -> None:
    main(["20", "5"])
    assert "20 inputs of user data, seed 5: " in capsys.readouterr().out
