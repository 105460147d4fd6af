"""What botocore's models say about a value: every response is held against it, and so is every request.

botocore checks requests only loosely and responses not at all: a misspelt member of an answer would go unnoticed.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from moto.core.model import ListShape, MapShape, Shape, StringShape, StructureShape

_SCALARS: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "character": (str,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "boolean": (bool,),
    "timestamp": (datetime,),
    "blob": (bytes, str),
}


@dataclass(frozen=True, slots=True)
class Contract:
    """A way to hold a value against a shape."""

    limits: bool
    """Whether lengths, ranges and patterns count: AWS demands them of requests and does not keep them in answers."""

    def violations(self, shape: Shape, value: object, path: str = "") -> Iterator[str]:
        """Yield one sentence for every way in which the value does not fit the shape."""
        match shape:
            case StructureShape():
                yield from self._structure(shape, value, path)
            case ListShape():
                yield from self._list(shape, value, path)
            case MapShape():
                yield from self._map(shape, value, path)
            case _:
                yield from self._scalar(shape, value, path)

    def _structure(self, shape: StructureShape, value: object, path: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield f"{path or shape.name} is {_kind(value)}, not a structure"
            return
        members = shape.members
        for name, member in value.items():
            if name not in members:
                yield f"{_join(path, name)} is no member of {shape.name}"
            elif member is not None:
                yield from self.violations(members[name], member, _join(path, name))
        for name in shape.required_members:
            if value.get(name) is None:
                yield f"{_join(path, name)} is required"

    def _list(self, shape: ListShape, value: object, path: str) -> Iterator[str]:
        if not isinstance(value, list):
            yield f"{path} is {_kind(value)}, not a list"
            return
        yield from self._bounds(shape, len(value), f"the number of elements of {path}")
        member: Any = shape.member
        for index, element in enumerate(value):
            yield from self.violations(member, element, f"{path}[{index}]")

    def _map(self, shape: MapShape, value: object, path: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield f"{path} is {_kind(value)}, not a map"
            return
        yield from self._bounds(shape, len(value), f"the number of entries of {path}")
        key_shape: Any = shape.key
        value_shape: Any = shape.value
        for key, element in value.items():
            yield from self.violations(key_shape, key, f"{path} key {key!r}")
            yield from self.violations(value_shape, element, _join(path, str(key)))

    def _scalar(self, shape: Shape, value: object, path: str) -> Iterator[str]:
        allowed = _SCALARS[shape.type_name]
        if not isinstance(value, allowed) or (isinstance(value, bool) and bool not in allowed):
            yield f"{path} is {_kind(value)}, not a {shape.type_name}"
            return
        if isinstance(value, datetime) and value.utcoffset() != timedelta(0):
            yield f"{path} is a time that is not in UTC"
        if isinstance(value, str) and shape.type_name == "string":
            yield from self._string(shape, value, path)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield from self._bounds(shape, value, path)

    def _string(self, shape: Shape, value: str, path: str) -> Iterator[str]:
        if isinstance(shape, StringShape) and shape.enum and value not in shape.enum:
            yield f"{path} is {value!r}, not one of {', '.join(shape.enum)}"
        yield from self._bounds(shape, len(value), f"the length of {path}")
        pattern = _compiled(shape.metadata.get("pattern"))
        if self.limits and pattern and not pattern.fullmatch(value):
            yield f"{path} does not match {pattern.pattern}"

    def _bounds(self, shape: Shape, size: float, what: str) -> Iterator[str]:
        if not self.limits:
            return
        least, most = shape.metadata.get("min"), shape.metadata.get("max")
        if least is not None and size < least:
            yield f"{what} is {size}, less than {least}"
        if most is not None and size > most:
            yield f"{what} is {size}, more than {most}"


REQUEST = Contract(limits=True)
ANSWER = Contract(limits=False)


@cache
def _compiled(pattern: str | None) -> re.Pattern[str] | None:
    """Compile a model's pattern; those that only Java understands (surrogates, Unicode classes) are not checked."""
    if pattern is None:
        return None
    try:
        return re.compile(pattern, re.DOTALL)
    except re.error:
        return None


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _kind(value: object) -> str:
    return type(value).__name__
