"""AuditCluster itself, between a reader of the local AWS and a ledger in memory."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import boto3
from botocore.config import Config

from eks_auditor.checks import CATALOGUE
from eks_auditor.events.messages import AuditRequest
from eks_auditor.ledger.saving import FencedOut, Saved, save
from eks_auditor.model.cluster import ClusterId
from eks_auditor.model.history import Audit, Head, Record
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.snapshot.clients import Clients
from eks_auditor.snapshot.reader import Reader
from eks_auditor.snapshot.unfinished import refuse_unfinished
from eks_auditor.wiring.audit_cluster import AuditCluster
from eks_auditor.wiring.records import each_message
from tests.builders import NOW
from tests.faults.transport import Transport
from tests.ledger.fake import FakeTable
from tests.sinks.transitions import AUDIT_ID
from tests.wiring.fakes import Heard, failures, messages

ONE_TRY = Config(retries={"total_max_attempts": 1}, max_pool_connections=4, user_agent="test")
"""What is injected is what the caller sees; what botocore makes of it before that is tested apart."""

LATER = timedelta(hours=2)
WORKERS = 2


@dataclass
class Kept:
    """The ledger of one cluster, in memory."""

    table: FakeTable = field(default_factory=FakeTable)
    saved: list[tuple[Audit, Saved]] = field(default_factory=list)

    def head(self, cluster: ClusterId) -> Head | None:
        return self.table.load(cluster)[0]

    def save(self, audit: Audit, *, hub: bool) -> Saved | FencedOut:
        outcome = save(self.table, audit, hub=hub, clock=lambda: audit.taken_at)
        assert isinstance(outcome, Saved)
        self.saved.append((audit, outcome))
        return outcome


@dataclass(frozen=True)
class Outcome:
    """What became of one message.

    Attributes:
        returned: Whether it was returned as failed.
        audit: What was judged, if anything was saved.
        saved: What of it moved.
        snapshot: What was read, if that came to an end.
        heard: What the function said.
        records: What the ledger holds now.
    """

    returned: bool
    audit: Audit | None
    saved: Saved | None
    snapshot: Snapshot | None
    heard: Heard
    records: Mapping[str, Record]

    @property
    def word(self) -> str:
        """What the table calls it."""
        if self.returned:
            return "retried"
        if self.audit is None:
            return "stands"
        assert self.snapshot is not None
        return "gap" if self.snapshot.gaps else "evidence"


class Remembering:
    """A reader, and what it read last."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self.last: Snapshot | None = None

    def read(self, cluster: ClusterId, *, not_before: datetime, checkpoint: Callable[[], None]) -> Snapshot:
        self.last = self._reader.read(cluster, not_before=not_before, checkpoint=checkpoint)
        return self.last


class Auditing:
    """Audits clusters of a fleet, each audit a process of its own: nothing is remembered but by the ledger."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport
        self.now = NOW
        self._session = boto3.Session(region_name="eu-west-1")
        self._made: dict[tuple[str, str], Clients] = {}

    def clients(self, account: str, region: str) -> Clients:
        if (account, region) not in self._made:

            def client(service: str) -> object:
                made = self._session.client(  # type: ignore[call-overload]  # the name is a variable
                    service,
                    region_name=region,
                    aws_access_key_id=account,
                    aws_secret_access_key="test",  # noqa: S106  the local AWS takes any
                    config=ONE_TRY,
                )
                refuse_unfinished(made.meta.events)
                return self.transport.carry(made)

            services = {name: client(name) for name in ("eks", "autoscaling", "ec2", "ssm", "iam")}
            self._made[account, region] = Clients(**services, account=account, region=region, partition="aws")  # type: ignore[arg-type]  # each is its own service's
        return self._made[account, region]

    def audit(self, cluster: ClusterId, table: FakeTable) -> Outcome:
        """Do one message, on top of what a table holds, which is left as it is."""
        heard, kept = Heard(), Kept(table.copy())
        reader = Remembering(Reader(self.clients, lambda: self.now, WORKERS))
        function = AuditCluster(
            reader=reader,
            checks=CATALOGUE,
            ledger=kept,
            hub=False,
            clock=lambda: self.now,
            telemetry=heard.telemetry,
        )
        request = AuditRequest(audit_id=AUDIT_ID, cluster=cluster, not_before=self.now, cause="sweep")
        event = messages(request.body())
        returned = failures(each_message(event, lambda body: function.audit(body, lambda: None), heard.telemetry))
        audit, saved = kept.saved[-1] if kept.saved else (None, None)
        return Outcome(bool(returned), audit, saved, reader.last, heard, kept.table.records)

    def known(self, cluster: ClusterId) -> FakeTable:
        """Return what the ledger holds after two good audits: some findings need two."""
        table = FakeTable()
        for _ in range(2):
            kept = Kept(table)
            self.now += LATER
            outcome = self._audit_into(cluster, kept)
            assert not outcome
        return table

    def _audit_into(self, cluster: ClusterId, kept: Kept) -> bool:
        reader = Reader(self.clients, lambda: self.now, WORKERS)
        function = AuditCluster(
            reader=reader, checks=CATALOGUE, ledger=kept, hub=False, clock=lambda: self.now, telemetry=Heard().telemetry
        )
        request = AuditRequest(audit_id=AUDIT_ID, cluster=cluster, not_before=self.now, cause="sweep")
        function.audit(request.body(), lambda: None)
        return not kept.saved
