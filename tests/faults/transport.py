"""Stands between botocore and AWS, in this process: keeps what was called, and lets one operation fail."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from moto.core.botocore_stubber import BotocoreStubber

from local_aws.callers import Callers
from local_aws.protocol import Request, Response
from local_aws.server import Dispatcher
from local_aws.world import World
from tests.faults.kinds import Kind, emptied, failure, refusal

AUDITED = frozenset({"autoscaling", "ec2", "eks", "iam", "securityhub", "ssm", "sts"})
"""The services of the local AWS; moto stands for the others."""

_PREFIXES = {"auto-scaling": "autoscaling", "eventbridge": "events", "secrets-manager": "secretsmanager"}
"""Of IAM actions, where botocore calls a service otherwise."""


@dataclass(slots=True)
class Transport:
    """Answers calls.

    Attributes:
        world: The fleet that is audited; time stands still in it, so what was answered once is answered again.
        calls: How often each operation was called, as ``eks:DescribeCluster``.
        struck: How often the fault struck.
        taken: The calls that AWS did, with their bodies; that an answer is cut off undoes nothing.
        instead: What to answer an operation with, whatever is asked.
        session: Of the first account; calls of every client that it makes come here.
    """

    world: World
    calls: Counter[str] = field(default_factory=Counter)
    struck: int = 0
    taken: list[tuple[str, bytes]] = field(default_factory=list)
    instead: dict[str, Response] = field(default_factory=dict)
    _fault: tuple[str, Kind, int | None] | None = None
    _answers: dict[tuple[object, ...], Response] = field(default_factory=dict)
    _lock: Any = field(default_factory=Lock)
    session: boto3.Session = field(init=False)
    _dispatcher: Dispatcher = field(init=False)
    _moto: BotocoreStubber = field(default_factory=BotocoreStubber)

    def __post_init__(self) -> None:
        self._dispatcher = Dispatcher(self.world, Callers(), None)
        self.session = boto3.Session("111111111111", "test", region_name="eu-west-1")
        self.session.events.register_first("before-send", self.send, unique_id="faults")  # type: ignore[arg-type]  # its answers count

    def carry(self, client: Any) -> Any:  # noqa: ANN401  any service's
        """Let a client's calls come here, and return it."""
        client.meta.events.register_first("before-send", self.send, unique_id="faults")
        return client

    def fail(self, action: str, kind: Kind, times: int | None = None) -> None:
        """Let an operation fail from now on, or so many times."""
        self._fault, self.struck = (action, kind, times), 0

    def mend(self) -> None:
        """Let everything be answered."""
        self._fault = None

    def start_anew(self) -> None:
        """Forget what was called, and answer everything."""
        self.mend()
        self.calls.clear()
        self.taken.clear()
        self.instead.clear()

    @property
    def broken_answers(self) -> list[str]:
        """What the local AWS answered that no AWS would."""
        return self._dispatcher.broken_answers

    def met(self, action: str) -> Kind | None:
        """Count a call; return the fault that strikes it, if one does."""
        with self._lock:
            self.calls[action] += 1
            return self._strikes(action)

    def send(self, event_name: str, request: AWSPreparedRequest, **_: object) -> AWSResponse:
        """Answer a call, or let it fail: botocore's ``before-send``."""
        service, operation = event_name.split(".")[1:]
        action = f"{_PREFIXES.get(service, service)}:{operation}"
        kind = self.met(action)
        if kind is None:
            return _response(request.url, self._answer(action, request))
        trouble = failure(kind, request.url)
        if trouble is not None:
            raise trouble
        refused = refusal(kind, action)
        if refused is not None:
            return _response(request.url, refused)
        if kind is Kind.EMPTY:
            return _response(request.url, emptied(action))
        answered = self._answer(action, request)
        cut = Response(answered.status, answered.headers, answered.body[: len(answered.body) // 2])
        return _response(request.url, cut)

    def _strikes(self, action: str) -> Kind | None:
        if self._fault is None or self._fault[0] != action or self._fault[2] == self.struck:
            return None
        self.struck += 1
        return self._fault[1]

    def _answer(self, action: str, request: AWSPreparedRequest) -> Response:
        self.taken.append((action, _bytes(request.body)))
        if action in self.instead:
            return self.instead[action]
        if action.partition(":")[0] not in AUDITED:
            return self._of_moto(request)
        url, body = urlsplit(request.url), _bytes(request.body)
        headers = {
            name: str(value, "ascii") if isinstance(value, bytes) else value for name, value in request.headers.items()
        }
        scope = headers["Authorization"].partition("/aws4_request")[0]
        key = (scope, action, url.path, url.query, body)
        if key not in self._answers or action.startswith("securityhub"):
            asked = Request(request.method, url.path, url.query, headers, body)
            self._answers[key] = self._dispatcher.answer(asked)
        return self._answers[key]

    def _of_moto(self, request: AWSPreparedRequest) -> Response:
        answered = self._moto.process_request(request)
        if answered is None:
            message = f"nobody answers {request.url}"
            raise AssertionError(message)
        status, headers, body = answered
        return Response(status, dict(headers), body.encode() if isinstance(body, str) else body)


class _Body:
    """What botocore reads a body from."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, **_: object) -> Iterator[bytes]:
        yield self._body

    def read(self, amt: int | None = None) -> bytes:
        """Return what is left of it, or so many bytes."""
        wanted, self._body = self._body[:amt], self._body[len(self._body[:amt]) :]
        return wanted


def _response(url: str, response: Response) -> AWSResponse:
    headers: Any = dict(response.headers)
    return AWSResponse(url, response.status, headers, _Body(response.body))


def _bytes(body: object) -> bytes:
    if body is None:
        return b""
    return body.encode() if isinstance(body, str) else bytes(body)  # type: ignore[call-overload]  # bytes by now
