"""What was deleted between its being listed and its being described."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eks_auditor.model.gap import Gap
from eks_auditor.snapshot.reading import NOT_FOUND, code_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from eks_auditor.snapshot.reads import Reads


def without_vanished[V](
    reads: Reads, described: dict[str, V | Gap], list_again: Callable[[], Future[tuple[str, ...] | Gap]]
) -> dict[str, V | Gap]:
    """Leave out what was deleted after it was listed, once a second list confirms it: it is absent, not unreadable."""
    missing = {
        name: answer for name, answer in described.items() if isinstance(answer, Gap) and code_of(answer) == NOT_FOUND
    }
    if not missing:
        return described
    listed = list_again().result()
    if isinstance(listed, Gap):
        return described
    vanished = missing.keys() - set(listed)
    for name in vanished:
        reads.forgive(missing[name])
    return {name: answer for name, answer in described.items() if name not in vanished}
