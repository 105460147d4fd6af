"""The policy in force: the deployed one, or while that is not valid the last one that was."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Protocol

from eks_auditor.check import Check
from eks_auditor.ledger.policies import KeptPolicy
from eks_auditor.model.history import Head
from eks_auditor.policy.mistakes import PolicyError
from eks_auditor.policy.reading import read_policy
from eks_auditor.policy.rules import Policy
from eks_auditor.wiring.clock import Clock
from eks_auditor.wiring.policy_source import Deployed, PolicySource, UnreadPolicyError
from eks_auditor.wiring.records import PostponedError
from eks_auditor.wiring.telemetry import Telemetry

READ_AFTER = timedelta(minutes=5)
"""How often a process looks whether the deployed policy is another one."""

SAID = 50
"""The most mistakes that are logged each time; ``eks-auditor policy check`` says all."""


class PolicyLedger(Protocol):
    """What is asked of the ledger."""

    def last(self) -> KeptPolicy | None:
        """Return the last valid policy."""

    def keep(self, policy: KeptPolicy, /) -> None:
        """Keep a valid policy."""


class PolicyInForce:
    """Reads the deployed policy every so often, and never judges by less than was known."""

    def __init__(
        self,
        *,
        source: PolicySource,
        ledger: PolicyLedger,
        checks: Iterable[Check],
        clock: Clock,
        telemetry: Telemetry,
    ) -> None:
        """Take where it is deployed, what remembers the last valid one, and all the checks there are."""
        self._source = source
        self._ledger = ledger
        self._checks = tuple(checks)
        self._clock = clock
        self._telemetry = telemetry
        self._policy: Policy | None = None
        self._valid: tuple[Deployed, Policy] | None = None
        self._read_at: datetime | None = None

    def current(self, head: Head | None, *, changed_before: datetime | None = None) -> Policy:
        """Return the policy to judge a cluster by.

        Read anew are a policy that is :data:`READ_AFTER` old; one that is older than the change that an audit is asked
        for; and one that the cluster has been judged by another one after: a process beside this one has read a newer.

        Args:
            head: What the ledger knows of the cluster.
            changed_before: The time of planning, where the audit is asked for because the policy has changed.

        Raises:
            PostponedError: If it cannot be read and none is known: to judge without it would tell people of what they
                have accepted.
        """
        if self._policy is None or not self._is_fresh(self._policy, head, changed_before):
            self._policy = self._read()
        return self._policy

    def _is_fresh(self, policy: Policy, head: Head | None, changed_before: datetime | None) -> bool:
        if self._read_at is None or self._clock() - self._read_at >= READ_AFTER:
            return False
        if changed_before is not None and self._read_at <= changed_before:
            return False
        if head is None or head.taken_at <= self._read_at:
            return True
        # Of an audit that is not saved whole HEAD does not say yet what it was judged by.
        return head.policy == policy.version and head.saved_at is not None

    def _read(self) -> Policy:
        now = self._clock()
        try:
            deployed = self._source.read(self._valid[0].version if self._valid else None)
            policy = self._still(now) if deployed is None else self._valid_one(deployed, now)
        except UnreadPolicyError as error:
            policy = self._unread(error)
        except PolicyError as error:
            self._valid = None
            policy = self._invalid(error)
        self._read_at = now
        return policy

    def _still(self, now: datetime) -> Policy:
        """Return the policy that has not changed where it is deployed; only a valid one is asked for by its version.

        It is kept once more: the ledger did not take it if another process, by a clock that is ahead, had read the one
        before it just then, or may have lost it since.
        """
        self._telemetry.count("PolicyInvalid", 0)
        if self._valid is None:
            return Policy.DEFAULT
        deployed, policy = self._valid
        self._ledger.keep(KeptPolicy(deployed.text, now))
        return policy

    def _valid_one(self, deployed: Deployed, now: datetime) -> Policy:
        policy, warnings = read_policy(deployed.text, checks=self._checks, now=now)
        self._ledger.keep(KeptPolicy(deployed.text, now))
        self._valid = deployed, policy
        for mistake in warnings:
            self._telemetry.warning(f"{self._source.name}:{mistake.line}: {mistake.sentence}")
        self._telemetry.info(f"policy {policy.version} of {self._source.name} is in force")
        self._telemetry.count("PolicyInvalid", 0)
        return policy

    def _invalid(self, error: PolicyError) -> Policy:
        policy = self._last() or self._policy or Policy.DEFAULT
        for mistake in error.mistakes[:SAID]:
            self._telemetry.warning(f"{self._source.name}:{mistake.line}: {mistake.sentence}")
        if len(error.mistakes) > SAID:
            self._telemetry.warning(f"{self._source.name} has {len(error.mistakes) - SAID} more mistakes")
        self._telemetry.warning(
            f"the policy of {self._source.name} is not valid, so policy {policy.version} stays in force: "
            f"mend it, and try it with `eks-auditor policy check FILE` before"
        )
        self._telemetry.count("PolicyInvalid")
        return policy

    def _unread(self, error: UnreadPolicyError) -> Policy:
        policy = self._last() or self._policy
        # What passes by itself is no alarm's business.
        self._telemetry.count("PolicyInvalid", 0 if error.gap.retryable else 1)
        if policy is None:
            message = (
                f"the policy of {self._source.name} cannot be read and none was before: {error}; nothing is judged "
                f"without it: see whether it is there and the role may call {error.gap.action}"
            )
            raise PostponedError(message)
        self._telemetry.warning(
            f"the policy of {self._source.name} cannot be read: {error}; policy {policy.version} stays in force: "
            f"if this stays, see whether the role may call {error.gap.action}"
        )
        return policy

    def _last(self) -> Policy | None:
        """Return the last valid policy that the ledger knows, if it is one still.

        It goes before what this process knows: another process may have read a newer one since, and clusters would be
        judged by both in turns.
        """
        kept = self._ledger.last()
        if kept is None:
            return None
        try:
            return read_policy(kept.text, checks=self._checks, now=kept.read_at)[0]
        except PolicyError as error:
            self._telemetry.warning(f"the last valid policy, as the ledger keeps it, is none any more: {error}")
            return None
