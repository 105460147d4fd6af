"""Writes that met another one, or too many of them: tried again, until they pass or are refused."""

from collections.abc import Callable

from botocore.exceptions import ClientError

BACKOFF = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6)
"""Seconds between the tries of a write that met another one, on top of botocore's own retries of throttles."""

FENCED = "ConditionalCheckFailed"
"""The reason of a cancelled transaction that a condition did not hold."""

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
            reasons = reasons_of(error)
            if FENCED in reasons or not reasons & _PASSING:
                raise
            sleep(pause)
        else:
            return
    call()


def reasons_of(error: ClientError) -> set[str]:
    """Return the error's code, and for a cancelled transaction those of its actions."""
    response = error.response
    return {response["Error"]["Code"], *(reason.get("Code", "") for reason in response.get("CancellationReasons", []))}
