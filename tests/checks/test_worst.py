from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from itertools import permutations

import pytest

from eks_auditor.checks.worst import worst
from eks_auditor.model.gap import UnreadableError
from eks_auditor.model.verdict import Severity, Verdict, failed, not_applicable, passed, unknown
from tests.builders import NOW, gap

RANKED = (
    failed("on fire", severity=Severity.CRITICAL),
    failed("smells", severity=Severity.LOW),
    unknown("who knows"),
    passed("fine"),
    not_applicable("nothing here"),
)


def said(verdict: Verdict) -> Verdict:
    return verdict


def unreadable() -> Verdict:
    raise UnreadableError(gap())


@pytest.mark.parametrize("order", list(permutations(RANKED)))
def test_the_worst_counts_in_any_order(order: tuple[Verdict, ...]) -> None:
    for length in range(1, len(order) + 1):
        told = order[:length]
        word = worst(partial(said, verdict) for verdict in told)
        assert replace(word, partial=False) == min(told, key=RANKED.index)


@pytest.mark.parametrize("hidden", [unreadable, partial(said, unknown("who knows"))])
def test_a_failure_beside_what_is_not_known_stands_and_is_partial(hidden: Callable[[], Verdict]) -> None:
    assert worst((hidden, lambda: RANKED[1])) == replace(RANKED[1], partial=True)


def test_what_was_partial_makes_the_whole_partial() -> None:
    inner = partial(worst, (unreadable, lambda: RANKED[1]))

    assert worst((inner, lambda: RANKED[0])) == replace(RANKED[0], partial=True)


def test_only_failures_are_partial_and_only_beside_what_is_not_known() -> None:
    assert not worst((lambda: RANKED[2], lambda: RANKED[3])).partial
    assert not worst(partial(said, verdict) for verdict in (RANKED[0], RANKED[1], *RANKED[3:])).partial


def test_a_failure_without_a_rung_is_refused() -> None:
    with pytest.raises(ValueError, match="must name its severity: no rung"):
        worst((lambda: RANKED[1], lambda: failed("no rung")))


@pytest.mark.parametrize("other", RANKED[2:])
def test_nothing_passes_beside_what_cannot_be_read(other: Verdict) -> None:
    with pytest.raises(UnreadableError):
        worst((lambda: other, unreadable))


def test_it_is_due_when_the_first_of_them_is() -> None:
    soon, late = NOW + timedelta(days=1), NOW + timedelta(days=9)

    assert worst((lambda: replace(RANKED[0], due_at=late), lambda: passed("b", due_at=soon))).due_at == soon
    assert worst((lambda: RANKED[0], lambda: passed("b", due_at=late))).due_at == late
