"""Reads shell scripts as far as words go: what their commands are called with, and what only the instance knows."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from eks_auditor.userdata.kubelet import UNTOLD, UNTOLD_WORDS

# One token of a script outside quotes. Each alternative begins differently and none can be matched in two ways, so
# reading is linear in the script's length.
_TOKEN = re.compile(
    r"""(?P<joined>\\\n)
      | (?P<escaped>\\.)
      | (?P<blank>[ \t]+)
      | (?P<comment>\#)
      | (?P<line>\n)
      | (?P<literal>'[^']*')
      | (?P<double>")
      | (?P<here><<(?P<tabs>-?)[ \t]*(?:'(?P<apart>[^'\n]*)'|"(?P<quoted>[^"\n]*)"|\\?(?P<bare>[^\s'"\\<>;&|()]+)))
      | (?P<redirect>&>>?|[<>]+&?)
      | (?P<end>[;&|()])
      | (?P<substitution>\$\(|\$\{|`)
      | (?P<variable>\$\w+|\$[@*\#?$!-])
      | (?P<plain>[^\s\\\#'"$`;&|()<>]+)
      | (?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
# What ends or nests inside double quotes and substitutions.
_INSIDE = re.compile(r"""\\.|'[^']*'|\$\(|\$\{|[()"}`]|[^\\'$()"}`]+|.""", re.DOTALL)
_QUOTED = re.compile(r'\\.|\$\(|\$\{|`|\$\w+|\$[@*#?$!-]|"|[^\\$`"]+|.', re.DOTALL)
_ESCAPABLE = '$`"\\\n'
_EXPANDING = ("$(", "${", "`")
_CLOSING = {"$(": ")", "(": ")", "${": "}", '"': '"', "`": "`"}


@dataclass(slots=True)
class Script:
    """What a script says.

    Attributes:
        commands: Its commands, each as its words; keywords such as ``if`` and assignments are words too.
        documents: What is in here-documents and in substitutions, which may run as well, and the names of files that
            commands read from and write to.
    """

    commands: list[list[str]] = field(default_factory=list)
    documents: list[str] = field(default_factory=list)


def parse_script(text: str, variables: Mapping[str, str] | None = None) -> Script:
    """Split a script into commands.

    In words, :data:`~eks_auditor.userdata.kubelet.UNTOLD` stands for each expansion whose value is not told, and
    :data:`~eks_auditor.userdata.kubelet.UNTOLD_WORDS` where it may be several words.

    Args:
        text: The script, lines ended by line feeds.
        variables: The values of the variables that are known from elsewhere.
    """
    reader = _Reader(text, variables or {})
    reader.read()
    return reader.script


class _Reader:
    def __init__(self, text: str, variables: Mapping[str, str]) -> None:
        self.text, self.variables = text, variables
        self.script = Script()
        self.position = 0
        self.words: list[str] = []
        self.word: list[str] | None = None
        self.here: list[tuple[str, str]] = []
        self.skips = False

    def read(self) -> None:
        while match := _TOKEN.match(self.text, self.position):
            self.position = match.end()
            self._take(match)
        self._end_command()

    def _take(self, match: re.Match[str]) -> None:
        match match.lastgroup:
            case "comment" if self.word is None:  # in the midst of a word it is none
                end = self.text.find("\n", self.position)
                self.position = end if end >= 0 else len(self.text)
            case "blank":
                self._end_word()
            case "line":
                self._end_command()
                self._take_here_documents()
            case "end":
                self._end_command()
            case "redirect":
                self._redirect()
            case "here":
                self._end_word()
                self.here.append((match["apart"] or match["quoted"] or match["bare"] or "", match["tabs"] and "\t"))
            case "joined":
                pass
            case kind:
                self._add(self._meant(kind, match))

    def _meant(self, kind: str | None, match: re.Match[str]) -> str:
        piece = match.group()
        match kind:
            case "literal":
                return piece[1:-1]
            case "double":
                return self._quoted()
            case "substitution":
                return _as_one_word(self._expanded(piece))
            case "variable":
                return _as_one_word(self.variables.get(piece[1:], UNTOLD))
            case "escaped":
                return piece[1]
            case _:
                return piece

    def _add(self, text: str) -> None:
        if self.word is None:
            self.word = []
        self.word.append(text)

    def _end_word(self) -> None:
        if self.word is not None:
            kept = self.script.documents if self.skips else self.words
            kept.append("".join(self.word))
            self.skips = False
        self.word = None

    def _end_command(self) -> None:
        self._end_word()
        self.skips = False
        if self.words:
            self.script.commands.append(self.words)
        self.words = []

    def _redirect(self) -> None:
        """Drop the number before it, and leave the file's name after it out of the words."""
        if self.word is not None and "".join(self.word).isdigit():
            self.word = None
        self._end_word()
        self.skips = True

    def _quoted(self) -> str:
        """Return what double quotes hold, from behind the first to behind the last."""
        parts = []
        while (match := _QUOTED.match(self.text, self.position)) is not None:
            self.position = match.end()
            piece = match.group()
            if piece == '"':
                break
            if piece in _EXPANDING:
                parts.append(self._expanded(piece))
            elif piece[0] == "$" and len(piece) > 1:
                parts.append(self.variables.get(piece[1:], UNTOLD_WORDS if piece == "$@" else UNTOLD))
            elif piece[0] == "\\":
                parts.append(_unescaped(piece))
            else:
                parts.append(piece)
        return "".join(parts)

    def _expanded(self, opening: str) -> str:
        """Pass over a substitution, whatever is nested in it, and return its value."""
        start = self.position
        self._pass_over(opening)
        inside = self.text[start : self.position - 1]
        if opening == "${" and inside in self.variables:
            return self.variables[inside]
        self.script.documents.append(inside)
        return UNTOLD_WORDS if opening == "${" and "@" in inside else UNTOLD

    def _pass_over(self, opening: str) -> None:
        closing = [_CLOSING[opening]]
        while closing and (match := _INSIDE.match(self.text, self.position)) is not None:
            self.position = match.end()
            piece = match.group()
            if piece == closing[-1]:
                closing.pop()
            elif piece in _CLOSING and (closing[-1] != '"' or piece in _EXPANDING):
                closing.append(_CLOSING[piece])
            elif len(piece) > 1 and piece[0] == "'" and closing[-1] == '"':
                self.position = match.start() + 1  # it quotes nothing inside double quotes

    def _take_here_documents(self) -> None:
        for delimiter, indent in self.here:
            lines = []
            while self.position < len(self.text):
                line = self._line()
                if (line.lstrip(indent) if indent else line) == delimiter:
                    break
                lines.append(line)
            self.script.documents.append("\n".join(lines))
        self.here = []

    def _line(self) -> str:
        start, end = self.position, self.text.find("\n", self.position)
        end = end if end >= 0 else len(self.text)
        self.position = end + 1
        return self.text[start:end]


def _as_one_word(value: str) -> str:
    """Return the value of an expansion outside quotes, if it is told and a shell leaves it one word."""
    return value if UNTOLD not in value and value.split() == [value] else UNTOLD_WORDS


def _unescaped(piece: str) -> str:
    """Return what a backslash and the character after it mean inside double quotes."""
    if piece[1:] == "\n":
        return ""
    return piece[1:] if piece[1:] in _ESCAPABLE else piece
