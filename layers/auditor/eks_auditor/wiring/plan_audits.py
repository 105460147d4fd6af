"""PlanAudits: an event becomes one message for each cluster to audit."""

import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Protocol

from eks_auditor.events.errors import EventError
from eks_auditor.events.messages import AuditRequest
from eks_auditor.events.requests import (
    AuditsRequest,
    DigestRequest,
    DueRequest,
    ImagesRequest,
    PollRequest,
    RelayRequest,
    ReleaseRequest,
    SweepRequest,
)
from eks_auditor.events.sources import parse_event
from eks_auditor.ledger.documents import RELAYED_KEPT
from eks_auditor.ledger.heads import Heads
from eks_auditor.ledger.notices import compose_notice
from eks_auditor.ledger.outbox import Outbox
from eks_auditor.ledger.table import Ledger
from eks_auditor.model.cluster import ClusterId
from eks_auditor.model.gap import Gap
from eks_auditor.model.history import Running
from eks_auditor.plan.audits import plan
from eks_auditor.plan.notice import is_rebuild, notice_of
from eks_auditor.plan.targets import Place, parse_targets
from eks_auditor.settings import Settings
from eks_auditor.snapshot.eks import list_clusters
from eks_auditor.wiring.accounts import WORKERS, Accounts
from eks_auditor.wiring.audit_queue import AuditQueue
from eks_auditor.wiring.clock import Clock, make_clock
from eks_auditor.wiring.standing import Standing
from eks_auditor.wiring.telemetry import Context, Telemetry, make_telemetry

REPLAYED_AFTER = RELAYED_KEPT - timedelta(days=1)
"""How long after a release its event still gives notice of it: while the ledger remembers whether that was given."""

type Listed = tuple[ClusterId, ...] | Gap
type Runs = Mapping[ClusterId, tuple[Running, ...]]


class PlanLedger(Protocol):
    """What is asked of the ledger."""

    def known(self) -> Iterable[ClusterId]:
        """Return the clusters that are not known to be gone."""

    def due(self, now: datetime) -> Iterable[ClusterId]:
        """Return the clusters of which a verdict changes by time alone before an instant."""

    def running(self, partition: str, region: str, key: str, /) -> Iterable[tuple[ClusterId, tuple[Running, ...]]]:
        """Return the clusters of a Region that run something, each with its capacities that do."""

    def announce(self, messages: Sequence[Outbox], /) -> bool:
        """Write an announcement unless it was made before; return whether it was made now."""


class PlanAudits:
    """Plans audits."""

    def __init__(  # noqa: PLR0913  its neighbours, all by name
        self,
        *,
        own: Place,
        places: Iterable[Place],
        lister: Callable[[Place], Listed],
        ledger: PlanLedger,
        queue: AuditQueue,
        clock: Clock,
        ids: Callable[[], str],
        telemetry: Telemetry,
        standing: Standing | None = None,
    ) -> None:
        """Take the targets, whom to ask about them, and what measures how the fleet stands, if that is wanted."""
        self._own = own
        self._places = tuple(places)
        self._lister = lister
        self._ledger = ledger
        self._queue = queue
        self._clock = clock
        self._ids = ids
        self._telemetry = telemetry
        self._standing = standing

    def plan(self, event: Mapping[str, Any]) -> dict[str, int]:
        """Ask for the audits that an event calls for; return how many.

        A release is announced once, when its audits are asked for: an event that comes again asks for them again. One
        of long ago, replayed from an archive, is not announced.

        A place that cannot be listed is said and counted, and fails nothing: the clusters that the ledger knows there
        are asked for all the same, and the next sweep lists it again. Tried again, the event would ask for every audit
        of every place once more.

        Raises:
            EventError: If the event cannot be read: it is kept in the failure queue.
            NotAskedError: If the queue did not take some audits.
        """
        try:
            request = self._request(event)
            runs = self._runs(request)
            notice = self._notice(request, runs)
        except EventError as error:
            self._telemetry.warning(str(error))
            raise
        listed = self._list() if isinstance(request, SweepRequest) else {}
        planned = plan(
            request,
            places=self._places,
            listed=listed,
            known=self._known(request, runs),
            now=self._clock(),
            ids=self._ids,
        )
        for sentence in planned.refusals:
            self._telemetry.warning(sentence)
        self._queue.ask(planned.audits)
        for audit in planned.audits:
            self._tell(audit)
        if notice and self._ledger.announce(notice):
            self._telemetry.info(f"gave notice: {notice[0].key.item} of {notice[0].key.cluster}, parts: {len(notice)}")
        if listed and not planned.audits and not any(isinstance(answer, Gap) for answer in listed.values()):
            # The heartbeat counts samples: a sweep of no clusters is alive, too.
            self._telemetry.count("AuditsDone", 0)
        if isinstance(request, SweepRequest) and self._standing is not None:
            self._standing.measure(audit.cluster for audit in planned.audits)
        return {"audits": len(planned.audits)}

    def _request(self, event: Mapping[str, Any]) -> AuditsRequest:
        request = parse_event(event, partition=self._own.partition)
        if isinstance(request, RelayRequest):
            message = "a relay was asked of PlanAudits; send Relay Requested to PublishTransitions"
            raise EventError(message)
        if isinstance(request, DigestRequest):
            message = "a digest was asked of PlanAudits; send Digest Requested to SendDigest"
            raise EventError(message)
        if isinstance(request, PollRequest):
            message = "a poll was asked of PlanAudits; send Release Poll Requested to WatchReleases"
            raise EventError(message)
        return request

    def _list(self) -> dict[Place, Listed]:
        with ThreadPoolExecutor(WORKERS) as pool:
            listed = dict(zip(self._places, pool.map(self._lister, self._places), strict=True))
        for place, answer in listed.items():
            if isinstance(answer, Gap):
                self._telemetry.count("PlanGaps", Action=answer.action)
                self._telemetry.warning(
                    f"the clusters of {place} cannot be listed: {answer}; those that the ledger knows there are "
                    f"audited all the same, and the next sweep lists them again: if this stays, see whether the Region "
                    f"is enabled and the role may call {answer.action}"
                )
        return listed

    def _known(self, request: AuditsRequest, runs: Runs) -> Iterable[ClusterId]:
        match request:
            case SweepRequest():
                return self._ledger.known()
            case DueRequest():
                return self._ledger.due(self._clock())
        return runs

    def _runs(self, request: AuditsRequest) -> Runs:
        """Return which targets run what an event is about, by the ledger: nothing is listed and no cluster is read."""
        match request:
            case ReleaseRequest():
                keys: tuple[str, ...] = (str(request.line),)
            case ImagesRequest():
                keys = request.keys
            case _:
                return {}
        found = (self._ledger.running(request.partition, request.region, key) for key in keys)
        return {
            cluster: capacities for runs in found for cluster, capacities in runs if Place.of(cluster) in self._places
        }

    def _notice(self, request: AuditsRequest, runs: Runs) -> tuple[Outbox, ...]:
        """Compose the notice of a release; where it is no news or no target runs its line, there is none to give."""
        if not isinstance(request, ReleaseRequest) or not runs or is_rebuild(request):
            return ()
        if self._clock() - request.at > REPLAYED_AFTER:
            self._telemetry.info(
                f"gave no notice of release event {request.event_id}: it is of {request.at:%Y-%m-%d}, and whether one "
                f"was given then can no longer be told; the audits that were asked for find what is due"
            )
            return ()
        clusters = notice_of(request, runs.items())
        return compose_notice(request, clusters, running=len(runs), saved_at=self._clock())

    def _tell(self, audit: AuditRequest) -> None:
        with self._telemetry.about(audit_id=audit.audit_id, cluster=audit.cluster.arn):
            self._telemetry.info(f"asked for an audit of {audit.cluster.arn}: {audit.cause}")


def make_lister(accounts: Accounts) -> Callable[[Place], Listed]:
    """Return what lists a place's clusters: with a client of EKS alone, the others would cost more than the call."""

    def lister(place: Place) -> Listed:
        names = list_clusters(accounts.client("eks", place), place.region)
        if isinstance(names, Gap):
            return names
        return tuple(ClusterId(place.partition, place.account, place.region, name) for name in sorted(names))

    return lister


@cache
def _build(function_arn: str) -> tuple[PlanAudits, Telemetry]:
    settings = Settings.from_environment()
    own = Place.of_function(function_arn)
    telemetry = make_telemetry(settings.stack)
    accounts = Accounts(own, settings.read_role, tell=telemetry.detail)
    clock = make_clock(settings.clock_file)
    dynamodb = accounts.client("dynamodb")
    heads = Heads(dynamodb, settings.ledger_table, time.sleep)
    function = PlanAudits(
        own=own,
        places=parse_targets(settings.targets, own),
        lister=make_lister(accounts),
        ledger=Ledger(dynamodb, settings.ledger_table, clock, time.sleep),
        queue=AuditQueue(accounts.client("sqs"), settings.audit_queue_url),
        clock=clock,
        ids=lambda: uuid.uuid4().hex,
        telemetry=telemetry,
        standing=Standing(heads.of, clock, telemetry),
    )
    return function, telemetry


def handle(event: dict[str, Any], context: Context) -> dict[str, int]:
    """Plan the audits that an event calls for."""
    function, telemetry = _build(context.invoked_function_arn)
    with telemetry.invocation(context.aws_request_id):
        return function.plan(event)
