"""Tags of an Auto Scaling group as Auto Scaling's API takes them: what a command of the AWS CLI is given as JSON.

In JSON, whatever a name or a value holds is told from what is around it. The CLI's shorthand takes commas, brackets and
quotes of a group's name for its own.
"""

import json
from collections.abc import Iterable, Mapping


def tags_to_put(group: str, tags: Mapping[str, str]) -> str:
    """Return tags as ``create-or-update-tags`` takes them, by key.

    They are not propagated to instances, where they would serve nobody; see ``docs/autoscaler.md``.
    """
    return json.dumps(
        [{**_of(group), "Key": key, "Value": value, "PropagateAtLaunch": False} for key, value in sorted(tags.items())]
    )


def tags_to_take(group: str, keys: Iterable[str]) -> str:
    """Return the keys of tags as ``delete-tags`` takes them, in their order."""
    return json.dumps([{**_of(group), "Key": key} for key in keys])


def _of(group: str) -> dict[str, str]:
    return {"ResourceId": group, "ResourceType": "auto-scaling-group"}
