"""Scaling activities: what Auto Scaling groups did of late, and why."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from local_aws.fleet_nodes import ScalingGroup
from local_aws.images import Document
from local_aws.place import Place

_FAILURES_SHOWN: Final = 3
_PROTECTED: Final = "Could not scale to desired capacity because all remaining instances are protected from scale-in."
_BETWEEN_FAILURES = timedelta(minutes=15)


def activities_of(place: Place, name: str, group: ScalingGroup, instances: list[Document]) -> list[Document]:
    """Return a group's activities as DescribeScalingActivities shows them: of its instances, requests and failures."""
    return [
        *_failures(place, name, group),
        *_launches(place, name, instances),
        *_requests(place, name, group),
    ]


def _failures(place: Place, name: str, group: ScalingGroup) -> Iterator[Document]:
    """Yield the launches that fail now, newest first, and of each zone a termination that failed before them."""
    for index in range(_FAILURES_SHOWN):
        for letter, message in group.failed_launches.items():
            [subnet] = place.subnets([letter])
            ended = place.now - _BETWEEN_FAILURES * (index + 1)
            activity = _activity(place, name, f"failure-{letter}-{index}", ended, subnet)
            yield activity | {
                "Description": "Launching a new EC2 instance.",
                "StatusCode": "Failed",
                "StatusMessage": message,
            }
    for letter in group.failed_launches:
        [subnet] = place.subnets([letter])
        ended = place.now - _BETWEEN_FAILURES * (_FAILURES_SHOWN + 1)
        yield _activity(place, name, f"protected-{letter}", ended, subnet) | {
            "Cause": f"At {ended:%Y-%m-%dT%H:%M:%SZ} an instance was taken out of service in response to a difference "
            "between desired and actual capacity, shrinking the capacity.",
            "Description": "Terminating EC2 instance.",
            "StatusCode": "Failed",
            "StatusMessage": _PROTECTED,
        }


def _launches(place: Place, name: str, instances: list[Document]) -> Iterator[Document]:
    for instance in instances:
        subnet = place.state.subnets[instance["SubnetId"]]
        activity = _activity(place, name, instance["InstanceId"], instance["LaunchTime"], subnet)
        yield activity | {
            "Description": f"Launching a new EC2 instance: {instance['InstanceId']}",
            "StatusCode": "Successful",
        }


def _requests(place: Place, name: str, group: ScalingGroup) -> Iterator[Document]:
    """Yield the launches that somebody asked for; their instances are gone again."""
    for index, age in enumerate(group.asked_for):
        [subnet, *_] = place.subnets(group.zones)
        key = f"request-{index}"
        activity = _activity(place, name, key, place.now - age, subnet)
        asked = activity["StartTime"] - timedelta(seconds=10)
        sizes = f"changing the desired capacity from {max(group.desired - 1, 0)} to {max(group.desired, 1)}"
        request = f"At {asked:%Y-%m-%dT%H:%M:%SZ} a user request explicitly set group desired capacity {sizes}."
        yield activity | {
            "Cause": f"{request}  {activity['Cause']}",
            "Description": f"Launching a new EC2 instance: {place.id('i', name, key)}",
            "StatusCode": "Successful",
        }


def _activity(place: Place, group: str, key: str, ended: datetime, subnet: Document) -> Document:
    started = ended - timedelta(seconds=40)
    cause = "an instance was started in response to a difference between desired and actual capacity."
    return {
        "ActivityId": place.uuid("activity", group, key),
        "AutoScalingGroupName": group,
        "Cause": f"At {started:%Y-%m-%dT%H:%M:%SZ} {cause}",
        "StartTime": started,
        "EndTime": ended,
        "Progress": 100,
        "Details": json.dumps({"Subnet ID": subnet["SubnetId"], "Availability Zone": subnet["AvailabilityZone"]}),
    }
