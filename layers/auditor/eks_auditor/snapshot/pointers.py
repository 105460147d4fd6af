"""What the release watcher reads: the minors in support, and what AWS's public parameters recommend."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from eks_auditor.events.requests import Recommendation
from eks_auditor.model.gap import Gap
from eks_auditor.releases.families import parameter_of, read_parameter
from eks_auditor.snapshot import ssm
from eks_auditor.snapshot.eks import describe_cluster_versions
from eks_auditor.snapshot.reading import for_each, gaps_in, one_line, utc

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from mypy_boto3_eks import EKSClient
    from mypy_boto3_ssm import SSMClient
    from mypy_boto3_ssm.type_defs import ParameterTypeDef

    from eks_auditor.model.release import ReleaseLine

ACTIONS = frozenset({"eks:DescribeClusterVersions"}) | ssm.ACTIONS
"""The IAM actions that the calls in here need."""

IN_SUPPORT = frozenset({"STANDARD_SUPPORT", "EXTENDED_SUPPORT"})
"""The statuses of the versions that AWS still publishes releases for."""

_IMAGE_ID = re.compile(r"ami-[0-9a-f]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a line's public parameter said when it was read.

    Attributes:
        recommended: The release and its image.
        modified_at: ``LastModifiedDate``, the later one where two parameters told it; None if SSM does not say.
        spread: How long apart the two were modified, one of which told the release and the other its image; None where
            one told both.
    """

    recommended: Recommendation
    modified_at: datetime | None
    spread: timedelta | None = None


def supported_minors(client: EKSClient, region: str) -> tuple[str, ...] | Gap:
    """Return the Kubernetes minors in standard or extended support, such as ``1.35``."""
    versions = describe_cluster_versions(client, region)
    if isinstance(versions, Gap):
        return versions
    minors = tuple(sorted(version.minor for version in versions if version.status in IN_SUPPORT))
    return minors or Gap("eks:DescribeClusterVersions", region, "UnexpectedAnswer: no version is in support")


def read_pointers(client: SSMClient, lines: Collection[ReleaseLine]) -> dict[ReleaseLine, Seen | Gap | None]:
    """Return what AWS recommends of each line.

    None is a line that has no parameter here, which is an answer; half of one, or a value that cannot be read, is a
    gap. After a call that is throttled or not answered no other is made, since each would take as long: its gap is
    theirs, too.
    """
    names = (parameter_of(line).names for line in lines)
    parameters: dict[str, ParameterTypeDef | Gap | None] = {}
    stop: Gap | None = None
    for batch in ssm.batches(names):
        found = _get(client, batch) if stop is None else {**for_each(stop, batch)}
        parameters |= found
        stop = next((gap for gap in gaps_in(found) if gap.retryable), stop)
    return {line: _seen(line, parameters) for line in lines}


def _get(client: SSMClient, names: tuple[str, ...]) -> dict[str, ParameterTypeDef | Gap | None]:
    def whole(parameter: ParameterTypeDef) -> ParameterTypeDef:
        return parameter

    return ssm.read_parameters(client, names, whole)


def _seen(line: ReleaseLine, parameters: Mapping[str, ParameterTypeDef | Gap | None]) -> Seen | Gap | None:
    found = ssm.whole(parameter_of(line), parameters)
    if found is None or isinstance(found, Gap):
        return found
    try:
        said = read_parameter(line, {name: parameter["Value"] for name, parameter in found.items()})
    except (KeyError, ValueError) as error:
        return _unreadable(line, str(error))
    if not (isinstance(said.image_id, str) and _IMAGE_ID.fullmatch(said.image_id)):
        return _unreadable(line, f"{said.image_id!r} is no image id")
    told_by = found if said.apart else parameter_of(line).required
    modified = [utc(found[name]["LastModifiedDate"]) for name in told_by if "LastModifiedDate" in found[name]]
    return Seen(
        recommended=Recommendation(version=said.version, image_id=said.image_id),
        modified_at=max(modified, default=None),
        spread=_spread(modified) if said.apart else None,
    )


def _spread(instants: list[datetime]) -> timedelta:
    return max(instants) - min(instants) if instants else timedelta(0)


def _unreadable(line: ReleaseLine, why: str) -> Gap:
    return Gap("ssm:GetParameters", parameter_of(line).name, one_line(f"UnreadableValue: {why}"))
