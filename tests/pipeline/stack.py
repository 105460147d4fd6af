"""The deployed stack in one process: the functions as they are, and what carries their messages."""

import itertools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from eks_auditor.checks import CATALOGUE
from eks_auditor.ledger import outbox, saving, transaction
from eks_auditor.ledger.policies import Policies
from eks_auditor.ledger.quiet import Quiet
from eks_auditor.ledger.saving import FencedOut, Saved
from eks_auditor.ledger.table import Ledger
from eks_auditor.ledger.transaction import Part, plan_parts
from eks_auditor.model.cluster import ClusterId
from eks_auditor.model.history import Audit
from eks_auditor.plan.targets import Place
from eks_auditor.sinks.security_hub import SecurityHub
from eks_auditor.sinks.topic import Topic
from eks_auditor.wiring.audit_cluster import AuditCluster, make_checkpoint
from eks_auditor.wiring.audit_queue import AuditQueue, NotAskedError
from eks_auditor.wiring.import_findings import ImportFindings
from eks_auditor.wiring.notify_slack import NotifySlack
from eks_auditor.wiring.plan_audits import PlanAudits
from eks_auditor.wiring.publish_transitions import PublishTransitions, RelayError
from eks_auditor.wiring.records import each_message
from eks_auditor.wiring.telemetry import Telemetry
from tests.pipeline import troubles
from tests.pipeline.consumer import LastWord
from tests.pipeline.deployed_policy import PARAMETER, Process
from tests.pipeline.dynamodb import FakeDynamoDb
from tests.pipeline.queues import FakeQueue, FakeSqs, FakeStream, FakeTopic, Message
from tests.pipeline.slack import SlackSink, note_what_is_told
from tests.pipeline.troubles import FunctionDiedError, Run, Troubles
from tests.pipeline.world import GROUPS, HERE, World, WorldReader
from tests.sinks.fakes import FakeSecurityHub
from tests.wiring.fakes import failures

WATCHED = frozenset({"HEALTH001", "ZONE001", "ZONE002", "ZONE003"})
CHECKS = tuple(check for check in CATALOGUE if check.id in WATCHED)
TABLE = "ledger"

EVENT_TRIES = 3
"""Lambda's own of an event: the first and two more."""


class Silent(Telemetry):
    """Says nothing: thousands of runs would."""

    def __init__(self) -> None:
        pass

    @contextmanager
    def about(self, **keys: str) -> Iterator[None]:  # noqa: ARG002  nothing is said
        yield

    def name(self, **keys: str) -> None:
        pass

    def info(self, sentence: str) -> None:
        pass

    def detail(self, sentence: str) -> None:
        pass

    def warning(self, sentence: str) -> None:
        pass

    def exception(self, sentence: str) -> None:  # noqa: ARG002  the exception itself is what ends the test
        """A defect of a function's own is none of the troubles: the test ends."""
        raise  # noqa: PLE0704  called by handlers of exceptions only

    def count(self, name: str, value: int = 1, **by: str) -> None:
        pass


SILENT = Silent()


@dataclass(eq=False)
class Attempt:
    """One audit that got into the ledger, and as much of it as did."""

    audit: Audit
    parts: list[Part] = field(default_factory=list)


class NotingLedger(Ledger):
    """The ledger of one run of AuditCluster; ``attempts`` notes what the table took, whoever heard of it."""

    def __init__(self, table: FakeDynamoDb, run: Run, attempts: list[Attempt]) -> None:
        super().__init__(run.client(table, self._done), TABLE, run.clock, lambda _: None)
        self._attempts = attempts

    def save(self, audit: Audit, *, hub: bool) -> Saved | FencedOut:
        self._attempt = Attempt(audit)
        return super().save(audit, hub=hub)

    def write(self, part: Part) -> None:
        self._part = part
        super().write(part)

    def _done(self, call: str) -> None:
        if call == "transact_write_items":
            if not self._attempt.parts:
                self._attempts.append(self._attempt)
            self._attempt.parts.append(self._part)


@dataclass(frozen=True)
class Parts:
    """What the stack is built of; a mutant replaces one of them."""

    table: type[FakeDynamoDb] = FakeDynamoDb
    ledger: type[NotingLedger] = NotingLedger
    process: type[Process] = Process
    planner: type[PlanAudits] = PlanAudits
    relay: type[PublishTransitions] = PublishTransitions
    importer: type[ImportFindings] = ImportFindings
    consumer: type[LastWord] = LastWord
    notifier: type[NotifySlack] = NotifySlack
    quiet: type[Quiet] = Quiet


@dataclass(eq=False)
class Event:
    """An event on its way to PlanAudits."""

    document: Mapping[str, Any]
    tries: int = 0


class Stack:
    """Every function, run one at a time unless a trouble lets another one run in its midst."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.world = World()
        self.table = parts.table()
        self.stream = FakeStream()
        self.audits, self.imports, self.heard = FakeQueue(), FakeQueue(), FakeQueue()
        self.slack = SlackSink(self.world, parts.notifier, parts.quiet, SILENT)
        self.topic = FakeTopic(self.imports, self.heard, self.slack.queue)
        self.hubs: dict[Place, FakeSecurityHub] = {}
        self.consumer = parts.consumer()
        self.events: list[Event] = []
        self.attempts: list[Attempt] = []
        self._processes = [self._process(), self._process()]
        self._last_parts: list[Part] = []
        self._ids = itertools.count()
        self._patches = pytest.MonkeyPatch()
        # A few findings already make audits of several parts, and an audit's last part can be told.
        self._patches.setattr(outbox, "TRANSITIONS_LIMIT", 2)
        self._patches.setattr(transaction, "SILENT_COUNT", 2)
        self._patches.setattr(saving, "plan_parts", self._planned)
        note_what_is_told(self._patches)

    def close(self) -> None:
        self._patches.undo()

    def is_whole(self, attempt: Attempt) -> bool:
        """Whether the ledger took an audit's last part."""
        return any(attempt.parts[-1] is last for last in self._last_parts)

    def run(self, skew: timedelta = timedelta(), troubles: Troubles | None = None) -> Run:
        return Run(self.world.clock, skew, troubles or {}, self._meanwhile)

    def ledger(self, run: Run | None = None) -> Ledger:
        run = run or self.run()
        return Ledger(run.client(self.table), TABLE, run.clock, lambda _: None)

    def kept_policy(self) -> str | None:
        """The last valid policy, as the ledger keeps it."""
        kept = Policies(self.run().client(self.table), TABLE).last()
        return None if kept is None else kept.text

    def name(self, cluster: ClusterId, off: timedelta) -> None:
        """Ask for an audit of one cluster, by a clock that may be off."""
        asked = {
            "source": "eks-auditor",
            "detail-type": "Audit Requested",
            "time": (self.world.now + off).replace(microsecond=0).isoformat(),
            "detail": {"schema_version": 1, "clusters": [cluster.arn]},
        }
        self.events.append(Event(asked))

    def write_policy(self, name: str) -> None:
        """Deploy another policy, which Systems Manager tells of."""
        self.world.policy.write(name, self.world.now)
        self.events.append(
            Event(
                {
                    "source": "aws.ssm",
                    "detail-type": "Parameter Store Change",
                    "detail": {"name": PARAMETER, "operation": "Update"},
                }
            )
        )

    def plan(self, index: int, run: Run) -> None:
        """Run PlanAudits on an event, which stays if that fails, unless it did too often."""
        if not self.events:
            return
        event = self.events[index % len(self.events)]
        event.tries += 1
        function = self._parts.planner(
            own=HERE,
            places=self.world.places,
            lister=self.world.list,
            ledger=self.ledger(run),
            queue=AuditQueue(run.client(FakeSqs(self.audits)), "the audit queue"),
            clock=run.clock,
            ids=lambda: f"audit-{next(self._ids)}",
            telemetry=SILENT,
        )
        try:
            function.plan(event.document)
        except (ClientError, NotAskedError, FunctionDiedError):
            if event.tries < EVENT_TRIES:
                return
        self.events.remove(event)

    def audit(self, index: int, run: Run, process: int = 0) -> None:
        """Run AuditCluster on a message, in one of its two processes; in the other one if that one is in a run."""
        place = process if self._processes[process].run is None else 1 - process
        at_work = self._processes[place]
        at_work.run = run
        function = AuditCluster(
            reader=WorldReader(self.world, run),
            checks=CHECKS,
            ledger=self._parts.ledger(self.table, run, self.attempts),
            hub=True,
            clock=run.clock,
            telemetry=SILENT,
            policed=at_work,
        )
        checkpoint = make_checkpoint(_Context(run))
        died = self._take(self.audits, self.audits.receive(index, 1), lambda body: function.audit(body, checkpoint))
        at_work.run = None
        if died:
            self._processes[place] = self._process()

    def read_stream(self, index: int, most: int, run: Run) -> None:
        """Run PublishTransitions on a batch of the stream."""
        function = self._relay(run)

        def take(records: list[dict[str, Any]]) -> dict[str, Any] | None:
            try:
                return function.take(records)
            except FunctionDiedError:
                return None

        self.stream.extend(self.table.inserted)
        self.stream.deliver(index, most, take)

    def lose_record(self, index: int) -> None:
        """Let a record of the stream expire unread."""
        self.stream.extend(self.table.inserted)
        self.stream.lose(index)

    def relay(self, run: Run) -> None:
        """Run PublishTransitions on its schedule."""
        with suppress(RelayError, ClientError, FunctionDiedError):
            self._relay(run).relay(lambda: run.left_ms)

    def import_findings(self, index: int, most: int, run: Run) -> None:
        """Run ImportFindings on a batch of messages."""
        function = self._parts.importer(
            hub_of=lambda place: SecurityHub(run.client(self.hub(place))),
            ledger=self.ledger(run),
            telemetry=SILENT,
        )
        self._take(self.imports, self.imports.receive(index, most), function.take)

    def consume(self, index: int) -> None:
        """Let the sample consumer read a message."""
        self._take(self.heard, self.heard.receive(index, 1), self.consumer.take)

    def hub(self, place: Place) -> FakeSecurityHub:
        return self.hubs.setdefault(place, FakeSecurityHub())

    def _relay(self, run: Run) -> PublishTransitions:
        topic = Topic(run.client(self.topic), "arn:aws:sns:eu-west-1:111122223333:topic")
        return self._parts.relay(topic=topic, ledger=self.ledger(run), clock=run.clock, telemetry=SILENT)

    def _process(self) -> Process:
        return self._parts.process(self.world.policy, self.table, CHECKS, SILENT)

    def _take(self, queue: FakeQueue, taken: list[Message], do: Callable[[str], None]) -> bool:
        """Let a function do messages; tell whether it died of them."""
        event = {"Records": [{"messageId": each.id, "body": each.body} for each in taken]}
        try:
            failed, died = failures(each_message(event, do, SILENT)), False
        except FunctionDiedError:
            failed, died = [each.id for each in taken], True
        queue.settle(taken, failed)
        return died

    def _planned(self, *args: Any, **named: Any) -> tuple[Part, ...]:  # noqa: ANN401  the parameters of plan_parts
        parts = plan_parts(*args, **named)
        self._last_parts.append(parts[-1])
        return parts

    def _meanwhile(self, what: str) -> None:
        match what:
            case troubles.OTHER_AUDIT:
                self.audit(0, self.run())
            case troubles.SAME_AGAIN:
                self.audits.repeat(-1)
                self.audit(-1, self.run())
            case troubles.RELAY:
                self.relay(self.run())
            case troubles.CHANGE:
                group = next(iter(self.world.clusters.values())).groups[GROUPS[0]]
                group.health = "unwell" if group.health == "well" else "well"
            case troubles.SLACK_AGAIN:
                self.slack.queue.repeat(-1)
                self.slack.take(-1, 1, self.run())
            case troubles.WINDOW_ENDS:
                self.slack.end_window(self.run())


class _Context:
    """Lambda's, of a run whose time may be up."""

    aws_request_id = "request"
    invoked_function_arn = "arn:aws:lambda:eu-west-1:111122223333:function:AuditCluster"

    def __init__(self, run: Run) -> None:
        self._run = run

    def get_remaining_time_in_millis(self) -> int:
        return self._run.left_ms
