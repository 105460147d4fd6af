"""Writes that met another one, or too many of them: tried again, until they pass or are refused."""

from collections.abc import Callable

from botocore.exceptions import ClientError

BACKOFF = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6)
"""Seconds between the tries of a write that met another one, on top of botocore's own retries of throttles."""

_REFUSED = frozenset({"ConditionalCheckFailed", "ConditionalCheckFailedException"})
"""That a condition did not hold: as the reason of a cancelled transaction, and as the error of any other call."""

_PASSING = frozenset(
    {
        "TransactionConflict",
        "TransactionConflictException",
        "ThrottlingError",
        "ThrottlingException",
        "ProvisionedThroughputExceeded",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
    }
)
"""What another try may get past, as the reason of a cancelled transaction or as the error of any call.

Of a cancelled transaction botocore looks at no reason, and so tries none of these again.
"""


def patiently(call: Callable[[], object], sleep: Callable[[float], None]) -> None:
    """Call, again after a pause while others are in the way; never again once a condition failed.

    Raises:
        ClientError: If a condition failed, if DynamoDB refuses, or if others are in the way at every try.
    """
    for pause in BACKOFF:
        try:
            call()
        except ClientError as error:
            reasons = _reasons(error)
            if reasons & _REFUSED or not reasons & _PASSING:
                raise
            sleep(pause)
        else:
            return
    call()


def refusal(call: Callable[[], object], sleep: Callable[[float], None]) -> ClientError | None:
    """Call, patiently; return the error if a condition does not hold.

    Raises:
        ClientError: If DynamoDB refuses for another reason, or if others are in the way at every try.
    """
    try:
        patiently(call, sleep)
    except ClientError as error:
        if not _reasons(error) & _REFUSED:
            raise
        return error
    return None


def _reasons(error: ClientError) -> set[str]:
    """Return the error's code, and for a cancelled transaction those of its actions."""
    response = error.response
    return {response["Error"]["Code"], *(reason.get("Code", "") for reason in response.get("CancellationReasons", []))}
