"""The scheduled actions of a group that are still to happen."""

from datetime import datetime

from eks_auditor.model.capacity import ScalingGroup, ScheduledAction
from eks_auditor.model.gap import known

SCHEDULED = "ScheduledActions"
"""The process that runs scheduled actions.

Source: https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-suspend-resume-processes.html
"""


def coming(group: ScalingGroup, now: datetime) -> list[ScheduledAction]:
    """Return the scheduled actions that are still to happen, by name.

    Raises:
        UnreadableError: If they could not be read.
    """
    if SCHEDULED in group.suspended:
        return []
    actions = sorted(known(group.scheduled), key=lambda action: action.name)
    return [action for action in actions if (over := over_at(action)) is None or over > now]


def over_at(action: ScheduledAction) -> datetime | None:
    """Return when an action happens no more; None of one that recurs for good."""
    if action.recurrence is not None:
        return action.ends_at
    return action.starts_at
