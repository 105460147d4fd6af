"""Which nodes of a group are not what the group would launch today."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from eks_auditor.model.capacity import GroupCapacity, LaunchConfig, Node
from eks_auditor.model.gap import Gap, UnreadableError, known
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.releases.builds import image_or_gap

LEFT_BEHIND_AFTER = timedelta(hours=24)
"""How long after its launch a node may still be part of a roll-out."""

UNRESOLVED = "resolve:ssm:"
"""How the image of a launch template begins whose parameter could not be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftBehind:
    """A group's nodes in service that it would launch otherwise today.

    Attributes:
        in_service: How many nodes are in service.
        by_image: Those that run none of the configured images, the oldest launch first.
        by_template: Those that run a configured image, launched from a template's version that is not in use any more.
        due_at: When the next node has been there for so long that it counts.
    """

    in_service: int
    by_image: tuple[Node, ...]
    by_template: tuple[Node, ...]
    due_at: datetime | None


def left_behind(capacity: GroupCapacity, snapshot: Snapshot) -> LeftBehind:
    """Find the nodes that a roll-out left behind.

    Only instances in service count, as their Auto Scaling group says: those that leave are on their way already, and
    warm and standby ones take no pods.

    Raises:
        UnreadableError: If the groups, what they launch, or an image that decides was not read.
    """
    groups = known(capacity.groups)
    launches = [known(group.launch) for group in groups]
    serving = {instance.id for group in groups for instance in group.in_service}
    nodes = [node for node in capacity.nodes if node.id in serving]
    configured = {image_id for launch in launches for image_id in launch.image_ids}
    by_image = [node for node in nodes if node.image_id not in configured]
    if by_image:
        _demand_readable(configured, capacity.name, snapshot)
    by_template = _by_template([node for node in nodes if node.image_id in configured], launches)
    now = snapshot.taken_at
    young = [at for node in (*by_image, *by_template) if now < (at := node.launched_at + LEFT_BEHIND_AFTER)]
    return LeftBehind(
        in_service=len(nodes),
        by_image=_of_age(by_image, now),
        by_template=_of_age(by_template, now),
        due_at=min(young, default=None),
    )


def _demand_readable(configured: set[str], name: str, snapshot: Snapshot) -> None:
    """Demand every configured image by its id: one that is not resolved may be what the nodes run."""
    if not configured:
        raise UnreadableError(Gap("ec2:DescribeLaunchTemplateVersions", name, "no image that it launches was read"))
    for image_id in sorted(configured):
        if image_id.startswith(UNRESOLVED):
            told = image_or_gap(image_id, snapshot)
            unresolved = Gap("ssm:GetParameters", image_id, "the image behind the parameter was not read")
            raise UnreadableError(told if isinstance(told, Gap) else unresolved)


def _by_template(nodes: list[Node], launches: list[LaunchConfig]) -> list[Node]:
    """Return the nodes of any age whose template version, by their tags, no group uses any more."""
    in_use = {(use.id, use.version) for launch in launches for use in launch.templates}
    return [node for node in nodes if in_use and (used := _template_of(node)) is not None and used not in in_use]


def _template_of(node: Node) -> tuple[str, str] | None:
    """Return the template and version that EC2 says the node was launched from."""
    template, version = (node.tags.get(f"aws:ec2launchtemplate:{word}") for word in ("id", "version"))
    return None if template is None or version is None else (template, version)


def _of_age(nodes: Iterable[Node], now: datetime) -> tuple[Node, ...]:
    counted = (node for node in nodes if now >= node.launched_at + LEFT_BEHIND_AFTER)
    return tuple(sorted(counted, key=lambda node: (node.launched_at, node.id)))
