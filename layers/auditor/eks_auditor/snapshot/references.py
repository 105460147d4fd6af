"""What launches refer to by name or id, and whether it exists: security groups, key pairs, profiles and the like.

Asked for by filter wherever EC2 has one: a thing that does not exist is then absent from the answer, while asked for by
name or id it would make EC2 refuse the whole batch.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import batched
from typing import TYPE_CHECKING

from eks_auditor.model.capacity import MissingReference
from eks_auditor.model.gap import Gap
from eks_auditor.snapshot.reading import code_of, for_each, perhaps_no_way, read
from eks_auditor.snapshot.reads import singly

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_iam import IAMClient

    from eks_auditor.snapshot.network import Network
    from eks_auditor.snapshot.reads import Reads

ACTIONS = frozenset(
    {
        "ec2:DescribeKeyPairs",
        "ec2:DescribePlacementGroups",
        "ec2:DescribeSecurityGroups",
        "iam:GetInstanceProfile",
    }
)
"""The IAM actions that the calls in here need."""

INSTANCE_PROFILE = "instance profile"
KEY_PAIR = "key pair"
PLACEMENT_GROUP = "placement group"
SECURITY_GROUP = "security group"
SUBNET = "subnet"

_VALUES_A_FILTER = 200
_LARGEST_PAGE = 1000

_NO_SUBNET = "InvalidSubnetID.NotFound"
_NO_ENTITY = frozenset({"NoSuchEntity", "NoSuchEntityException"})
_NO_PLACEMENT_GROUP = frozenset({"InvalidPlacementGroup.Unknown", "InvalidPlacementGroupId.NotFound"})
# Placement groups that other accounts share are described by id only, and no filter takes ids.
_PLACEMENT_GROUP_ID = re.compile("pg-[0-9a-f]{17}")


@dataclass(frozen=True, slots=True, order=True)
class Reference:
    """What a launch names, as :class:`~eks_auditor.model.capacity.MissingReference` would tell it."""

    what: str
    id: str


@dataclass(frozen=True, slots=True)
class Found:
    """What became of references.

    Attributes:
        exist: Whether each one exists.
        strategies: Of the placement groups: how each places its instances; empty where it does not exist.
    """

    exist: Mapping[Reference, bool | Gap]
    strategies: Mapping[str, str | Gap]

    def missing(self, references: Iterable[Reference]) -> tuple[MissingReference, ...] | Gap:
        """Return those that evidently do not exist; only where there is none of these, the gap that may hide one."""
        answers = {reference: self.exist[reference] for reference in sorted(set(references))}
        absent = tuple(
            MissingReference(what=each.what, id=each.id) for each, there in answers.items() if there is False
        )
        gaps = [there for there in answers.values() if isinstance(there, Gap)]
        return gaps[0] if gaps and not absent else absent


def look_up(reads: Reads, references: Iterable[Reference]) -> Callable[[Network], Found]:
    """Start to look references up, as other audits lately found them; call what is returned for all of them.

    Its argument has the subnets, which are no call of this module.
    """
    named = frozenset(references)
    ec2, iam, cache = reads.clients.ec2, reads.clients.iam, reads.cache

    def ids(what: str) -> set[str]:
        return {reference.id for reference in named if reference.what == what}

    groups = reads.passing(
        cache.security_groups, ids(SECURITY_GROUP), _batches, lambda some: find_security_groups(ec2, some)
    )
    keys = reads.passing(cache.key_pairs, ids(KEY_PAIR), _batches, lambda some: find_key_pairs(ec2, some))
    placements = reads.passing(
        cache.placement_groups, ids(PLACEMENT_GROUP), _placement_batches, lambda some: find_placement_groups(ec2, some)
    )
    profiles = reads.passing(
        cache.instance_profiles, ids(INSTANCE_PROFILE), singly, lambda one: find_instance_profile(iam, *one)
    )

    def found(network: Network) -> Found:
        strategies = placements()
        answers: dict[str, Mapping[str, bool | Gap]] = {
            SECURITY_GROUP: groups(),
            KEY_PAIR: keys(),
            INSTANCE_PROFILE: profiles(),
            PLACEMENT_GROUP: {name: each if isinstance(each, Gap) else bool(each) for name, each in strategies.items()},
            SUBNET: {each: _subnet_exists(network, each) for each in ids(SUBNET)},
        }
        return Found({reference: answers[reference.what][reference.id] for reference in named}, strategies)

    return found


def _subnet_exists(network: Network, subnet_id: str) -> bool | Gap:
    subnet = network.subnet(subnet_id)
    if not isinstance(subnet, Gap):
        return True
    return False if code_of(subnet) == _NO_SUBNET else subnet


def _batches(names: Iterable[str]) -> list[tuple[str, ...]]:
    return list(batched(sorted(names), _VALUES_A_FILTER, strict=False))


def _placement_batches(names: Iterable[str]) -> list[tuple[str, ...]]:
    ids = {name for name in names if _PLACEMENT_GROUP_ID.fullmatch(name)}
    return [*_batches(set(names) - ids), *singly(ids)]


def _literally(names: Iterable[str]) -> list[str]:
    """Make filter values of names: `*`, `?` and a backslash mean something in one ("Filtering", EC2 user guide)."""
    return [re.sub(r"([*?\\])", r"\\\1", name) for name in names]


def find_security_groups(client: EC2Client, ids: tuple[str, ...]) -> dict[str, bool | Gap]:
    """Say of each security group whether it exists."""

    def call() -> set[str]:
        pages = client.get_paginator("describe_security_groups").paginate(
            Filters=[{"Name": "group-id", "Values": ids}], PaginationConfig={"PageSize": _LARGEST_PAGE}
        )
        return {group["GroupId"] for page in pages for group in page["SecurityGroups"]}

    def again(one: str) -> bool:
        return bool(client.describe_security_groups(GroupIds=[one])["SecurityGroups"])

    action = "ec2:DescribeSecurityGroups"
    return _confirmed(_existing(read(action, ", ".join(ids), call), ids), action, "InvalidGroup.NotFound", again)


def find_key_pairs(client: EC2Client, names: tuple[str, ...]) -> dict[str, bool | Gap]:
    """Say of each key pair whether it exists."""

    def call() -> set[str]:
        answer = client.describe_key_pairs(Filters=[{"Name": "key-name", "Values": _literally(names)}])
        return {pair["KeyName"] for pair in answer["KeyPairs"]}

    def again(one: str) -> bool:
        return bool(client.describe_key_pairs(KeyNames=[one])["KeyPairs"])

    action = "ec2:DescribeKeyPairs"
    return _confirmed(_existing(read(action, ", ".join(names), call), names), action, "InvalidKeyPair.NotFound", again)


def _existing(found: set[str] | Gap, names: tuple[str, ...]) -> dict[str, bool | Gap]:
    return {**for_each(found, names)} if isinstance(found, Gap) else {name: name in found for name in names}


def _confirmed(
    found: dict[str, bool | Gap], action: str, refusal: str, again: Callable[[str], bool]
) -> dict[str, bool | Gap]:
    """Ask for each thing that a filter left out once more, by itself: that it does not exist EC2 then says in so words.

    An empty page alone would make a fault of all launches that name it.
    """

    def exists(one: str) -> bool | Gap:
        answer = read(action, one, lambda: again(one))
        if isinstance(answer, Gap):
            return False if code_of(answer) == refusal else answer
        return answer or Gap(action, one, "UnexpectedAnswer: neither it nor that it does not exist")

    return {one: exists(one) if there is False else there for one, there in found.items()}


def find_placement_groups(client: EC2Client, names: tuple[str, ...]) -> dict[str, str | Gap]:
    """Return the strategy of placement groups, by name or one by id; an empty one where there is no such group."""
    if _PLACEMENT_GROUP_ID.fullmatch(names[0]):
        return {names[0]: _strategy(client, names[0])}

    def call() -> dict[str, str]:
        answer = client.describe_placement_groups(Filters=[{"Name": "group-name", "Values": _literally(names)}])
        return {group["GroupName"]: group["Strategy"] for group in answer["PlacementGroups"]}

    found = read("ec2:DescribePlacementGroups", ", ".join(names), call)
    if isinstance(found, Gap):
        return {**for_each(found, names)}
    return {name: found[name] if name in found else _strategy(client, name) for name in names}


def _strategy(client: EC2Client, named: str) -> str | Gap:
    """Ask for one group, by its id or name: that it does not exist EC2 then says in so many words."""
    by_id = _PLACEMENT_GROUP_ID.fullmatch(named)

    def call() -> str | Gap:
        if by_id:
            answer = client.describe_placement_groups(GroupIds=[named])
        else:
            answer = client.describe_placement_groups(GroupNames=[named])
        groups = answer["PlacementGroups"]
        untold = Gap("ec2:DescribePlacementGroups", named, "UnexpectedAnswer: neither it nor that it does not exist")
        return groups[0]["Strategy"] if groups else untold

    found = read("ec2:DescribePlacementGroups", named, call)
    return "" if isinstance(found, Gap) and code_of(found) in _NO_PLACEMENT_GROUP else found


def find_instance_profile(client: IAMClient, named: str) -> dict[str, bool | Gap]:
    """Say whether an instance profile, by name or ARN, exists; IAM tells of one at a time only.

    IAM has one endpoint for all Regions, which is as a rule in another one.
    """

    def call() -> bool:
        client.get_instance_profile(InstanceProfileName=named.rpartition("/")[2])
        return True

    found = read("iam:GetInstanceProfile", named, call)
    if isinstance(found, Gap):
        return {named: False if code_of(found) in _NO_ENTITY else perhaps_no_way(found)}
    return {named: found}
