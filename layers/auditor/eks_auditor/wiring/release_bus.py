"""Puts release events on the stack's bus."""

import json
from collections.abc import Callable, Sequence
from itertools import batched
from typing import TYPE_CHECKING

from eks_auditor.events.releases import DETAIL_TYPE, SOURCE, detail_of
from eks_auditor.events.requests import ReleaseRequest
from eks_auditor.snapshot.unfinished import NO_ANSWER

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_events.type_defs import PutEventsRequestEntryTypeDef

ACTIONS = frozenset({"events:PutEvents"})

BATCH_LIMIT = 10
"""Entries a PutEvents call takes."""

PAUSES = (0.2, 1.0)
"""Seconds before each further try of what a call did not accept, on top of botocore's own retries of whole calls."""


class ReleaseBus:
    """The stack's bus."""

    def __init__(self, client: "EventBridgeClient", name: str, sleep: Callable[[float], None]) -> None:
        """Take the bus's name, a client of its Region, and what waits for some seconds."""
        self._client = client
        self._name = name
        self._sleep = sleep

    def announce(self, releases: Sequence[ReleaseRequest]) -> dict[str, str]:
        """Put an event for each release; what is not accepted is tried again.

        Returns:
            The error of each event that was never accepted, by its event id; all others are on the bus.
        """
        refused: dict[str, str] = {}
        for batch in batched(releases, BATCH_LIMIT, strict=False):
            refused |= self._announce(batch)
        return refused

    def _announce(self, batch: Sequence[ReleaseRequest]) -> dict[str, str]:
        refused = self._put(batch)
        for pause in PAUSES:
            if not refused:
                break
            self._sleep(pause)
            refused = self._put([release for release in batch if release.event_id in refused])
        return refused

    def _put(self, batch: Sequence[ReleaseRequest]) -> dict[str, str]:
        try:
            answer = self._client.put_events(Entries=[self._entry(release) for release in batch])
        except NO_ANSWER as error:
            return {release.event_id: str(error) for release in batch}
        # A call that succeeds may have accepted any part of it: the answer's entries are in the order of the request's.
        # What it says nothing of is put again: whoever reads the bus knows events by their ids.
        told = dict(zip((release.event_id for release in batch), answer.get("Entries", []), strict=False))
        refused: dict[str, str] = {}
        for release in batch:
            entry = told.get(release.event_id, {"ErrorCode": "UnexpectedAnswer", "ErrorMessage": "nothing said of it"})
            if not entry.get("EventId"):
                refused[release.event_id] = f"{entry.get('ErrorCode')}: {entry.get('ErrorMessage')}"
        return refused

    def _entry(self, release: ReleaseRequest) -> "PutEventsRequestEntryTypeDef":
        return {
            "EventBusName": self._name,
            "Source": SOURCE,
            "DetailType": DETAIL_TYPE,
            "Time": release.at,
            "Detail": json.dumps(detail_of(release)),
        }
