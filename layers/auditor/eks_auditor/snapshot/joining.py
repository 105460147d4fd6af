"""How instances join a cluster, as their user data says it; its text goes no further than the read that brings it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eks_auditor.model.capacity import UNDECLARED
from eks_auditor.model.gap import Gap
from eks_auditor.userdata import UnreadableUserDataError, read_user_data

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eks_auditor.userdata import Joining

_SILENT = f"{UNDECLARED}: its user data does not say how its nodes join: the image may"
_DIFFERENT = f"{UNDECLARED}: its launch templates declare different labels or taints"


def joining_of(user_data: str, action: str, resource: str) -> Joining | Gap:
    """Read what user data says of the nodes that start from it.

    Args:
        user_data: As EC2 and Auto Scaling give it, in base64; empty where there is none.
        action: The IAM action of the call that told it.
        resource: Whose it is.

    Returns:
        What is said, or the gap, which begins with :data:`~eks_auditor.model.capacity.UNDECLARED`: no call failed.
    """
    try:
        found = read_user_data(user_data)
    except UnreadableUserDataError as error:
        return Gap(action, resource, f"{UNDECLARED}: {error}")
    return found if found.form else Gap(action, resource, _SILENT)


def common(group: str, said: Sequence[Joining | Gap]) -> Joining | Gap:
    """Return what all that a group launches from says alike, or what is in the way."""
    known = [each for each in said if not isinstance(each, Gap)]
    if len(known) < len(said):
        return next(each for each in said if isinstance(each, Gap))
    if not known or any((each.labels, each.taints) != (known[0].labels, known[0].taints) for each in known):
        return Gap("ec2:DescribeLaunchTemplateVersions", group, _DIFFERENT)
    return known[0]
