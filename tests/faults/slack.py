"""Stands between slack-sdk and a local Slack, in this process: a post fails as a call of AWS does."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.message import Message
from http.client import IncompleteRead
from io import BytesIO
from typing import override
from unittest.mock import patch
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request
from urllib.response import addinfourl

from local_aws.slack_workspace import Answer, Workspace
from tests.faults.kinds import Kind, said
from tests.faults.transport import Transport

HOOKS = "https://hooks.slack.com"
POST, HOOK = "slack:chat.postMessage", "hooks.slack:post"

_ERROR = 400
_JSON = {"Content-Type": "application/json; charset=utf-8"}


class SlackWire:
    """Answers what slack-sdk asks of Slack, or lets it fail as the transport is told to."""

    def __init__(self, transport: Transport, workspace: Workspace) -> None:
        self._transport = transport
        self._workspace = workspace

    @contextmanager
    def carrying(self) -> Iterator[None]:
        """Let posts come here."""
        with (
            patch("slack_sdk.web.base_client.urlopen", self._open),
            patch("slack_sdk.webhook.client.urlopen", self._open),
        ):
            yield

    def _open(self, request: Request, **_: object) -> addinfourl:
        action = HOOK if request.full_url.startswith(HOOKS) else POST
        kind = self._transport.met(action)
        if kind is Kind.TIMEOUT:
            message = "timed out"
            raise TimeoutError(message)
        if kind is Kind.RESET:
            raise ConnectionResetError
        refused = None if kind is None else said(kind, action)
        if refused is not None:
            return _answered(request, _refusal(action, *refused))
        body = request.data
        assert isinstance(body, bytes)
        headers = {name.title(): value for name, value in request.header_items()}
        answer = self._workspace.answer(urlsplit(request.full_url).path, headers, body)
        return _Cut(_answered(request, answer)) if kind is Kind.TRUNCATED else _answered(request, answer)


class _Cut(addinfourl):
    """An answer whose connection ends in its middle."""

    def __init__(self, answer: addinfourl) -> None:
        whole = answer.read()
        self._half = whole[: len(whole) // 2]
        super().__init__(BytesIO(), answer.headers, answer.url, answer.code)

    @override
    def read(self, *_: object) -> bytes:
        raise IncompleteRead(self._half)


def _refusal(action: str, reason: str, status: int) -> Answer:
    """Say no as Slack does: the API in JSON, webhooks in a word."""
    after = {"Retry-After": "30"} if status == 429 else {}
    if action == HOOK:
        return Answer(status, reason, after)
    return Answer(status, json.dumps({"ok": False, "error": reason}), {**_JSON, **after})


def _answered(request: Request, answer: Answer) -> addinfourl:
    url, headers, body = request.full_url, _headers(answer.headers), BytesIO(answer.body.encode())
    if answer.status >= _ERROR:
        raise HTTPError(url, answer.status, "", headers, body)
    return addinfourl(body, headers, url, answer.status)


def _headers(values: Mapping[str, str]) -> Message:
    headers = Message()
    for name, value in values.items():
        headers[name] = value
    return headers
