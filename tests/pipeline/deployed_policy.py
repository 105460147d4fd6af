"""The policy as people deploy it, and the processes of AuditCluster that each keep what they read of it last."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from botocore.exceptions import ClientError

from eks_auditor.check import Check
from eks_auditor.ledger.policies import KeptPolicy, Policies
from eks_auditor.model.gap import Gap
from eks_auditor.model.history import Head
from eks_auditor.policy.rules import Policy
from eks_auditor.wiring.policy_in_force import PolicyInForce
from eks_auditor.wiring.policy_source import Deployed, UnreadPolicyError
from eks_auditor.wiring.telemetry import Telemetry
from tests.pipeline.dynamodb import FakeDynamoDb
from tests.pipeline.troubles import Run

PARAMETER = "/eks-auditor/policy"

POLICIES: Mapping[str, str] = {
    "decides nothing": "",
    "one zone is enough": "minimum_zones: 1\n",
    "health is not judged": "checks: {HEALTH001: off}\n",
    "sets and groups are not judged in one cluster": (
        "rules: [{clusters: [shop], checks: {ZONE002: off, ZONE003: off}}]\n"
    ),
    "accepts everything for two days": (
        "exemptions: [{checks: [HEALTH001, ZONE001, ZONE002, ZONE003], reason: r, owner: o, until: 2D}]\n"
    ),
    "accepts some of one group for a month": (
        "exemptions: [{checks: [HEALTH001, ZONE002], capacities: [web], severity: HIGH, reason: r, owner: o, "
        "until: 30D}]\n"
    ),
    "is not valid": "checks: {NONE001: off}\n",
}
"""What may be deployed; ``2D`` and ``30D`` are so many days after it was written."""

INVALID = "is not valid"
_BUSY = Gap("ssm:GetParameter", PARAMETER, "ThrottlingException: later", retryable=True)


class DeployedPolicy:
    """The parameter: a text and its version."""

    def __init__(self) -> None:
        self.text = ""
        self.valid = True
        self._writes = 0

    def write(self, name: str, now: datetime) -> None:
        """Deploy one of :data:`POLICIES`."""
        text = f"version: 1\n{POLICIES[name]}"
        for days in (30, 2):
            text = text.replace(f"{days}D", f"{now + timedelta(days=days):%Y-%m-%d}")
        self.text, self.valid = text, name != INVALID
        self._writes += 1

    def read(self, known: str | None) -> Deployed | None:
        version = f"version {self._writes}"
        return None if version == known else Deployed(version, self.text)


class Process:
    """A warm process of AuditCluster: what it has read of the policy outlives its runs, and ends with it."""

    name = f"parameter {PARAMETER}"

    def __init__(
        self, deployed: DeployedPolicy, table: FakeDynamoDb, checks: tuple[Check, ...], says: Telemetry
    ) -> None:
        self.run: Run | None = None
        self._deployed = deployed
        self._table = table
        self._in_force = PolicyInForce(source=self, ledger=self, checks=checks, clock=self._clock, telemetry=says)

    def current(self, head: Head | None, *, changed_before: datetime | None = None) -> Policy:
        return self._in_force.current(head, changed_before=changed_before)

    # Where it is deployed, and what remembers the last valid one, through the run's troubles.

    def read(self, known: str | None) -> Deployed | None:
        try:
            return self._running().call("the policy's read", lambda: self._deployed.read(known))
        except ClientError:
            raise UnreadPolicyError(_BUSY) from None

    def last(self) -> KeptPolicy | None:
        return self._policies().last()

    def keep(self, policy: KeptPolicy, /) -> None:
        self._policies().keep(policy)

    def _policies(self) -> Policies:
        return Policies(self._running().client(self._table), "ledger")

    def _clock(self) -> datetime:
        return self._running().clock()

    def _running(self) -> Run:
        assert self.run is not None, "a process reads the policy within a run only"
        return self.run
