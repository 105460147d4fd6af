"""Imports findings into the Security Hub of one account and Region."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_securityhub import SecurityHubClient

ACTIONS = frozenset({"securityhub:BatchImportFindings"})

BATCH_LIMIT = 100
BATCH_BYTES = 6 * 1024 * 1024 - 64 * 1024
"""Six megabytes a call, less what surrounds the findings."""

NOT_ENABLED = frozenset({"InvalidAccess", "InvalidAccessException"})
"""The hub is not enabled here: as a finding's error, and as that of the whole call."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A finding that was not taken: AWS's code and words."""

    finding_id: str
    code: str
    error: str

    def __str__(self) -> str:
        """Read like a sentence's end."""
        return f"{self.finding_id}: {self.code}: {self.error}"


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of findings.

    Attributes:
        accepted: The ids of those taken.
        not_enabled: The ids of those that no hub is there to take: an answer, not a failure.
        refused: The others.
    """

    accepted: tuple[str, ...]
    not_enabled: tuple[str, ...]
    refused: tuple[Refusal, ...]


class SecurityHub:
    """The Security Hub of one account and Region."""

    def __init__(self, client: "SecurityHubClient") -> None:
        """Take a client with credentials of that account: the hub takes no findings across accounts."""
        self._client = client

    def import_findings(self, findings: Iterable[Mapping[str, Any]]) -> Imported:
        """Import findings; what a batch refuses is asked for once more by itself.

        Raises:
            ClientError: If the call itself is refused for another reason than what it carries, such as throttling.
        """
        accepted: list[str] = []
        refusals: list[Refusal] = []
        for batch in _batches(findings):
            refused = {refusal.finding_id: refusal for refusal in self._call(batch)}
            for finding in batch:
                finding_id = finding["Id"]
                again = self._again(finding, refused.get(finding_id))
                if again is None:
                    accepted.append(finding_id)
                else:
                    refusals.append(again)
        return Imported(
            accepted=tuple(accepted),
            not_enabled=tuple(r.finding_id for r in refusals if r.code in NOT_ENABLED),
            refused=tuple(r for r in refusals if r.code not in NOT_ENABLED),
        )

    def _again(self, finding: Mapping[str, Any], refusal: Refusal | None) -> Refusal | None:
        if refusal is None or refusal.code in NOT_ENABLED:
            return refusal
        return next(iter(self._call([finding])), None)

    def _call(self, findings: list[Mapping[str, Any]]) -> list[Refusal]:
        """Import one batch. One malformed finding makes the hub refuse them all with InvalidInputException."""
        try:
            response = self._client.batch_import_findings(Findings=findings)  # type: ignore[arg-type]  # asff() makes the shape
        except ClientError as error:
            code, text = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
            if code not in NOT_ENABLED | {"InvalidInputException"}:
                raise
            return [Refusal(finding["Id"], code, text) for finding in findings]
        failures = response.get("FailedFindings", [])
        if response.get("SuccessCount", 0) + len(failures) < len(findings):
            said = "the answer counts fewer findings than it was sent"
            return [Refusal(finding["Id"], "UnexpectedAnswer", said) for finding in findings]
        return [Refusal(failed["Id"], failed["ErrorCode"], failed["ErrorMessage"]) for failed in failures]


def _batches(findings: Iterable[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    batch: list[Mapping[str, Any]] = []
    size = 0
    for finding in findings:
        grows = len(json.dumps(finding)) + 1
        if batch and (len(batch) == BATCH_LIMIT or size + grows > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(finding)
        size += grows
    if batch:
        yield batch
