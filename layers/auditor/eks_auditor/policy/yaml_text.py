"""YAML with the line of everything: keys that are there twice are told, aliases, tags and deep nesting are refused."""

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from eks_auditor.policy.mistakes import Mistake, PolicyError

if TYPE_CHECKING:
    import yaml

LARGEST = 100 * 1024
"""Bytes of a policy at most: some 2,000 lines. A parameter of Systems Manager holds 4 KB, or 8 KB, and an item of the
ledger, where the last valid policy is kept, 400 KB."""

_DEEPEST = 10

_WHOLE_NUMBER = re.compile(r"0|[1-9][0-9]{0,8}")
"""What is a number to everybody: 010 is eight in YAML 1.1, and nobody's threshold has ten digits."""

type Plain = str | int | bool | list[Plain] | dict[str, Plain] | None
type Path = tuple[str | int, ...]


@dataclass(slots=True)
class Written:
    """A document, and where each part of it is written.

    Attributes:
        plain: It, with texts for all scalars but whole numbers, truth values and null.
        lines: The line of each part, by its path; of a mapping's member, of its key.
        mistakes: Keys that are there twice, of which YAML drops the first silently.
    """

    plain: Plain = None
    lines: dict[Path, int] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)

    def line(self, path: Path) -> int:
        """Return the line of a part, or of the nearest part around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def written(text: str) -> Written:
    """Read YAML.

    Raises:
        PolicyError: If it is too large, no YAML, several documents, nested too deep, or uses aliases, which could
            stand for far more than is written, or tags.
    """
    import yaml  # noqa: PLC0415  30 ms of a cold start, and only a stack with a policy needs it

    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        line = text.count("\n", 0, error.start) + 1
        raise PolicyError([Mistake(line, "this is no text: it has half of a character; write it as UTF-8")]) from None
    if size > LARGEST:
        raise PolicyError([Mistake(1, f"the policy has {size} bytes, and {LARGEST} are the most; shorten it")])
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        _refuse(yaml.parse(text, Loader=loader))
        root = yaml.compose(text, Loader=loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise PolicyError([Mistake(mark.line + 1 if mark else 1, f"this is no YAML: {_problem(error)}")]) from None
    except yaml.YAMLError as error:
        raise PolicyError([Mistake(1, f"this is no YAML: {' '.join(str(error).split())}")]) from None
    result = Written()
    if root is not None:
        result.plain = _plain(root, (), result)
    return result


def _refuse(events: "object") -> None:
    """Refuse what could not be composed safely, before it is."""
    import yaml  # noqa: PLC0415  as above

    depth = 0
    for event in events:  # type: ignore[attr-defined]  # PyYAML's stubs have no type for its events
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent):
            raise PolicyError([Mistake(line, f"*{event.anchor} is a YAML alias; write out what it stands for")])
        if getattr(event, "tag", None) is not None:
            tag = str(event.tag).replace("tag:yaml.org,2002:", "!!")
            raise PolicyError([Mistake(line, f"{tag} is a YAML tag, and a policy has none; write the plain value")])
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > _DEEPEST:
            raise PolicyError([Mistake(line, f"this is nested more than {_DEEPEST} deep; no policy is")])


def _plain(node: "yaml.Node", path: Path, into: Written) -> Plain:
    import yaml  # noqa: PLC0415  as above

    into.lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, path, into)
    if isinstance(node, yaml.SequenceNode):
        return [_plain(each, (*path, index), into) for index, each in enumerate(node.value)]
    return _scalar(node)


def _mapping(node: "yaml.MappingNode", path: Path, into: Written) -> dict[str, Plain]:
    members: dict[str, Plain] = {}
    for key, value in node.value:
        name, line = str(key.value), key.start_mark.line + 1
        if not isinstance(key.value, str):
            into.mistakes.append(Mistake(line, "a key is a list or a mapping; write a word"))
            continue
        if name in members:
            first = into.lines[*path, name]
            into.mistakes.append(
                Mistake(line, f"{name} is here and in line {first}, of which YAML drops one; put them together")
            )
            continue
        into.lines[*path, name] = line
        members[name] = _plain(value, (*path, name), into)
    return members


def _scalar(node: "yaml.Node") -> Plain:
    """Return a scalar as it is written: 1.30 is no 1.3, and a day is no instant."""
    text = str(node.value)
    match node.tag.rpartition(":")[2]:
        case "bool":
            return text.lower() in {"yes", "true", "on"}
        case "int" if _WHOLE_NUMBER.fullmatch(text):
            return int(text)
        case "null":
            return None
    return text


def _problem(error: "yaml.MarkedYAMLError") -> str:
    return " ".join(f"{error.context or ''} {error.problem or ''}".split()) or "it cannot be read"
