"""One verdict of several: on the images of one capacity, or by the rules of one check."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from eks_auditor.model.gap import UnreadableError
from eks_auditor.model.verdict import Severity, Status, Verdict

# Worst first.
_ORDER = (Status.FAILED, Status.UNKNOWN, Status.PASSED, Status.NOT_APPLICABLE)


def worst(judgements: Iterable[Callable[[], Verdict]]) -> Verdict:
    """Judge all and return the worst verdict, due when the first of them is.

    Of two verdicts equally bad the first one counts.

    Raises:
        UnreadableError: If nothing failed, and something could not be read: then nothing has passed either.
    """
    verdicts: list[Verdict] = []
    unreadable: UnreadableError | None = None
    for judge in judgements:
        try:
            verdicts.append(judge())
        except UnreadableError as error:
            unreadable = unreadable or error
    verdicts.sort(key=_badness)
    if unreadable and not (verdicts and verdicts[0].status is Status.FAILED):
        raise unreadable
    dues = [verdict.due_at for verdict in verdicts if verdict.due_at]
    return replace(verdicts[0], due_at=min(dues, default=None))


def _badness(verdict: Verdict) -> tuple[int, int]:
    return _ORDER.index(verdict.status), -(verdict.severity or Severity.INFORMATIONAL)
