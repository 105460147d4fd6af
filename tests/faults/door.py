"""A function before one piece of work, and what several of them are opened with."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from eks_auditor.model.cluster import ClusterId
from eks_auditor.snapshot.unfinished import NO_ANSWER
from tests.faults.fleet import ACCOUNT, REGION
from tests.faults.stack import Stack
from tests.ledger.build import audit, finding
from tests.wiring.fakes import Heard

FORGOTTEN = ClusterId("aws", ACCOUNT, REGION, "forgotten")
"""A cluster that the ledger knows and EKS does not list."""


@dataclass(frozen=True)
class Door:
    """One function before one piece of work.

    Attributes:
        run: Does it once; says whether it was returned, to come again.
        effect: What the world has of it so far; each thing once, however often it was told.
        heard: What the function said.
        kept: Whether the function itself put what it was given into a failure queue.
    """

    run: Callable[[], bool]
    effect: Callable[[], frozenset[str]]
    heard: Heard
    kept: Callable[[], bool] = lambda: False


def raised(call: Callable[[], object], *trouble: type[Exception]) -> bool:
    """Call as Lambda does, which brings an event again whose function raises."""
    expected: tuple[type[Exception], ...] = (*trouble, *NO_ANSWER)
    try:
        call()
    except expected:
        return True
    return False


def announced(stack: Stack, cluster: ClusterId = FORGOTTEN) -> dict[str, Any]:
    """Save an audit that opens a finding, and return its announcement as the ledger holds it."""
    stack.ledger.save(audit(cluster=cluster), hub=False)
    stack.ledger.save(audit(60, finding(), cluster=cluster), hub=True)
    items = stack.client("dynamodb").scan(TableName=stack.name)["Items"]
    [item] = [item for item in items if item["item"]["S"].startswith("OUTBOX#")]
    return dict(item)
