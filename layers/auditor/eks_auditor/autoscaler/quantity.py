"""Quantities as Kubernetes reads them: ``500m``, ``1.5Gi``, ``1e3``.

The rules are those of ``resource.ParseQuantity`` (kubernetes/apimachinery, ``pkg/api/resource``: ``quantity.go`` and
``suffix.go``), which Cluster Autoscaler calls on every resource tag. No library does it: ``parse_quantity`` of
Kubernetes' own Python client (``kubernetes.utils.quantity``) passes ``10 Gi``, ``1K``, ``1_0`` and ``NaN``, which
Kubernetes refuses, refuses ``Ki``, which Kubernetes reads as zero, and neither rounds nor caps. What the autoscaler
drops is just what is asked here.
"""

import re
from decimal import ROUND_UP, Context, Decimal

GREATEST_BINARY = Decimal(2**63 - 1)
"""What a quantity with a binary suffix is capped at."""

SMALLEST = Decimal("1e-9")
"""What is finer is rounded up to it, away from zero."""

GREATEST_EXPONENT = 64
"""A power of ten beyond it is read as it: nothing that a node has is so great or so small."""

_GRAMMAR = re.compile(r"([+-]?)([0-9]*)(?:\.([0-9]*))?([eEinumkKMGTP]*[+-]?[0-9]*)")
_EXPONENT = re.compile(r"[eE]([+-]?[0-9]{1,18})")
_DECIMAL_SUFFIXES = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY_SUFFIXES = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}


def parse_quantity(text: str) -> Decimal:
    """Read a quantity in Kubernetes' base unit: cores, bytes or pieces.

    As Kubernetes does, a suffix without a number is read as zero.

    Raises:
        ValueError: Where Kubernetes refuses it, so that the autoscaler drops the tag.
    """
    match = _GRAMMAR.fullmatch(text) if text else None
    if match is None:
        message = f"{text!r} is no quantity: Kubernetes reads a number and a suffix, such as 500m, 2 or 1.5Gi"
        raise ValueError(message)
    sign, whole, fraction, suffix = (part or "" for part in match.groups())
    exact = Context(prec=len(text) + 2 * GREATEST_EXPONENT)
    number = exact.create_decimal(f"{whole or 0}.{fraction or 0}")
    if suffix in _BINARY_SUFFIXES:
        number = min(exact.multiply(number, Decimal(2 ** _BINARY_SUFFIXES[suffix])), GREATEST_BINARY)
    else:
        number = exact.scaleb(number, _exponent(suffix, text, digits=bool(whole or fraction)))
    number = number.quantize(SMALLEST, rounding=ROUND_UP, context=exact)
    return number.copy_negate() if sign == "-" and number else number


def quantity_text(number: Decimal) -> str:
    """Write a quantity so that Kubernetes reads it back: plain digits without exponent, suffix and idle zeros."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _exponent(suffix: str, text: str, *, digits: bool) -> int:
    """Return the power of ten that a suffix stands for."""
    if suffix in _DECIMAL_SUFFIXES:
        return _DECIMAL_SUFFIXES[suffix]
    match = _EXPONENT.fullmatch(suffix)
    exponent = int(match[1]) if match else 0
    if match is None or (exponent < SMALLEST.adjusted() and not digits):
        message = f"{text!r} is no quantity: Kubernetes knows no suffix {suffix!r}"
        raise ValueError(message)
    return max(-GREATEST_EXPONENT, min(exponent, GREATEST_EXPONENT))
