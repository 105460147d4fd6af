"""EC2: what launch templates name and may be gone: security groups, key pairs, placement groups."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from local_aws.errors import AwsError
from local_aws.images import Document
from local_aws.paging import Paging
from local_aws.services.call import Call
from local_aws.services.filters import Reader, member, select

_PAGING = Paging("MaxResults", "NextToken", None, 5, 1000, "InvalidParameterValue", "InvalidNextToken")
_SECURITY_GROUP_FILTERS: Mapping[str, Reader] = {
    "group-id": member("GroupId"),
    "group-name": member("GroupName"),
    "owner-id": member("OwnerId"),
    "vpc-id": member("VpcId"),
}
_KEY_PAIR_FILTERS: Mapping[str, Reader] = {
    "fingerprint": member("KeyFingerprint"),
    "key-name": member("KeyName"),
    "key-pair-id": member("KeyPairId"),
}
_PLACEMENT_GROUP_FILTERS: Mapping[str, Reader] = {
    "group-name": member("GroupName"),
    "state": member("State"),
    "strategy": member("Strategy"),
}


@dataclass(frozen=True, slots=True)
class _Key:
    """A way to ask for documents by name.

    Attributes:
        parameter: The parameter that lists names.
        member: The member of a document that has its name.
        unknown: The code for a name that no document has.
        what: What the documents are.
    """

    parameter: str
    member: str
    unknown: str
    what: str

    def select(self, call: Call, documents: Iterable[Document]) -> list[Document]:
        """Return the documents asked for, all if none is; one unknown name refuses the whole call."""
        wanted, found = call.params.get(self.parameter), list(documents)
        if not wanted:
            return found
        missing = sorted(set(wanted) - {document[self.member] for document in found})
        if missing:
            message = f"The {self.what} '{missing[0]}' does not exist"
            raise AwsError(message, code=self.unknown)
        return [document for document in found if document[self.member] in wanted]


_SECURITY_GROUP_IDS = _Key("GroupIds", "GroupId", "InvalidGroup.NotFound", "security group")
_SECURITY_GROUP_NAMES = _Key("GroupNames", "GroupName", "InvalidGroup.NotFound", "security group")
_KEY_PAIR_NAMES = _Key("KeyNames", "KeyName", "InvalidKeyPair.NotFound", "key pair")
_KEY_PAIR_IDS = _Key("KeyPairIds", "KeyPairId", "InvalidKeyPair.NotFound", "key pair")
_PLACEMENT_GROUP_IDS = _Key("GroupIds", "GroupId", "InvalidPlacementGroupId.NotFound", "placement group")
_PLACEMENT_GROUP_NAMES = _Key("GroupNames", "GroupName", "InvalidPlacementGroup.Unknown", "placement group")


def describe_security_groups(call: Call) -> Document:
    """Describe security groups by id, name or filter."""
    found = _SECURITY_GROUP_NAMES.select(call, _SECURITY_GROUP_IDS.select(call, call.state.security_groups.values()))
    return call.page("SecurityGroups", select(found, call.params.get("Filters"), _SECURITY_GROUP_FILTERS), _PAGING)


def describe_key_pairs(call: Call) -> Document:
    """Describe key pairs by name, id or filter."""
    found = _KEY_PAIR_IDS.select(call, _KEY_PAIR_NAMES.select(call, call.state.key_pairs.values()))
    return {"KeyPairs": select(found, call.params.get("Filters"), _KEY_PAIR_FILTERS)}


def describe_placement_groups(call: Call) -> Document:
    """Describe placement groups by id, name or filter."""
    found = _PLACEMENT_GROUP_NAMES.select(call, _PLACEMENT_GROUP_IDS.select(call, call.state.placement_groups.values()))
    return {"PlacementGroups": select(found, call.params.get("Filters"), _PLACEMENT_GROUP_FILTERS)}
