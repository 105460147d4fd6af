"""What to say of a release: which capacities it supersedes, and when AMI001's ladder begins for each."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import batched

from eks_auditor.events.errors import EventError
from eks_auditor.events.messages import NoticedCapacity, NoticedCluster
from eks_auditor.events.requests import ReleaseRequest
from eks_auditor.model.cluster import ClusterId
from eks_auditor.model.history import Running
from eks_auditor.model.release import ReleaseLine
from eks_auditor.releases.families import order

FIRST_RUNG = timedelta(days=14)
"""How long a release may have been superseded before the first finding opens, where no policy says otherwise: AMI001's,
as a test says.

Its own module would bring all checks along, which planning needs none of.
"""

CAPACITIES_AN_ENTRY = 20
"""A cluster of more capacities has several entries: each fits into a message, whatever people put into names."""

type Runs = Iterable[tuple[ClusterId, tuple[Running, ...]]]
type _Place = tuple[int, ...]


def is_rebuild(request: ReleaseRequest) -> bool:
    """Tell another image of the same release, which is no news: the notice of that release was given.

    Raises:
        EventError: If the event's versions are not spelt as its family's are.
    """
    old, new = _places(request)
    return old == new


def notice_of(request: ReleaseRequest, runs: Runs) -> tuple[NoticedCluster, ...]:
    """Return what a release concerns, the first to cross a rung first, by cluster.

    A newer release supersedes what is older than it; one that AWS built again supersedes nothing anew. One that AWS
    takes back supersedes nobody: then the notice is of the capacities that run what was taken back, and nothing is due.

    Args:
        request: The release.
        runs: The clusters that run its line, each with what its capacities run of it.

    Raises:
        EventError: If the event's versions are not spelt as its family's are.
    """
    old, new = _places(request)
    if old == new:
        return ()
    entries = [
        NoticedCluster(cluster=cluster, capacities=capacities)
        for cluster, running in runs
        for capacities in batched(_concerned(request, running, old, new), CAPACITIES_AN_ENTRY, strict=False)
    ]
    return tuple(sorted(entries, key=lambda entry: (_urgency(entry.capacities[0]), entry.cluster)))


def _concerned(
    request: ReleaseRequest, capacities: tuple[Running, ...], old: _Place, new: _Place
) -> list[NoticedCapacity]:
    places = ((running, _place(request.line, running.version)) for running in capacities)
    if request.rollback:
        noticed = [_noticed(running, None) for running, ours in places if ours is not None and new < ours <= old]
    else:
        noticed = [
            _noticed(running, _superseded_since(request, running, ours, old))
            for running, ours in places
            if ours is None or ours < new
        ]
    return sorted(noticed, key=_urgency)


def _superseded_since(request: ReleaseRequest, running: Running, ours: _Place | None, old: _Place) -> datetime | None:
    """Return since when a capacity's release is superseded, now that there is a newer one; None if that is not known.

    What was at or beyond the former recommendation was current until now. Anything older was superseded before: since
    when, the cluster's last audit said, if it could tell.
    """
    if ours is not None and ours >= old:
        return request.published_at
    return running.superseded_since


def _noticed(running: Running, since: datetime | None) -> NoticedCapacity:
    return NoticedCapacity(
        kind=running.kind,
        name=running.name,
        version=running.version,
        superseded_since=since,
        first_rung_at=None if since is None or running.off else _first_rung_at(running, since),
        own_image=running.own_image,
    )


def _first_rung_at(running: Running, since: datetime) -> datetime:
    """Return when the first finding opens; the policy's word is that of the cluster's last audit."""
    first_rung = FIRST_RUNG if running.first_rung is None else running.first_rung
    return max(since + first_rung, running.judged_from or since)


def _places(request: ReleaseRequest) -> tuple[_Place, _Place]:
    try:
        return order(request.line, request.old.version), order(request.line, request.new.version)
    except (KeyError, ValueError) as error:
        message = (
            f"the release event {request.event_id} of {request.line} in {request.region} cannot be read: {error}; "
            f"nobody is told of it, and the next sweep judges by what AWS recommends"
        )
        raise EventError(message) from error


def _place(line: ReleaseLine, version: str | None) -> _Place | None:
    """Return where a capacity's release stands in its line; None where that cannot be read."""
    try:
        return None if version is None else order(line, version)
    except ValueError:
        return None


def _urgency(capacity: NoticedCapacity) -> tuple[bool, datetime | None, str, str]:
    """Order by the day that the ladder begins; what has none comes last."""
    return capacity.first_rung_at is None, capacity.first_rung_at, capacity.kind, capacity.name
