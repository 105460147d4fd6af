"""Answers that were cut off on their way.

botocore takes a JSON body that it cannot parse for an answer without any member
(``BaseJSONParser._parse_body_as_json`` in botocore's ``parsers.py``), and so for "there is no such item". XML that ends
too early it refuses itself, with an error that is none of its own family: :data:`NO_ANSWER` has both.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.parsers import ResponseParserError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from botocore.awsrequest import AWSResponse
    from botocore.hooks import BaseEventHooks
    from botocore.model import OperationModel

NO_ANSWER = (ClientError, BotoCoreError, ResponseParserError)
"""What a call raises that was refused, or whose answer did not come whole."""

_METADATA = frozenset({"ResponseMetadata"})


class UnfinishedAnswerError(HTTPClientError):
    """An answer whose body ends before it is whole."""

    fmt = "The answer to {operation_name} was cut off after {size} bytes"


def refuse_unfinished(events: BaseEventHooks) -> None:
    """Let calls raise :class:`UnfinishedAnswerError` instead of returning what is left of an answer.

    Args:
        events: Those of a client, or of the session that is to make clients.
    """
    events.register("after-call", _require_whole)


def _require_whole(http_response: AWSResponse, parsed: Mapping[str, Any], model: OperationModel, **_: object) -> None:
    # Only what has no member is looked at again: parsing every body twice would cost each call a tenth of its CPU.
    if not parsed.keys() <= _METADATA or not model.service_model.protocol.endswith("json") or not http_response.content:
        return
    try:
        json.loads(http_response.content)
    except ValueError:
        raise UnfinishedAnswerError(operation_name=model.name, size=len(http_response.content)) from None
