"""AuditCluster: one cluster is read, judged and saved."""

import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from functools import cache
from typing import Any, Protocol

from eks_auditor.autoscaler.settings import AUTO, AutoscalerSettings, settings_of
from eks_auditor.check import Check
from eks_auditor.checks import CATALOGUE
from eks_auditor.events.messages import AuditRequest, parse_audit_request
from eks_auditor.findings.judge import audit_of
from eks_auditor.findings.teams import TEAM_TAG
from eks_auditor.ledger.pointers import Pointers, PointersUnreadableError
from eks_auditor.ledger.policies import Policies
from eks_auditor.ledger.saving import ContendedError, FencedOut, Saved
from eks_auditor.ledger.table import Ledger
from eks_auditor.model.cluster import ClusterId
from eks_auditor.model.history import Audit, Head
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.plan.targets import Place
from eks_auditor.policy.rules import Policy
from eks_auditor.settings import Settings, SettingsError
from eks_auditor.snapshot.clients import Clients
from eks_auditor.snapshot.reader import ClusterGoneError, ClusterUnreadableError, Reader
from eks_auditor.wiring.accounts import WORKERS, Accounts
from eks_auditor.wiring.clock import Clock, make_clock
from eks_auditor.wiring.gaps import is_rising, tell_gaps
from eks_auditor.wiring.policy_in_force import PolicyInForce
from eks_auditor.wiring.policy_source import source_of
from eks_auditor.wiring.records import PostponedError, each_message
from eks_auditor.wiring.telemetry import Context, Telemetry, make_telemetry

RESERVE_MS = 20_000
"""With less time left nothing is saved: the queue brings the message again."""


class ClusterReader(Protocol):
    """What reads a cluster."""

    def read(self, cluster: ClusterId, *, not_before: datetime, checkpoint: Callable[[], None]) -> Snapshot:
        """Read one cluster."""


class AuditLedger(Protocol):
    """What is asked of the ledger."""

    def head(self, cluster: ClusterId) -> Head | None:
        """Return the cluster's HEAD."""

    def save(self, audit: Audit, *, hub: bool) -> Saved | FencedOut:
        """Save an audit and announce what it changed."""


class Policed(Protocol):
    """What knows the policy in force."""

    def current(self, head: Head | None, *, changed_before: datetime | None = None) -> Policy:
        """Return the policy to judge a cluster by."""


class AuditCluster:
    """Audits one cluster a message."""

    def __init__(  # noqa: PLR0913  its neighbours, all by name
        self,
        *,
        reader: ClusterReader,
        checks: Iterable[Check],
        ledger: AuditLedger,
        hub: bool,
        clock: Clock,
        telemetry: Telemetry,
        autoscaler: AutoscalerSettings = AUTO,
        policed: Policed | None = None,
        team_tag: str = TEAM_TAG,
    ) -> None:
        """Take what reads, what judges and what remembers.

        ``hub``: whether Security Hub is told; ``autoscaler``: what people say of the clusters' autoscaler, where the
        policy says nothing else; ``policed``: what knows that policy, where there is one; ``team_tag``: the key of the
        tag that says whose a resource is.

        Checks that are for reports only are left out: what the ledger does not know, nobody is told.
        """
        self._reader = reader
        self._checks = tuple(check for check in checks if not check.reports_only)
        self._ledger = ledger
        self._hub = hub
        self._clock = clock
        self._telemetry = telemetry
        self._autoscaler = autoscaler
        self._policed = policed
        self._team_tag = team_tag

    def audit(self, body: str, checkpoint: Callable[[], None]) -> None:
        """Do what a message asks for.

        Args:
            body: The message.
            checkpoint: Raises when the time is up.

        Raises:
            EventError: If the message cannot be read.
            PostponedError: If the cluster is to be read again, whether or not something was saved.
        """
        request = parse_audit_request(body)
        self._telemetry.name(audit_id=request.audit_id, cluster=request.cluster.arn)
        head = self._ledger.head(request.cluster)
        if self._is_answered(request, head):
            self._done(f"{request.cluster.arn} was audited since {request.cause} asked for it: merged")
            return
        audit = self._untargeted(request, head) if request.untargeted else self._read(request, head, checkpoint)
        if audit is not None:
            checkpoint()
            self._save(request, audit)

    def _read(self, request: AuditRequest, head: Head | None, checkpoint: Callable[[], None]) -> Audit | None:
        """Read and judge; None where there is nothing to save."""
        policy = self._policy(request, head)
        began = self._clock()
        try:
            snapshot = self._reader.read(request.cluster, not_before=request.not_before, checkpoint=checkpoint)
        except ClusterGoneError:
            return self._gone(request, head, began)
        except ClusterUnreadableError as error:
            self._unreadable(error, head)
            return None
        except PointersUnreadableError as error:
            raise PostponedError(str(error)) from None
        tell_gaps(snapshot.gaps, head, snapshot.taken_at, self._telemetry)
        known = head if head is not None and head.created_at == snapshot.cluster.created_at else None
        audit = audit_of(
            snapshot,
            self._checks,
            request.audit_id,
            self._autoscaler,
            policy=policy,
            team_tag=self._team_tag,
            autoscaler_seen_at=known.autoscaler_seen_at if known else None,
            karpenter_seen_at=known.karpenter_seen_at if known else None,
        )
        for note in audit.notes:
            self._telemetry.warning(note)
        return audit

    def _policy(self, request: AuditRequest, head: Head | None) -> Policy:
        if self._policed is None:
            return Policy.DEFAULT
        return self._policed.current(head, changed_before=request.not_before if request.policy_changed else None)

    def _is_answered(self, request: AuditRequest, head: Head | None) -> bool:
        """Say whether a snapshot that began after the request is already saved whole.

        Where another policy is what asks, also whether it was judged by that: its process may have known an older one.
        """
        if head is None or head.saved_at is None or head.taken_at <= request.not_before:
            return False
        return not request.policy_changed or head.policy == self._policy(request, head).version

    def _gone(self, request: AuditRequest, head: Head | None, began: datetime) -> Audit | None:
        if head is None or head.deleted:
            self._done(f"{request.cluster.arn} does not exist, and the ledger has nothing open for it")
            return None
        self._telemetry.info(f"{request.cluster.arn} is gone; what was open is resolved")
        return replace(_last_word(request, head, began), deleted=True)

    def _untargeted(self, request: AuditRequest, head: Head | None) -> Audit | None:
        if head is None or head.deleted:
            self._done(f"{request.cluster.arn} is not audited any more, and the ledger has nothing open for it")
            return None
        self._telemetry.info(f"{request.cluster.arn} is none of the targets any more; what was open is withdrawn")
        return replace(_last_word(request, head, self._clock()), untargeted=True)

    def _unreadable(self, error: ClusterUnreadableError, head: Head | None) -> None:
        self._telemetry.count("Gaps", Action=error.gap.action)
        if error.gap.retryable:
            message = f"{error}; nothing is saved and it is read again"
            raise PostponedError(message) from None
        if head is not None and error.gap.unanswered and is_rising(head.taken_at, self._clock()):
            self._telemetry.count("GapsRising")
        self._telemetry.warning(
            f"{error}; nothing is saved and its last findings stand: "
            f"see whether the Region is enabled and the role may call {error.gap.action}"
        )

    def _save(self, request: AuditRequest, audit: Audit) -> None:
        try:
            saved = self._ledger.save(audit, hub=self._hub)
        except ContendedError as error:
            raise PostponedError(str(error)) from None
        match saved:
            case FencedOut():
                self._fenced(request, audit, saved)
            case Saved():
                self._saved(audit, saved)

    def _fenced(self, request: AuditRequest, audit: Audit, fenced: FencedOut) -> None:
        self._telemetry.count("AuditsFenced")
        message = f"a newer audit of {audit.cluster.arn} is saved, of {fenced.head.taken_at}; this one is dropped"
        if not self._is_answered(request, fenced.head):
            # It is not whole yet, or this container's clock is slow and it began before the request.
            message = f"{message}, and as that one does not answer {request.cause} either, its message is kept"
            raise PostponedError(message)
        self._telemetry.info(message)

    def _saved(self, audit: Audit, saved: Saved) -> None:
        self._telemetry.count("TransitionsSaved", len(saved.transitions))
        changes = ", ".join(f"{count} {change.value}" for change, count in sorted(saved.counts.items()))
        sentence = f"audited {audit.cluster.arn}: {len(audit.findings)} verdicts, {changes or 'nothing changed'}"
        if not saved.whole:
            message = f"{sentence}; some reads are to be tried again, so its message is kept"
            raise PostponedError(message)
        self._done(sentence)

    def _done(self, sentence: str) -> None:
        """Count what the heartbeat listens to: an audit saved whole, or found to need nothing."""
        self._telemetry.count("AuditsDone")
        self._telemetry.info(sentence)


def _last_word(request: AuditRequest, head: Head, at: datetime) -> Audit:
    """Return an audit that finds nothing, for a cluster that has come to its end."""
    return Audit(
        audit_id=request.audit_id,
        cluster=request.cluster,
        created_at=head.created_at,
        taken_at=at,
        findings=(),
        checks=frozenset(),
        complete={},
    )


def autoscaler_of(settings: Settings) -> AutoscalerSettings:
    """Read what the environment says of the autoscaler.

    Raises:
        SettingsError: If that makes no sense; the sentence names the variable.
    """
    names = ("AUTOSCALER", "AUTOSCALER_VERSION", "AUTOSCALER_DISCOVERY")
    said = (settings.autoscaler, settings.autoscaler_version, settings.autoscaler_discovery)
    try:
        return settings_of(*said, names=names)
    except ValueError as error:
        raise SettingsError(str(error)) from None


def make_checkpoint(context: Context) -> Callable[[], None]:
    """Return what ends an audit that has too little time left to be saved."""

    def checkpoint() -> None:
        left = context.get_remaining_time_in_millis()
        if left < RESERVE_MS:
            message = f"{left} ms are left, too few to save an audit; nothing is saved and the cluster is read again"
            raise PostponedError(message)

    return checkpoint


def make_clients(accounts: Accounts, partition: str) -> Callable[[str, str], Clients]:
    """Return what makes the clients that clusters of an account and Region are read with."""

    def clients_for(account: str, region: str) -> Clients:
        place = Place(partition, account, region)
        return Clients(
            eks=accounts.client("eks", place),
            autoscaling=accounts.client("autoscaling", place),
            ec2=accounts.client("ec2", place),
            ssm=accounts.client("ssm", place),
            iam=accounts.client("iam", place),
            account=account,
            region=region,
            partition=partition,
        )

    return clients_for


@cache
def _build(function_arn: str) -> tuple[AuditCluster, Telemetry]:
    settings = Settings.from_environment()
    own = Place.of_function(function_arn)
    telemetry = make_telemetry(settings.stack)
    accounts = Accounts(own, settings.read_role, tell=telemetry.detail)
    clock = make_clock(settings.clock_file)
    dynamodb = accounts.client("dynamodb")
    pointers = Pointers(dynamodb, settings.ledger_table, time.sleep, telemetry.warning)
    source = source_of(settings, accounts.client)
    policies = Policies(dynamodb, settings.ledger_table)
    function = AuditCluster(
        reader=Reader(make_clients(accounts, own.partition), clock, WORKERS, pointers.of),
        checks=CATALOGUE,
        ledger=Ledger(dynamodb, settings.ledger_table, clock, time.sleep),
        hub=settings.security_hub,
        clock=clock,
        telemetry=telemetry,
        autoscaler=autoscaler_of(settings),
        policed=None
        if source is None
        else PolicyInForce(source=source, ledger=policies, checks=CATALOGUE, clock=clock, telemetry=telemetry),
        team_tag=settings.team_tag,
    )
    return function, telemetry


def handle(event: dict[str, Any], context: Context) -> dict[str, Any]:
    """Audit the cluster of each message."""
    function, telemetry = _build(context.invoked_function_arn)
    checkpoint = make_checkpoint(context)
    with telemetry.invocation(context.aws_request_id):
        return each_message(event, lambda body: function.audit(body, checkpoint), telemetry)
