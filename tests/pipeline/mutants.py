"""The pipeline less one safeguard each; the machine must find what goes wrong."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from eks_auditor.events.messages import TopicMessage
from eks_auditor.events.requests import AuditsRequest, SweepRequest
from eks_auditor.ledger.outbox import Outbox
from eks_auditor.ledger.quiet import HELD, Held, Quiet
from eks_auditor.ledger.table import Ledger
from eks_auditor.ledger.transaction import Part
from eks_auditor.model.cluster import ClusterId
from eks_auditor.model.history import DEFAULT_POLICY, Head
from eks_auditor.policy.rules import Policy
from eks_auditor.wiring.import_findings import ImportFindings
from eks_auditor.wiring.notify_slack import NotifySlack
from eks_auditor.wiring.plan_audits import PlanAudits, Runs
from eks_auditor.wiring.publish_transitions import PublishTransitions
from tests.pipeline.consumer import LastWord, Word
from tests.pipeline.deployed_policy import Process
from tests.pipeline.dynamodb import FakeDynamoDb, Key
from tests.pipeline.stack import NotingLedger, Parts


class Unfenced(FakeDynamoDb):
    """Whatever is written is taken, HEAD or not."""

    def lets(self, request: Mapping[str, object], key: Key) -> bool:
        return key[1] == "HEAD" or super().lets(request, key)


class AnnouncesAfter(NotingLedger):
    """Writes what changed, and then, by itself, the announcement of it."""

    def write(self, part: Part) -> None:
        self._part = part
        Ledger.write(self, replace(part, outbox=None))
        if part.outbox is not None:
            self._put_new(part.outbox)


class ForgetsThePolicy(NotingLedger):
    """Does not keep what policy a cluster was judged by."""

    def write(self, part: Part) -> None:
        self._part = part
        Ledger.write(self, replace(part, head=replace(part.head, policy=DEFAULT_POLICY)))


class ReadsThePolicyOnce(Process):
    """Judges by the policy that it read first, for as long as it lives."""

    first: Policy | None = None

    def current(self, head: Head | None, *, changed_before: datetime | None = None) -> Policy:
        self.first = self.first or super().current(head, changed_before=changed_before)
        return self.first


class MarksFirst(PublishTransitions):
    """Notes that it published, and then publishes."""

    def _publish(self, outbox: Outbox) -> None:
        self._ledger.mark_relayed(outbox.key, self._clock())
        self._topic.publish(outbox.body)


class TrustsTheStream(PublishTransitions):
    """Its schedule relays nothing."""

    def relay(self, left_ms: Callable[[], int]) -> dict[str, int]:  # noqa: ARG002  that is the mutation
        return {"relayed": 0}


class OwnClock(ImportFindings):
    """Tells Security Hub when it sends, not when the audit was."""

    sent = 0

    def take(self, body: str) -> None:
        OwnClock.sent += 1
        document = json.loads(body)
        super().take(json.dumps(document | {"taken_at": f"2027-12-01T00:00:00.{OwnClock.sent:06}Z"}))


class ForgetsItsOwn(PlanAudits):
    """Sweeps what AWS lists, and nothing that only the ledger knows."""

    def _known(self, request: AuditsRequest, runs: Runs) -> Iterable[ClusterId]:
        return () if isinstance(request, SweepRequest) else super()._known(request, runs)


class LastHeard(LastWord):
    """Believes whatever it heard last."""

    def is_newer(self, word: Word, known: Word | None) -> bool:  # noqa: ARG002  that is the mutation
        return True


class TellsWhateverComes(NotifySlack):
    """Tells Slack of each message whatever it was told before."""

    def _news(self, messages: Sequence[TopicMessage]) -> list[TopicMessage | None]:
        return list(messages)


class HoldsUnfenced(Quiet):
    """Holds a message in a window that may have been closed meanwhile."""

    def _written(self, actions: list[Any]) -> bool:
        return super()._written([action for action in actions if "ConditionCheck" not in action])


class ForgetsFirst(NotifySlack):
    """Forgets what was held, and then tells it."""

    def _summarise(self, held: Sequence[Held]) -> None:
        self._quiet.forget(held)
        super()._summarise(held)


class TellsItsOwn(NotifySlack):
    """Tells what was held in the window that it ends, and nothing that others left."""

    def _flush(self, window: str) -> None:
        with self._turn():
            self._quiet.close(window)
            held = [each for each in self._quiet.held() if each.item.startswith(f"{HELD}{window}#")]
            self._summarise(held)
            self._quiet.forget(held)


MUTANTS: Mapping[str, tuple[Parts, str]] = {
    "a fence": (Parts(table=Unfenced), "is not as the reference"),
    "the announcement in the transaction": (Parts(ledger=AnnouncesAfter), "is not as the reference: announced"),
    "the policy that a cluster was judged by": (Parts(ledger=ForgetsThePolicy), "is not as the reference"),
    "reading the policy again": (Parts(process=ReadsThePolicyOnce), "the policy that is kept|the sweep judged by"),
    "publishing before it is marked": (Parts(relay=MarksFirst), "what the world was told"),
    "the relay's schedule": (Parts(relay=TrustsTheStream), "what the world was told"),
    "the audit's instant in Security Hub": (Parts(importer=OwnClock), "the hub's findings"),
    "the ledger's own clusters in a sweep": (Parts(planner=ForgetsItsOwn), "is not what the sweep alone finds"),
    "a consumer that heeds the sequence": (Parts(consumer=LastHeard), "the consumer's last words"),
}
"""By what they lack: what they are built of, and what is found wrong."""

SLACK_MUTANTS: Mapping[str, tuple[Parts, str]] = {
    "Slack's heed of the sequence": (Parts(notifier=TellsWhateverComes), "Slack shows"),
    "the fence of a window": (Parts(quiet=HoldsUnfenced), "held"),
    "telling before it is forgotten": (Parts(notifier=ForgetsFirst), "people know"),
    "what other windows left": (Parts(notifier=TellsItsOwn), "held"),
}
"""The same, of what people are told."""
