"""Both halves of the local AWS: the audited fleet, and the unmodified stack deployed beside it, with a Slack to tell.

The demo and the end-to-end tests run on this. Nothing is invoked directly: a schedule fires, an event is put on the bus
or a message into a queue, and what follows is the stack's own doing.
"""

import json
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import Any, Self

from boto3.dynamodb.types import TypeDeserializer

from eks_auditor.wiring.clock import make_clock
from local_aws.audited_aws import AuditedAws
from local_aws.authorization import Denial, Question
from local_aws.building import REGION
from local_aws.callers import Caller
from local_aws.deployment import ACCOUNT, DeploymentAws
from local_aws.fleet import Fleet
from local_aws.member import deploy_member
from local_aws.slack import SlackServer
from local_aws.slack_workspace import Workspace

SLACK_WINDOW = 3
"""Seconds in which messages to Slack are gathered, so that nobody waits a minute for the second one."""

_POLL_SECONDS = 0.5
_WARNINGS_SHOWN = 10
_HEAD_START = timedelta(seconds=3)
"""How far ahead a schedule is set: time for EventBridge Scheduler to take the change in."""


class StageError(Exception):
    """What did not happen in time, one line each."""


@dataclass(frozen=True, slots=True)
class Place:
    """An account and a Region of the fleet that has clusters."""

    account: str
    region: str

    def target(self) -> str:
        """Return it as the parameter ``Targets`` takes it."""
        return self.region if self.account == ACCOUNT else f"{self.account}/{self.region}"


class Stage:
    """The local AWS with the stack deployed; a context manager that stops everything it started.

    Attributes:
        audited: The fleet's side.
        deployment: The stack's side.
        slack: What people see of it.
        outputs: The stack's outputs.
    """

    def __init__(
        self,
        fleet: Fleet,
        *,
        parameters: Mapping[str, str] | None = None,
        clock_file: Path | None = None,
    ) -> None:
        """Take a fleet and template parameters, and for tests that move time a file to keep it in."""
        self._clock_file = clock_file
        self.clock = make_clock(None if clock_file is None else str(clock_file))
        """What time it is for the fleet and for the functions."""
        if clock_file is not None:
            self._set_clock(fleet.now)
        self.audited = AuditedAws(fleet, clock=self.clock, resolver=self._caller_of, authorizer=self._denied)
        told = {} if clock_file is None else {"EKS_AUDITOR_TEST_CLOCK": str(clock_file)}
        self.deployment = DeploymentAws({**self.reached_by_functions(), **told})
        self.places = tuple(
            Place(account, region)
            for account, described in sorted(fleet.accounts.items())
            for region in sorted(described.regions)
            if self.audited.region(account, region).clusters
        )
        self.slack = Workspace()
        self.outputs: dict[str, str] = {}
        self._parameters = {"Targets": ",".join(place.target() for place in self.places), "Digest": "weekly"}
        self._parameters |= parameters or {}
        self._running = ExitStack()

    def __enter__(self) -> Self:
        """Start both, build and deploy."""
        try:
            self._running.enter_context(self.audited)
            self._running.enter_context(self.deployment)
            self.deployment.sam_deploy(parameters={**self._open_slack(), **self._parameters})
            self.outputs = self.deployment.stack_outputs()
            for account in sorted({place.account for place in self.places} - {ACCOUNT}):
                deploy_member(self.deployment, account)
        except BaseException:
            self._running.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Stop both."""
        self._running.close()

    def _open_slack(self) -> dict[str, str]:
        """Start the Slack, keep a secret that lets the stack in, and return the parameters that say so."""
        server = SlackServer(self.slack)
        Thread(target=server.serve_forever, daemon=True).start()
        self._running.callback(server.close)
        secrets = self.deployment.client("secretsmanager")
        secret = secrets.create_secret(Name="eks-auditor/slack", SecretString=server.secret(bot=True))
        return {"SlackSecretArn": secret["ARN"], "SlackWindowSeconds": str(SLACK_WINDOW)}

    def reached_by_functions(self) -> dict[str, str]:
        """Return what points functions at the fleet, but for STS: they assume roles where these are deployed.

        So it is the deployed policies of the other accounts that count.
        """
        return {name: url for name, url in self.audited.environment().items() if name != "AWS_ENDPOINT_URL_STS"}

    def _caller_of(self, access_key: str) -> Caller | None:
        return self.deployment.caller_of(access_key)

    def _denied(self, question: Question) -> Denial | None:
        return self.deployment.policies.denied(question)

    # -- making things happen

    def advance(self, by: timedelta) -> None:
        """Let time pass, for the fleet and for the functions.

        Raises:
            StageError: If the stage lives by the machine's own clock.
        """
        self._set_clock(self.clock() + by)

    def _set_clock(self, instant: datetime) -> None:
        if self._clock_file is None:
            message = "this stage lives by the machine's clock; give it a clock_file"
            raise StageError(message)
        new = self._clock_file.with_suffix(".new")
        new.write_text(instant.isoformat(), encoding="utf-8")
        new.replace(self._clock_file)  # whole or not at all: functions read it at any moment

    def fire_sweep(self) -> datetime:
        """Set the deployed sweep schedule to fire in a few seconds, once, and return the instant of asking."""
        return self.fire("SweepScheduleName")

    def fire(self, output: str) -> datetime:
        """Set a deployed schedule, by the name of its output, to fire in a few seconds, once."""
        asked = self.clock()
        scheduler = self.deployment.client("scheduler")
        schedule = scheduler.get_schedule(Name=self.outputs[output])
        at = datetime.now(UTC) + _HEAD_START
        scheduler.update_schedule(
            Name=schedule["Name"],
            ScheduleExpression=f"at({at:%Y-%m-%dT%H:%M:%S})",
            ScheduleExpressionTimezone="UTC",
            FlexibleTimeWindow={"Mode": "OFF"},
            Target=schedule["Target"],
        )
        return asked

    def request_audit(self, *clusters: str) -> datetime:
        """Put an "Audit Requested" event for clusters (ARNs) on the stack's bus, and return the instant of asking."""
        asked = self.clock()
        self.put_event("eks-auditor", "Audit Requested", {"schema_version": 1, "clusters": list(clusters)})
        return asked

    def put_event(self, source: str, detail_type: str, detail: Mapping[str, Any]) -> None:
        """Put an event on the stack's bus."""
        entry = {
            "Source": source,
            "DetailType": detail_type,
            "Detail": json.dumps(detail),
            "EventBusName": self.outputs["AuditBusName"],
        }
        answer = self.deployment.client("events").put_events(Entries=[entry])
        if answer["FailedEntryCount"]:
            raise StageError(str(answer["Entries"]))

    # -- seeing what happened

    def clusters(self) -> list[str]:
        """Return the ARN of every cluster that the stack is told to audit."""
        return [
            document["arn"]
            for place in self.places
            for document in self.audited.region(place.account, place.region).clusters.values()
        ]

    def ledger(self) -> list[dict[str, Any]]:
        """Return every item of the ledger, in DynamoDB's own types resolved to plain values."""
        plain = TypeDeserializer().deserialize
        pages = self.deployment.client("dynamodb").get_paginator("scan").paginate(TableName=self.outputs["LedgerTable"])
        return [{name: plain(value) for name, value in found.items()} for page in pages for found in page["Items"]]

    def unsettled(self, since: datetime, clusters: list[str] | None = None) -> list[str]:
        """Say what is still to happen after something was asked at ``since``; nothing left is an empty list."""
        items = self.ledger()
        heads = {found["cluster"]: found for found in items if found["item"] == "HEAD"}
        asked = f"{since.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"
        missing = [
            f"no audit of {arn} since the event is saved"
            for arn in (self.clusters() if clusters is None else clusters)
            if not (arn in heads and heads[arn].get("saved_at") and heads[arn]["taken_at"] > asked)
        ]
        missing += [f"{found['item']} is not relayed" for found in items if found.get("unrelayed")]
        depths = self.deployment.queue_depths()
        return missing + [f"{depth} messages wait in {name}" for name, depth in depths.items() if depth]

    def settle(self, since: datetime, *, seconds: float, clusters: list[str] | None = None) -> None:
        """Wait until everything that follows from what was asked at ``since`` has happened.

        Raises:
            StageError: After ``seconds``, naming what is missing, and the last warnings of the functions.
        """
        deadline = time.monotonic() + seconds
        while missing := self.unsettled(since, clusters):
            if time.monotonic() > deadline:
                said = [f"  {line}" for line in self.warnings()]
                message = "\n".join([f"after {seconds:.0f} s:", *(f"  {line}" for line in missing), *said])
                raise StageError(message)
            time.sleep(_POLL_SECONDS)

    def warnings(self) -> list[str]:
        """Return the last things that the functions could not do, in their words."""
        lines = [line for line in self.deployment.logs() if line.get("level") in ("WARNING", "ERROR")]
        return [f"{line['service']}: {line['message']}" for line in lines[-_WARNINGS_SHOWN:]]

    def poll_releases(self, *, seconds: float) -> None:
        """Let the schedule of WatchReleases fire, and wait until every Region's releases are polled.

        Raises:
            StageError: After ``seconds``.
        """
        wanted = self._polled() + len({place.region for place in self.places})
        self.fire("WatchScheduleName")
        deadline = time.monotonic() + seconds
        while (polled := self._polled()) < wanted:
            if time.monotonic() > deadline:
                message = f"after {seconds:.0f} s the releases of {wanted - polled} Regions are still to be polled"
                raise StageError(message)
            time.sleep(_POLL_SECONDS)

    def _polled(self) -> int:
        return sum(int(line["RegionsPolled"][0]) for line in self.deployment.logs() if "RegionsPolled" in line)

    def hub(self) -> list[dict[str, Any]]:
        """Return what Security Hub holds in every place that has clusters."""
        return [found for place in self.places for found in self.audited.findings(place.account, place.region)]

    def shell_environment(self) -> dict[str, str]:
        """Return what points a shell's AWS CLI and eks-auditor at this AWS."""
        credentials = {"AWS_ACCESS_KEY_ID": ACCOUNT, "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": REGION}
        return {**credentials, "AWS_ENDPOINT_URL": self.deployment.endpoint, **self.audited.environment()}
