"""Which clusters to audit."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from eks_auditor.events.messages import AuditRequest
from eks_auditor.events.requests import (
    AuditsRequest,
    ClustersRequest,
    DueRequest,
    ImagesRequest,
    ReleaseRequest,
    SweepRequest,
)
from eks_auditor.model.cluster import ClusterId
from eks_auditor.model.gap import Gap
from eks_auditor.plan.targets import Place

CLOCK_SKEW = timedelta(minutes=1)
"""How far ahead of ours the clock of whoever asks is believed to be."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do about an event.

    Attributes:
        audits: One request a cluster, ordered by cluster.
        refusals: A sentence for each cluster that is named and not audited.
    """

    audits: tuple[AuditRequest, ...]
    refusals: tuple[str, ...] = ()


def plan(  # noqa: PLR0913  everything that a plan rests on is handed in
    request: AuditsRequest,
    *,
    places: Iterable[Place],
    listed: Mapping[Place, Iterable[ClusterId] | Gap],
    known: Iterable[ClusterId],
    now: datetime,
    ids: Callable[[], str],
) -> Plan:
    """Say which clusters an event asks to audit.

    Args:
        request: What the event asks for.
        places: The targets.
        listed: For a sweep: what AWS lists in each place; a gap takes nothing away from what the ledger knows there.
        known: For a sweep, the clusters that the ledger knows; for due audits, those that have fallen due; for a
            release and for images, those that run it. A known cluster that is not listed is audited too: whether it is
            gone is for the audit to find evidence of. A sweep withdraws what is open of known clusters that are in none
            of the targets.
        now: The time of planning.
        ids: Makes audit ids.
    """
    targets = frozenset(places)
    not_before, refusals = now, tuple[str, ...]()
    dropped, policy_changed = set[ClusterId](), False
    match request:
        case SweepRequest():
            cause, policy_changed = request.policy or "sweep", request.policy is not None
            found = {cluster for clusters in listed.values() if not isinstance(clusters, Gap) for cluster in clusters}
            remembered = set(known)
            kept = _within(remembered, targets)
            clusters, dropped = found | kept, remembered - kept
        case DueRequest():
            cause = "due"
            clusters = _within(known, targets)
        case ClustersRequest():
            cause = request.cause
            clusters, refusals = _named(request, targets)
            not_before = _asked_at(request.at, now)
        case ReleaseRequest() | ImagesRequest():
            cause = request.cause if isinstance(request, ImagesRequest) else _release(request)
            clusters = _within(known, targets)
            not_before = _asked_at(request.at, now)
    audits = tuple(
        AuditRequest(audit_id=ids(), cluster=cluster, not_before=not_before, cause=cause, policy_changed=policy_changed)
        for cluster in sorted(clusters)
    )
    endings = tuple(
        AuditRequest(audit_id=ids(), cluster=cluster, not_before=now, cause="it is no longer a target", untargeted=True)
        for cluster in sorted(dropped)
    )
    return Plan(audits + endings, refusals)


def _release(request: ReleaseRequest) -> str:
    what = "rollback to" if request.rollback else "release"
    return f"{what} {request.new.version} of {request.line}"


def _asked_at(at: datetime, now: datetime) -> datetime:
    """Return the instant that a snapshot must have begun after to show what the event tells of.

    An event's own time is cut to the second, so a snapshot begun later in that second may predate the change: the time
    of planning, which is after both, is safe. Only a clock ahead of ours can make the event's time the later one; it is
    believed within reason, because a time far ahead would let no audit ever answer.
    """
    return max(now, min(at, now + CLOCK_SKEW))


def _within(clusters: Iterable[ClusterId], targets: frozenset[Place]) -> set[ClusterId]:
    return {cluster for cluster in clusters if Place.of(cluster) in targets}


def _named(request: ClustersRequest, targets: frozenset[Place]) -> tuple[set[ClusterId], tuple[str, ...]]:
    clusters: set[ClusterId] = set()
    refusals = []
    for arn in request.clusters:
        try:
            cluster = ClusterId.from_arn(arn)
        except ValueError as error:
            refusals.append(f"{request.cause} names no cluster: {error}; it is skipped")
            continue
        if Place.of(cluster) in targets:
            clusters.add(cluster)
        else:
            refusals.append(
                f"{request.cause} names {arn}, but {Place.of(cluster)} is none of the stack's Targets; "
                f"it is skipped: add that target to the stack to audit it"
            )
    return clusters, tuple(refusals)
