"""What stands around the watcher: AWS's recommendations, a table with its condition, and a bus that may refuse."""

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from eks_auditor.events.requests import Recommendation, ReleaseRequest
from eks_auditor.events.sources import parse_event
from eks_auditor.model.gap import Gap
from eks_auditor.model.release import Pointer, ReleaseLine
from eks_auditor.plan.targets import Place
from eks_auditor.snapshot.pointers import Seen
from eks_auditor.wiring.release_bus import ReleaseBus
from eks_auditor.wiring.watch_releases import WatchReleases
from tests.sinks.fakes import refused
from tests.wiring.fakes import Heard, Ticking

HERE = Place("aws", "111111111111", "eu-west-1")
POLL = {
    "source": "eks-auditor.schedule",
    "detail-type": "Release Poll Requested",
    "detail": {"schema_version": 1},
}
LINUX = ReleaseLine("al2023", "standard", "x86_64", "1.35")
ARM = ReleaseLine("al2023", "standard", "arm64", "1.35")
BOTTLEROCKET = ReleaseLine("bottlerocket", "standard", "x86_64", "1.35")

THROTTLED = Gap("ssm:GetParameters", "/aws/service/eks", "ThrottlingException: slow down", retryable=True)


def recommended(number: int, line: ReleaseLine = LINUX) -> Recommendation:
    """One of a line's releases; a greater number is a later one."""
    spelt = {"bottlerocket": f"1.{number}.0", "windows": f"2026.01.{number:02}"}
    version = spelt.get(line.family.partition("-")[0], f"{20260101 + number}")
    return Recommendation(version=version, image_id=f"ami-{number:08x}")


@dataclass
class Recommendations:
    """What AWS recommends in one Region; a test changes it as AWS would."""

    clock: Ticking
    now: dict[ReleaseLine, Seen | Gap | None] = field(default_factory=dict)
    past: dict[ReleaseLine, list[Recommendation]] = field(default_factory=dict)
    """Every value that a line ever had, in order."""

    def move(self, number: int, line: ReleaseLine = LINUX) -> None:
        """Recommend a release, as of this moment."""
        new = recommended(number, line)
        self.now[line] = Seen(recommended=new, modified_at=self.clock())
        past = self.past.setdefault(line, [])
        if past[-1:] != [new]:
            past.append(new)

    def come_back(self, line: ReleaseLine) -> None:
        """Answer again with what is recommended, whatever was in the way; the first release if there is none yet."""
        if line not in self.past:
            self.move(1, line)
        self.now[line] = Seen(recommended=self.past[line][-1], modified_at=None)

    def went(self, line: ReleaseLine, old: Recommendation, new: Recommendation) -> bool:
        """Whether a line ever had one value and later the other."""
        past = self.past[line]
        return any(new in past[index + 1 :] for index, value in enumerate(past) if value == old)


@dataclass
class FakePointers:
    """The ledger's pointers, with the condition of a save."""

    held: dict[tuple[str, str], dict[ReleaseLine, Pointer]] = field(default_factory=dict)
    failing: set[str] = field(default_factory=set)
    """Which of ``load`` and ``save`` fail."""

    def load(self, partition: str, region: str, /) -> Mapping[ReleaseLine, Pointer]:
        if "load" in self.failing:
            raise refused(error="InternalServerError", call="Query")
        return dict(self.held.get((partition, region), {}))

    def save(self, partition: str, region: str, pointer: Pointer, before: Pointer | None, /) -> bool:
        if "save" in self.failing:
            raise refused(error="InternalServerError", call="PutItem")
        held = self.held.setdefault((partition, region), {})
        if held.get(pointer.line) != before:
            return False
        held[pointer.line] = pointer
        return True

    def of(self, line: ReleaseLine = LINUX, place: Place = HERE) -> Pointer:
        return self.held[place.partition, place.region][line]


@dataclass
class FakeEvents:
    """EventBridge: takes entries, and refuses those that it is told to."""

    taken: list[dict[str, Any]] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)
    refusals: dict[str, int] = field(default_factory=dict)
    """How many times yet an entry with a text in its detail is refused."""
    broken: int = 0
    """How many whole calls yet fail."""

    def put_events(self, *, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803  botocore's word
        assert 1 <= len(Entries) <= 10
        self.batches.append(len(Entries))
        if self.broken:
            self.broken -= 1
            raise ClientError({"Error": {"Code": "InternalException", "Message": "no"}}, "PutEvents")
        answers = [self._take(entry) for entry in Entries]
        return {"FailedEntryCount": sum("ErrorCode" in answer for answer in answers), "Entries": answers}

    def _take(self, entry: dict[str, Any]) -> dict[str, str]:
        for text, times in self.refusals.items():
            if times and text in entry["Detail"]:
                self.refusals[text] -= 1
                return {"ErrorCode": "ThrottlingException", "ErrorMessage": "slow down"}
        self.taken.append(entry)
        return {"EventId": f"event-{len(self.taken)}"}

    @property
    def released(self) -> list[ReleaseRequest]:
        """Every event that was taken, as a reader of the bus reads it."""
        events = [
            {"source": entry["Source"], "detail-type": entry["DetailType"], "detail": json.loads(entry["Detail"])}
            for entry in self.taken
        ]
        return [request for event in events if isinstance(request := parse_event(event), ReleaseRequest)]


class Watching:
    """A watcher of one Region among its neighbours: nothing moves, nothing fails, unless said otherwise."""

    def __init__(self, recommendations: Recommendations | None = None, pointers: FakePointers | None = None) -> None:
        self.clock = recommendations.clock if recommendations else Ticking()
        self.aws = recommendations or Recommendations(self.clock)
        self.pointers = pointers or FakePointers()
        self.events = FakeEvents()
        self.heard = Heard()
        self.pauses: list[float] = []
        self.minors: tuple[str, ...] | Gap = ("1.35",)
        self.before_reading: Callable[[], object] = lambda: None
        self.after_reading: Callable[[], object] = lambda: None
        self.asked: list[ReleaseLine] = []

    def poll(self, event: Mapping[str, Any] = POLL) -> dict[str, int]:
        function = WatchReleases(
            regions=[(HERE,)],
            minors=lambda _: self.minors,
            answers=self._answers,
            pointers=self.pointers,
            bus=ReleaseBus(self.events, "bus", self.pauses.append),  # type: ignore[arg-type]  # a fake of its one call
            clock=self.clock,
            telemetry=self.heard.telemetry,
        )
        return function.watch(event)

    def _answers(self, place: Place, lines: Collection[ReleaseLine]) -> Mapping[ReleaseLine, Seen | Gap | None]:
        assert place == HERE
        self.asked = list(lines)
        self.before_reading()
        answers = {line: self.aws.now.get(line) for line in lines}
        self.after_reading()
        return answers
