"""WatchReleases: looks which releases AWS recommends in each Region, and announces each change on the stack's bus.

Nothing is skipped silently: an event is put before the pointer that it is about is saved, so whatever happens between
the two is announced again by the next poll; what cannot be read is said, and leaves the pointer where it was.
"""

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Protocol

from botocore.config import Config

from eks_auditor.events.errors import EventError
from eks_auditor.events.releases import event_id_of
from eks_auditor.events.requests import PollRequest, Recommendation, ReleaseRequest
from eks_auditor.events.sources import parse_event
from eks_auditor.ledger.pointers import MOVES_KEPT, Pointers
from eks_auditor.model.gap import Gap
from eks_auditor.model.release import Pointer, PointerMove, ReleaseLine
from eks_auditor.plan.targets import Place, parse_targets
from eks_auditor.releases.families import lines_of_minor, order, parameter_of
from eks_auditor.settings import Settings
from eks_auditor.snapshot.pointers import ACTIONS as READING
from eks_auditor.snapshot.pointers import Seen, read_pointers, supported_minors
from eks_auditor.snapshot.unfinished import NO_ANSWER
from eks_auditor.wiring.accounts import CONFIG, WORKERS, Accounts
from eks_auditor.wiring.clock import Clock, make_clock
from eks_auditor.wiring.release_bus import ReleaseBus
from eks_auditor.wiring.telemetry import Context, Telemetry, make_telemetry

TOGETHER = timedelta(minutes=1)
"""How long apart AWS modifies the two parameters of one release, at most."""

SETTLING = timedelta(minutes=30)
"""How long of two parameters one may have moved to a release and the other not yet; after that, AWS means it."""

IMPATIENT = CONFIG.merge(
    Config(retries={"mode": "standard", "total_max_attempts": 2}, connect_timeout=2, read_timeout=5)
)
"""A Region that does not answer must be given up while the function still runs; the next poll reads it again."""

PLACES_ASKED = 3
"""In how many accounts a Region is asked for its Kubernetes versions, until one may answer."""

type Minors = tuple[str, ...] | Gap
type Answers = Mapping[ReleaseLine, Seen | Gap | None]


class NotAnnouncedError(Exception):
    """Releases that could not be announced or noted, in one sentence."""


class Watched(Protocol):
    """What is asked of the ledger."""

    def load(self, partition: str, region: str, /) -> Mapping[ReleaseLine, Pointer]:
        """Return every pointer of a Region."""

    def save(self, partition: str, region: str, pointer: Pointer, before: Pointer | None, /) -> bool:
        """Save a pointer if the ledger still holds the one before it."""


class Bus(Protocol):
    """What is asked of the stack's bus."""

    def announce(self, releases: list[ReleaseRequest], /) -> Mapping[str, str]:
        """Put an event for each release, and return the errors of those that were not accepted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Poll:
    """What was read of one Region.

    Attributes:
        place: With whose credentials the parameters were read.
        known: What the ledger held before anything else was read.
        minors: What each place said that was asked for the Kubernetes versions: gaps, until one tells.
        answers: What the parameters say.
    """

    place: Place
    known: Mapping[ReleaseLine, Pointer]
    minors: Mapping[Place, Minors]
    answers: Answers


class WatchReleases:
    """Announces releases."""

    def __init__(  # noqa: PLR0913  its neighbours, all by name
        self,
        *,
        regions: Iterable[tuple[Place, ...]],
        minors: Callable[[Place], Minors],
        answers: Callable[[Place, Collection[ReleaseLine]], Answers],
        pointers: Watched,
        bus: Bus,
        clock: Clock,
        telemetry: Telemetry,
    ) -> None:
        """Take the places of each Region, best first, whom to ask there, and what remembers and announces."""
        self._regions = tuple(regions)
        self._minors = minors
        self._answers = answers
        self._pointers = pointers
        self._bus = bus
        self._clock = clock
        self._telemetry = telemetry

    def watch(self, event: Mapping[str, Any]) -> dict[str, int]:
        """Read every Region's releases once, and announce what has changed; return how many events that took.

        Each Region is announced once it is read: one that is slow, or not to be reached, keeps no other waiting. One
        that cannot be read is said and counted, and fails nothing: the next poll reads it again.

        Raises:
            EventError: If the event is not what the schedule sends.
            NotAnnouncedError: If something was not announced or not noted, once everything else is.
        """
        self._require_poll(event)
        trouble: list[str] = []
        announced = polled = 0
        with ThreadPoolExecutor(WORKERS) as pool:
            for read in as_completed([pool.submit(self._poll, places) for places in self._regions]):
                poll = read.result()
                if isinstance(poll, str):
                    trouble.append(poll)
                else:
                    polled += self._say(poll)
                    announced += self._announce(poll, trouble)
        self._telemetry.count("RegionsPolled", polled)
        self._telemetry.count("RegionsUnread", len(self._regions) - polled)
        if trouble:
            message = f"{len(trouble)} releases were not announced or not noted, the first: {trouble[0]}"
            self._telemetry.warning(f"{message}; the event is tried again, and the next poll does the same work")
            raise NotAnnouncedError(message)
        return {"announced": announced}

    def _require_poll(self, event: Mapping[str, Any]) -> None:
        try:
            if not isinstance(parse_event(event), PollRequest):
                message = "WatchReleases was asked for something else than a poll; send such events to PlanAudits"
                raise EventError(message)  # noqa: TRY301  told below like every other
        except EventError as error:
            self._telemetry.warning(str(error))
            raise

    def _poll(self, places: tuple[Place, ...]) -> _Poll | str:
        """Read a Region, or say why that breaks."""
        region = places[0].region
        try:
            return self._read(places)
        except NO_ANSWER as error:
            return f"the releases of {region} cannot be read: {error}"
        except Exception as error:  # noqa: BLE001  one Region must not take the others with it
            self._telemetry.exception(f"the releases of {region} cannot be read; the other Regions' are all the same")
            return f"the releases of {region} cannot be read: {error!r}"

    def _read(self, places: tuple[Place, ...]) -> _Poll:
        """Read a Region.

        The ledger first: a value read after its pointer is at least as new as it. The other way round, a pointer that
        another watcher saved in between would make the older value look like a rollback.
        """
        known = self._pointers.load(places[0].partition, places[0].region)
        asked: dict[Place, Minors] = {}
        for place in places[:PLACES_ASKED]:
            asked[place] = minors = self._minors(place)
            if not isinstance(minors, Gap):
                lines = [line for minor in minors for line in lines_of_minor(minor)]
                return _Poll(place=place, known=known, minors=asked, answers=self._answers(place, lines))
        return _Poll(place=places[0], known=known, minors=asked, answers=self._answers(places[0], known))

    def _say(self, poll: _Poll) -> bool:
        """Say what could not be read in a Region, and return whether anything of it was read.

        One line that cannot be read for good must not make it look like a Region that nobody reads.
        """
        unread = [answer for answer in poll.answers.values() if isinstance(answer, Gap)]
        gone = [str(line) for line, answer in poll.answers.items() if answer is None and line in poll.known]
        self._say_who_told_no_minors(poll)
        if unread:
            for action, count in sorted(Counter(gap.action for gap in unread).items()):
                self._telemetry.count("ReleaseGaps", count, Action=action)
            self._telemetry.warning(
                f"{len(unread)} recommended releases of {poll.place} cannot be read, the first: {unread[0]}; what was "
                f"last seen of them stands, and the next poll reads them again"
            )
        if gone:
            self._telemetry.info(
                f"{len(gone)} public parameters of {poll.place} are gone, the first that of {gone[0]}; that is no "
                f"release, and what was last seen of them stands"
            )
        read = any(isinstance(answer, Seen) for answer in poll.answers.values())
        return read and not isinstance(poll.minors[poll.place], Gap)

    def _say_who_told_no_minors(self, poll: _Poll) -> None:
        nobody = isinstance(poll.minors[poll.place], Gap)
        rest = "the releases that are watched already are read all the same" if nobody else f"{poll.place} told them"
        for place, minors in poll.minors.items():
            if isinstance(minors, Gap):
                self._telemetry.count("ReleaseGaps", Action=minors.action)
                self._telemetry.warning(
                    f"the Kubernetes versions in support in {place} cannot be read: {minors}; {rest}: see whether the "
                    f"role may call {minors.action}"
                )

    def _announce(self, poll: _Poll, trouble: list[str]) -> int:
        now = self._clock()
        place = poll.place
        moved: dict[ReleaseLine, ReleaseRequest] = {}
        for line, seen in poll.answers.items():
            if not isinstance(seen, Seen) or is_moving(seen, now):
                continue
            before = poll.known.get(line)
            if before is None:
                self._save(place, first_sight(line, seen, now), None, trouble)
            elif (move := move_of(place, before, seen, now)) is not None:
                moved[line] = move
        refused = self._bus.announce(list(moved.values())) if moved else {}
        for line, move in moved.items():
            if move.event_id in refused:
                trouble.append(f"{_named(move)} was not accepted: {refused[move.event_id]}")
                continue
            self._telemetry.count("ReleasesAnnounced")
            self._telemetry.info(f"announced {_named(move)} as {move.event_id}")
            self._save(place, moved_to(poll.known[line], move), poll.known[line], trouble)
        return len(moved) - len(refused)

    def _save(self, place: Place, pointer: Pointer, before: Pointer | None, trouble: list[str]) -> None:
        try:
            if not self._pointers.save(place.partition, place.region, pointer, before):
                self._telemetry.info(f"another watcher has noted {pointer.line} in {place.region} already")
        except NO_ANSWER as error:
            trouble.append(f"{pointer.line} in {place.region} cannot be saved: {error}")


def is_moving(seen: Seen, now: datetime) -> bool:
    """Tell whether what two parameters said may be of two releases: AWS never recommended that pair.

    That one of them was modified just now, and the other one was not, tells it whatever was seen of them before.
    """
    just_now = seen.modified_at is not None and now - seen.modified_at < SETTLING
    return seen.spread is not None and seen.spread > TOGETHER and just_now


def first_sight(line: ReleaseLine, seen: Seen, now: datetime) -> Pointer:
    """Begin to watch a line: since when it holds its value is not known, and nothing is announced."""
    return Pointer(line=line, watched_since=now, moves=(_pointer_move(seen.recommended, None),))


def move_of(place: Place, pointer: Pointer, seen: Seen, now: datetime) -> ReleaseRequest | None:
    """Return the move from what a pointer holds to what was seen, or None if there is none.

    The instant of a move is the parameter's ``LastModifiedDate``, if that can be: after whatever is known of the
    parameter, and not in the future. If it cannot, the move is dated by when it was seen.
    """
    last = pointer.moves[-1]
    old = Recommendation(version=last.version, image_id=last.image_id)
    new = seen.recommended
    if old == new:
        return None
    known_until = pointer.watched_since if last.at is None else max(pointer.watched_since, last.at)
    dated = seen.modified_at is not None and known_until < seen.modified_at <= now
    parameter = parameter_of(pointer.line).name
    return ReleaseRequest(
        event_id=event_id_of(place.region, parameter, new),
        move=pointer.revision + 1,
        partition=place.partition,
        region=place.region,
        line=pointer.line,
        parameter=parameter,
        old=old,
        new=new,
        published_at=seen.modified_at if dated and seen.modified_at is not None else now,
        rollback=order(pointer.line, new.version) < order(pointer.line, old.version),
        at=now,
    )


def moved_to(pointer: Pointer, move: ReleaseRequest) -> Pointer:
    """Return a pointer after a move."""
    moves = (*pointer.moves, _pointer_move(move.new, move.published_at))
    return replace(pointer, moves=moves[-MOVES_KEPT:], revision=move.move)


def _pointer_move(recommendation: Recommendation, at: datetime | None) -> PointerMove:
    return PointerMove(version=recommendation.version, image_id=recommendation.image_id, at=at)


def _named(move: ReleaseRequest) -> str:
    word = "back from" if move.rollback else "from"
    return f"the release of {move.line} in {move.region}, {word} {move.old.version} to {move.new.version}"


def places_by_region(places: Iterable[Place], own: Place) -> tuple[tuple[Place, ...], ...]:
    """Return where to read releases: every account sees the same, so any of a Region's, our own first if it is one."""
    by_region: dict[str, list[Place]] = {}
    for place in sorted(places, key=lambda place: (place.region, place.account != own.account, place)):
        by_region.setdefault(place.region, []).append(place)
    return tuple(map(tuple, by_region.values()))


@cache
def _build(function_arn: str) -> tuple[WatchReleases, Telemetry]:
    settings = Settings.from_environment()
    own = Place.of_function(function_arn)
    telemetry = make_telemetry(settings.stack)
    accounts = Accounts(own, settings.read_role, tell=telemetry.detail, config=IMPATIENT, only=READING)
    function = WatchReleases(
        regions=places_by_region(parse_targets(settings.targets, own), own),
        minors=lambda place: supported_minors(accounts.client("eks", place), place.region),
        answers=lambda place, lines: read_pointers(accounts.client("ssm", place), lines),
        pointers=Pointers(accounts.client("dynamodb"), settings.ledger_table, time.sleep, telemetry.warning),
        bus=ReleaseBus(accounts.client("events"), settings.audit_bus, time.sleep),
        clock=make_clock(settings.clock_file),
        telemetry=telemetry,
    )
    return function, telemetry


def handle(event: dict[str, Any], context: Context) -> dict[str, int]:
    """Look which releases AWS recommends now."""
    function, telemetry = _build(context.invoked_function_arn)
    with telemetry.invocation(context.aws_request_id):
        return function.watch(event)
