"""How shell scripts fall into words; ``?`` stands here for what only the instance knows, ``*`` for words of it."""

import pytest

from eks_auditor.userdata.kubelet import UNTOLD, UNTOLD_WORDS
from eks_auditor.userdata.shell import parse_script


@pytest.mark.parametrize(
    ("script", "commands"),
    [
        ("", []),
        ("a b  c\td", [["a", "b", "c", "d"]]),
        ("a; b && c || d | e & f\ng", [["a"], ["b"], ["c"], ["d"], ["e"], ["f"], ["g"]]),
        ("a 'b c' \"d e\" f\\ g h'i'\"j\"", [["a", "b c", "d e", "f g", "hij"]]),
        ("a '' \"\"", [["a", "", ""]]),
        ("a \\\n b", [["a", "b"]]),
        ("a # b 'c\nd#e", [["a"], ["d#e"]]),
        ('a "\\$b \\" \\c \\\nd"', [["a", '$b " \\c d']]),
        ("a $b ${c} $(d 'e)' \"f)\") `g h` $@ x$y", [["a", "*", "*", "*", "*", "*", "x*"]]),
        ('a "$b" "${c}" "$*" "$@" "${c[@]}" "x$@"', [["a", "?", "?", "?", "*", "*", "x*"]]),
        ('a "$(b "c d" \'e)\')" "`f "g"`"', [["a", "?", "?"]]),
        ("a ${b:-${c}} $((1 + (2)))", [["a", "*", "*"]]),
        ("a >b 2>&1 < c d &> e", [["a", "d"]]),
        ("a 5 >b 5>c 6", [["a", "5", "6"]]),
        ("a <<EOF b\nc d\nEOF\ne", [["a", "b"], ["e"]]),
        ("a <<-'X' <<\"Y\"\nb\n\tX\nc\nY\nd", [["a"], ["d"]]),
        ("a <<\\E-F\nb\nE-F\nc", [["a"], ["c"]]),
        ("a <<E-F\nb\nE\n\tE-F\nE-F\nc", [["a"], ["c"]]),
        ("a <<' E'\nb\n E\nc <<-E.\n\t\tE.\nd", [["a"], ["c"], ["d"]]),
        ("a <<''\nb\n\nc", [["a"], ["c"]]),
        ("a <<< b c", [["a", "c"]]),
        ("a 'b", [["a", "'b"]]),
        ('a "b', [["a", "b"]]),
        ("a $(b", [["a", "*"]]),
        ("a $ b\\", [["a", "$", "b\\"]]),
    ],
)
def test_words(script: str, commands: list[list[str]]) -> None:
    found = parse_script(script).commands
    written = [[word.replace(UNTOLD_WORDS, "*").replace(UNTOLD, "?") for word in words] for words in found]
    assert written == commands


def test_what_may_run_as_well_is_kept_apart() -> None:
    script = parse_script("a >b $(c d) <<E\ne f\ng\nE\nh ${i:-j}")
    assert script.documents == ["b", "c d", "e f\ng", "i:-j"]


def test_known_variables_have_their_values() -> None:
    values = {"b": "x y", "d": "z"}
    [words] = parse_script('a "$b" "${b}c" "$bc" $d ${d}e', values).commands
    assert words == ["a", "x y", "x yc", UNTOLD, "z", "ze"]
    assert parse_script("$b ${b}", values).commands == [[UNTOLD_WORDS, UNTOLD_WORDS]]
