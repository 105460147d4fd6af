"""Reads PowerShell for calls of ``Start-EKSBootstrap.ps1``, the script of the Windows images."""

import re
from collections.abc import Iterator

from eks_auditor.userdata.bootstrap import refuse_declarations
from eks_auditor.userdata.joining import EKS_BOOTSTRAP_PS1, Joining, UnreadableUserDataError, named, together
from eks_auditor.userdata.kubelet import UNTOLD, registration

# One token of PowerShell. Each alternative begins differently, so reading is linear in the script's length.
_TOKEN = re.compile(
    r"""(?P<joined>`\n)
      | (?P<escaped>`.)
      | (?P<blank>[ \t\f\v]+)
      | (?P<comment><\#|\#)
      | (?P<merged>\d>&\d)
      | (?P<end>[\n;|&(){}])
      | (?P<literal>'(?:[^']|'')*')
      | (?P<double>"(?:[^"`]|`.|"")*")
      | (?P<variable>\$[\w:?]*|@\w*)
      | (?P<plain>[^\s`#'"$@;|&(){}<]+)
      | (?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
_EXPANDED = re.compile(r"`.|\$[\w:]*")
_PARAMETER = re.compile(r"-([A-Za-z]+)(:?)(.*)", re.DOTALL)
_CLUSTER = "eksclustername"
_EXTRA = "kubeletextraargs"

type _Word = tuple[str, bool]
"""A word, and whether it begins with a quote: a quoted ``-name`` is a value."""


def read_powershell(text: str) -> Joining | None:
    """Return what a PowerShell script's calls of the EKS bootstrap script come to; None of one that makes none.

    A call is what has the parameter ``-EKSClusterName``: scripts name the file itself by a variable.

    Raises:
        UnreadableUserDataError: If the labels or taints depend on what only the instance knows, or it speaks of them
            outside such a call.
    """
    found = []
    for words in _statements(text):
        parameters = _parameters(words)
        if _CLUSTER in parameters:
            found.append(_joining(parameters))
        else:
            refuse_declarations(" ".join(word for word, _ in words))
    return together(found)


def _joining(parameters: dict[str, str]) -> Joining:
    refuse_declarations(" ".join(value for name, value in parameters.items() if name not in (_CLUSTER, _EXTRA)))
    if UNTOLD in parameters.get("", ""):
        message = "it gives the EKS bootstrap script parameters from a variable that only the instance knows"
        raise UnreadableUserDataError(message)
    said = registration(parameters.get(_EXTRA, ""))
    clusters = named(parameters[_CLUSTER])
    return Joining(clusters=clusters, labels=said.labels, taints=said.taints or (), form=EKS_BOOTSTRAP_PS1)


def _parameters(words: list[_Word]) -> dict[str, str]:
    """Return a statement's parameters by their names in lower case; under no name the words that belong to none."""
    parameters: dict[str, str] = {}
    position = 1  # behind what is called
    while position < len(words):
        word, quoted = words[position]
        position += 1
        match = None if quoted else _PARAMETER.fullmatch(word)
        if match is None:
            parameters[""] = f"{parameters.get('', '')} {word}"
            continue
        name, colon, value = match.groups()
        if not colon and position < len(words) and not _is_parameter(words[position]):
            value = words[position][0]
            position += 1
        parameters[name.lower()] = value
    return parameters


def _is_parameter(word: _Word) -> bool:
    return not word[1] and _PARAMETER.fullmatch(word[0]) is not None


def _statements(text: str) -> Iterator[list[_Word]]:
    words: list[_Word] = []
    parts: list[str] | None = None
    quoted, position = False, 0
    while (match := _TOKEN.match(text, position)) is not None:
        position = match.end()
        kind, piece = match.lastgroup, match.group()
        if kind == "comment" and parts is None:  # in the midst of a word it is none
            block = piece == "<#"
            end = text.find("#>" if block else "\n", position)
            position = len(text) if end < 0 else end + 2 * block
        elif kind in ("blank", "end", "merged"):
            if piece == "(":  # it opens an expression, whose value is a word or the end of one
                parts, quoted = ([UNTOLD], True) if parts is None else ([*parts, UNTOLD], quoted)
            if parts is not None:
                words.append(("".join(parts), quoted))
            parts = None
            if kind == "end":
                yield words
                words = []
        elif kind != "joined":
            if parts is None:
                parts, quoted = [], kind in ("literal", "double")
            parts.append(_meant(kind, piece))
    yield [*words, *([("".join(parts), quoted)] if parts is not None else [])]


def _meant(kind: str | None, piece: str) -> str:
    match kind:
        case "literal":
            return piece[1:-1].replace("''", "'")
        case "double":
            inside = piece[1:-1].replace('""', '"')
            return _EXPANDED.sub(lambda found: found.group()[1] if found.group()[0] == "`" else UNTOLD, inside)
        case "variable":
            return UNTOLD
        case "escaped":
            return piece[1]
        case _:
            return piece
