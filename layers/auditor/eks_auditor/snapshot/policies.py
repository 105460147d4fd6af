"""Reads of what scales groups besides a request: scaling policies and scheduled actions.

Both are listed for the account and Region at once, 100 a page, and shared by its clusters: asked for a group at a time,
each group would cost two calls more, and most groups of a cluster have neither.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from eks_auditor.model.capacity import ScalingPolicy, ScheduledAction
from eks_auditor.model.gap import Gap
from eks_auditor.snapshot.reading import not_again, read, utc
from eks_auditor.snapshot.reads import singly

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from mypy_boto3_autoscaling import AutoScalingClient
    from mypy_boto3_autoscaling.type_defs import ScalingPolicyTypeDef, ScheduledUpdateGroupActionTypeDef

    from eks_auditor.snapshot.reads import Reads

ACTIONS = frozenset({"autoscaling:DescribePolicies", "autoscaling:DescribeScheduledActions"})
"""The IAM actions that the calls in here need."""

type Policies = Mapping[str, tuple[ScalingPolicy, ...]]
"""By the name of their group; none for a group without any."""

type ScheduledActions = Mapping[str, tuple[ScheduledAction, ...]]
"""Likewise."""

_LARGEST_PAGE = 100
_PREDICTIVE = "PredictiveScaling"
_DEFAULT_MODE = "ForecastOnly"


@dataclass(frozen=True, slots=True)
class Scaled:
    """What scales the groups of a Region."""

    policies: Policies | Gap
    scheduled: ScheduledActions | Gap

    def policies_of(self, group: str) -> tuple[ScalingPolicy, ...] | Gap:
        """Return a group's policies."""
        return self.policies if isinstance(self.policies, Gap) else self.policies.get(group, ())

    def scheduled_of(self, group: str) -> tuple[ScheduledAction, ...] | Gap:
        """Return a group's scheduled actions."""
        return self.scheduled if isinstance(self.scheduled, Gap) else self.scheduled.get(group, ())


def read_scaled(reads: Reads) -> Callable[[], Scaled]:
    """Start to list what scales the groups of the Region; call what is returned for it."""
    client, cache, region = reads.clients.autoscaling, reads.cache, reads.clients.region
    policies = reads.passing(cache.policies, [region], singly, lambda _: {region: list_policies(client, region)})
    scheduled = reads.passing(
        cache.scheduled_actions, [region], singly, lambda _: {region: list_scheduled_actions(client, region)}
    )
    return lambda: Scaled(policies()[region], scheduled()[region])


def list_policies(client: AutoScalingClient, region: str) -> Policies | Gap:
    """Return all scaling policies of the account and Region.

    A failure is not retried: an audit that waits for it is not saved whole, and one check is not worth that.
    """

    def call() -> Policies:
        pages = client.get_paginator("describe_policies").paginate(PaginationConfig={"PageSize": _LARGEST_PAGE})
        described = (policy for page in pages for policy in page["ScalingPolicies"])
        return _by_group((policy["AutoScalingGroupName"], _policy(policy)) for policy in described)

    return not_again(read("autoscaling:DescribePolicies", region, call))


def _policy(described: ScalingPolicyTypeDef) -> ScalingPolicy:
    kind = described["PolicyType"]
    mode = described.get("PredictiveScalingConfiguration", {}).get("Mode", _DEFAULT_MODE)
    return ScalingPolicy(
        name=described["PolicyName"],
        kind=kind,
        enabled=described.get("Enabled", True),
        mode=mode if kind == _PREDICTIVE else None,
    )


def list_scheduled_actions(client: AutoScalingClient, region: str) -> ScheduledActions | Gap:
    """Return all scheduled actions of the account and Region that are not over; a failure is not retried, likewise."""

    def call() -> ScheduledActions:
        pages = client.get_paginator("describe_scheduled_actions").paginate(
            PaginationConfig={"PageSize": _LARGEST_PAGE}
        )
        described = (action for page in pages for action in page["ScheduledUpdateGroupActions"])
        return _by_group((action["AutoScalingGroupName"], _scheduled_action(action)) for action in described)

    return not_again(read("autoscaling:DescribeScheduledActions", region, call))


def _scheduled_action(described: ScheduledUpdateGroupActionTypeDef) -> ScheduledAction:
    return ScheduledAction(
        name=described["ScheduledActionName"],
        recurrence=described.get("Recurrence"),
        starts_at=_maybe_utc(described.get("StartTime")),
        ends_at=_maybe_utc(described.get("EndTime")),
        min_size=described.get("MinSize"),
        max_size=described.get("MaxSize"),
        desired=described.get("DesiredCapacity"),
    )


def _maybe_utc(instant: datetime | None) -> datetime | None:
    return None if instant is None else utc(instant)


def _by_group[T: (ScalingPolicy, ScheduledAction)](described: Iterable[tuple[str, T]]) -> dict[str, tuple[T, ...]]:
    """Sort by group, and within a group by name, so that the order of the pages tells nothing."""
    found: dict[str, list[T]] = {}
    for group, each in described:
        found.setdefault(group, []).append(each)
    return {group: tuple(sorted(some, key=lambda each: each.name)) for group, some in found.items()}
