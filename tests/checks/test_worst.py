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
        assert worst(partial(said, verdict) for verdict in told) == min(told, key=RANKED.index)


def test_a_failure_stands_beside_what_cannot_be_read() -> None:
    assert worst((unreadable, lambda: RANKED[1])) == RANKED[1]


@pytest.mark.parametrize("other", RANKED[2:])
def test_nothing_passes_beside_what_cannot_be_read(other: Verdict) -> None:
    with pytest.raises(UnreadableError):
        worst((lambda: other, unreadable))


def test_it_is_due_when_the_first_of_them_is() -> None:
    soon, late = NOW + timedelta(days=1), NOW + timedelta(days=9)

    assert worst((lambda: failed("a", due_at=late), lambda: passed("b", due_at=soon))).due_at == soon
    assert worst((lambda: failed("a"), lambda: passed("b", due_at=late))).due_at == late
