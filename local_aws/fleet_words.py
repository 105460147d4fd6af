"""The words that every part of a fleet description is made of: ages, taints, AMI types, and what may be wrong."""

import re
from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from local_aws.images import PUBLISHED_AMI_TYPES

_AGE = re.compile(r"(\d+)([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_TAINT = re.compile(r"[^=:]+(=[^:]*)?:(NoSchedule|NoExecute|PreferNoSchedule)")


def _age(value: object) -> timedelta:
    if isinstance(value, timedelta):
        return value
    found = _AGE.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        message = f"{value!r} is no age; write 30m, 12h, 90d or 2w"
        raise ValueError(message)
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def _taint(value: str) -> str:
    if not _TAINT.fullmatch(value):
        message = f"{value!r} is no taint; write key=value:NoSchedule"
        raise ValueError(message)
    return value


def published_ami_type(value: str) -> str:
    """Return an AMI type that AWS publishes releases of.

    Raises:
        ValueError: If it is none.
    """
    if value not in PUBLISHED_AMI_TYPES:
        message = f"{value!r} is no AMI type with published releases"
        raise ValueError(message)
    return value


type Age = Annotated[timedelta, BeforeValidator(_age)]
type Taint = Annotated[str, BeforeValidator(_taint)]
type PublishedAmiType = Annotated[str, BeforeValidator(published_ami_type)]
type Letter = Annotated[str, Field(pattern=r"^[a-f]$")]
type Minor = Annotated[str, Field(pattern=r"^1\.\d+$")]
type CheckId = Annotated[str, Field(pattern=r"^[A-Z]+\d{3}$")]
type AccountId = Annotated[str, Field(pattern=r"^\d{12}$")]


class Described(BaseModel):
    """A part of the description."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Judged(Described):
    """Something a check may find fault with."""

    wrong: list[CheckId] = []
    why: str = ""
