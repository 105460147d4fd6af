"""Managed node groups in depth: their updates, and the default version of the user's own launch template."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from eks_auditor.model.capacity import NodegroupUpdate, TemplateUse
from eks_auditor.model.gap import Gap
from eks_auditor.snapshot import eks, templates
from eks_auditor.snapshot.reading import NOT_FOUND, code_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from eks_auditor.model.cluster import ClusterId
    from eks_auditor.snapshot.eks import DescribedNodegroup, NodegroupTemplate, Update
    from eks_auditor.snapshot.reads import Reads

type _Ids = tuple[str, ...] | Gap
type _Updates = tuple[NodegroupUpdate, ...] | Gap


def list_updates(reads: Reads, cluster: ClusterId, names: Iterable[str]) -> Callable[[], dict[str, _Ids]]:
    """Start to list the updates of node groups; call what is returned for their ids, by node group."""
    started = {name: reads.start(eks.list_updates, reads.clients.eks, cluster, name) for name in names}
    return lambda: {name: future.result() for name, future in started.items()}


def read_in_depth(
    reads: Reads, cluster: ClusterId, nodegroups: Iterable[DescribedNodegroup], listed: Mapping[str, _Ids]
) -> Callable[[], tuple[DescribedNodegroup, ...]]:
    """Start to read what descriptions do not tell; call what is returned for the node groups with it.

    Args:
        reads: The audit's reads.
        cluster: Whose they are.
        nodegroups: The node groups as described.
        listed: The ids of their updates, by node group.
    """
    groups = tuple(nodegroups)
    _forgive_vanished(reads, listed, {group.capacity.name for group in groups})
    updates = {group.capacity.name: _start_updates(reads, cluster, group.capacity.name, listed) for group in groups}
    named = {group.template.id: group.template.name for group in groups if group.template is not None}
    defaults = templates.read_default_versions(reads, named)

    def deep() -> tuple[DescribedNodegroup, ...]:
        found = defaults()
        return tuple(
            replace(
                group,
                capacity=replace(
                    group.capacity,
                    updates=updates[group.capacity.name](),
                    template=None if group.template is None else _use(group.template, found),
                ),
            )
            for group in groups
        )

    return deep


def _forgive_vanished(reads: Reads, listed: Mapping[str, _Ids], names: set[str]) -> None:
    """Forget what a node group left unread that was deleted meanwhile: there is none of it any more."""
    for name, answer in listed.items():
        if name not in names and isinstance(answer, Gap) and code_of(answer) == NOT_FOUND:
            reads.forgive(answer)


def _use(template: NodegroupTemplate, default_versions: Mapping[str, str | Gap]) -> TemplateUse:
    default = default_versions[template.id]
    return TemplateUse(id=template.id, name=template.name, version=template.version, default_version=default)


def _start_updates(
    reads: Reads, cluster: ClusterId, nodegroup: str, listed: Mapping[str, _Ids]
) -> Callable[[], _Updates]:
    """Start to describe a node group's updates; those that are over are asked for once in the life of the process."""
    ids = listed[nodegroup]
    if isinstance(ids, Gap):
        gap = ids
        return lambda: gap
    client, place, store = reads.clients.eks, reads.clients.place, reads.cache.updates
    key = f"{cluster.name}/{nodegroup}/{{}}".format
    known = [over for one in ids if (over := store.get(place, key(one)))]
    unknown = set(ids) - {update.id for update in known}
    started = [reads.start(eks.describe_update, client, cluster, one, nodegroup) for one in sorted(unknown)]

    def updates() -> _Updates:
        answers = [*known, *(future.result() for future in started)]
        read = [answer for answer in answers if not isinstance(answer, Gap)]
        for update in read:
            if update.over:
                store.put(place, key(update.id), update)
        unread = [answer for answer in answers if isinstance(answer, Gap)]
        return unread[0] if unread else tuple(_update(update) for update in sorted(read, key=lambda each: each.id))

    return updates


def _update(update: Update) -> NodegroupUpdate:
    return NodegroupUpdate(
        id=update.id, kind=update.kind, status=update.status, created_at=update.created_at, errors=update.errors
    )
