"""Reads of Systems Manager: AWS's public parameters, which name the recommended images."""

from __future__ import annotations

from itertools import batched
from typing import TYPE_CHECKING

from eks_auditor.model.gap import Gap
from eks_auditor.snapshot.reading import for_each, read

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mypy_boto3_ssm import SSMClient

ACTIONS = frozenset({"ssm:GetParameters"})
"""The IAM actions that the calls in here need, on ``arn:<partition>:ssm:<region>::parameter/aws/service/*``."""

LARGEST_BATCH = 10
"""Names a GetParameters call takes."""


def batches(names: Iterable[str]) -> list[tuple[str, ...]]:
    """Cut parameter names into what one call takes."""
    return list(batched(sorted(names), LARGEST_BATCH, strict=False))


def get_parameters(client: SSMClient, names: tuple[str, ...]) -> dict[str, str | Gap | None]:
    """Return the values of at most ten parameters; None for one that does not exist: an answer, not a failure."""

    def call() -> dict[str, str]:
        answer = client.get_parameters(Names=names)
        return {parameter["Name"]: parameter["Value"] for parameter in answer["Parameters"]}

    found = read("ssm:GetParameters", ", ".join(names), call)
    if isinstance(found, Gap):
        return {**for_each(found, names)}
    return {name: found.get(name) for name in names}
