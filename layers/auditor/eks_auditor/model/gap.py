"""What could not be read. A gap is never a verdict: whoever needs the value says UNKNOWN."""

from __future__ import annotations

from dataclasses import dataclass

DENIED_CODES = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "AuthFailure",
        "AuthorizationError",
        "InvalidClientTokenId",
        "OptInRequired",
        "UnauthorizedOperation",
        "UnrecognizedClientException",
    }
)
"""How the services say that the caller may not ask, or that the account does not use the Region."""


@dataclass(frozen=True, slots=True)
class Gap:
    """One read that failed.

    Attributes:
        action: The IAM action of the call, such as ``eks:DescribeNodegroup``.
        resource: What it was asked about: an ARN, an id, a name or a parameter's name.
        error: The error as AWS words it, code first.
        retryable: Whether asking again may answer (throttling, a timeout, a 5xx).
    """

    action: str
    resource: str
    error: str
    retryable: bool = False

    def __str__(self) -> str:
        """Read like a sentence inside a reason."""
        return f"{self.action} on {self.resource}: {self.error}"

    @property
    def unanswered(self) -> bool:
        """Whether AWS refused or failed to answer; other gaps are answers that nothing can be made of."""
        return self.retryable or self.error.partition(":")[0] in DENIED_CODES


class UnreadableError(Exception):
    """Raised by :func:`known` where a judgement needs what a gap stands for."""

    def __init__(self, gap: Gap) -> None:
        """Carry the gap that becomes the UNKNOWN verdict's reason."""
        super().__init__(str(gap))
        self.gap = gap


def known[T](value: T | Gap) -> T:
    """Return a value that was read.

    Raises:
        UnreadableError: If it could not be read; the judge makes UNKNOWN of it.
    """
    if isinstance(value, Gap):
        raise UnreadableError(value)
    return value
