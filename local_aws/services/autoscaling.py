"""Auto Scaling: groups, their tags and activities, and the changes by which people break or mend them."""

from collections.abc import Mapping
from datetime import datetime

from local_aws.errors import AwsError
from local_aws.images import Document
from local_aws.paging import Paging
from local_aws.scaling_groups import scaling_tag
from local_aws.services.call import Call, Operation
from local_aws.world import tags_of

_ALL_PROCESSES = (
    "Launch",
    "Terminate",
    "AddToLoadBalancer",
    "AlarmNotification",
    "AZRebalance",
    "HealthCheck",
    "InstanceRefresh",
    "ReplaceUnhealthy",
    "ScheduledActions",
)
_COPIED_BY_UPDATE = (
    "MinSize",
    "MaxSize",
    "DesiredCapacity",
    "DefaultCooldown",
    "HealthCheckType",
    "HealthCheckGracePeriod",
    "CapacityRebalance",
    "MaxInstanceLifetime",
    "VPCZoneIdentifier",
    "LaunchTemplate",
    "MixedInstancesPolicy",
)


def _paging(default: int = 50) -> Paging:
    return Paging("MaxRecords", "NextToken", default, 1, 100, "ValidationError", "InvalidNextToken")


def describe_auto_scaling_groups(call: Call) -> Document:
    """Describe groups by name, by tag, or all."""
    names = call.params.get("AutoScalingGroupNames")
    found = [group for name, group in sorted(call.state.groups.items()) if not names or name in names]
    for condition in call.params.get("Filters") or []:
        found = [group for group in found if _has_tag(group, condition)]
    if call.params.get("IncludeInstances") is False:
        found = [{**group, "Instances": []} for group in found]
    return call.page("AutoScalingGroups", found, _paging())


def _has_tag(group: Document, condition: Document) -> bool:
    """Judge one filter: `tag-key`, `tag-value` or `tag:<key>`; the values of one filter are alternatives."""
    name, values, tags = condition["Name"], condition["Values"], tags_of(group)
    if name == "tag-key":
        return any(key in values for key in tags)
    if name == "tag-value":
        return any(value in values for value in tags.values())
    if name.startswith("tag:"):
        return tags.get(name.removeprefix("tag:")) in values
    message = f"Filter type {name} is not correct. Allowed Filter types are: tag-key, tag-value, tag:<key>"
    raise AwsError(message, code="ValidationError")


def describe_scaling_activities(call: Call) -> Document:
    """Describe activities, newest first."""
    name, wanted = call.params.get("AutoScalingGroupName"), call.params.get("ActivityIds")
    if name is not None:
        _group(call, name)
    found = [
        activity
        for group, activities in call.state.activities.items()
        if name in {None, group}
        for activity in activities
        if not wanted or activity["ActivityId"] in wanted
    ]
    found.sort(key=lambda activity: activity["StartTime"], reverse=True)
    return call.page("Activities", found, _paging(100))


def describe_instance_refreshes(call: Call) -> Document:
    """Describe a group's instance refreshes, newest first."""
    _group(call, call.params["AutoScalingGroupName"])
    wanted = call.params.get("InstanceRefreshIds")
    refreshes = call.state.refreshes[call.params["AutoScalingGroupName"]]
    found = [refresh for refresh in refreshes if not wanted or refresh["InstanceRefreshId"] in wanted]
    return call.page("InstanceRefreshes", found, _paging())


def describe_launch_configurations(call: Call) -> Document:
    """Describe launch configurations by name, or all."""
    names = call.params.get("LaunchConfigurationNames")
    found = [each for name, each in sorted(call.state.launch_configurations.items()) if not names or name in names]
    return call.page("LaunchConfigurations", found, _paging())


def describe_policies(call: Call) -> Document:
    """Describe scaling policies by group, name and type."""
    name, names, types = (call.params.get(member) for member in ("AutoScalingGroupName", "PolicyNames", "PolicyTypes"))
    found = [
        policy
        for group, policies in sorted(call.state.policies.items())
        if name in {None, group}
        for policy in policies
        if (not names or policy["PolicyName"] in names) and (not types or policy["PolicyType"] in types)
    ]
    return call.page("ScalingPolicies", found, _paging())


def describe_scheduled_actions(call: Call) -> Document:
    """Describe scheduled actions that are not over, by group, name or time; names win over times."""
    name, names = call.params.get("AutoScalingGroupName"), call.params.get("ScheduledActionNames")
    if names and name is None:
        message = "AutoScalingGroupName is required if ScheduledActionNames are given"
        raise AwsError(message, code="ValidationError")
    found = [
        action
        for group, actions in sorted(call.state.scheduled_actions.items())
        if name in {None, group}
        for action in actions
        if _is_to_come(action, call.now)
        and (action["ScheduledActionName"] in names if names else _starts(action, call))
    ]
    return call.page("ScheduledUpdateGroupActions", found, _paging())


def _is_to_come(action: Document, now: datetime) -> bool:
    """Say whether an action happens again: one that happens once is gone from the list when it has happened."""
    last = action.get("EndTime") if "Recurrence" in action else action["StartTime"]
    return bool(last is None or last > now)


def _starts(action: Document, call: Call) -> bool:
    """Say whether an action starts in the times asked for; without a start of its own, it has started."""
    earliest, latest = call.params.get("StartTime"), call.params.get("EndTime")
    starts = action.get("StartTime", call.now)
    return bool((earliest is None or starts >= earliest) and (latest is None or starts <= latest))


def describe_tags(call: Call) -> Document:
    """Describe tags of groups, filtered by group, key, value or whether nodes get them."""
    readers = {
        "auto-scaling-group": "ResourceId",
        "key": "Key",
        "value": "Value",
        "propagate-at-launch": "PropagateAtLaunch",
    }
    found = [tag for _, group in sorted(call.state.groups.items()) for tag in group["Tags"]]
    for condition in call.params.get("Filters") or []:
        if condition["Name"] not in readers:
            message = f"Filter type {condition['Name']} is not correct."
            raise AwsError(message, code="ValidationError")
        wanted = [value.lower() for value in condition["Values"]]
        found = [tag for tag in found if str(tag[readers[condition["Name"]]]).lower() in wanted]
    return call.page("Tags", found, _paging())


def create_or_update_tags(call: Call) -> Document:
    """Put tags on groups."""
    for tag in call.params["Tags"]:
        group = _group(call, tag["ResourceId"])
        fresh = scaling_tag(
            tag["ResourceId"], tag["Key"], tag.get("Value") or "", propagate=tag.get("PropagateAtLaunch") or False
        )
        group["Tags"] = [each for each in group["Tags"] if each["Key"] != tag["Key"]] + [fresh]
    return {}


def delete_tags(call: Call) -> Document:
    """Take tags off groups."""
    for tag in call.params["Tags"]:
        group = _group(call, tag["ResourceId"])
        group["Tags"] = [each for each in group["Tags"] if each["Key"] != tag["Key"]]
    return {}


def suspend_processes(call: Call) -> Document:
    """Suspend processes, all of them if none is named."""
    group, processes = _processes(call)
    reason = f"User suspended at {call.now:%Y-%m-%dT%H:%M:%SZ}"
    kept = [each for each in group["SuspendedProcesses"] if each["ProcessName"] not in processes]
    group["SuspendedProcesses"] = kept + [{"ProcessName": name, "SuspensionReason": reason} for name in processes]
    return {}


def resume_processes(call: Call) -> Document:
    """Resume processes, all of them if none is named."""
    group, processes = _processes(call)
    group["SuspendedProcesses"] = [each for each in group["SuspendedProcesses"] if each["ProcessName"] not in processes]
    return {}


def _processes(call: Call) -> tuple[Document, list[str]]:
    return _group(call, call.params["AutoScalingGroupName"]), call.params.get("ScalingProcesses") or list(
        _ALL_PROCESSES
    )


def update_auto_scaling_group(call: Call) -> Document:
    """Change a group's sizes and settings; instances stay as they are."""
    group = _group(call, call.params["AutoScalingGroupName"])
    group |= {member: call.params[member] for member in _COPIED_BY_UPDATE if call.params.get(member) is not None}
    return {}


def _group(call: Call, name: str) -> Document:
    found = call.state.groups.get(name)
    if found is None:
        message = f"AutoScalingGroup name not found - AutoScalingGroup {name} not found"
        raise AwsError(message, code="ValidationError")
    return found


OPERATIONS: Mapping[str, Operation] = {
    "DescribeAutoScalingGroups": describe_auto_scaling_groups,
    "DescribeScalingActivities": describe_scaling_activities,
    "DescribeInstanceRefreshes": describe_instance_refreshes,
    "DescribeLaunchConfigurations": describe_launch_configurations,
    "DescribePolicies": describe_policies,
    "DescribeScheduledActions": describe_scheduled_actions,
    "DescribeTags": describe_tags,
    "CreateOrUpdateTags": create_or_update_tags,
    "DeleteTags": delete_tags,
    "SuspendProcesses": suspend_processes,
    "ResumeProcesses": resume_processes,
    "UpdateAutoScalingGroup": update_auto_scaling_group,
}
