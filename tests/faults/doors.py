"""The functions, each with its own clients, before a stack in moto and the fleet of the local AWS."""

import itertools
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs

from eks_auditor.checks import CATALOGUE
from eks_auditor.events.messages import AuditRequest
from eks_auditor.ledger.heads import Heads
from eks_auditor.ledger.pointers import Pointers
from eks_auditor.ledger.policies import KeptPolicy, Policies
from eks_auditor.model.cluster import ClusterId
from eks_auditor.model.release import PointerMove
from eks_auditor.plan.targets import Place
from eks_auditor.sinks.security_hub import SecurityHub
from eks_auditor.sinks.topic import Topic
from eks_auditor.snapshot.pointers import read_pointers, supported_minors
from eks_auditor.snapshot.reader import Reader
from eks_auditor.wiring.audit_cluster import AuditCluster, make_clients
from eks_auditor.wiring.audit_queue import AuditQueue, NotAskedError
from eks_auditor.wiring.import_findings import ImportFindings
from eks_auditor.wiring.plan_audits import PlanAudits, make_lister
from eks_auditor.wiring.policy_in_force import PolicyInForce
from eks_auditor.wiring.policy_source import ObjectSource, ParameterSource, PolicySource
from eks_auditor.wiring.publish_transitions import PublishTransitions, RelayError
from eks_auditor.wiring.records import each_message
from eks_auditor.wiring.release_bus import ReleaseBus
from eks_auditor.wiring.standing import Standing
from eks_auditor.wiring.telemetry import Telemetry
from eks_auditor.wiring.watch_releases import NotAnnouncedError, WatchReleases
from local_aws.protocol import Response, wire_of
from tests.builders import NOW
from tests.faults import telling
from tests.faults.door import FORGOTTEN, Door, announced, raised
from tests.faults.fleet import ACCOUNT, OTHER_ACCOUNT, REGION
from tests.faults.stack import OTHER, OWN, Stack
from tests.faults.transport import Transport
from tests.ledger.build import audit, running
from tests.sinks.transitions import AUDIT_ID
from tests.wiring.fakes import Heard, failures, messages
from tests.wiring.test_plan_audits import load
from tests.wiring.watching import POLL

SANDBOX = ClusterId("aws", OTHER_ACCOUNT, REGION, "sandbox")
ANNEX = ClusterId("aws", ACCOUNT, REGION, "annex")

_POLICY = "version: 1\n"


def _planner(stack: Stack) -> tuple[PlanAudits, Callable[[], frozenset[str]]]:
    sqs = stack.client("sqs")
    url = sqs.create_queue(QueueName=stack.name)["QueueUrl"]
    numbers = itertools.count()
    heads = Heads(stack.client("dynamodb"), stack.name, lambda _: None)
    function = PlanAudits(
        own=OWN,
        places=(OWN, OTHER, Place("aws", "111122223333", REGION)),
        lister=make_lister(stack.accounts),
        ledger=stack.ledger,
        queue=AuditQueue(sqs, url),
        clock=lambda: stack.now,
        ids=lambda: f"audit-{next(numbers)}",
        telemetry=stack.heard.telemetry,
        standing=Standing(heads.of, stack.clock, stack.heard.telemetry),
    )
    seen: set[str] = set()

    def asked() -> frozenset[str]:
        while found := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for message in found:
                seen.add(str(json.loads(message["Body"])["cluster_arn"]))
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return frozenset(seen)

    return function, asked


def sweep(transport: Transport) -> Door:
    """PlanAudits on a sweep of two accounts, and of a cluster that only the ledger knows."""
    stack = Stack(transport)
    stack.ledger.save(audit(cluster=FORGOTTEN), hub=False)
    function, asked = _planner(stack)
    stack.ready()
    return Door(lambda: raised(lambda: function.plan(load("sweep")), NotAskedError), asked, stack.heard)


def refused_sweep(transport: Transport) -> Door:
    """The same, and the queue takes no message of a batch."""
    door = sweep(transport)
    nothing: dict[str, Any] = {"Successful": [], "Failed": []}
    transport.instead["sqs:SendMessageBatch"] = wire_of("sqs").answer("SendMessageBatch", nothing)
    return door


def release(transport: Transport) -> Door:
    """PlanAudits on a release that one cluster runs."""
    stack = Stack(transport)
    stack.ledger.save(audit(running=(running(version="20261020"),)), hub=False)
    function, asked = _planner(stack)
    stack.ready()
    event = load("release")
    return Door(
        lambda: raised(lambda: function.plan(event), NotAskedError), lambda: asked() | stack.unrelayed(), stack.heard
    )


def _watcher(stack: Stack, place: Place) -> Door:
    """Let a release have moved since it was last looked at, with the own account's credentials."""
    pointers = Pointers(stack.client("dynamodb"), stack.name, lambda _: None)
    bus = stack.client("events")
    bus.create_event_bus(Name=stack.name)
    accounts = stack.accounts

    def minors(at: Place) -> Any:  # noqa: ANN401  minors or a gap
        found = supported_minors(accounts.client("eks", at), at.region)
        return ("1.35",) if isinstance(found, tuple) else found

    def watching(at: Place, telemetry: Telemetry) -> WatchReleases:
        return WatchReleases(
            regions=[(at,)],
            minors=minors,
            answers=lambda at, lines: read_pointers(accounts.client("ssm", at), lines),
            pointers=pointers,
            bus=ReleaseBus(bus, stack.name, lambda _: None),
            clock=lambda: stack.now,
            telemetry=telemetry,
        )

    watching(OWN, Heard().telemetry).watch(POLL)
    function = watching(place, stack.heard.telemetry)
    held = pointers.load("aws", REGION)
    line = next(line for line in sorted(held) if line.family == "al2023")
    older = replace(held[line], moves=(PointerMove(version="20250101", image_id="ami-0", at=None),))
    assert pointers.save("aws", REGION, older, held[line])
    stack.ready()

    def effect() -> frozenset[str]:
        bodies = [json.loads(body) for action, body in stack.transport.taken if action == "events:PutEvents"]
        events = {json.loads(entry["Detail"])["event_id"] for body in bodies for entry in body["Entries"]}
        noted = {"noted"} if pointers.load("aws", REGION)[line].revision else set()
        return frozenset(events | noted)

    return Door(lambda: raised(lambda: function.watch(POLL), NotAnnouncedError), effect, stack.heard)


def poll(transport: Transport) -> Door:
    """WatchReleases, one release having moved since it looked last."""
    return _watcher(Stack(transport), OWN)


def poll_elsewhere(transport: Transport) -> Door:
    """The same with the credentials of another account."""
    return _watcher(Stack(transport), OTHER)


def _publisher(stack: Stack) -> tuple[PublishTransitions, Callable[[], frozenset[str]]]:
    sns = stack.client("sns")
    topic = Topic(sns, sns.create_topic(Name=stack.name)["TopicArn"])
    function = PublishTransitions(
        topic=topic, ledger=stack.ledger, clock=lambda: stack.now, telemetry=stack.heard.telemetry
    )

    def effect() -> frozenset[str]:
        bodies = [parse_qs(body.decode()) for action, body in stack.transport.taken if action == "sns:Publish"]
        waiting = stack.unrelayed()
        return frozenset({body["Subject"][0] for body in bodies} | ({"relayed"} if not waiting else set()))

    return function, effect


def stream(transport: Transport) -> Door:
    """PublishTransitions on a record of the ledger's stream."""
    stack = Stack(transport)
    item = announced(stack)
    function, effect = _publisher(stack)
    records = [{"dynamodb": {"NewImage": item, "SequenceNumber": "1"}}]
    stack.ready()
    return Door(lambda: bool(failures(function.take(records))), effect, stack.heard)


def relay(transport: Transport) -> Door:
    """PublishTransitions on what the stream did not bring."""
    stack = Stack(transport)
    announced(stack)
    function, effect = _publisher(stack)
    stack.now += timedelta(days=1)
    stack.ready()
    return Door(lambda: raised(lambda: function.relay(lambda: 60_000), RelayError), effect, stack.heard)


def importing(transport: Transport) -> Door:
    """ImportFindings on a message about a cluster of another account."""
    stack = Stack(transport)
    body = announced(stack, SANDBOX)["body"]["S"]
    hub = transport.world.region(OTHER_ACCOUNT, REGION).hub
    assert hub is not None
    hub.findings.clear()
    function = ImportFindings(
        hub_of=lambda place: SecurityHub(stack.client("securityhub", place)),
        ledger=stack.ledger,
        telemetry=stack.heard.telemetry,
    )
    stack.ready()

    def marked() -> frozenset[str]:
        items = stack.client("dynamodb").scan(TableName=stack.name)["Items"]
        return frozenset(item["item"]["S"] for item in items if "hub_at" in item)

    return Door(
        lambda: bool(failures(each_message(messages(body), function.take, stack.heard.telemetry))),
        lambda: frozenset(map(str, hub.findings)) | marked(),
        stack.heard,
    )


def _auditor(stack: Stack, cluster: ClusterId = ANNEX, policed: PolicyInForce | None = None) -> Door:
    pointers = Pointers(stack.client("dynamodb"), stack.name, lambda _: None)
    function = AuditCluster(
        reader=Reader(make_clients(stack.accounts, "aws"), stack.clock, 2, pointers.of),
        checks=CATALOGUE,
        ledger=stack.ledger,
        hub=False,
        clock=stack.clock,
        telemetry=stack.heard.telemetry,
        policed=policed,
    )
    request = AuditRequest(audit_id=AUDIT_ID, cluster=cluster, not_before=NOW, cause="sweep")
    stack.ready()

    def run() -> bool:
        event = messages(request.body())
        return bool(
            failures(each_message(event, lambda body: function.audit(body, lambda: None), stack.heard.telemetry))
        )

    return Door(run, stack.items, stack.heard)


def auditing(transport: Transport) -> Door:
    """AuditCluster with the ledger in DynamoDB."""
    return _auditor(Stack(transport))


def auditing_elsewhere(transport: Transport) -> Door:
    """AuditCluster on a cluster of another account."""
    return _auditor(Stack(transport), SANDBOX)


def _policed(transport: Transport, source: Callable[[Stack], PolicySource], *, kept: bool) -> Door:
    """AuditCluster, judging by a policy that is deployed somewhere, and perhaps known already."""
    stack = Stack(transport)
    policies = Policies(stack.client("dynamodb"), stack.name)
    if kept:
        policies.keep(KeptPolicy(_POLICY, NOW))
    in_force = PolicyInForce(
        source=source(stack),
        ledger=policies,
        checks=CATALOGUE,
        clock=stack.clock,
        telemetry=stack.heard.telemetry,
    )
    return _auditor(stack, policed=in_force)


def _parameter(stack: Stack) -> PolicySource:
    told = {"Name": "/policy", "Type": "String", "Version": 1, "Value": _POLICY}
    stack.transport.instead["ssm:GetParameter"] = wire_of("ssm").answer("GetParameter", {"Parameter": told})
    return ParameterSource(stack.client("ssm"), "/policy")


def _object(stack: Stack) -> PolicySource:
    body = _POLICY.encode()
    headers = {"ETag": '"1"', "Content-Length": str(len(body))}
    stack.transport.instead["s3:GetObject"] = Response(200, headers, body)
    return ObjectSource(stack.client("s3"), "bucket", "policy.yaml")


DOORS: dict[str, tuple[str, Callable[[Transport], Door]]] = {
    "auditing": ("AuditCluster", auditing),
    "auditing elsewhere": ("AuditCluster", auditing_elsewhere),
    "policed": ("AuditCluster", lambda transport: _policed(transport, _parameter, kept=False)),
    "policed by a parameter": ("AuditCluster", lambda transport: _policed(transport, _parameter, kept=True)),
    "policed by an object": ("AuditCluster", lambda transport: _policed(transport, _object, kept=True)),
    "sweep": ("PlanAudits", sweep),
    "refused sweep": ("PlanAudits", refused_sweep),
    "release": ("PlanAudits", release),
    "poll": ("WatchReleases", poll),
    "poll elsewhere": ("WatchReleases", poll_elsewhere),
    "stream": ("PublishTransitions", stream),
    "relay": ("PublishTransitions", relay),
    "importing": ("ImportFindings", importing),
    "first message": ("NotifySlack", telling.first),
    "first message by a webhook": ("NotifySlack", telling.by_webhook),
    "end of a window": ("NotifySlack", telling.end_of_window),
    "busy": ("NotifySlack", telling.busy),
    "digest": ("SendDigest", telling.digest),
}
"""The function of each piece of work."""
