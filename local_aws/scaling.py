"""What sets the size of an Auto Scaling group by itself: scaling policies and scheduled actions."""

from typing import Final

from local_aws.fleet_nodes import ScalingGroup
from local_aws.fleet_scaling import ScalingPolicy, Schedule
from local_aws.images import Document
from local_aws.place import Place

_TYPES: Final = {
    "target-tracking": "TargetTrackingScaling",
    "step": "StepScaling",
    "simple": "SimpleScaling",
    "predictive": "PredictiveScaling",
}


def policies_of(place: Place, name: str, group: ScalingGroup) -> list[Document]:
    """Return a group's scaling policies as DescribePolicies shows them."""
    return [
        {
            "AutoScalingGroupName": name,
            "PolicyName": policy,
            "PolicyARN": _arn(place, "scalingPolicy", name, f"policyName/{policy}"),
            "PolicyType": _TYPES[described.type],
            "Enabled": described.enabled,
            "Alarms": _alarms(place, name, described),
            **_acts(described),
        }
        for policy, described in group.policies.items()
    ]


def scheduled_actions_of(place: Place, name: str, group: ScalingGroup) -> list[Document]:
    """Return a group's scheduled actions as DescribeScheduledActions shows them."""
    return [_scheduled(place, name, action, described) for action, described in group.schedules.items()]


def _arn(place: Place, kind: str, group: str, named: str) -> str:
    return place.state.arn(
        "autoscaling", f"{kind}:{place.uuid(kind, group, named)}:autoScalingGroupName/{group}:{named}"
    )


def _alarms(place: Place, group: str, policy: ScalingPolicy) -> list[Document]:
    """Return the alarms that act on a policy: a predictive one has none, target tracking has its own two."""
    ends = {"predictive": (), "target-tracking": ("AlarmHigh", "AlarmLow")}.get(policy.type, ("CPU",))
    names = [f"TargetTracking-{group}-{end}" if policy.type == "target-tracking" else f"{group}-{end}" for end in ends]
    return [{"AlarmName": name, "AlarmARN": place.state.arn("cloudwatch", f"alarm:{name}")} for name in names]


def _acts(policy: ScalingPolicy) -> Document:
    match policy.type:
        case "target-tracking":
            metric = {"PredefinedMetricType": "ASGAverageCPUUtilization"}
            tracking = {"PredefinedMetricSpecification": metric, "TargetValue": 60.0, "DisableScaleIn": False}
            return {"TargetTrackingConfiguration": tracking}
        case "step":
            steps = [{"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 1}]
            return {"AdjustmentType": "ChangeInCapacity", "StepAdjustments": steps, "MetricAggregationType": "Average"}
        case "simple":
            return {"AdjustmentType": "ChangeInCapacity", "ScalingAdjustment": 1, "Cooldown": 300}
        case "predictive":
            pair = {"PredefinedMetricType": "ASGCPUUtilization"}
            metrics = [{"TargetValue": 60.0, "PredefinedMetricPairSpecification": pair}]
            return {"PredictiveScalingConfiguration": {"MetricSpecifications": metrics, "Mode": policy.mode}}


def _scheduled(place: Place, group: str, name: str, described: Schedule) -> Document:
    starts = None if described.starts_in is None else place.now + described.starts_in
    ends = None if described.ends_in is None else place.now + described.ends_in
    said = {
        "StartTime": starts,
        "Time": starts,  # what StartTime was called once; both are shown
        "EndTime": ends,
        "Recurrence": described.recurrence,
        "MinSize": described.min,
        "MaxSize": described.max,
        "DesiredCapacity": described.desired,
    }
    return {
        "AutoScalingGroupName": group,
        "ScheduledActionName": name,
        "ScheduledActionARN": _arn(place, "scheduledUpdateGroupAction", group, f"scheduledActionName/{name}"),
        **{member: value for member, value in said.items() if value is not None},
    }
