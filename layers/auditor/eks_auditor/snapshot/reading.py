"""One read of AWS: its answer, or the gap it leaves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC
from typing import TYPE_CHECKING

from botocore import exceptions
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, IncompleteReadError
from botocore.parsers import ResponseParserError

from eks_auditor.model.gap import Gap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime

NOT_FOUND = "ResourceNotFoundException"
"""EKS's code for a cluster, node group, profile or update that does not exist."""

LONGEST_ERROR = 300
"""Characters kept of an error: EC2 appends an encoded authorization message of several kilobytes."""

RETRYABLE_CODES = frozenset(
    {
        # Throttling, in the words of the services (the list of botocore's standard retry mode).
        "BandwidthLimitExceeded",
        "EC2ThrottledException",
        "LimitExceededException",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionInProgressException",
        # The service's own trouble, whatever the HTTP status it comes with.
        "InternalError",
        "InternalFailure",
        "InternalServerError",
        "RequestTimeout",
        "RequestTimeoutException",
        "ServerException",
        "ServiceUnavailable",
        "ServiceUnavailableException",
        "Unavailable",
        # Credentials that ran out while a cluster was read: the next try brings new ones.
        "ExpiredToken",
        "ExpiredTokenException",
        "RequestExpired",
    }
)
"""Error codes after which asking again may answer."""

NO_WAY = frozenset({exceptions.ConnectTimeoutError.__name__, exceptions.EndpointConnectionError.__name__})
"""What a gap's error begins with where there was not even a connection."""

_TOO_MANY_REQUESTS = 429
_SERVER_ERRORS = 500
_RETRYABLE_FAILURES = (exceptions.ConnectionError, HTTPClientError, IncompleteReadError, ResponseParserError)


def read[T](action: str, resource: str, call: Callable[[], T]) -> T | Gap:
    """Make one read and parse its answer.

    Args:
        action: The IAM action, such as ``eks:DescribeNodegroup``.
        resource: What it is asked about.
        call: Calls AWS and parses the answer; an answer that lacks a member it needs is a gap too.

    Returns:
        What ``call`` returns, or the gap: AWS's error code and message on one line. Retryable are throttling, 5xx,
        timeouts and broken connections (:data:`RETRYABLE_CODES`); a refused permission or parameter is not.
    """
    try:
        return call()
    except ClientError as error:
        return _refused(action, resource, error)
    except (BotoCoreError, ResponseParserError) as error:
        text = f"{type(error).__name__}: {error}"
        return Gap(action, resource, one_line(text), retryable=isinstance(error, _RETRYABLE_FAILURES))
    except KeyError as error:
        return Gap(action, resource, f"UnexpectedAnswer: the answer has no {error}")


def _refused(action: str, resource: str, error: ClientError) -> Gap:
    said = error.response.get("Error", {})
    code = said.get("Code", "Unknown")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    retryable = code in RETRYABLE_CODES or status == _TOO_MANY_REQUESTS or status >= _SERVER_ERRORS
    return Gap(action, resource, one_line(f"{code}: {said.get('Message', '')}"), retryable=retryable)


def utc(instant: datetime) -> datetime:
    """Make botocore's time, which is in the machine's zone, one that reads the same everywhere."""
    return instant.astimezone(UTC)


def one_line(text: str) -> str:
    """Make a foreign text fit for a log line: one line, printable, at most :data:`LONGEST_ERROR` characters."""
    words = " ".join(text.split())
    clean = "".join(character for character in words if character.isprintable())
    return clean if len(clean) <= LONGEST_ERROR else clean[: LONGEST_ERROR - 1] + "…"


def code_of(gap: Gap) -> str:
    """Return the error code that a gap's text begins with."""
    return gap.error.partition(":")[0]


def perhaps_no_way(gap: Gap) -> Gap:
    """Make the gap of a call out of the Region one that is not retried, if there was no connection.

    Functions in a VPC may have endpoints of their own Region and no way out: the next try would end the same, and an
    audit that waits for it is never saved. Had it been a passing fault, the next audit reads again.
    """
    return replace(gap, retryable=False) if code_of(gap) in NO_WAY else gap


def not_again[T](answer: T | Gap) -> T | Gap:
    """Make the gap of a read that serves one check one that is not retried.

    An audit that waits for it is not saved whole, and one check is not worth that: a throttled account would wait on
    and on. The next audit reads again.
    """
    return replace(answer, retryable=False) if isinstance(answer, Gap) else answer


def for_each(gap: Gap, names: Iterable[str]) -> dict[str, Gap]:
    """Make a batch's gap the gap of each thing that was asked about in it."""
    return {name: replace(gap, resource=name) for name in names}


def known_or_gaps[V](
    ask: Callable[[tuple[str, ...]], dict[str, V] | Gap],
    ids: tuple[str, ...],
    *,
    unknown: str,
    absent: Callable[[str], Gap],
) -> dict[str, V | Gap]:
    """Ask about ids of which one unknown makes AWS refuse all: then about half of them at a time, down to one.

    Args:
        ask: Makes the call.
        ids: Of what.
        unknown: How the codes begin by which AWS refuses a call for an id.
        absent: The gap of an id that AWS silently leaves out of its answer.

    Returns:
        What was found, and its own gap for each of the others.
    """
    found = ask(ids)
    if not isinstance(found, Gap):
        return {each: found.get(each) or absent(each) for each in ids}
    if len(ids) == 1 or not code_of(found).startswith(unknown):
        return {**for_each(found, ids)}
    middle = len(ids) // 2
    halves = (ids[:middle], ids[middle:])
    return {
        each: answer
        for half in halves
        for each, answer in known_or_gaps(ask, half, unknown=unknown, absent=absent).items()
    }


def gaps_in(answer: object) -> Iterator[Gap]:
    """Yield the gaps of an answer: the answer itself, or those among a mapping's values."""
    if isinstance(answer, Gap):
        yield answer
    elif isinstance(answer, Mapping):
        yield from (value for value in answer.values() if isinstance(value, Gap))


def known_only[K, V](answers: Mapping[K, V | Gap]) -> dict[K, V]:
    """Return what was read of a mapping."""
    return {key: value for key, value in answers.items() if not isinstance(value, Gap)}
