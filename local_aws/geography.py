"""Partitions, Regions and zones: which exist, which must be opted into, and how zone ids are spelt."""

_BY_DEFAULT = """
ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-south-1 ap-southeast-1 ap-southeast-2 ca-central-1 eu-central-1
eu-north-1 eu-west-1 eu-west-2 eu-west-3 sa-east-1 us-east-1 us-east-2 us-west-1 us-west-2
"""
_ELSEWHERE = "cn-north-1 cn-northwest-1 us-gov-east-1 us-gov-west-1"
_BY_OPT_IN = """
af-south-1 ap-east-1 ap-south-2 ap-southeast-3 ap-southeast-4 ap-southeast-5 ap-southeast-7 ca-west-1
eu-central-2 eu-south-1 eu-south-2 il-central-1 me-central-1 me-south-1 mx-central-1
"""
DEFAULT_REGIONS = frozenset([*_BY_DEFAULT.split(), *_ELSEWHERE.split()])
"""Regions that every account of their partition has."""
OPT_IN_REGIONS = frozenset(_BY_OPT_IN.split())

_DIRECTIONS = {
    "north": "n",
    "south": "s",
    "east": "e",
    "west": "w",
    "central": "c",
    "northeast": "ne",
    "northwest": "nw",
    "southeast": "se",
    "southwest": "sw",
}


def partition_of(region: str) -> str:
    """Return the partition a Region belongs to."""
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"


def dns_suffix(region: str) -> str:
    """Return the domain that a Region's endpoints are in."""
    return "amazonaws.com.cn" if partition_of(region) == "aws-cn" else "amazonaws.com"


def zone_id(region: str, letter: str) -> str:
    """Return the zone id an account usually sees behind a zone letter: `a` in us-east-1 is `use1-az1`."""
    *parts, number = region.split("-")
    words = [_DIRECTIONS.get(part, part if index == 0 else part[0]) for index, part in enumerate(parts)]
    return f"{''.join(words)}{number}-az{ord(letter) - ord('a') + 1}"
