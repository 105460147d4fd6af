"""Slack itself: one message at a time, by an incoming webhook or as a bot, through slack-sdk.

What can wait and what never works are told apart here, by Slack's own words:
https://docs.slack.dev/reference/methods/chat.postMessage and, for webhooks,
https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks.
"""

import json
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.webhook import WebhookClient

from eks_auditor.sinks.slack_message import SlackMessage

API_URL = "https://slack.com/api/"
"""Of commercial Slack; GovSlack's is https://slack-gov.com/api/ (https://docs.slack.dev/govslack)."""

TIMEOUT_SECONDS = 10
"""How long to wait for an answer; slack-sdk's own 30 seconds are a fourth of a function's life."""

_BUSY = frozenset(
    {
        "fatal_error",
        "internal_error",
        "rate_limited",
        "ratelimited",
        "request_timeout",
        "rollup_error",
        "service_unavailable",
        "team_added_to_org",
    }
)
"""Errors that pass by themselves, in words instead of a status."""

_ANOTHER_SECRET = frozenset(
    {
        "access_denied",
        "accesslimited",
        "account_inactive",
        "channel_not_found",
        "ekm_access_denied",
        "enterprise_is_restricted",
        "invalid_auth",
        "is_archived",
        "missing_scope",
        "no_permission",
        "not_allowed_token_type",
        "not_authed",
        "not_in_channel",
        "org_login_required",
        "restricted_action",
        "restricted_action_non_threadable_channel",
        "restricted_action_read_only_channel",
        "restricted_action_thread_only_channel",
        "team_access_not_granted",
        "token_expired",
        "token_revoked",
        "two_factor_setup_required",
    }
)
"""Errors that are of whoever may post where, which a new secret may mend: it names the channel as well."""

_THREAD_GONE = frozenset(
    {
        "cannot_reply_to_message",
        "invalid_thread_ts",
        "message_not_found",
        "restricted_action_thread_locked",
        "thread_not_found",
    }
)

_WORD = re.compile(r"[a-z][a-z0-9_]*")
_TOKEN = re.compile(r"[A-Za-z0-9._-]+")
_LOOPBACK = frozenset({"127.0.0.1", "localhost"})

_UNLINKED = {"unfurl_links": False, "unfurl_media": False, "link_names": False, "parse": "none"}
"""Nothing is turned into a mention or a link, and no link is fetched and shown below the message."""


class SecretError(Exception):
    """A secret that does not say how to reach Slack, in one sentence that repeats nothing of it."""


class BusyError(Exception):
    """Slack takes nothing now, in one sentence.

    Attributes:
        retry_after: Seconds to wait, as Slack asks; None where it did not say.
    """

    def __init__(self, why: str, retry_after: float | None = None) -> None:
        """Keep both."""
        super().__init__(f"Slack takes no messages now: {why}")
        self.retry_after = retry_after


class RefusedError(Exception):
    """A message that Slack refuses however often it comes.

    Attributes:
        reason: Slack's word.
        credentials: Whether another secret may mend it.
        thread_gone: Whether it was a reply to what is no more.
    """

    def __init__(self, reason: str, *, credentials: bool = False, thread_gone: bool = False) -> None:
        """Keep all of it."""
        super().__init__(f"Slack refused the message: {reason}")
        self.reason = reason
        self.credentials = credentials
        self.thread_gone = thread_gone


@dataclass(frozen=True, slots=True)
class Webhook:
    """An incoming webhook: its URL is the secret, and one channel's."""

    url: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Bot:
    """A bot's token (scope ``chat:write``), the id of the channel to post in, and where Slack's API is."""

    token: str = field(repr=False)
    channel: str
    api_url: str = API_URL


type Credentials = Webhook | Bot


@dataclass(frozen=True, slots=True)
class Posted:
    """A message that Slack shows: where, and its name there, to which replies refer; None of a webhook's."""

    channel: str | None
    ts: str | None


def parse_secret(text: str) -> Credentials:
    """Read how to reach Slack: JSON with ``webhook_url``, or with ``bot_token`` and ``channel``; or the URL alone.

    Raises:
        SecretError: If it is neither.
    """
    text = text.strip()
    if text.startswith("https://"):
        return Webhook(_url(text, "the webhook's URL"))
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        message = (
            "the Slack secret is neither JSON nor a URL; store {'webhook_url': …} or {'bot_token': …, 'channel': …}"
        )
        raise SecretError(message)
    if "webhook_url" in document:
        return Webhook(_url(document["webhook_url"], "webhook_url"))
    for name in ("bot_token", "channel"):
        if not isinstance(document.get(name), str) or not _TOKEN.fullmatch(document[name]):
            message = f"the Slack secret has no usable {name}; store webhook_url, or bot_token and the channel's id"
            raise SecretError(message)
    return Bot(document["bot_token"], document["channel"], _url(document.get("api_url", API_URL), "api_url"))


def _url(value: object, name: str) -> str:
    """Let a URL pass that is encrypted, or does not leave the machine."""
    if isinstance(value, str) and re.fullmatch(r"[!-~]+", value):
        parts = urlsplit(value)
        if parts.hostname and (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)):
            return value
    message = f"{name} of the Slack secret is no https URL; store the one that Slack shows"
    raise SecretError(message)


class Slack:
    """One channel, by whichever way there is to it."""

    def __init__(self, credentials: Credentials, timeout: int = TIMEOUT_SECONDS) -> None:
        """Make the client; nothing is sent yet. Retries are the queue's, so slack-sdk makes none."""
        self.credentials = credentials
        self._timeout = timeout

    @property
    def channel(self) -> str | None:
        """The channel's id, where there can be threads; None of a webhook's."""
        return self.credentials.channel if isinstance(self.credentials, Bot) else None

    def post(self, message: SlackMessage, *, thread: str | None = None, broadcast: bool = False) -> Posted:
        """Show a message.

        Args:
            message: Within Slack's limits.
            thread: The ``ts`` of the message to reply to; webhooks have no threads.
            broadcast: Whether a reply is shown in the channel as well.

        Raises:
            BusyError: If Slack takes nothing now, or did not answer: whether it shows the message is not known then.
            RefusedError: If it never takes this.
        """
        shown = {"text": message.text, "blocks": [dict(block) for block in message.blocks], **_UNLINKED}
        try:
            if isinstance(self.credentials, Webhook):
                return self._through_webhook(self.credentials, shown)
            return self._as_bot(self.credentials, shown, thread, broadcast)
        except (BusyError, RefusedError):
            raise
        except (OSError, HTTPException, UnicodeError, LookupError) as error:
            # The last two are of a page in no encoding that it says to be in: none of Slack's. The text of the others
            # may repeat the URL, which is the secret.
            why = f"no answer ({type(error).__name__})"
            raise BusyError(why) from None
        except Exception as error:  # noqa: BLE001  as above: nothing of a library's own words goes further
            raise RefusedError(type(error).__name__) from None

    def _through_webhook(self, webhook: Webhook, shown: dict[str, Any]) -> Posted:
        client = WebhookClient(webhook.url, timeout=self._timeout, logger=_silent(), retry_handlers=[])
        answer = client.send_dict(shown)
        _require_awake(answer.status_code, answer.headers)
        if answer.status_code == HTTPStatus.OK:
            if answer.body.strip() == "ok":
                return Posted(None, None)
            why = "something else than Slack answered at the webhook's URL"
            raise BusyError(why)
        reason = _word(answer.body) or f"HTTP {answer.status_code}"
        gone = answer.status_code in (HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.GONE)
        raise RefusedError(reason, credentials=gone)

    def _as_bot(self, bot: Bot, shown: dict[str, Any], thread: str | None, broadcast: bool) -> Posted:  # noqa: FBT001  passed on
        client = WebClient(bot.token, base_url=bot.api_url, timeout=self._timeout, logger=_silent(), retry_handlers=[])
        if thread is not None:
            shown = {**shown, "thread_ts": thread, "reply_broadcast": broadcast}
        try:
            answer = client.chat_postMessage(channel=bot.channel, **shown)
        except SlackApiError as error:
            raise _refusal(error) from None
        # Slack may know a channel by another id than the one it was asked for, and answers with its own.
        return Posted(bot.channel, answer["ts"])


def _refusal(error: SlackApiError) -> BusyError | RefusedError:
    response = error.response
    try:
        _require_awake(response.status_code, response.headers)
    except BusyError as busy:
        return busy
    reason = _word(response.get("error"))
    if reason is None:
        return BusyError(f"something else than Slack answered with HTTP {response.status_code}")
    if reason in _BUSY:
        return BusyError(reason, _retry_after(response.headers))
    return RefusedError(reason, credentials=reason in _ANOTHER_SECRET, thread_gone=reason in _THREAD_GONE)


def _require_awake(status: int, headers: Mapping[str, str]) -> None:
    if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        why = f"HTTP {status}"
        raise BusyError(why, _retry_after(headers))


def _retry_after(headers: Mapping[str, str]) -> float | None:
    found = next((value for name, value in headers.items() if name.lower() == "retry-after"), "")
    return float(found) if re.fullmatch(r"\d{1,6}(\.\d+)?", found) else None


def _word(text: object) -> str | None:
    """Return Slack's word for an error; None of anything else, such as a proxy's page."""
    return text.strip() if isinstance(text, str) and _WORD.fullmatch(text.strip()) else None


def _silent() -> logging.Logger:
    """Return a logger that says nothing: slack-sdk logs URLs, bodies and what it is refused."""
    return logging.Logger("slack_sdk", logging.CRITICAL + 1)  # noqa: LOG001  nobody else is to get hold of it
