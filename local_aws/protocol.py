"""AWS's wire protocols, both ways: moto's parsers and serialisers, driven by botocore's own service models.

moto is pinned, because `moto.core.parse` and `moto.core.serialize` are not a documented interface.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, unquote
from uuid import uuid4
from xml.sax.saxutils import escape, quoteattr

from botocore.utils import parse_timestamp
from moto.core.model import OperationModel, ServiceModel, Shape
from moto.core.parse import PROTOCOL_PARSERS, RequestParser
from moto.core.serialize import ResponseSerializer, SerializationContext, get_serializer_class
from moto.core.utils import get_service_model
from werkzeug.datastructures import MultiDict

from local_aws.errors import AwsError
from local_aws.images import Document

_LABEL = re.compile(r"\{(\w+)(\+?)\}")


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request, as far as AWS's protocols look at it."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP response."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class _Route:
    method: str
    pattern: re.Pattern[str]
    operation: str


class Wire:
    """The wire protocol of one service."""

    def __init__(self, service: str) -> None:
        """Load the service's model; use `wire_of`, which does so once."""
        self.service = service
        self.model: ServiceModel = get_service_model(service)
        self.protocol: str = self.model.metadata["protocol"]
        self._routes = [self._route(name) for name in self.model.operation_names] if self._is_rest else []
        self._routes.sort(key=lambda route: route.pattern.groups)
        self._parsers: dict[str, RequestParser] = {}
        # Our results are plain dicts: moto's search for attributes and its XML library would only take time.
        serializer = get_serializer_class(service, self.protocol)
        quicker: dict[str, object] = {"get_value": _get_value}
        if self.protocol in {"query", "ec2"}:
            quicker["_serialize_body"] = _xml_body
        self._serializer: type[ResponseSerializer] = type(serializer.__name__, (serializer,), quicker)

    @property
    def _is_rest(self) -> bool:
        return self.protocol.startswith("rest-")

    def _route(self, name: str) -> _Route:
        http = self.operation(name).http
        template = http["requestUri"].partition("?")[0]
        pattern = _LABEL.sub(lambda label: f"(?P<{label[1]}>{'.+' if label[2] else '[^/]+'})", template)
        return _Route(http["method"], re.compile(pattern + "/?"), name)

    def operation(self, name: str) -> OperationModel:
        """Return the model of an operation."""
        model: OperationModel = self.model.operation_model(name)
        return model

    def parse(self, request: Request) -> tuple[str, Document]:
        """Return the operation that a request asks for, and its parameters."""
        name, labels, values = self._find(request)
        parser = self._parsers.get(name)
        if parser is None:
            # Times stay in UTC and aware; moto's default would drop the zone.
            parser = PROTOCOL_PARSERS[self.protocol](self.operation(name), timestamp_parser=_utc)
            self._parsers[name] = parser
        wire: Any = {
            "body": request.body,
            "headers": request.headers,
            "method": request.method,
            "url_params": labels,
            "values": values,
        }
        params: Document = parser.parse(wire)
        return name, params

    def _find(self, request: Request) -> tuple[str, dict[str, str], MultiDict[str, str]]:
        if self._is_rest:
            for route in self._routes:
                found = route.pattern.fullmatch(request.path) if route.method == request.method else None
                if found:
                    labels = {name: unquote(value) for name, value in found.groupdict().items()}
                    return route.operation, labels, _values(request.query)
            message = f"No operation of {self.service} is {request.method} {request.path}."
            raise AwsError(message, code="UnknownOperationException", status=404)
        if self.protocol == "json":
            name = request.headers.get("X-Amz-Target", "").rpartition(".")[2]
            values = _values("")
        else:
            values = _values(request.body.decode())
            name = values.get("Action") or ""
        if name not in self.model.operation_names:
            message = f"{self.service} has no operation {name!r}."
            raise AwsError(message, code="InvalidAction", status=404)
        return name, {}, values

    def answer(self, operation: str, result: Document) -> Response:
        """Serialise a result."""
        written = self._serializer(self.operation(operation), SerializationContext(str(uuid4()))).serialize(result)
        body = written["body"]
        return Response(
            written["status_code"], dict(written["headers"]), body.encode() if isinstance(body, str) else body
        )

    def refuse(self, error: AwsError) -> Response:
        """Serialise an error; moto's own way insists on errors that the models name, which AWS does not."""
        request_id = str(uuid4())
        if self.protocol in {"json", "rest-json"}:
            content = (
                f"application/x-amz-json-{self.model.metadata.get('jsonVersion', '1.1')}"
                if self.protocol == "json"
                else "application/json"
            )
            headers = {"Content-Type": content, "x-amzn-ErrorType": error.code, "x-amzn-RequestId": request_id}
            return Response(
                error.status, headers, json.dumps({"__type": error.code, "message": error.message}).encode()
            )
        fault = "Sender" if error.status < HTTPStatus.INTERNAL_SERVER_ERROR else "Receiver"
        code, message = escape(error.code), escape(error.message)
        if self.protocol == "ec2":
            errors = f"<Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors>"
            body = f"<Response>{errors}<RequestID>{request_id}</RequestID></Response>"
        else:
            body = (
                f"<ErrorResponse><Error><Type>{fault}</Type><Code>{code}</Code><Message>{message}</Message></Error>"
                f"<RequestId>{request_id}</RequestId></ErrorResponse>"
            )
        return Response(error.status, {"Content-Type": "text/xml"}, body.encode())


@cache
def wire_of(service: str) -> Wire:
    """Return the protocol of a service, its model loaded once for the life of the process."""
    return Wire(service)


def _get_value(_: ResponseSerializer, value: Document, key: str, _shape: Shape) -> Any:  # noqa: ANN401 - any member
    return value.get(key)


def _xml_body(_: ResponseSerializer, body: Document) -> str:
    return "".join(part for name, value in body.items() for part in _xml(name, value))


def _xml(name: str, value: object) -> Iterator[str]:
    """Write an element as xmltodict would: lists repeat it, keys that begin with @ are its attributes."""
    if isinstance(value, list):
        for each in value:
            yield from _xml(name, each)
    elif isinstance(value, dict):
        attributes = "".join(f" {key[1:]}={quoteattr(text)}" for key, text in value.items() if key[0] == "@")
        yield f"<{name}{attributes}>"
        for key, each in value.items():
            if key[0] != "@":
                yield from _xml(key, each)
        yield f"</{name}>"
    else:
        yield f"<{name}>{escape(str(value))}</{name}>"


def _values(encoded: str) -> MultiDict[str, str]:
    return MultiDict(parse_qsl(encoded, keep_blank_values=True))


def _utc(value: str) -> datetime:
    parsed: datetime = parse_timestamp(value)
    return parsed.astimezone(UTC)
