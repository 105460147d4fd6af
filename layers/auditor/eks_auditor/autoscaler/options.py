"""Resource and option tags that Cluster Autoscaler ignores.

The rules mirror kubernetes/autoscaler, folder ``cluster-autoscaler/cloudprovider/aws``: ``aws_manager.go``,
``extractAllocatableResourcesFromAsg``, ``extractAutoscalingOptionsFromTags`` and ``GetAsgOptions``.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from eks_auditor.autoscaler.go_values import parse_bool, parse_duration, parse_float
from eks_auditor.autoscaler.quantity import parse_quantity, quantity_text
from eks_auditor.autoscaler.tags import OPTION, RESOURCE
from eks_auditor.autoscaler.versions import behaviour_of

_AMOUNT = re.compile(r"([0-9]*\.?[0-9]+)\s*([a-z]*)")
_BYTES = re.compile(r"([kmgtpe]?)(i?)b?")
_TIME_UNITS = {
    "seconds": "s",
    "secs": "s",
    "minutes": "m",
    "mins": "m",
    "hours": "h",
    "hrs": "h",
}
_TRUTHS = {"true": "true", "yes": "true", "on": "true", "enabled": "true"}
_TRUTHS |= {"false": "false", "no": "false", "off": "false", "disabled": "false"}


@dataclass(frozen=True, slots=True)
class IgnoredTag:
    """A resource or option tag that does not do what it was written for.

    Attributes:
        key: The tag's whole key.
        value: The tag's value.
        problem: What the autoscaler makes of it, in words that follow "it".
        mended: A value that would work; None where none is plainly meant, or the key is what is wrong.
    """

    key: str
    value: str
    problem: str
    mended: str | None


@dataclass(frozen=True, slots=True)
class Option:
    """An autoscaling option that a tag can set.

    Attributes:
        what: What its value is, in words, with an example.
        parse: Reads the value; raises ValueError where the autoscaler drops it.
        guess: What a value that does not parse may have meant; None if nothing.
    """

    what: str
    parse: Callable[[str], object]
    guess: Callable[[str], str | None]


def _fraction(value: str) -> str | None:
    percent = re.fullmatch(r"\s*([0-9]+)\s*%\s*", value)
    if percent is not None:
        return quantity_text(parse_quantity(percent[1]) / 100)
    return _bare(value).replace(",", ".")


def _duration(value: str) -> str | None:
    match = _AMOUNT.fullmatch(_bare(value).lower())
    if match is None:
        return None
    number, unit = match.groups()
    if unit in ("d", "day", "days"):
        return f"{quantity_text(parse_quantity(number) * 24)}h"
    short = next((short for word, short in _TIME_UNITS.items() if unit in (word, word[:-1], short)), None)
    return short and number + short


def _truth(value: str) -> str | None:
    return _TRUTHS.get(_bare(value).lower())


def _quantity(value: str) -> str | None:
    """Guess by leaving out blanks, and where a unit of bytes is written, as bytes."""
    text = re.sub(r"\s+", "", _bare(value))
    if _reads(_QUANTITY, text):
        return text
    return _size(text) if text.lower().endswith(("i", "b")) else None


def _size(value: str) -> str | None:
    """Guess the unit of bytes, whatever its capitals."""
    text = re.sub(r"\s+", "", _bare(value))
    if _reads(_QUANTITY, text):
        return text
    match = _AMOUNT.fullmatch(text.lower())
    unit = match and _BYTES.fullmatch(match[2])
    if match is None or unit is None:
        return None
    prefix, binary = unit.groups()
    return match[1] + ("k" if prefix == "k" and not binary else prefix.upper()) + binary


def _bare(value: str) -> str:
    return value.strip().strip("\"'").strip()


_FRACTION = Option("a number such as 0.5", parse_float, _fraction)
_DURATION = Option("a duration such as 10m", parse_duration, _duration)

OPTIONS: Mapping[str, Option] = {
    "scaledownutilizationthreshold": _FRACTION,
    "scaledowngpuutilizationthreshold": _FRACTION,
    "scaledownunneededtime": _DURATION,
    "scaledownunreadytime": _DURATION,
    "ignoredaemonsetsutilization": Option("true or false", parse_bool, _truth),
}
"""What the autoscaler reads on AWS, by name, in its spelling: a capital letter makes another name.

Source: ``aws_manager.go``, ``GetAsgOptions``; the names: ``config/const.go``. The same in 1.30 to 1.36.
"""

_QUANTITY = Option("a quantity such as 1, 500m or 10Gi", parse_quantity, _quantity)
_SIZE = replace(_QUANTITY, guess=_size)
_BYTES_OF = ("memory", "ephemeral-storage", "hugepages-")
"""How the names of resources begin that are counted in bytes."""


def ignored_resources(tags: Mapping[str, str]) -> tuple[IgnoredTag, ...]:
    """Return the resource tags that the autoscaler drops, by key; of an Auto Scaling group or of a node group."""
    found = []
    for key, value in sorted(tags.items()):
        _, *rest = key.split(RESOURCE)
        if rest and not rest[0]:
            found.append(IgnoredTag(key, value, "is dropped silently, for its key names no resource", None))
        elif rest and not _reads(_QUANTITY, value):
            problem = f"is dropped silently, for Kubernetes reads {_QUANTITY.what}"
            option = _SIZE if rest[0].startswith(_BYTES_OF) else _QUANTITY
            found.append(IgnoredTag(key, value, problem, _mended(option, value)))
    return tuple(found)


def ignored_options(tags: Mapping[str, str], minor: str) -> tuple[IgnoredTag, ...]:
    """Return the option tags that the autoscaler of a minor drops, by key.

    Raises:
        ValueError: If the minor is none.
    """
    elsewhere = behaviour_of(minor).options_of_other_clouds
    ignored = (_ignored_option(key, value, elsewhere) for key, value in sorted(tags.items()) if key.startswith(OPTION))
    return tuple(tag for tag in ignored if tag is not None)


def _ignored_option(key: str, value: str, elsewhere: frozenset[str]) -> IgnoredTag | None:
    name = key.removeprefix(OPTION)
    option = OPTIONS.get(name)
    if option is None:
        return IgnoredTag(key, value, _unknown(name, elsewhere), None)
    if _reads(option, value):
        return None
    return IgnoredTag(key, value, f"is dropped, for {name} is {option.what}", _mended(option, value))


def _unknown(name: str, elsewhere: frozenset[str]) -> str:
    if name in elsewhere:
        return f"is dropped, for the autoscaler does not read {name} from tags on AWS"
    plain = re.sub(r"[^a-z]", "", name.lower())
    if plain in OPTIONS:
        return f"is dropped, for the autoscaler knows {name!r} as {plain} only"
    return f"is dropped, for the autoscaler knows no option {name!r}"


def _reads(option: Option, value: str) -> bool:
    try:
        option.parse(value)
    except ValueError:
        return False
    return True


def _mended(option: Option, value: str) -> str | None:
    """Guess how a value was meant, where the guess is one that the autoscaler reads."""
    guess = option.guess(value)
    return guess if guess is not None and _reads(option, guess) else None
