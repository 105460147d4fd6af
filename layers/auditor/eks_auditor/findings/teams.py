"""Whose a subject is, by a tag: its own, or else its cluster's."""

from collections.abc import Iterable, Mapping

from eks_auditor.model.capacity import ManagedNodeGroup, SelfManagedGroup
from eks_auditor.model.cluster import Cluster
from eks_auditor.model.gap import Gap
from eks_auditor.spread.siblings import SiblingSet

TEAM_TAG = "team"
"""The key of the tag, where nobody names another one. AWS tells upper from lower case in keys."""

LONGEST = 256
"""Characters of a tag's value: https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html."""


def team_of(judged: object, cluster: Cluster, key: str) -> str | None:
    """Return whose a subject is; None where no tag says.

    A node group is whose its own tag says, or else its Auto Scaling group's. A sibling set is whose all of its members
    are. Everything else, and whatever is of several teams, is whose the cluster is.

    Args:
        judged: A cluster, a capacity, a sibling set or a zone.
        cluster: The cluster that it is in.
        key: The key of the tag.
    """
    of_cluster = _said(cluster.tags, key)
    if isinstance(judged, SiblingSet):
        return _common((_own(member, key) or of_cluster for member in judged.members), of_cluster)
    return _own(judged, key) or of_cluster


def _own(judged: object, key: str) -> str | None:
    said = _said(judged.tags, key) if isinstance(judged, ManagedNodeGroup) else None
    if said is None and isinstance(judged, ManagedNodeGroup | SelfManagedGroup) and not isinstance(judged.groups, Gap):
        return _common((_said(group.tags, key) for group in judged.groups), None)
    return said


def _common(teams: Iterable[str | None], otherwise: str | None) -> str | None:
    """Return what all of them are, if they are one."""
    one, *others = {*teams} or {otherwise}
    return otherwise if others else one


def _said(tags: Mapping[str, str], key: str) -> str | None:
    """Read a tag: one line, as long as AWS lets it be, and nothing where it is blank."""
    value = "".join(each if each.isprintable() else " " for each in tags.get(key, ""))
    return value[:LONGEST].strip() or None
