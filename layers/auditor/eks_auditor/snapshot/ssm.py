"""Reads of Systems Manager: AWS's public parameters, which name the recommended images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eks_auditor.model.gap import Gap
from eks_auditor.snapshot.reading import for_each, read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from mypy_boto3_ssm import SSMClient
    from mypy_boto3_ssm.type_defs import ParameterTypeDef

    from eks_auditor.releases.parameters import ReleaseParameter

ACTIONS = frozenset({"ssm:GetParameters"})
"""The IAM actions that the calls in here need, on ``arn:<partition>:ssm:<region>::parameter/aws/service/*``."""

LARGEST_BATCH = 10
"""Names a GetParameters call takes."""


def batches(groups: Iterable[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Put parameter names into as few calls as they fit into; those of one group are asked for in the same call.

    What two calls answered may be of two moments, and between them AWS may move what belongs together.
    """
    found: list[tuple[str, ...]] = []
    # The largest first: groups are pairs and single names, and five pairs fill a call.
    for group in sorted(set(groups), key=lambda group: (-len(group), group)):
        if found and len(found[-1]) + len(group) <= LARGEST_BATCH:
            found[-1] += group
        else:
            found.append(group)
    return found


def get_parameters(client: SSMClient, names: tuple[str, ...]) -> dict[str, str | Gap | None]:
    """Return the values of at most ten parameters; None for one that does not exist: an answer, not a failure."""

    def value(parameter: ParameterTypeDef) -> str:
        return parameter["Value"]

    return read_parameters(client, names, value)


def read_parameters[T](
    client: SSMClient, names: tuple[str, ...], of: Callable[[ParameterTypeDef], T]
) -> dict[str, T | Gap | None]:
    """Return what is asked ``of`` each of at most ten parameters; None for one that SSM says does not exist.

    It names those (``InvalidParameters``): one of which it says nothing is its gap.
    """

    def call() -> tuple[dict[str, T], frozenset[str]]:
        answer = client.get_parameters(Names=names)
        found = {parameter["Name"]: of(parameter) for parameter in answer["Parameters"]}
        return found, frozenset(answer.get("InvalidParameters", []))

    answer = read("ssm:GetParameters", ", ".join(names), call)
    if isinstance(answer, Gap):
        return {**for_each(answer, names)}
    found, invalid = answer
    untold = "UnexpectedAnswer: neither its value nor that it does not exist"
    return {
        name: found[name] if name in found else None if name in invalid else Gap("ssm:GetParameters", name, untold)
        for name in names
    }


def whole[T](parameter: ReleaseParameter, values: Mapping[str, T | Gap | None]) -> dict[str, T] | Gap | None:
    """Return what was read of a release's parameter, by name; None where there is nothing of it.

    Args:
        parameter: Whose.
        values: What was read of each of its names, None where that does not exist.

    Returns:
        Also the gap of a name that could not be read; or that of one that is missing while another is there, which
        proves neither a release nor that there is none.
    """
    found: dict[str, T] = {}
    for name in parameter.names:
        value = values[name]
        if isinstance(value, Gap):
            return value
        if value is not None:
            found[name] = value
    missing = [name for name in parameter.required if name not in found]
    if found and missing:
        said = f"UnexpectedAnswer: it does not exist, and {', '.join(found)} does"
        return Gap("ssm:GetParameters", missing[0], said)
    return found or None
