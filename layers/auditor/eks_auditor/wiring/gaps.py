"""What an audit could not read: said once an action, counted by action, and told apart by how long that is so."""

from collections import Counter
from datetime import datetime, timedelta

from eks_auditor.model.gap import Gap
from eks_auditor.model.history import Head
from eks_auditor.wiring.telemetry import Telemetry

LASTS = timedelta(hours=1)
"""How long an action must go unanswered, in every audit of a cluster, to be no outage that passes by itself."""

NEWS = timedelta(days=2)
"""How long that counts as rising: two sweeps of the longest interval. After that it is how things are."""


def tell_gaps(gaps: tuple[Gap, ...], head: Head | None, taken_at: datetime, telemetry: Telemetry) -> None:
    """Say each failing action once, however many resources it failed on, and count what is new and lasts.

    Args:
        gaps: Of one audit.
        head: What the ledger knew of the cluster before it; None for a first audit, of which nothing is new.
        taken_at: The audit's instant.
        telemetry: Is told.
    """
    counts = Counter(gap.action for gap in gaps)
    first = {gap.action: gap for gap in reversed(gaps)}
    unanswered = Counter(gap.action for gap in gaps if gap.unanswered)
    began = {} if head is None else head.gaps
    for action, count in sorted(counts.items()):
        telemetry.count("Gaps", count, Action=action)
        telemetry.warning(
            f"{count} reads by {action} failed, the first one: {first[action]}; what needs them is UNKNOWN: "
            f"see whether the role may call it"
        )
    rising = (count for action, count in unanswered.items() if is_rising(began.get(action), taken_at))
    telemetry.count("GapsRising", sum(rising))


def is_rising(began: datetime | None, at: datetime) -> bool:
    """Tell whether what has failed since an instant is neither an outage that passes nor known for days."""
    return began is not None and LASTS <= at - began < LASTS + NEWS
