"""A Slack to post to where there is none: one workspace that keeps Slack's documented rules.

It answers incoming webhooks (``/services/…``) and ``chat.postMessage`` (``/api/chat.postMessage``), refuses what Slack
refuses, lets one message a second into a channel, and remembers what it shows. Sources, all below
https://docs.slack.dev: ``reference/methods/chat.postMessage``, ``messaging/sending-messages-using-incoming-webhooks``,
``apis/web-api/rate-limits``; the statuses of webhooks:
https://api.slack.com/changelog/2016-05-17-changes-to-errors-for-incoming-webhooks.
"""

import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from threading import Event, RLock
from typing import Any
from urllib.parse import parse_qsl

from local_aws.slack_limits import MESSAGE_LIMIT, broken, is_too_long, pings_of

WEBHOOK = "/services/"
POST_MESSAGE = "/api/chat.postMessage"

INTERVAL_SECONDS = 1.0
"""Slack's "1 per second" of a channel, without the short bursts that it allows but does not promise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A message as Slack shows it.

    Attributes:
        ts: Its name in its channel: seconds since 1970 with six decimals, as Slack writes it.
        channel: Where.
        text: What notifications say; cut off after 40,000 characters, as Slack does.
        blocks: As they came.
        thread_ts: The message that it replies to; None in the channel itself.
        broadcast: Whether a reply is shown in the channel as well.
        via: ``webhook`` or ``bot``.
        pings: What in it would notify somebody, or link to what nobody marked up as a link.
        truncated: Whether its text was cut off.
    """

    ts: str
    channel: str
    text: str
    blocks: tuple[Mapping[str, Any], ...]
    thread_ts: str | None = None
    broadcast: bool = False
    via: str
    pings: tuple[str, ...] = ()
    truncated: bool = False


class Trouble(StrEnum):
    """What can be wrong with Slack."""

    BUSY = "busy"
    BROKEN = "broken"
    HANG_UP = "hang_up"
    LOSE_ANSWER = "lose_answer"
    SLOW = "slow"


@dataclass(slots=True)
class _Fault:
    trouble: Trouble
    times: int
    status: int
    retry_after: int | None


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer; ``status`` 0 hangs up without one."""

    status: int
    body: str
    headers: Mapping[str, str] = field(default_factory=dict)


class RefusalError(Exception):
    """What Slack says instead of showing a message, with its details."""

    def __init__(self, *, reason: str, details: tuple[str, ...] = ()) -> None:
        """Keep both."""
        super().__init__(reason)
        self.reason = reason
        self.details = details


class Workspace:
    """The channels of one workspace, a bot's token, a webhook, and every message shown."""

    def __init__(
        self,
        *,
        channel: str = "C0LOCAL0001",
        token: str = "xoxb-local-0001",  # noqa: S107  nothing but this server takes it
        webhook: str = "T0LOCAL0001/B0LOCAL0001/local0000000000000000001",
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Open one channel, that the bot was invited to and the webhook posts in.

        Args:
            channel: Its id.
            token: The bot's.
            webhook: What the webhook's URL ends in.
            clock: Seconds that only grow; a channel's limit is measured by it.
            now: Seconds since 1970, for the messages' names.
        """
        self.channel = channel
        self.token = token
        self.webhook = webhook
        self.shown: list[Shown] = []
        self.calls: list[int] = []
        """The status of every answer, in order; 0 where it hung up."""
        self.lock = RLock()
        self.limited = True
        self.freed = Event()
        """Ends every slow answer."""
        self._clock = clock
        self._now = now
        self._channels = {channel}
        self._archived: set[str] = set()
        self._revoked: set[str] = set()
        self._last: dict[str, float] = {}
        self._faults: list[_Fault] = []
        self._rotations = 1
        self._posts = 0

    def messages(self) -> list[dict[str, Any]]:
        """Return every message, in the order in which they were shown."""
        return [asdict(message) for message in self.shown]

    def threads(self) -> dict[str, list[Shown]]:
        """Return the replies to each message of a channel itself, by its ``ts``."""
        roots = [message.ts for message in self.shown if message.thread_ts is None]
        return {root: [message for message in self.shown if message.thread_ts == root] for root in roots}

    def fail(self, trouble: str, times: int = 1, status: int = 503, retry_after: int | None = None) -> None:
        """Be in trouble for the next calls.

        Args:
            trouble: ``busy`` (429), ``broken`` (``status``), ``hang_up`` before anything is shown, ``lose_answer``:
                hang up once it is, or ``slow``: keep the caller waiting until :meth:`free` is called, then hang up.
            times: How many calls.
            status: Of ``broken``.
            retry_after: The header ``Retry-After``; none of ``broken`` unless said, 1 second of ``busy``.
        """
        self._faults.append(_Fault(Trouble(trouble), times, status, retry_after))

    def free(self) -> None:
        """Let every slow answer go."""
        self.freed.set()

    def revoke(self) -> None:
        """Revoke the bot's token."""
        self._revoked.add(self.token)

    def rotate(self) -> dict[str, str]:
        """Replace token and webhook, so that the old ones do not work any more; return the new ones."""
        self._rotations += 1
        self.revoke()
        self.token = f"xoxb-local-{self._rotations:04}"
        self.webhook = f"{self.webhook.rpartition('/')[0]}/local{self._rotations:019}"
        return {"token": self.token, "webhook": self.webhook}

    def open_channel(self, channel: str) -> None:
        """Open another channel, and invite the bot."""
        self._channels.add(channel)

    def archive(self, channel: str) -> None:
        """Archive a channel: nothing more can be posted in it."""
        self._archived.add(channel)

    def unarchive(self, channel: str) -> None:
        """Open it again."""
        self._archived.discard(channel)

    def delete(self, ts: str) -> None:
        """Delete a message: nobody can reply to it any more."""
        self.shown = [message for message in self.shown if message.ts != ts]

    def limit(self, on: bool) -> None:  # noqa: FBT001  a control's one argument
        """Switch the limit of messages a second on or off."""
        self.limited = on

    def answer(self, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Answer one request."""
        fault = self._strikes()
        if fault is not None and fault.trouble is Trouble.SLOW:
            self.freed.wait()
            answer = Answer(0, "")
        elif fault is not None and fault.trouble is not Trouble.LOSE_ANSWER:
            answer = _troubled(fault)
        else:
            with self.lock:
                webhook = path.startswith(WEBHOOK)
                answer = self._webhook(path, body) if webhook else self._web_api(path, headers, body)
            if fault is not None:
                answer = Answer(0, "")
        self.calls.append(answer.status)
        return answer

    def _strikes(self) -> _Fault | None:
        with self.lock:
            while self._faults:
                fault = self._faults[0]
                if fault.times > 0:
                    fault.times -= 1
                    return fault
                self._faults.pop(0)
        return None

    def _webhook(self, path: str, body: bytes) -> Answer:
        """Answer as webhooks do: in plain words, and with a status that tells them apart."""
        if path.removeprefix(WEBHOOK) != self.webhook:
            return Answer(404, "no_service")
        if self.channel in self._archived:
            return Answer(410, "channel_is_archived")
        try:
            self._show(self.channel, _object(body), via="webhook")
        except RefusalError as error:
            words = {"invalid_json": "invalid_payload", "json_not_object": "invalid_payload"}
            return Answer(400, words.get(error.reason, error.reason))
        except _TooFastError as error:
            return _too_fast(error.seconds)
        return Answer(200, "ok")

    def _web_api(self, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        if path != POST_MESSAGE:
            return _said({"ok": False, "error": "unknown_method"})
        try:
            self._authenticate(headers.get("Authorization") or "")
            document = _arguments(headers.get("Content-Type") or "", body)
            channel = self._channel_of(document)
            shown = self._show(channel, document, via="bot")
        except RefusalError as error:
            said: dict[str, Any] = {"ok": False, "error": error.reason}
            if error.details:
                messages = [f"[ERROR] {detail}" for detail in error.details]
                said |= {"errors": list(error.details), "response_metadata": {"messages": messages}}
            return _said(said)
        except _TooFastError as error:
            return _too_fast(error.seconds)
        return _said({"ok": True, "channel": channel, "ts": shown.ts, "message": {"text": shown.text}})

    def _authenticate(self, authorization: str) -> None:
        scheme, _, token = authorization.partition(" ")
        if scheme != "Bearer" or not token:
            raise RefusalError(reason="not_authed")
        if token in self._revoked:
            raise RefusalError(reason="token_revoked")
        if token != self.token:
            raise RefusalError(reason="invalid_auth")

    def _channel_of(self, document: Mapping[str, Any]) -> str:
        channel = document.get("channel")
        if not isinstance(channel, str) or channel not in self._channels:
            raise RefusalError(reason="channel_not_found")
        if channel in self._archived:
            raise RefusalError(reason="is_archived")
        return channel

    def _show(self, channel: str, document: Mapping[str, Any], *, via: str) -> Shown:
        text, blocks = document.get("text") or "", document.get("blocks") or []
        if not text and not blocks:
            raise RefusalError(reason="no_text")
        if not isinstance(text, str) or not isinstance(blocks, list):
            raise RefusalError(reason="invalid_blocks_format" if via == "bot" else "invalid_payload")
        details = tuple(broken(blocks))
        if details:
            raise RefusalError(reason="invalid_blocks", details=details)
        if via == "bot" and is_too_long(blocks):
            raise RefusalError(reason="msg_blocks_too_long")
        thread_ts = document.get("thread_ts") if via == "bot" else None
        roots = {message.ts for message in self.shown if message.channel == channel and message.thread_ts is None}
        if thread_ts is not None and thread_ts not in roots:
            raise RefusalError(reason="thread_not_found")
        self._require_slow(channel)
        self._posts += 1
        shown = Shown(
            ts=f"{int(self._now())}.{self._posts:06}",
            channel=channel,
            text=text[:MESSAGE_LIMIT],
            blocks=tuple(blocks),
            thread_ts=thread_ts,
            broadcast=thread_ts is not None and bool(document.get("reply_broadcast")),
            via=via,
            pings=tuple(pings_of(document)),
            truncated=len(text) > MESSAGE_LIMIT,
        )
        self.shown.append(shown)
        return shown

    def _require_slow(self, channel: str) -> None:
        now = self._clock()
        left = self._last.get(channel, -math.inf) + INTERVAL_SECONDS - now
        if self.limited and left > 0:
            raise _TooFastError(left)
        self._last[channel] = now


class _TooFastError(Exception):
    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds


def _arguments(content_type: str, body: bytes) -> dict[str, Any]:
    if "json" not in content_type:
        form: dict[str, Any] = dict(parse_qsl(body.decode()))
        if "blocks" in form:
            form["blocks"] = json.loads(form["blocks"])
        return form
    return _object(body)


def _object(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except ValueError:
        raise RefusalError(reason="invalid_json") from None
    if not isinstance(document, dict):
        raise RefusalError(reason="json_not_object")
    return document


def _troubled(fault: _Fault) -> Answer:
    if fault.trouble is Trouble.HANG_UP:
        return Answer(0, "")
    if fault.trouble is Trouble.BUSY:
        return _too_fast(1 if fault.retry_after is None else fault.retry_after)
    headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
    return Answer(fault.status, "<html>upstream trouble</html>", headers)


def _too_fast(seconds: float) -> Answer:
    said = json.dumps({"ok": False, "error": "ratelimited"})
    return Answer(429, said, {"Content-Type": "application/json", "Retry-After": str(math.ceil(seconds))})


def _said(document: Mapping[str, Any]) -> Answer:
    return Answer(200, json.dumps(document), {"Content-Type": "application/json; charset=utf-8"})
