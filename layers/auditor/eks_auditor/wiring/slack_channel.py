"""The Slack channel that people read: by the secret of the moment, and in a thread for each cluster and day."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date
from typing import Protocol

from eks_auditor.ledger.quiet import Thread
from eks_auditor.model.cluster import ClusterId
from eks_auditor.sinks.slack import Credentials, Posted, RefusedError, SecretError, Slack, parse_secret
from eks_auditor.sinks.slack_message import SlackMessage
from eks_auditor.snapshot.unfinished import NO_ANSWER
from eks_auditor.wiring.clock import Clock

ACTIONS = frozenset({"secretsmanager:GetSecretValue"})

SECRET_SECONDS = 300
"""How long a secret is used before it is read again."""


class Secrets(Protocol):
    """What is asked of Powertools' parameters."""

    def get(self, name: str, max_age: int | None = None, *, force_fetch: bool = False) -> object:
        """Return a secret, as it is or as it was some seconds ago."""


class Threads(Protocol):
    """What is asked of the ledger."""

    def thread(self, cluster_arn: str, day: date) -> Thread | None:
        """Return where a cluster's messages of a day are."""

    def keep_thread(self, cluster_arn: str, day: date, thread: Thread) -> None:
        """Remember where they are."""


class Channel:
    """Where messages go. A secret is rotated without a deployment: when Slack refuses it, it is read anew, once."""

    def __init__(
        self,
        *,
        secrets: Secrets,
        secret: str,
        threads: Threads,
        clock: Clock,
        connect: Callable[[Credentials], Slack] = Slack,
    ) -> None:
        """Take the secret's ARN and what reads it, what remembers threads, and what speaks to Slack."""
        self._secrets = secrets
        self._secret = secret
        self._threads = threads
        self._clock = clock
        self._connect = connect

    def post(self, message: SlackMessage, *, about: ClusterId | None = None, loud: bool = False) -> None:
        """Show a message.

        Args:
            message: What to show.
            about: The one cluster that it is about, whose thread of today it belongs to.
            loud: Whether a reply is shown in the channel as well.

        Raises:
            BusyError: If Slack takes nothing now.
            RefusedError: If it never takes this; of credentials, not with those that the secret holds now either.
            GetParameterError: If the secret cannot be read.
        """
        slack = self._slack(anew=False)
        try:
            self._post(slack, message, about, loud=loud)
        except RefusedError as error:
            if not error.credentials:
                raise
            rotated = self._slack(anew=True)
            if rotated.credentials == slack.credentials:
                raise
            self._post(rotated, message, about, loud=loud)

    def _slack(self, *, anew: bool) -> Slack:
        text = self._secrets.get(self._secret, max_age=SECRET_SECONDS, force_fetch=anew)
        try:
            return self._connect(parse_secret(text if isinstance(text, str) else ""))
        except SecretError as error:
            if not anew:
                return self._slack(anew=True)
            raise RefusedError(str(error), credentials=True) from None

    def _post(self, slack: Slack, message: SlackMessage, about: ClusterId | None, *, loud: bool) -> None:
        if about is None or slack.channel is None:
            slack.post(message)
            return
        today = self._clock().astimezone(UTC).date()
        thread = self._threads.thread(about.arn, today)
        if thread is None or thread.channel != slack.channel or not _replied(slack, message, thread, loud=loud):
            self._begin(about, today, slack.post(message))

    def _begin(self, about: ClusterId, day: date, posted: Posted) -> None:
        """Remember the thread. If that fails the next message begins another: better than to tell this one again."""
        if posted.channel is not None and posted.ts is not None:
            with suppress(*NO_ANSWER):
                self._threads.keep_thread(about.arn, day, Thread(posted.channel, posted.ts))


def _replied(slack: Slack, message: SlackMessage, thread: Thread, *, loud: bool) -> bool:
    """Reply in a thread; return False if it is gone."""
    try:
        slack.post(message, thread=thread.ts, broadcast=loud)
    except RefusedError as error:
        if not error.thread_gone:
            raise
        return False
    return True
