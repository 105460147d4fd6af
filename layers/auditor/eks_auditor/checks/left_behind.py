"""Which nodes of a group are not what the group would launch today."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from eks_auditor.model.capacity import UNRESOLVED, GroupCapacity, LaunchConfig, Node
from eks_auditor.model.gap import Gap, UnreadableError, known
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.releases.builds import image_or_gap

LEFT_BEHIND_AFTER = timedelta(hours=24)
"""How long a roll-out may take, and how long after its launch a node may still be part of one, by default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftBehind:
    """A group's nodes in service that it would launch otherwise today.

    Attributes:
        in_service: How many nodes are in service.
        by_image: Those that run none of the configured images, the oldest launch first.
        by_template: Those that run a configured image, launched from a template's version that is not in use any more.
        due_at: When the next node has been there for so long that it counts.
        settles_at: When what the group launches has been there for so long that nodes count; until then none does.
            None where it has been, or where no node is anything else.
    """

    in_service: int
    by_image: tuple[Node, ...] = ()
    by_template: tuple[Node, ...] = ()
    due_at: datetime | None = None
    settles_at: datetime | None = None


def left_behind(capacity: GroupCapacity, snapshot: Snapshot, after: timedelta = LEFT_BEHIND_AFTER) -> LeftBehind:
    """Find the nodes that a roll-out left behind.

    Args:
        capacity: Whose.
        snapshot: The cluster's.
        after: How long a roll-out may take, and how long after its launch a node may still be part of one.

    Raises:
        UnreadableError: If the groups, what they launch, or an image that decides was not read.
    """
    nodes, launches = nodes_in_service(capacity), _launches(capacity)
    configured = {image_id for launch in launches for image_id in launch.image_ids}
    by_image = [node for node in nodes if node.image_id not in configured]
    if by_image:
        _demand_readable(configured, capacity.name, snapshot)
    others = (node for node in nodes if node.image_id in configured)
    by_template = [node for node in others if from_version_in_use(node, capacity) is False]
    now, changed_at = snapshot.taken_at, _changed_at(launches, configured, snapshot)
    if (by_image or by_template) and changed_at and now < (settles_at := changed_at + after):
        return LeftBehind(in_service=len(nodes), settles_at=settles_at)
    young = [at for node in (*by_image, *by_template) if now < (at := node.launched_at + after)]
    return LeftBehind(
        in_service=len(nodes),
        by_image=_of_age(by_image, now - after),
        by_template=_of_age(by_template, now - after),
        due_at=min(young, default=None),
    )


def nodes_in_service(capacity: GroupCapacity) -> tuple[Node, ...]:
    """Return a group's nodes that are in service, as their Auto Scaling group says.

    The others do not count: those that leave are on their way already, and warm and standby ones take no pods.

    Raises:
        UnreadableError: If the groups were not read.
    """
    serving = {instance.id for group in known(capacity.groups) for instance in group.in_service}
    return tuple(node for node in capacity.nodes if node.id in serving)


def from_version_in_use(node: Node, capacity: GroupCapacity) -> bool | None:
    """Tell whether a node was launched from a template's version that its group still uses.

    None where the node's tags name no template, or the group launches from none.

    Raises:
        UnreadableError: If the groups, or what they launch, was not read.
    """
    in_use = {(use.id, use.version) for launch in _launches(capacity) for use in launch.templates}
    used = _template_of(node)
    return None if used is None or not in_use else used in in_use


def demand_all_seen(snapshot: Snapshot) -> None:
    """Demand that no node can have been overlooked: one may be left behind, or the worst of all.

    Raises:
        UnreadableError: If instances were not read.
    """
    unread = snapshot.unseen(("standalone",))
    if unread is not None:
        raise UnreadableError(unread)


def _launches(capacity: GroupCapacity) -> list[LaunchConfig]:
    return [known(group.launch) for group in known(capacity.groups)]


def _changed_at(launches: list[LaunchConfig], configured: set[str], snapshot: Snapshot) -> datetime | None:
    """Return when the newest of the images and template versions in use was made.

    Nothing in a snapshot tells when ``$Latest`` or a parameter moved to them: not before.
    """
    images = (image_or_gap(image_id, snapshot) for image_id in configured)
    made = [image.created_at for image in images if not isinstance(image, Gap)]
    made += [use.created_at for launch in launches for use in launch.templates if use.created_at]
    return max(made, default=None)


def _demand_readable(configured: set[str], name: str, snapshot: Snapshot) -> None:
    """Demand every configured image by its id: one that is not resolved may be what the nodes run."""
    if not configured:
        raise UnreadableError(Gap("ec2:DescribeLaunchTemplateVersions", name, "no image that it launches was read"))
    for image_id in sorted(configured):
        if image_id.startswith(UNRESOLVED):
            told = image_or_gap(image_id, snapshot)
            unresolved = Gap("ssm:GetParameters", image_id, "the image behind the parameter was not read")
            raise UnreadableError(told if isinstance(told, Gap) else unresolved)


def _template_of(node: Node) -> tuple[str, str] | None:
    """Return the template and version that EC2 says the node was launched from."""
    template, version = (node.tags.get(f"aws:ec2launchtemplate:{word}") for word in ("id", "version"))
    return None if template is None or version is None else (template, version)


def _of_age(nodes: Iterable[Node], launched_by: datetime) -> tuple[Node, ...]:
    counted = (node for node in nodes if node.launched_at <= launched_by)
    return tuple(sorted(counted, key=lambda node: (node.launched_at, node.id)))
