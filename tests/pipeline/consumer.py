"""A sample reader of the topic: what ``docs/messages.md`` asks of whoever keeps the last word on findings."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Word:
    """What was last heard of a finding."""

    sequence: int
    state: str
    severity: str


class LastWord:
    """Keeps the last word on each finding: whatever is not newer than it is dropped."""

    def __init__(self) -> None:
        self.words: dict[str, Word] = {}

    def take(self, body: str) -> None:
        for finding_id, word in words_of(json.loads(body)):
            if self.is_newer(word, self.words.get(finding_id)):
                self.words[finding_id] = word

    def is_newer(self, word: Word, known: Word | None) -> bool:
        return known is None or word.sequence > known.sequence


def words_of(message: dict[str, Any]) -> Iterator[tuple[str, Word]]:
    """Return what a message says, by finding."""
    for transition in message["transitions"]:
        finding = transition["finding"]
        yield finding["id"], Word(transition["sequence"], _state(transition), finding["severity"])


def _state(transition: dict[str, Any]) -> str:
    closed = {"resolved": "RESOLVED", "withdrawn": "WITHDRAWN"}
    failing = "EXEMPT" if "exemption" in transition["finding"] else "OPEN"
    return closed.get(transition["change"], failing)
