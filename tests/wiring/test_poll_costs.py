"""How many API calls one poll makes, counted at the local AWS, and what docs/events.md says of it."""

import math
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from eks_auditor.ledger.pointers import MOVES_KEPT, Pointers
from eks_auditor.model.gap import Gap
from eks_auditor.model.release import Pointer, PointerMove, ReleaseLine
from eks_auditor.plan.targets import Place
from eks_auditor.releases.families import lines_of_minor, parameter_of
from eks_auditor.snapshot.pointers import Seen, read_pointers, supported_minors
from eks_auditor.snapshot.ssm import LARGEST_BATCH, batches
from eks_auditor.wiring.watch_releases import WatchReleases
from local_aws import AuditedAws, load_fleet
from tests.builders import NOW
from tests.ledger.conftest import create
from tests.wiring.fakes import Heard, Ticking
from tests.wiring.watching import POLL, FakePointers

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "events.md").read_text()
REGIONS = ("eu-west-1", "us-east-1")
ACCOUNT = "111111111111"


@pytest.fixture
def aws() -> Iterator[AuditedAws]:
    with AuditedAws(load_fleet(now=NOW)) as started:
        yield started


def poll(aws: AuditedAws, pointers: FakePointers) -> Heard:
    """Poll two Regions with real clients."""
    session = boto3.Session(ACCOUNT, "test")
    heard = Heard()

    def client(service: Any, place: Place) -> Any:  # noqa: ANN401  typed by the service's name
        return session.client(service, region_name=place.region, endpoint_url=aws.url)

    def answers(place: Place, lines: Collection[ReleaseLine]) -> Mapping[ReleaseLine, Seen | Gap | None]:
        return read_pointers(client("ssm", place), lines)

    function = WatchReleases(
        regions=[(Place("aws", ACCOUNT, region),) for region in REGIONS],
        minors=lambda place: supported_minors(client("eks", place), place.region),
        answers=answers,
        pointers=pointers,
        bus=None,  # type: ignore[arg-type]  # nothing moves
        clock=Ticking(),
        telemetry=heard.telemetry,
    )
    function.watch(POLL)
    return heard


def test_a_poll_makes_as_many_calls_as_the_docs_say(aws: AuditedAws) -> None:
    pointers = FakePointers()
    heard = poll(aws, pointers)
    assert heard.counts["RegionsPolled"] == len(REGIONS)
    minors = {line.minor for line in pointers.held["aws", REGIONS[0]]}
    assert len(minors) > 1
    made = Counter(f"{call.service}:{call.operation}" for call in aws.calls)
    versions = int(re.findall(r"(?m)^\| (\d+) \| `eks:DescribeClusterVersions`", PAGE)[0])
    assert made == {
        "eks:DescribeClusterVersions": versions * len(REGIONS),
        "ssm:GetParameters": calls_for(len(minors)) * len(REGIONS),
    }


def calls_for(minors: int) -> int:
    """How many calls the docs say that so many minors take."""
    [names] = re.findall(r"(?m)^\| 1 for every ten of the (\d+) names of each Kubernetes minor in support", PAGE)
    return math.ceil(minors * int(names) / LARGEST_BATCH)


@pytest.mark.parametrize("minors", range(4, 12))
def test_the_calls_are_so_many_for_any_number_of_minors(minors: int) -> None:
    lines = [line for number in range(minors) for line in lines_of_minor(f"1.{30 + number}")]
    assert len(batches(parameter_of(line).names for line in lines)) == calls_for(minors)


def test_the_ledger_tells_a_region_in_as_many_queries_as_the_docs_say() -> None:
    """A Region whose every parameter has moved as often as its item holds, and 7 minors in support."""
    [minors] = re.findall(r"With (\d+) minors in support", PAGE)
    [queries] = re.findall(r"(?m)^\| (\d+) \| `dynamodb:Query`", PAGE)
    lines = [line for number in range(int(minors)) for line in lines_of_minor(f"1.{30 + number}")]
    move = PointerMove(version="1.35.2-20261110", image_id="ami-0123456789abcdef0", at=NOW)
    with mock_aws():
        client = boto3.client("dynamodb", "eu-west-1", aws_access_key_id=ACCOUNT, aws_secret_access_key="test")  # noqa: S106  no secret
        create(client, "ledger")
        pointers = Pointers(client, "ledger", sleep=lambda _: None)
        for line in lines:
            moved = Pointer(line=line, watched_since=NOW, moves=(move,) * MOVES_KEPT, revision=MOVES_KEPT)
            assert pointers.save("aws", "eu-west-1", moved, None)
        made: list[str] = []
        client.meta.events.register("before-call", lambda model, **_: made.append(model.name))
        assert pointers.load("aws", "eu-west-1").keys() == set(lines)
    assert made == ["Query"] * int(queries)


def test_the_documented_sums_are_right() -> None:
    ((minors, one, regions, several),) = re.findall(
        r"With (\d+) minors in support a poll of one Region makes (\d+) calls, one of (\d+) Regions (\d+)", PAGE
    )
    assert int(one) == 1 + calls_for(int(minors)) + 1
    assert int(several) == int(regions) * int(one)
