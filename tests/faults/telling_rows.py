"""What becomes of each fault of each call of the functions that tell people, and why."""

from typing import Final

from tests.faults.expected import EVIDENCE, KEPT, PARKED, RETRIED, STANDS, Expected, Row

_AGAIN: Final = Expected(RETRIED)
_PARKED: Final = Expected(PARKED)
_LONG: Final = Expected(PARKED, "after a thousand tries, most of them a quarter of an hour apart: some ten days")
_REFUSED: Final = Expected(KEPT, "Slack never takes it so; another secret, or an invited bot, mends that")
_LATER: Final = Expected(STANDS, "the message comes again as the queue says, after six minutes")


def _nothing(why: str) -> Expected:
    return Expected(EVIDENCE, why)


def _slack(  # noqa: PLR0913  a row's parts, all but two by name
    action: str,
    door: str = "first message",
    *,
    passing: Expected = _AGAIN,
    denied: Expected = _LONG,
    empty: Expected | None = None,
    vanished: Expected = _LONG,
) -> Row:
    return Row("NotifySlack", action, passing, denied, empty, vanished, door)


def _digest(action: str, empty: Expected | None = None) -> Row:
    return Row("SendDigest", action, _AGAIN, _PARKED, empty, _PARKED, "digest")


TELLING: tuple[Row, ...] = (
    _slack("dynamodb:BatchGetItem", empty=_nothing("Slack was told nothing of it yet")),
    _slack("dynamodb:DeleteItem", "end of a window"),
    _slack("dynamodb:GetItem"),
    _slack("dynamodb:PutItem"),
    _slack("dynamodb:Query", "end of a window", empty=_nothing("nothing was held; the next window's end looks again")),
    _slack("dynamodb:TransactWriteItems"),
    _slack("hooks.slack:post", "first message by a webhook", denied=_REFUSED, vanished=_REFUSED),
    _slack("secretsmanager:GetSecretValue"),
    _slack("slack:chat.postMessage", denied=_REFUSED, vanished=_REFUSED),
    _slack("sqs:ChangeMessageVisibility", "busy", passing=_LATER, denied=_LATER, vanished=_LATER),
    _slack("sqs:SendMessage"),
    _digest("dynamodb:BatchGetItem", _nothing("no cluster was audited yet: so it says")),
    _digest("dynamodb:PutItem"),
    _digest("dynamodb:Query", _nothing("it is the first one, and there is no cluster: so it says")),
    _digest("dynamodb:Scan", _nothing("nothing stands, and nothing was announced: so it says")),
    _digest("sns:Publish"),
)
"""Slack has no IAM actions: its rows are named after its Web API and its webhooks."""
