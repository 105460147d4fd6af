"""From YAML to the policy's document: every mistake of its shape, in a person's words."""

import copy
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from eks_auditor.policy.mistakes import Mistake, nearest
from eks_auditor.policy.yaml_text import Path, Plain, Written

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from eks_auditor.policy.document import PolicyDocument

_FORMS: Mapping[str, str] = {
    "checks": "check ids: with on, off or thresholds after each; in an exemption a list of them",
    "clusters": "a list of patterns of cluster names or ARNs, such as [prod-*]",
    "capacities": "a list of patterns of names of node groups and so on, such as [gpu-*]",
    "discovery": "a list of tags, each key or key=value",
    "minimum_zones": "a whole number",
    "rules": "a list of rules, each with a dash before it",
    "exemptions": "a list of exemptions, each with a dash before it",
    "exemptions_by_tag": "critical: true or critical: false",
    "critical": "true or false",
    "until": "a day, such as 2027-03-31",
    "version": "1: this release of eks-auditor reads no other",
}
"""What each key takes, where that is no text."""


_STAND_INS: Mapping[str, Plain] = {
    "version": 1,
    "checks": ["AMI001"],
    "reason": "-",
    "owner": "-",
    "until": "2000-01-01",
}
"""What an exemption or a policy must have, for the time that the rest of it is looked through."""

_ROUNDS = 5

_LONGEST = 60
"""Characters of a value that a mistake shows."""


def shaped(written: Written) -> tuple["PolicyDocument | None", tuple[Mistake, ...]]:
    """Return the document, and every mistake of its shape.

    With mistakes it is what is left of it: good for finding more of them, and for nothing else. None where nothing is.
    """
    from pydantic import ValidationError  # noqa: PLC0415  166 ms of a cold start, and only a stack with a policy needs it

    from eks_auditor.policy.document import PolicyDocument  # noqa: PLC0415  as above

    if not isinstance(written.plain, dict):
        return None, (Mistake(1, "a policy begins with `version: 1`, and has more keys below it"),)
    plain = copy.deepcopy(written.plain)
    mistakes = list(written.mistakes)
    for _ in range(_ROUNDS):
        try:
            return PolicyDocument.model_validate(plain), tuple(mistakes)
        except ValidationError as error:
            found = _places(error.errors(), written)
            mistakes += [Mistake(written.line(path), _sentence(path, each, written)) for path, each in found.items()]
            for path, each in found.items():
                _take_out(plain, path, each)
    return None, tuple(mistakes)


def _take_out(plain: Plain, path: Path, error: "ErrorDetails") -> None:
    """Take a mistake out of a document, so that the rest of it can be looked through."""
    if error["type"] == "missing":
        _members(_at(path[:-1], plain))[str(error["loc"][-1])] = _STAND_INS[str(error["loc"][-1])]
        return
    depth = max(index for index, part in enumerate(path) if isinstance(part, str))
    key, rest = str(path[depth]), path[depth + 1 :]
    holder = _members(_at(path[:depth], plain))
    if rest and key in {"rules", "exemptions"}:
        items = holder[key]
        if isinstance(items, list) and isinstance(rest[0], int):
            items[rest[0]] = (
                {} if key == "rules" else {name: _STAND_INS[name] for name in _STAND_INS if name != "version"}
            )
    elif key in _STAND_INS and (key != "checks" or path[0] == "exemptions"):
        holder[key] = _STAND_INS[key]
    else:
        holder.pop(key, None)


def _members(plain: Plain) -> dict[str, Plain]:
    return plain if isinstance(plain, dict) else {}


def _places(errors: "list[ErrorDetails]", written: Written) -> "dict[Path, ErrorDetails]":
    """Return one error for each place; of a place and one inside it, the inner one alone."""
    found: dict[Path, ErrorDetails] = {}
    for error in errors:
        path = _path(error["loc"], written)
        # A missing key is in no file: it has its own place, below what it is missing in.
        found.setdefault((*path, str(error["loc"][-1])) if error["type"] == "missing" else path, error)
    around = {path[:depth] for path in found for depth in range(len(path))}
    return {path: error for path, error in found.items() if path not in around}


def _path(loc: Path, written: Written) -> Path:
    """Return a place as the file has it: a union's branches stand in pydantic's."""
    path: Path = ()
    for part in loc:
        if (*path, part) in written.lines:
            path = (*path, part)
    return path


def _sentence(path: Path, error: "ErrorDetails", written: Written) -> str:
    name = str(error["loc"][-1])
    if error["type"] == "missing":
        return f"{name} is missing; it takes {_FORMS.get(name, 'a text')}"
    if error["type"] == "extra_forbidden":
        known = sorted(_known(path[:-1]))
        return f"unknown key {name}; {nearest(name, known, f'known here are {", ".join(known)}')}"
    key = next((str(part) for part in reversed(path) if isinstance(part, str)), "")
    value = _shown(_at(path, written.plain))
    if len(path) > 1 and path[-2] == "checks":
        return f"{key} takes on, off or thresholds by name, not {value}"
    if len(path) > 2 and path[-3] == "checks":  # noqa: PLR2004  checks, the check, the threshold
        return f"{key} of {path[-2]} takes a duration such as 14d, a whole number or a share such as 20%, not {value}"
    if error["type"] in {"string_too_long", "too_long"}:
        return f"{key} is too long; {error['ctx']['max_length']} is the most"
    bare = error["type"] == "string_type" and isinstance(_at(path, written.plain), bool | int)
    quotes = ", which YAML reads as no text; put it in quotes" if bare else ""
    return f"{key} takes {_FORMS.get(key, 'a text')}, not {value}{quotes}"


def _known(path: Path) -> set[str]:
    from eks_auditor.policy import document  # noqa: PLC0415  as above

    models: Mapping[str, Any] = {
        "rules": document.RuleDocument,
        "exemptions": document.ExemptionDocument,
        "exemptions_by_tag": document.TagsDocument,
    }
    model = models[str(path[0])] if path else document.PolicyDocument
    return set(model.model_fields)


def _at(path: Path, plain: Plain) -> Plain:
    value = plain
    for part in path:
        if isinstance(value, dict) and isinstance(part, str):
            value = value.get(part)
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            value = value[part]
        else:
            return None
    return value


def _shown(value: Plain) -> str:
    match value:
        case None | [] | {}:
            return "nothing"
        case str() if not value.strip():
            return "nothing"
        case bool():
            return "on" if value else "off"
        case list():
            return "a list"
        case dict():
            return "keys below it"
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
