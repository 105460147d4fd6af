"""ImportFindings: transitions become findings in Security Hub, in the cluster's account and Region."""

import time
from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import Any, Protocol

from eks_auditor.events.messages import ReleaseMessage, TransitionsMessage, parse_message
from eks_auditor.ledger.table import Ledger
from eks_auditor.model.cluster import ClusterId
from eks_auditor.plan.targets import Place
from eks_auditor.settings import Settings
from eks_auditor.sinks.asff import asff
from eks_auditor.sinks.security_hub import Imported, SecurityHub
from eks_auditor.wiring.accounts import Accounts
from eks_auditor.wiring.clock import make_clock
from eks_auditor.wiring.records import PostponedError, each_message
from eks_auditor.wiring.telemetry import Context, Telemetry, make_telemetry


class Marks(Protocol):
    """What is asked of the ledger."""

    def mark_imported(self, cluster_arn: str, finding_id: str, sequence: int, hub_at: datetime) -> None:
        """Note that Security Hub has a finding as of an instant, unless the finding has moved on."""


class ImportFindings:
    """Imports one message at a time."""

    def __init__(self, *, hub_of: Callable[[Place], SecurityHub], ledger: Marks, telemetry: Telemetry) -> None:
        """Take what knows each account's and Region's hub, and what remembers."""
        self._hub_of = hub_of
        self._ledger = ledger
        self._telemetry = telemetry

    def take(self, body: str) -> None:
        """Import the findings of one message, and note what was taken.

        A hub that is not enabled is an answer: counted, not tried again. The ledger's ``hub_at`` stays empty, so every
        audit offers the finding anew. The notice of a release is no finding: where one comes this far, it is left.

        Raises:
            EventError: If the message cannot be read.
            PostponedError: If the hub refuses some findings, once all others are imported and noted.
        """
        try:
            self._take(body)
        except Exception:
            self._telemetry.count("ImportsFailed")
            raise

    def _take(self, body: str) -> None:
        message = parse_message(body)
        if isinstance(message, ReleaseMessage):
            self._telemetry.detail(f"release event {message.release.event_id} is no finding, and is left")
            return
        self._telemetry.name(audit_id=message.audit_id, cluster=message.cluster.arn)
        imported = self._hub_of(Place.of(message.cluster)).import_findings(
            asff(transition, cluster=message.cluster, audit_id=message.audit_id, taken_at=message.taken_at)
            for transition in message.transitions
        )
        self._mark(message, imported)
        self._tell(message.cluster, imported)

    def _mark(self, message: TransitionsMessage, imported: Imported) -> None:
        accepted = frozenset(imported.accepted)
        for transition in message.transitions:
            if transition.finding.id in accepted:
                self._ledger.mark_imported(
                    message.cluster.arn, transition.finding.id, transition.sequence, message.taken_at
                )

    def _tell(self, cluster: ClusterId, imported: Imported) -> None:
        place = Place.of(cluster)
        if imported.accepted:
            self._telemetry.count("FindingsImported", len(imported.accepted))
            self._telemetry.info(f"Security Hub of {place} has {len(imported.accepted)} findings of {cluster.arn}")
        if imported.not_enabled:
            self._telemetry.count("HubNotEnabled", len(imported.not_enabled), Account=place.account)
            self._telemetry.info(
                f"Security Hub is not enabled in {place}: {len(imported.not_enabled)} findings of {cluster.arn} "
                f"stay in the ledger; enable it there, or set the stack's SecurityHub to disabled"
            )
        if imported.refused:
            self._telemetry.count("FindingsRefused", len(imported.refused))
            message = (
                f"Security Hub of {place} refused {len(imported.refused)} findings of {cluster.arn}, "
                f"the first: {imported.refused[0]}; the message is tried again, then kept whole in the failure queue"
            )
            raise PostponedError(message)


@cache
def _build(function_arn: str) -> tuple[ImportFindings, Telemetry]:
    settings = Settings.from_environment()
    telemetry = make_telemetry(settings.stack)
    accounts = Accounts(Place.of_function(function_arn), settings.import_role, tell=telemetry.detail)
    function = ImportFindings(
        hub_of=lambda place: SecurityHub(accounts.client("securityhub", place)),
        ledger=Ledger(accounts.client("dynamodb"), settings.ledger_table, make_clock(settings.clock_file), time.sleep),
        telemetry=telemetry,
    )
    return function, telemetry


def handle(event: dict[str, Any], context: Context) -> dict[str, Any]:
    """Import the findings of each message."""
    function, telemetry = _build(context.invoked_function_arn)
    with telemetry.invocation(context.aws_request_id):
        return each_message(event, function.take, telemetry)
