"""The numbers that a check compares with: declared with a default, and a policy's to change."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Self

from eks_auditor.model.verdict import Severity

type Limit = timedelta | int | float
"""A duration, a count, or a share: 0.2 is 20 %."""

_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
_DURATION = re.compile(r"(\d{1,5})([mhd])")
_SHARE = re.compile(r"(\d{1,5}(?:\.\d{1,3})?)\s?%")
_COUNT = re.compile(r"\d{1,9}")
_RUNGS = {severity.name.lower(): severity for severity in Severity}


@dataclass(frozen=True, slots=True)
class Threshold:
    """One number of a check.

    Attributes:
        default: Its value where no policy says another; its type is that of every value: ``timedelta`` for a duration,
            ``int`` for a count, ``float`` for a share.
        what: What happens at it, in words that end a line of a list.
        least: The least that a policy may say; None for the type's own: zero.
        greatest: The greatest; None for no bound but that of the notation (99999 of a unit).
    """

    default: Limit
    what: str
    least: Limit | None = None
    greatest: Limit | None = None

    @property
    def form(self) -> str:
        """How a value is written, in words."""
        match self.default:
            case timedelta():
                return "a duration such as 14d, 36h or 30m"
            case int():
                return "a whole number such as 3"
        return "a share such as 20%"

    def read(self, text: str) -> Limit:
        """Read a value as a policy writes it.

        Raises:
            ValueError: If it is none, or out of bounds; the words follow "takes".
        """
        value = self._parse(text.strip())
        least = type(self.default)(0) if self.least is None else self.least
        if value is None:
            message = f"{self.form}, not {text!r}"
            raise ValueError(message)
        if value < least or (self.greatest is not None and value > self.greatest):  # type: ignore[operator]  # all of one type, the default's
            most = "" if self.greatest is None else f" and at most {written(self.greatest)}"
            message = f"at least {written(least)}{most}, not {text}"
            raise ValueError(message)
        return value

    def _parse(self, text: str) -> Limit | None:
        match self.default:
            case timedelta():
                duration = _DURATION.fullmatch(text)
                return None if duration is None else int(duration[1]) * _UNITS[duration[2]]
            case int():
                return int(text) if _COUNT.fullmatch(text) else None
        share = _SHARE.fullmatch(text)
        return None if share is None else float(share[1]) / 100


def days(number: int, what: str, *, least: int = 0, greatest: int | None = None) -> Threshold:
    """Declare a duration in days; bounds are in days too."""
    most = None if greatest is None else timedelta(days=greatest)
    return Threshold(timedelta(days=number), what, least=timedelta(days=least), greatest=most)


def hours(number: int, what: str, *, least: int = 0, greatest: int | None = None) -> Threshold:
    """Declare a duration in hours; bounds are in hours too."""
    most = None if greatest is None else timedelta(hours=greatest)
    return Threshold(timedelta(hours=number), what, least=timedelta(hours=least), greatest=most)


def minutes(number: int, what: str, *, least: int = 0, greatest: int | None = None) -> Threshold:
    """Declare a duration in minutes; bounds are in minutes too."""
    most = None if greatest is None else timedelta(minutes=greatest)
    return Threshold(timedelta(minutes=number), what, least=timedelta(minutes=least), greatest=most)


def percent(number: float, what: str, *, least: float = 0, greatest: float | None = 100) -> Threshold:
    """Declare a share by its percentage: 20 is the float 0.2; bounds are percentages too."""
    most = None if greatest is None else greatest / 100
    return Threshold(number / 100, what, least=least / 100, greatest=most)


def count(number: int, what: str, *, least: int = 0, greatest: int | None = None) -> Threshold:
    """Declare a whole number."""
    return Threshold(number, what, least=least, greatest=greatest)


def written(value: Limit) -> str:
    """Write a value as a policy may write it."""
    match value:
        case timedelta():
            for unit in ("d", "h", "m"):
                if value % _UNITS[unit] == timedelta(0):
                    return f"{value // _UNITS[unit]}{unit}"
            message = f"{value} is no whole number of minutes, so no policy could write it"
            raise ValueError(message)
        case int():
            return str(value)
    return f"{value * 100:g}%"


def words(value: timedelta) -> str:
    """Say a duration to people: ``14 days``, ``1 hour``, ``90 minutes``."""
    for unit, name in (("d", "day"), ("h", "hour"), ("m", "minute")):
        if value % _UNITS[unit] == timedelta(0) and value >= _UNITS[unit]:
            number = value // _UNITS[unit]
            return f"{number} {name}{'' if number == 1 else 's'}"
    return f"{value / timedelta(minutes=1):g} minutes"


def in_hours(value: timedelta) -> str:
    """Say a duration that people think of in hours: ``24 hours``, ``1 hour``, ``1.5 hours``."""
    number = f"{value / timedelta(hours=1):.3g}" if value < timedelta(hours=100) else f"{value // timedelta(hours=1)}"
    return f"{number} hour{'' if number == '1' else 's'}"


@dataclass(frozen=True, slots=True)
class Thresholds:
    """A check's numbers, for one subject of one cluster.

    A check's function gets them by the type of its parameter. Asking for a name that the check does not declare, or by
    another type than its default's, is a defect of the check.
    """

    values: Mapping[str, Limit]

    @classmethod
    def of(cls, declared: Mapping[str, Threshold]) -> Self:
        """Return the defaults."""
        return cls({name: threshold.default for name, threshold in declared.items()})

    def time(self, name: str) -> timedelta:
        """Return a duration."""
        value = self.values[name]
        if isinstance(value, timedelta):
            return value
        raise TypeError(_no(name, "duration"))

    def number(self, name: str) -> int:
        """Return a count."""
        value = self.values[name]
        if isinstance(value, int):
            return value
        raise TypeError(_no(name, "count"))

    def share(self, name: str) -> float:
        """Return a share: 0.2 is 20 %."""
        value = self.values[name]
        if isinstance(value, float):
            return value
        raise TypeError(_no(name, "share"))

    def exactly(self, name: str) -> Fraction:
        """Return a share as the policy writes it, to compare whole numbers with: 0.1 is no exact float."""
        return Fraction(self.share(name)).limit_denominator(100_000)

    def ladder(self, prefix: str = "") -> tuple[tuple[timedelta, Severity], ...]:
        """Return the durations that are named after rungs, the mildest rung first.

        Args:
            prefix: What stands before the rungs' names, for a check with several ladders: ``age_`` of ``age_low``.
        """
        return tuple(
            (self.time(f"{prefix}{name}"), severity)
            for name, severity in _RUNGS.items()
            if f"{prefix}{name}" in self.values
        )


def ladders(declared: Mapping[str, Threshold]) -> tuple[tuple[str, ...], ...]:
    """Return the names that belong to one ladder each, the mildest rung first.

    A ladder is two or more names that are rungs (``low``, ``medium`` …) after the same prefix: ``age_low`` and
    ``age_medium`` are another one than ``low`` and ``medium``.
    """
    by_prefix: dict[str, list[tuple[Severity, str]]] = {}
    for name in declared:
        prefix, mark, rung = name.rpartition("_")
        if rung in _RUNGS:
            by_prefix.setdefault(f"{prefix}{mark}", []).append((_RUNGS[rung], name))
    return tuple(tuple(name for _, name in sorted(names)) for names in by_prefix.values() if len(names) > 1)


def misplaced(declared: Mapping[str, Threshold], values: Mapping[str, Limit]) -> tuple[str, str] | None:
    """Return two neighbours of a ladder that stand in the wrong order, milder and worse; None if none do.

    The defaults say whether a ladder climbs or falls: the longer a release is superseded the worse, the sooner a
    reservation ends the worse.
    """
    for names in ladders(declared):
        defaults = [declared[name].default for name in names]
        climbs = defaults[0] <= defaults[-1]  # type: ignore[operator]  # all of one type
        for milder, worse in pairwise(names):
            low, high = values[milder], values[worse]
            if (low > high) if climbs else (low < high):  # type: ignore[operator]  # all of one type
                return milder, worse
    return None


def _no(name: str, kind: str) -> str:
    return f"threshold {name} is no {kind}; ask for it by its default's type"
