"""Values of option tags as Go's standard library reads them, which is how Cluster Autoscaler does.

Source: golang/go, ``strconv.ParseFloat`` (``src/strconv/atof.go``), ``time.ParseDuration`` (``src/time/format.go``) and
``strconv.ParseBool`` (``src/strconv/atob.go``); called in kubernetes/autoscaler, ``aws_manager.go``, ``GetAsgOptions``.
"""

import math
import re
from datetime import timedelta
from decimal import Context, Decimal

_DIGITS = r"[0-9](?:_?[0-9])*"
_HEX = r"[0-9a-fA-F](?:_?[0-9a-fA-F])*"
_DECIMAL_FLOAT = re.compile(rf"[+-]?(?:{_DIGITS}(?:\.(?:{_DIGITS})?)?|\.{_DIGITS})(?:[eE][+-]?{_DIGITS})?")
_HEX_FLOAT = re.compile(rf"[+-]?0[xX](?:_?{_HEX}(?:\.(?:{_HEX})?)?|\.{_HEX})[pP][+-]?{_DIGITS}")
_NAMED_FLOAT = re.compile(r"[+-]?inf(?:inity)?|nan", re.IGNORECASE | re.ASCII)

_UNITS = {"ns": 1, "us": 10**3, "\u00b5s": 10**3, "\u03bcs": 10**3, "ms": 10**6, "s": 10**9}  # both letters mu
_UNITS |= {"m": 60 * 10**9, "h": 3600 * 10**9}
_PART = re.compile(r"([0-9]*)(?:\.([0-9]*))?([^0-9.]+)")
_ZERO = re.compile(r"[+-]?0")
_LONGEST = 2**63 - 1

_TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_FALSE = frozenset({"0", "f", "F", "FALSE", "false", "False"})


def parse_float(text: str) -> float:
    """Read a number: ``0.5``, ``1_0``, ``5e-1``, ``0x1p-1``, ``Inf``.

    Raises:
        ValueError: Where Go refuses it, numbers too great for 64 bits included.
    """
    if _NAMED_FLOAT.fullmatch(text):
        return float(text)
    if _DECIMAL_FLOAT.fullmatch(text):
        number = float(text.replace("_", ""))
        if not math.isinf(number):
            return number
    if _HEX_FLOAT.fullmatch(text):
        try:
            return float.fromhex(text.replace("_", ""))
        except OverflowError:
            pass
    message = f"{text!r} is no number such as 0.5"
    raise ValueError(message)


def parse_duration(text: str) -> timedelta:
    """Read a duration, to the microsecond: ``10m``, ``1h30m``, ``-1.5h``, ``0``; each number needs its unit.

    Raises:
        ValueError: Where Go refuses it: other units than ns, us, ms, s, m and h, spaces, more than 292 years.
    """
    if _ZERO.fullmatch(text):
        return timedelta(0)
    unsigned, negative = text[1:] if text[:1] in ("+", "-") else text, text.startswith("-")
    total, end = Decimal(0), 0
    exact = Context(prec=len(text) + 40)
    for part in _PART.finditer(unsigned):
        whole, fraction, unit = part.groups()
        if part.start() != end or unit not in _UNITS or not (whole or fraction):
            break
        number = exact.create_decimal(f"{whole or 0}.{fraction or 0}")
        total, end = exact.add(total, exact.multiply(number, Decimal(_UNITS[unit]))), part.end()
    if not end or end != len(unsigned) or total > _LONGEST + negative:
        message = f"{text!r} is no duration such as 10m or 1h30m"
        raise ValueError(message)
    duration = timedelta(microseconds=int(total) // 1000)
    return -duration if negative else duration


def parse_bool(text: str) -> bool:
    """Read a truth value: ``true``, ``True``, ``TRUE``, ``t``, ``T``, ``1`` and their opposites, and no other.

    Raises:
        ValueError: Where Go refuses it.
    """
    if text in _TRUE | _FALSE:
        return text in _TRUE
    message = f"{text!r} is neither true nor false"
    raise ValueError(message)
