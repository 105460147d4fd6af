"""EC2 instance types and the zones that AWS offers them in: the real lists, which moto carries."""

import gzip
import json
from functools import cache
from pathlib import Path
from typing import Any

import moto.ec2

from local_aws.images import Document

_LISTS = Path(moto.ec2.__file__).parent / "resources"


@cache
def instance_types() -> dict[str, Document]:
    """Return every instance type by its name, as DescribeInstanceTypes shows it."""
    types: dict[str, Document] = _read(_LISTS / "instance_types.json.gz")
    for described in types.values():
        # moto's list is newer than botocore's model: some of these features are not in its enumeration yet.
        described["ProcessorInfo"].pop("SupportedFeatures", None)
    return types


@cache
def offerings(region: str) -> list[Document]:
    """Return where a Region offers types, by zone id; nothing for one that moto has no list of."""
    listed = _LISTS / "instance_type_offerings" / "availability-zone-id" / f"{region}.json.gz"
    found: list[Document] = _read(listed) if listed.exists() else []
    return found


def _read(path: Path) -> Any:  # noqa: ANN401 - what a JSON file holds
    return json.loads(gzip.decompress(path.read_bytes()))
