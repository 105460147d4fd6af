"""What must hold once one sweep without gaps, and the relay's schedule, have run: the promise of the architecture."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from eks_auditor.ledger.documents import outbox_of
from eks_auditor.ledger.outbox import MessageClass, Outbox
from eks_auditor.ledger.quiet import HELD, WINDOW
from eks_auditor.ledger.saving import Saved, save
from eks_auditor.model.cluster import ClusterId
from eks_auditor.model.history import Audit, Record, State
from eks_auditor.plan.targets import Place
from eks_auditor.policy.reading import read_policy
from eks_auditor.policy.rules import Policy
from tests.ledger.explore import CRASHED, Saving, World, difference
from tests.ledger.fake import FakeTable
from tests.pipeline.consumer import Word, words_of
from tests.pipeline.slack import TAKES_ALL
from tests.pipeline.stack import CHECKS, Event, Stack
from tests.pipeline.world import CLUSTERS, THERE

AFTERWARDS = timedelta(minutes=10)
"""How long after everything else the sweep comes: longer than the clocks differ, and than the relay waits."""

LONG = 500
"""Turns in which any queue comes to its end."""

SWEEP = {"source": "eks-auditor.schedule", "detail-type": "Sweep Requested", "detail": {"schema_version": 1}}


def settle(stack: Stack, *, skew: timedelta, backwards: bool) -> None:
    """Let all be readable, sweep, relay, and empty the queues; then hold everything against the promise.

    What is left of events and of the stream is not waited for: it comes late, or never. Messages of earlier audits come
    in any order with the sweep's. Only where a place is no target any more they are done by then: one that came later
    would audit it once more, until the next sweep withdraws that.
    """
    index = -1 if backwards else 0
    world = stack.world
    world.heal_reads()
    _pass(stack)
    if THERE not in world.places:
        _empty(stack, index, -skew)
        _pass(stack)
    swept_at = world.now
    stack.events.append(Event(SWEEP))
    stack.plan(-1, stack.run(skew))
    _empty(stack, index, -skew)
    _pass(stack)
    stack.relay(stack.run(skew))
    for queue in (stack.imports, stack.heard):
        queue.redrive()
    while stack.imports.waiting:
        stack.import_findings(index, 10, stack.run(skew))
    while stack.heard.waiting:
        stack.consume(index)
    _empty_slack(stack, index)
    assert_told(stack)
    _hold_policy(stack, swept_at - 2 * abs(skew))
    for cluster in CLUSTERS:
        _hold(stack, cluster, swept_at - 2 * abs(skew))


def _hold_policy(stack: Stack, swept_at: datetime) -> None:
    """One sweep judges by one policy: the deployed one, or while that is not valid the last one that was."""
    swept = {a.audit.policy for a in stack.attempts if a.audit.taken_at > swept_at and not a.audit.ended}
    kept = stack.kept_policy()
    # Where no cluster is left to judge, nobody looks at it.
    if stack.world.policy.valid and swept:
        assert kept == stack.world.policy.text, "the policy that is kept is not the deployed one"
    version = (
        Policy.DEFAULT.version if kept is None else read_policy(kept, checks=CHECKS, now=stack.world.now)[0].version
    )
    assert swept <= {version}, f"the sweep judged by {swept}, and {version} is in force"


def _pass(stack: Stack) -> None:
    stack.world.now += AFTERWARDS
    stack.table.catch_up()


def _empty(stack: Stack, index: int, skew: timedelta) -> None:
    while stack.audits.waiting:
        stack.audit(index, stack.run(skew))


def _empty_slack(stack: Stack, index: int) -> None:
    """Deliver what Slack is to be told, as time goes on, until all windows are closed."""
    sink = stack.slack
    sink.slack.mood = TAKES_ALL
    sink.queue.redrive()
    for _ in range(LONG):
        if not sink.take(index, 10, stack.run()):
            if not sink.queue.waiting:
                break
            stack.world.now = sink.queue.next_at()
    assert not sink.slack.wrong, sink.slack.wrong
    assert not sink.queue.waiting, "Slack's queue never comes to its end"
    assert not sink.items(WINDOW), "a window stays open"
    assert not sink.items(HELD), "something stays held"


def _hold(stack: Stack, cluster: ClusterId, swept_at: datetime) -> None:
    table = loaded(stack, cluster)
    attempts = [attempt for attempt in stack.attempts if attempt.audit.cluster == cluster]
    savings = tuple(
        Saving(
            attempt.audit,
            written=tuple(attempt.parts),
            result=Saved(transitions=(), parts=len(attempt.parts), whole=True) if stack.is_whole(attempt) else CRASHED,
        )
        for attempt in attempts
    )
    problem = difference(World(table, savings))
    assert problem is None, f"{cluster.name} is not as the reference: {problem}"
    _hold_against_an_empty_ledger(stack, cluster, table, swept_at)
    _hold_sinks(stack, cluster, table)


def _hold_against_an_empty_ledger(stack: Stack, cluster: ClusterId, table: FakeTable, swept_at: datetime) -> None:
    """What fails is what fails in the sweep; only what counts once seen twice has a past."""
    is_, should, twice = failing(table.records), dict[str, object](), set[str]()
    if stack.world.clusters[cluster].exists and Place.of(cluster) in stack.world.places:
        sweep = max((a.audit for a in stack.attempts if a.audit.cluster == cluster), key=lambda audit: audit.taken_at)
        twice = {finding.id for finding in sweep.findings if finding.confirm}
        should = failing(on_an_empty_ledger(sweep))
        assert sweep.taken_at > swept_at, f"the sweep did not audit {cluster.name}"
    for finding_id in twice:
        is_.pop(finding_id, None)
    assert is_ == should, f"what fails in {cluster.name} is not what the sweep alone finds"


def on_an_empty_ledger(audit: Audit) -> dict[str, Record]:
    table = FakeTable()
    save(table, audit, hub=True, clock=lambda: audit.taken_at)
    return table.records


def failing(records: dict[str, Record]) -> dict[str, object]:
    return {
        finding_id: (record.state, record.finding.severity, record.finding.exemption)
        for finding_id, record in records.items()
        if record.fails
    }


def loaded(stack: Stack, cluster: ClusterId) -> FakeTable:
    """What the ledger holds of a cluster, but for refreshes: they are no transitions."""
    head, records, runs = stack.ledger().load(cluster)
    announced = (outbox_of(item) for key, item in stack.table.items.items() if key[1].startswith("OUTBOX#"))
    return FakeTable(
        head=head,
        records=records,
        runs=dict(runs),
        outbox={each.key.item: each for each in announced if _is_transitions(each, cluster)},
    )


def _is_transitions(announcement: Outbox, cluster: ClusterId) -> bool:
    return announcement.key.cluster == cluster.arn and announcement.message_class is not MessageClass.REFRESH


def _hold_sinks(stack: Stack, cluster: ClusterId, table: FakeTable) -> None:
    last = {each: (r.state.value, r.finding.severity.name, r.sequence) for each, r in table.records.items()}
    prefix = f"eks-auditor/{cluster.partition}/{cluster.account}/{cluster.region}/{cluster.name}/"
    heard = {each: word for each, word in stack.consumer.words.items() if each.startswith(prefix)}
    assert {each: (w.state, w.severity, w.sequence) for each, w in heard.items()} == last, "the consumer's last words"
    _hold_slack(stack, prefix, last)
    held = stack.hub(Place.of(cluster)).findings
    imported = {each: _hub_word(finding) for each, finding in held.items() if each.startswith(prefix)}
    assert imported == {each: (*_IN_HUB[State(state)], *rest) for each, (state, *rest) in last.items()}, (
        "the hub's findings"
    )


def _hold_slack(stack: Stack, prefix: str, last: Mapping[str, tuple[str, str, int]]) -> None:
    """People know the newest word that was meant for them; what is newer than that in the ledger was for none."""
    meant: dict[str, Word] = {}
    for message in map(json.loads, stack.topic.bodies):
        for finding_id, word in words_of(message) if _is_for_people(message) else ():
            if finding_id.startswith(prefix) and (
                finding_id not in meant or word.sequence > meant[finding_id].sequence
            ):
                meant[finding_id] = word
    known = {each: word for each, word in stack.slack.slack.words().items() if each.startswith(prefix)}
    assert known == meant, "what people know is not what they were to be told last"
    for finding_id, word in known.items():
        state, severity, sequence = last[finding_id]
        assert sequence > word.sequence or (state, severity) == (word.state, word.severity), (
            "what people know is not so"
        )


def _is_for_people(message: dict[str, Any]) -> bool:
    """Of a first look and of another policy people are told the first part, and of what they accept nothing."""
    return message["class"] == "news" or (message["class"] in ("baseline", "policy") and message["part"] == 1)


_IN_HUB = {
    State.OPEN: ("FAILED", "ACTIVE"),
    State.EXEMPT: ("FAILED", "ARCHIVED"),
    State.RESOLVED: ("PASSED", "ARCHIVED"),
    State.WITHDRAWN: ("NOT_AVAILABLE", "ARCHIVED"),
}


def _hub_word(finding: dict[str, Any]) -> tuple[str, str, str, int]:
    return (
        finding["Compliance"]["Status"],
        finding["RecordState"],
        finding["FindingProviderFields"]["Severity"]["Label"],
        int(finding["ProductFields"]["eks-auditor/sequence"]),
    )


def assert_told(stack: Stack) -> None:
    """Every announcement was published, and nothing else."""
    announced = [item for key, item in stack.table.items.items() if key[1].startswith("OUTBOX#")]
    assert {item["body"]["S"] for item in announced} == set(stack.topic.bodies), "what the world was told"
    assert not [item["item"]["S"] for item in announced if "relayed_at" not in item]
