"""Reads of scaling activities: launches that failed, and sizes that changed or that somebody asked for.

DescribeScalingActivities takes one group or none, and is asked a group at a time. Without a group it lists those of the
whole account and Region, 100 a page. Counted for 20 clusters of 5 groups each, 14 days back:

| activities of each group | a group at a time | the Region at once |
|---|---|---|
| 4 | 100 calls | 4 pages |
| 60 | 100 calls | 60 pages |
| 280 | 300 calls | 280 pages |
| 4, and one group that fails to launch every minute | 109 calls | 206 pages |

The calls go side by side, and an audit makes those of its own groups: 5 of the 100. The pages come one after the other,
tell of every group of the account, whosever it is, and every process would have to read all of them for the first
cluster that it audits. So the listing gains only where hardly anything scales. AWS advises against it as well:
"Omitting this property performs an account-wide operation, which can result in slower or timed-out requests."
https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DescribeScalingActivities.html
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from eks_auditor.model.gap import Gap
from eks_auditor.snapshot.reading import one_line, read, utc

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from mypy_boto3_autoscaling import AutoScalingClient
    from mypy_boto3_autoscaling.type_defs import ActivityTypeDef

ACTIONS = frozenset({"autoscaling:DescribeScalingActivities"})
"""The IAM actions that the calls in here need."""

MOST_ACTIVITIES = 1000
"""Activities read of a group: one that fails to launch every minute writes 20,000 in 14 days, all saying the same."""

_ACTION = "autoscaling:DescribeScalingActivities"
_LARGEST_PAGE = 100
_FAILED = frozenset({"Failed", "Cancelled"})

# How Auto Scaling describes a launch.
_LAUNCHING = "Launching"

# Auto Scaling words SetDesiredCapacity as "At <time> a user request explicitly set group desired capacity changing the
# desired capacity from 3 to 4." EKS's own updates call UpdateAutoScalingGroup: "a user request update of
# AutoScalingGroup constraints to min: …", which does not match.
_HAND_SCALING = re.compile(
    r"(?:At \S+ )?a user request (?:explicitly )?set(?:ting)? (?:the )?(?:group )?desired capacity"
    r"[^.]*? from (\d+) to (\d+)",
    re.IGNORECASE,
)

# What changes the desired capacity, and not just the instances by which it is met: one that is replaced comes "in
# response to a difference between desired and actual capacity". Cluster Autoscaler takes instances away one by one,
# which lowers it: "taken out of service in response to a user request, shrinking the capacity from 3 to 2".
_RESIZING = re.compile(
    r"changing the desired capacity|update of AutoScalingGroup constraints|user request, shrinking the capacity",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedActivity:
    """A launch that failed; its zone is named, not yet identified."""

    subnet_id: str | None
    zone_name: str | None
    at: datetime
    message: str


@dataclass(frozen=True, slots=True)
class Activities:
    """What a group's scaling activities tell.

    Attributes:
        failed: Launches that failed lately.
        hand_scalings: How often somebody raised its size by request.
        scaled_at: When its size last changed; None where it did not, a gap where too few activities were read to tell.
        wished_at: When somebody last raised its size by request, likewise.
        hand_scaling_days: On how many days somebody did.
        wished_size: The greatest size that was asked for since ``failed_since``; None where none was.
    """

    failed: tuple[FailedActivity, ...]
    hand_scalings: int
    scaled_at: datetime | Gap | None
    wished_at: datetime | Gap | None
    hand_scaling_days: int
    wished_size: int | None


@dataclass(frozen=True, slots=True)
class _Raise:
    """A request that raised a group's size: what tells it from others, when it came, and to which size."""

    request: str
    at: datetime
    size: int


def read_activities(
    client: AutoScalingClient, group: str, *, failed_since: datetime, scaled_since: datetime
) -> Activities | Gap:
    """Read a group's activities, newest first, until they are older than ``scaled_since``.

    Counts are of the newest :data:`MOST_ACTIVITIES`. A request that adds three instances makes three activities with
    one and the same sentence: it counts once.
    """

    def call() -> Activities:
        pages = client.get_paginator("describe_scaling_activities").paginate(
            AutoScalingGroupName=group,
            PaginationConfig={"PageSize": _LARGEST_PAGE, "MaxItems": MOST_ACTIVITIES},
        )
        recent: list[ActivityTypeDef] = []
        for page in pages:
            recent += [activity for activity in page["Activities"] if activity["StartTime"] > scaled_since]
            if any(activity["StartTime"] <= scaled_since for activity in page["Activities"]):
                break
        raises = list(_raises(recent))
        untold = _untold(group) if len(recent) == MOST_ACTIVITIES else None
        return Activities(
            failed=tuple(_failures(recent, failed_since)),
            hand_scalings=len({each.request for each in raises}),
            scaled_at=max(_resizings(recent), default=untold),
            wished_at=max((each.at for each in raises), default=untold),
            hand_scaling_days=len({each.at.date() for each in raises}),
            wished_size=max((each.size for each in raises if each.at > failed_since), default=None),
        )

    return read(_ACTION, group, call)


def _untold(group: str) -> Gap:
    """Return what there is instead of an instant where older activities, which were not read, may tell it."""
    return Gap(_ACTION, group, f"TooMany: only the newest {MOST_ACTIVITIES} activities were read, and none tells it")


def _resizings(activities: Sequence[ActivityTypeDef]) -> Iterator[datetime]:
    """Yield when the group's size changed, whatever became of the instances."""
    for activity in activities:
        if _RESIZING.search(activity.get("Cause", "")):
            yield utc(activity["StartTime"])


def _raises(activities: Sequence[ActivityTypeDef]) -> Iterator[_Raise]:
    """Yield the requests that raised the size; a cause without its time is told from others by the activity's own."""
    for activity in activities:
        match = _HAND_SCALING.search(activity.get("Cause", ""))
        if match is not None and int(match[1]) < int(match[2]):
            said = match.group()
            request = said if said.startswith("At ") else f"{activity['StartTime']} {said}"
            yield _Raise(request, utc(activity["StartTime"]), int(match[2]))


def _failures(activities: Sequence[ActivityTypeDef], since: datetime) -> Iterator[FailedActivity]:
    for activity in activities:
        launching = activity.get("Description", "").startswith(_LAUNCHING)
        if launching and activity["StatusCode"] in _FAILED and activity["StartTime"] > since:
            details = _details(activity.get("Details", ""))
            yield FailedActivity(
                subnet_id=details.get("Subnet ID"),
                zone_name=details.get("Availability Zone"),
                at=utc(activity["StartTime"]),
                message=one_line(activity.get("StatusMessage") or activity.get("Cause", "")),
            )


def _details(text: str) -> dict[str, str]:
    """Read an activity's details, a JSON object in a string; an unreadable one tells nothing."""
    try:
        details = json.loads(text or "{}")
    except ValueError:
        return {}
    return details if isinstance(details, dict) else {}
