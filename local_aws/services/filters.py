"""EC2's ways to ask: by id; by filters, which must all match, by one value each; `*` and `?` are wildcards."""

import re
from collections.abc import Callable, Iterable, Mapping
from fnmatch import translate
from functools import cache
from typing import Any

from local_aws.errors import AwsError
from local_aws.images import Document
from local_aws.services.call import Call
from local_aws.world import tags_of

type Reader = Callable[[Document], Iterable[Any]]


def member(*path: str) -> Reader:
    """Return a reader of one member, given as a path of names; absent members have no value."""

    def read(document: Document) -> Iterable[Any]:
        value: Any = document
        for name in path:
            value = (value or {}).get(name)
        return [] if value is None else [value]

    return read


def select(
    documents: Iterable[Document], filters: Iterable[Document] | None, readers: Mapping[str, Reader]
) -> list[Document]:
    """Return the documents that match all filters; a filter that nobody has described here is refused."""
    conditions = [(_reader(each["Name"], readers), each.get("Values") or []) for each in filters or []]
    return [document for document in documents if all(_matches(read(document), values) for read, values in conditions)]


def by_id(call: Call, parameter: str, documents: Mapping[str, Document], missing: str, what: str) -> list[Document]:
    """Return the documents of the ids asked for, all if none is; one unknown id refuses the whole call."""
    wanted = call.params.get(parameter)
    if not wanted:
        return list(documents.values())
    unknown = [identifier for identifier in wanted if identifier not in documents]
    if unknown:
        message = f"The {what} '{', '.join(unknown)}' does not exist"
        raise AwsError(message, code=missing)
    return [documents[identifier] for identifier in dict.fromkeys(wanted)]


def _reader(name: str, readers: Mapping[str, Reader]) -> Reader:
    if name.startswith("tag:"):
        key = name.removeprefix("tag:")
        return lambda document: [value for tag, value in tags_of(document).items() if tag == key]
    if name == "tag-key":
        return tags_of
    if name not in readers:
        message = f"The filter '{name}' is invalid"
        raise AwsError(message, code="InvalidParameterValue")
    return readers[name]


def _matches(found: Iterable[Any], values: list[str]) -> bool:
    texts = [str(value).lower() if isinstance(value, bool) else str(value) for value in found]
    return any(_wildcards(value).fullmatch(text) for value in values for text in texts)


@cache
def _wildcards(value: str) -> re.Pattern[str]:
    return re.compile(translate(value.replace("[", "[[]")))
