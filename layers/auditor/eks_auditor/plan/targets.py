"""Where to look: accounts and Regions."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from eks_auditor.model.cluster import ClusterId

_TARGET = re.compile(r"(?:(?P<account>\d{12})/)?(?P<region>[a-z]{2,4}(?:-[a-z]+)+-\d+)")
_FUNCTION_ARN_PARTS = 5


class TargetError(Exception):
    """A target that is none, in one sentence that says which and how to write it."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """One Region of one account."""

    partition: str
    account: str
    region: str

    def __str__(self) -> str:
        """Read like the parameter Targets writes it."""
        return f"{self.account}/{self.region}"

    @classmethod
    def of(cls, cluster: ClusterId) -> Self:
        """Say where a cluster lives."""
        return cls(cluster.partition, cluster.account, cluster.region)

    @classmethod
    def of_function(cls, function_arn: str) -> Self:
        """Say where a function runs; its ARN spares a call to STS.

        Raises:
            ValueError: If it is not the ARN of a Lambda function.
        """
        match function_arn.split(":", _FUNCTION_ARN_PARTS):
            case ["arn", partition, "lambda", region, account, _]:
                return cls(partition, account, region)
        message = (
            f"{function_arn!r} is not the ARN of a Lambda function (arn:PARTITION:lambda:REGION:ACCOUNT:function:NAME)"
        )
        raise ValueError(message)


def parse_targets(targets: Iterable[str], own: Place) -> tuple[Place, ...]:
    """Read the parameter Targets: ``region`` or ``account/region``; none at all means this account and Region.

    Args:
        targets: As written, in any order; repeated ones count once.
        own: Where the stack is. Other accounts are in its partition: no role reaches across.

    Raises:
        TargetError: If one cannot be read.
    """
    places = {_parse(target, own) for target in targets}
    return tuple(sorted(places)) or (own,)


def _parse(target: str, own: Place) -> Place:
    match = _TARGET.fullmatch(target)
    if match is None:
        message = (
            f"Targets names {target!r}; write region or account/region, such as eu-west-1 or 111122223333/us-east-1"
        )
        raise TargetError(message)
    return Place(own.partition, match["account"] or own.account, match["region"])
