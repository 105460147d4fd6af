"""Reads YAML of strangers: no aliases, no deep nesting, no tags that make objects; scalars stay text."""

from typing import TYPE_CHECKING, Any

from eks_auditor.userdata.joining import UnreadableUserDataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

type Yaml = str | list[Yaml] | dict[str, Yaml] | None
"""A document: None is null, and any scalar that YAML takes for a number, a truth value or a time."""

_DEEPEST = 50


def first_document(text: str) -> Yaml:
    """Return the first document, as the Kubernetes YAML libraries take it; later keys win over equal ones.

    Raises:
        UnreadableUserDataError: If it is no YAML, is nested more than 50 deep, or uses aliases, which could stand for
            far more than was written.
    """
    import yaml  # noqa: PLC0415  30 ms of a cold start, and few fleets need it

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return _built(yaml.parse(text, Loader=loader))
    except yaml.YAMLError:
        pass
    message = "it is not the YAML that it seems to be"
    raise UnreadableUserDataError(message)


def _built(events: "Iterator[Any]") -> Yaml:
    """Build the first document out of its events, without recursion: the depth is the writer's choice."""
    import yaml  # noqa: PLC0415  as above

    resolve: Callable[..., str] = yaml.resolver.Resolver().resolve
    document: list[Yaml] = []
    open_: list[_Collection] = [_Collection(document)]
    for event in events:
        if isinstance(event, yaml.DocumentEndEvent):
            break
        if isinstance(event, yaml.AliasEvent):
            message = "its YAML uses aliases"
            raise UnreadableUserDataError(message)
        if isinstance(event, yaml.ScalarEvent):
            tag = resolve(yaml.ScalarNode, event.value, event.implicit) if event.tag is None else event.tag
            open_[-1].add(event.value, is_text=tag == "tag:yaml.org,2002:str")
        elif isinstance(event, yaml.CollectionStartEvent):
            into: list[Yaml] | dict[str, Yaml] = [] if isinstance(event, yaml.SequenceStartEvent) else {}
            open_[-1].add_collection(into)
            open_.append(_Collection(into))
        elif isinstance(event, yaml.CollectionEndEvent):
            open_.pop()
        if len(open_) > _DEEPEST:
            message = "its YAML is nested too deep"
            raise UnreadableUserDataError(message)
    return document[0] if document else None


class _Collection:
    """A list or mapping that is being filled; a mapping takes keys and values in turn."""

    def __init__(self, into: list[Yaml] | dict[str, Yaml]) -> None:
        self.into = into
        self.key: str | None = None

    def add(self, text: str, *, is_text: bool) -> None:
        if isinstance(self.into, dict) and self.key is None:
            self.key = text
        else:
            self._put(text if is_text else None)

    def add_collection(self, value: list[Yaml] | dict[str, Yaml]) -> None:
        if isinstance(self.into, dict) and self.key in (None, "<<"):
            message = "its YAML has keys that are no words"
            raise UnreadableUserDataError(message)
        self._put(value)

    def _put(self, value: Yaml) -> None:
        if isinstance(self.into, list):
            self.into.append(value)
        elif self.key is not None:
            self.into[self.key] = value
            self.key = None
