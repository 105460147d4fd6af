"""What is said of one group where its sibling set is judged."""

from eks_auditor.model.capacity import GroupCapacity
from eks_auditor.model.gap import known
from eks_auditor.model.verdict import Verdict, not_applicable
from eks_auditor.spread.siblings import Spread


def within_its_set(capacity: GroupCapacity, spread: Spread) -> Verdict:
    """Leave the word to the set that a group is in.

    Raises:
        UnreadableError: If it is not known which one that is.
    """
    if capacity.groups == ():
        return not_applicable(f"{capacity.name} has no Auto Scaling group")
    return not_applicable(f"judged together with its siblings: {known(spread.set_of(capacity)).name}")
