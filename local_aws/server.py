"""The HTTP server: one loopback port that speaks for every service, told apart by the signature of each request."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import RLock
from typing import Any, override

from local_aws.authorization import ALWAYS_ALLOWED, Authorizer, question_of, refusal
from local_aws.callers import Caller, Callers, Scope, refused_credentials, scope_of
from local_aws.contract import ANSWER, REQUEST
from local_aws.errors import AwsError
from local_aws.images import Document
from local_aws.protocol import Request, Response, Wire, wire_of
from local_aws.services import INVALID_INPUT, JUDGES_ITS_OWN_INPUT, OPERATIONS
from local_aws.services.call import Call
from local_aws.world import World

CONTROL = "/_local/"


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """One call as it came in, whether it was answered or refused."""

    service: str
    operation: str
    account: str
    region: str
    params: Document
    caller: Caller


@dataclass(slots=True)
class Fault:
    """An error to answer with, for some calls of one operation."""

    service: str
    operation: str
    error: AwsError
    times: int | None = None
    when: Callable[[Document], bool] = lambda _: True

    def strikes(self, call: RecordedCall) -> bool:
        """Say whether the fault hits a call, and count it down if so."""
        if (
            (self.service, self.operation) != (call.service, call.operation)
            or self.times == 0
            or not self.when(call.params)
        ):
            return False
        if self.times is not None:
            self.times -= 1
        return True


@dataclass(slots=True)
class Dispatcher:
    """From a request to the answer: who calls, what, may he, does a fault strike, what does the fleet say."""

    world: World
    callers: Callers
    page_size: int | None = None
    calls: list[RecordedCall] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    authorizer: Authorizer | None = None
    """Asked whether a caller that it knows, a role, may; without one everybody may everything."""
    broken_answers: list[str] = field(default_factory=list)
    """Answers of ours that did not fit botocore's model: each is a bug here."""
    lock: RLock = field(default_factory=RLock)

    def answer(self, request: Request) -> Response:
        """Answer one AWS request."""
        scope = scope_of(request.headers.get("Authorization"))
        if scope is None:
            return wire_of("sts").refuse(
                AwsError("Missing Authentication Token", code="MissingAuthenticationToken", status=403)
            )
        if scope.service not in OPERATIONS:
            return wire_of("sts").refuse(
                AwsError(f"The local AWS does not serve {scope.service}.", code="NotImplemented", status=501)
            )
        wire = wire_of(scope.service)
        try:
            caller = self.callers.resolve(scope.service, scope.access_key)
            with self.lock:
                if not self.world.enabled(caller.account, scope.region):
                    return wire.refuse(refused_credentials(scope.service))
                operation, params = wire.parse(request)
                given = {name: value for name, value in params.items() if value is not None}
                call = RecordedCall(scope.service, operation, caller.account, scope.region, given, caller)
                self.calls.append(call)
            self._authorize(scope, call)
            with self.lock:
                return wire.answer(operation, self._result(wire, call))
        except AwsError as error:
            return wire.refuse(error)
        except Exception as error:  # noqa: BLE001 - a bug of ours must reach the test as a sentence
            sentence = f"the local AWS failed: {type(error).__name__}: {error}"
            self.broken_answers.append(sentence)
            return wire.refuse(AwsError(sentence, code="InternalFailure", status=500))

    def _authorize(self, scope: Scope, call: RecordedCall) -> None:
        """Ask whether the caller may; outside the lock, for whoever is asked may itself be busy.

        Keys of accounts are people's, and roles that were assumed here are the fleet's: neither has policies.
        """
        action = f"{call.service}:{call.operation}"
        if self.authorizer is None or action in ALWAYS_ALLOWED or not self.callers.is_foreign(scope.access_key):
            return
        with self.lock:
            state = self.world.region(call.account, call.region)
            question = question_of(scope.access_key, action, state, call.params)
        denial = self.authorizer(question)
        if denial is not None:
            raise refusal(call.service, action, denial)

    def _result(self, wire: Wire, recorded: RecordedCall) -> Document:
        service, operation = recorded.service, recorded.operation
        for fault in self.faults:
            if fault.strikes(recorded):
                raise fault.error
        serve = OPERATIONS[service].get(operation)
        if serve is None:
            message = f"The local AWS does not serve {service}:{operation}."
            raise AwsError(message, code="NotImplemented", status=501)
        model = wire.operation(operation)
        if (service, operation) not in JUDGES_ITS_OWN_INPUT:
            _check_input(service, model.input_shape, recorded.params)
        state = self.world.region(recorded.account, recorded.region)
        result = serve(Call(self.world, self.callers, state, recorded.caller, recorded.params, self.page_size))
        output: Any = model.output_shape
        broken = list(ANSWER.violations(output, result)) if output is not None else []
        if broken:
            sentence = f"{service}:{operation} answered what botocore's model forbids: {'; '.join(broken)}"
            self.broken_answers.append(sentence)
            raise AwsError(sentence, code="InternalFailure", status=500)
        return result


def _check_input(service: str, shape: Any, params: Document) -> None:  # noqa: ANN401 - moto types it as botocore's shape, which it is not
    broken = list(REQUEST.violations(shape, params)) if shape is not None else []
    if broken:
        message = f"{len(broken)} validation error detected: {'; '.join(broken)}"
        raise AwsError(message, code=INVALID_INPUT[service])


def _as_json(status: int, answer: object) -> Response:
    return Response(status, {"Content-Type": "application/json"}, json.dumps(answer, default=str).encode())


type Control = Mapping[str, Callable[..., object]]


class Server(ThreadingHTTPServer):
    """The listener; `POST /_local/<name>` with a JSON object calls one of the control functions with it."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, dispatcher: Dispatcher, control: Control) -> None:
        """Bind to the loopback interface; port 0 takes a free one."""
        self.dispatcher = dispatcher
        self.control = control
        super().__init__(("127.0.0.1", port), _Handler)

    @property
    def url(self) -> str:
        """Return the address to give to clients."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def command(self, request: Request) -> Response:
        """Run a control function."""
        name = request.path.removeprefix(CONTROL)
        function = self.control.get(name)
        if function is None:
            return _as_json(404, {"error": f"no control {name!r}; there are {', '.join(self.control)}"})
        try:
            arguments = json.loads(request.body or b"{}")
            with self.dispatcher.lock:
                return _as_json(200, function(**arguments))
        except AwsError as error:
            return _as_json(error.status, {"error": error.message})
        except (TypeError, KeyError, ValueError) as error:
            return _as_json(400, {"error": f"{type(error).__name__}: {error}"})


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def _serve(self) -> None:
        path, _, query = self.path.partition("?")
        body = self._body()
        # The header object ignores case, as HTTP wants it.
        request = Request(self.command, path, query, self.headers, body)  # type: ignore[arg-type]  # email.Message is a Mapping in all but name
        response = self.server.command(request) if path.startswith(CONTROL) else self.server.dispatcher.answer(request)
        self.send_response_only(response.status)
        for name, value in {**response.headers, "Content-Length": str(len(response.body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(response.body)
        self.wfile.flush()

    def _body(self) -> bytes:
        """Read the request's body; proxies that pass one on as it comes send it in chunks, an empty one too."""
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    # The names are http.server's.
    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Stay silent: `calls` is the log."""
