"""One verdict of several: on the images of one capacity, or by the rules of one check."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from eks_auditor.model.gap import UnreadableError
from eks_auditor.model.verdict import Status, Verdict

# Worst first.
_ORDER = (Status.FAILED, Status.UNKNOWN, Status.PASSED, Status.NOT_APPLICABLE)


def worst(judgements: Iterable[Callable[[], Verdict]]) -> Verdict:
    """Judge all and return the worst verdict, due when the first of them is.

    Of two verdicts equally bad the first one counts. A failure beside what is unknown or could not be read is partial.

    Raises:
        UnreadableError: If nothing failed, and something could not be read: then nothing has passed either.
        ValueError: If a failure names no rung: the check's default is not known here, so nothing ranks it.
    """
    verdicts: list[Verdict] = []
    unreadable: UnreadableError | None = None
    for judge in judgements:
        try:
            verdicts.append(judge())
        except UnreadableError as error:
            unreadable = unreadable or error
    verdicts.sort(key=_badness)
    failed = bool(verdicts) and verdicts[0].status is Status.FAILED
    if unreadable and not failed:
        raise unreadable
    hidden = unreadable is not None or any(v.partial or v.status is Status.UNKNOWN for v in verdicts)
    dues = [verdict.due_at for verdict in verdicts if verdict.due_at]
    return replace(verdicts[0], due_at=min(dues, default=None), partial=failed and hidden)


def _badness(verdict: Verdict) -> tuple[int, int]:
    if verdict.status is not Status.FAILED:
        return _ORDER.index(verdict.status), 0
    if verdict.severity is None:
        message = f"a failure among several must name its severity: {verdict.reason}"
        raise ValueError(message)
    return _ORDER.index(verdict.status), -verdict.severity
