"""Snapshots as files: they come back equal, and a broken one is one sentence with its place."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eks_auditor.model.capacity import (
    CapacityReservation,
    HealthIssue,
    MissingReference,
    NodegroupUpdate,
    Taint,
    TemplateUse,
    UpdateError,
)
from eks_auditor.model.cluster import Egress
from eks_auditor.model.release import Ancestor, Evidence, ImageScan, Pointer, PointerMove
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.report.snapshot_file import SnapshotFileError, read_snapshot, read_snapshot_file, write_snapshot
from tests import builders

GAP = builders.gap()
USES = (
    TemplateUse(id="lt-1", name="nodes", version="3", default_version="4"),
    TemplateUse(id="lt-2", name="others", version="1", default_version=GAP),
)
UPDATE = NodegroupUpdate(
    id="u-1",
    kind="VersionUpdate",
    status="Failed",
    created_at=builders.NOW,
    errors=(UpdateError(code="PodEvictionFailure", message="m", resource_ids=("i-1",)),),
)
SCANNED = builders.image(
    id="ami-2",
    owner_alias=None,
    deprecated_at=builders.NOW,
    allowed=False,
    scan=ImageScan(scanned_at=builders.NOW, critical_fix_since=builders.NOW, high_fix_since=None),
    source_image_id="ami-3",
    source_image_region="us-east-1",
    tags={"source_ami_name": "base"},
)
ANCESTORS = (
    Ancestor(id="ami-3", region="us-east-1", owner_alias=None, created_at=None, image=SCANNED),
    Ancestor(id="ami-4", region="us-east-1", owner_alias=None, created_at=None, image=GAP),
    Ancestor(id="ami-5", region="us-east-1", owner_alias="amazon", created_at=builders.NOW, image=None),
)
MOVES = (
    PointerMove(version="20261101", image_id="ami-6", at=None),
    PointerMove(version="20261118", image_id="ami-7", at=builders.NOW),
)
POINTER = Pointer(line=builders.LINE, watched_since=builders.NOW, moves=MOVES, revision=1)
INTERFACES = (builders.interface(addresses=1, prefixes=3), builders.interface(primary=False, addresses=0))
EVERY_SHAPE = builders.snapshot(
    builders.managed(
        labels={"team": "a"},
        taints=(Taint(key="k", value="", effect="NoSchedule"),),
        health_issues=(HealthIssue(code="NodeCreationFailure", message="m", resource_ids=("i-1",)),),
        group={
            "suspended": frozenset({"Launch", "AZRebalance"}),
            "failed_launches": GAP,
            "refresh": "InProgress",
            "launch": builders.launch(templates=USES, missing=(MissingReference(what="key pair", id="ops"),)),
        },
        template=USES[0],
        updates=(UPDATE,),
        max_unavailable=None,
        max_unavailable_percentage=33,
    ),
    builders.managed("broken", groups=GAP, updates=GAP, template=USES[1], max_unavailable=2),
    builders.self_managed(labels=GAP, taints=GAP, group={"launch": GAP, "subnets": GAP, "hand_scalings": GAP}),
    builders.self_managed("old-way", group={"launch": builders.launch(configuration="old-way", missing=GAP)}),
    builders.node_pool(),
    builders.node_pool("general", kind="auto-mode"),
    builders.fargate(),
    builders.standalone(nodes=(builders.node(8, interfaces=INTERFACES), builders.node(9, interfaces=()))),
    gaps=(GAP,),
    live_clusters=frozenset({"shop", "b", "a"}),
    images={"ami-1": GAP, "ami-2": SCANNED, builders.image_id(builders.version()): builders.image()},
    releases={
        "al2/standard/x86_64/1.30": GAP,
        str(builders.LINE): builders.history(
            family_newest=builders.release(1, known_by=Evidence.NAME), owner_id="602401143452", pointer=POINTER
        ),
    },
    offered_zones={"m7i.large": frozenset(builders.ZONES), "c5.large": GAP},
    ancestors={"ami-2": ANCESTORS, "ami-8": GAP},
    allowed_images="audit-mode",
    egress={"subnet-1": Egress(target=None), "subnet-2": builders.egress(), "subnet-3": GAP},
    reservations={
        "cr-1": CapacityReservation(id="cr-1", zone_id="euw1-az1", state="active"),
        "cr-2": CapacityReservation(
            id="cr-2", zone_id="euw1-az1", state="scheduled", ends_at=builders.NOW, capacity_block=True
        ),
        "cr-3": GAP,
    },
    cluster=builders.cluster(ip_family="ipv6"),
)
NOTHING_READ = builders.snapshot(live_clusters=GAP, versions=GAP, vpc_subnets=GAP, allowed_images=GAP)


@pytest.mark.parametrize("snapshot", [builders.snapshot(), EVERY_SHAPE, NOTHING_READ])
def test_a_written_snapshot_reads_back_equal(snapshot: Snapshot) -> None:
    assert read_snapshot(write_snapshot(snapshot), source="s.json") == snapshot


@given(st.text(), st.text(), st.dictionaries(st.text(), st.text()))
@settings(deadline=None)
def test_any_text_of_other_people_comes_back(name: str, message: str, tags: dict[str, str]) -> None:
    snapshot = builders.snapshot(
        builders.self_managed(name, group={"tags": tags}),
        builders.managed(health_issues=(HealthIssue(code="X", message=message),)),
    )
    assert read_snapshot(write_snapshot(snapshot), source="s.json") == snapshot


def test_a_file_diffs_well() -> None:
    text = write_snapshot(EVERY_SHAPE)
    document = json.loads(text)
    assert text == json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    assert document["live_clusters"] == ["a", "b", "shop"]
    assert document["capacities"][0]["groups"][0]["suspended"] == ["AZRebalance", "Launch"]
    assert document["taken_at"] == "2026-11-23T12:00:00Z"


def document(**changes: Any) -> dict[str, Any]:  # noqa: ANN401  any JSON value
    read: dict[str, Any] = json.loads(write_snapshot(EVERY_SHAPE))
    return read | changes


def broken(**changes: Any) -> str:  # noqa: ANN401  any JSON value
    return json.dumps(document(**changes))


def broken_capacity(number: int, **changes: Any) -> str:  # noqa: ANN401  any JSON value
    read = document()
    read["capacities"][number] |= changes
    return json.dumps(read)


def without(*path: str | int) -> str:
    read = document()
    place: Any = read
    for step in path[:-1]:
        place = place[step]
    del place[path[-1]]
    return json.dumps(read)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("", "s.json: line 1 column 1: is not JSON"),
        ('{"schema_version": 1,\n "taken_at"}', "s.json: line 2 column 12: is not JSON"),
        ("[" * 100_000, "s.json: is not JSON that can be read"),
        ('{"schema_version": ' + "9" * 5000 + "}", "s.json: is not JSON that can be read"),
        ("[]", "s.json: is not a snapshot"),
        ('{"clusters": []}', "s.json: is not a snapshot"),
        (broken(schema_version=2), "s.json: schema_version: is 2, and this eks-auditor reads 1"),
        (broken(schema_version="1"), "s.json: schema_version: is '1'"),
        (broken(taken_at="yesterday"), "s.json: taken_at: "),
        (broken(taken_at="2026-11-23T12:00:00"), "s.json: taken_at: has no time zone"),
        (broken(capacities={}), "s.json: capacities: is not a list"),
        (broken(capacities=[{}]), "s.json: capacities[0].kind: is None"),
        (broken_capacity(4, kind="fargat"), "s.json: capacities[4].kind: is 'fargat'"),
        (broken_capacity(0, status=None), "s.json: capacities[0].status: "),
        (broken_capacity(0, nods=[]), "s.json: capacities[0].nods: is no key of a snapshot"),
        (broken_capacity(0, modified_at="2026-11-23T12:00:00"), "s.json: capacities[0].modified_at: has no time zone"),
        (without("cluster", "id", "account"), "s.json: cluster.id.account: "),
        (without("capacities", 0, "groups", 0, "desired"), "s.json: capacities[0].groups[0].desired: "),
        (without("vpc_subnets", 1, "zone_id"), "s.json: vpc_subnets[1].zone_id: "),
        (without("images", "ami-1", "action"), "s.json: images.ami-1"),
    ],
)
def test_a_broken_file_is_one_sentence_with_its_place(text: str, place: str) -> None:
    with pytest.raises(SnapshotFileError) as error:
        read_snapshot(text, source="s.json")
    assert str(error.value).startswith(place)
    assert "\n" not in str(error.value)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda v: st.lists(v) | st.dictionaries(st.text(), v)
    )
)
@settings(deadline=None)
def test_whatever_json_says_it_is_a_snapshot_or_an_error(value: object) -> None:
    for key in ("cluster", "capacities", "images", "complete", "gaps"):
        with pytest.raises(SnapshotFileError):
            read_snapshot(json.dumps(document(schema_version=1, **{key: value, "taken_at": None})), source="s.json")


def test_a_file_that_is_not_there_or_not_text(tmp_path: Path) -> None:
    with pytest.raises(SnapshotFileError, match=r"missing\.json: cannot be read: No such file"):
        read_snapshot_file(tmp_path / "missing.json")
    (tmp_path / "binary.json").write_bytes(b"{\xff}")
    with pytest.raises(SnapshotFileError, match=r"binary\.json: byte 1: is not UTF-8"):
        read_snapshot_file(tmp_path / "binary.json")
