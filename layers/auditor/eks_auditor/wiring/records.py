"""The messages that Lambda takes from a queue for us: each is done, or returned as failed, by itself."""

from collections.abc import Callable, Mapping
from typing import Any

from eks_auditor.events.errors import EventError, NewerMessageError
from eks_auditor.ledger.documents import NewerLedgerError
from eks_auditor.snapshot.unfinished import NO_ANSWER
from eks_auditor.wiring.telemetry import Telemetry


class PostponedError(Exception):
    """A message that cannot be done now, in one sentence: the queue brings it again."""


def each_message(event: Mapping[str, Any], do: Callable[[str], None], telemetry: Telemetry) -> dict[str, Any]:
    """Do every message of an SQS event; return those that failed, in the shape of ``ReportBatchItemFailures``.

    A message that cannot be read is returned as well: after its receives it waits in the failure queue, whole, for a
    person or for a newer version. What breaks unforeseen is told with its trace and tried again.
    """
    failures = []
    for record in event["Records"]:
        # What a message is found to be about is said of its failure, too, and of no other message's.
        with telemetry.about():
            if not _is_done(record, do, telemetry):
                failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}


def _is_done(record: Mapping[str, Any], do: Callable[[str], None], telemetry: Telemetry) -> bool:
    try:
        do(record["body"])
    except (NewerMessageError, NewerLedgerError) as error:
        telemetry.count("MessagesNewer")
        telemetry.warning(str(error))
    except EventError as error:
        telemetry.count("MessagesUnreadable")
        telemetry.warning(str(error))
    except NO_ANSWER as error:
        telemetry.warning(f"AWS did not answer: {error}; the message is tried again")
    except PostponedError as error:
        telemetry.warning(str(error))
    except Exception:  # noqa: BLE001  one message must not take the others with it
        telemetry.exception(f"message {record['messageId']} failed; it is tried again, then kept in the failure queue")
    else:
        return True
    return False
