"""The ledger as docs/operations.md has it: its queries, run by a shell on a table that the code wrote; its words."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from eks_auditor.ledger.outbox import OutboxKey
from eks_auditor.ledger.pointers import MOVES_KEPT, Pointers
from eks_auditor.ledger.policies import KeptPolicy, Policies
from eks_auditor.ledger.saving import Saved
from eks_auditor.ledger.table import Ledger
from eks_auditor.model.history import sequence_of
from eks_auditor.model.release import Pointer, PointerMove
from tests.builders import LINE, NOW
from tests.docs.pages import OPERATIONS, as_documented, blocks, rows, text
from tests.ledger.build import CLUSTER, at, audit, finding, running
from tests.plan.releasing import NEW, OLD, notice
from tests.template.cloudformation import Stack

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

QUERIES = [block for block in blocks(OPERATIONS) if block in text(OPERATIONS).partition("## Look at the ledger")[2]]
GIVEN = f"CLUSTER={CLUSTER.arn}\nPLACE=aws/eu-west-1\n"
"""What earlier blocks of the page have set."""

ACCOUNT = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_DEFAULT_REGION": CLUSTER.region}

type Item = dict[str, Any]
type Shell = Callable[[str], Any]


@dataclass(frozen=True)
class Deployed:
    """A ledger that the functions have filled, in a stack of the name that the page begins with.

    Attributes:
        environment: What points a shell at it.
        dynamodb: A client there.
        table: The ledger's table.
    """

    environment: dict[str, str]
    dynamodb: "DynamoDBClient"
    table: str


@pytest.fixture(scope="module")
def deployed() -> Iterator[Deployed]:
    """Make the template's own table, and fill it."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    try:
        url = "http://{}:{}".format(*server.get_host_and_port())
        session = boto3.Session("testing", "testing", region_name=CLUSTER.region)
        ledger = {"Type": "AWS::DynamoDB::Table", "Properties": Stack().of_type("AWS::DynamoDB::Table")["Ledger"]}
        template = {"Resources": {"Ledger": ledger}, "Outputs": {"LedgerTable": {"Value": {"Ref": "Ledger"}}}}
        cloudformation = session.client("cloudformation", endpoint_url=url)
        cloudformation.create_stack(StackName="eks-auditor", TemplateBody=json.dumps(template))
        [made] = cloudformation.describe_stacks(StackName="eks-auditor")["Stacks"]
        table = made["Outputs"][0]["OutputValue"]
        dynamodb = session.client("dynamodb", endpoint_url=url)
        fill(dynamodb, table)
        yield Deployed({**ACCOUNT, "AWS_ENDPOINT_URL": url}, dynamodb, table)
    finally:
        server.stop()


def fill(dynamodb: "DynamoDBClient", table: str) -> None:
    """Audit a cluster that runs a line and an image, see the line move, and give notice of it."""
    ledger = Ledger(dynamodb, table, clock=lambda: at(1), sleep=lambda _: None)
    found = finding()
    saved = ledger.save(audit(0, found, running=(running(), running(key="ami-1", version=None))), hub=True)
    assert isinstance(saved, Saved)
    ledger.mark_imported(CLUSTER.arn, found.id, sequence_of(at(0)), at(0))
    for key in ledger.unrelayed(at(1)):
        ledger.mark_relayed(key, at(1))
    assert ledger.announce(notice())
    pointers = Pointers(dynamodb, table, sleep=lambda _: None)
    moves = tuple(
        PointerMove(version=version, image_id="ami-1", at=moved) for version, moved in ((OLD, None), (NEW, NOW))
    )
    pointer = Pointer(line=LINE, watched_since=NOW - timedelta(days=1), moves=moves, revision=1)
    assert pointers.save("aws", CLUSTER.region, pointer, None)
    Policies(dynamodb, table).keep(KeptPolicy("version: 1\n", at(1)))


@pytest.fixture
def shell(deployed: Deployed, tmp_path: Path) -> Shell:
    """Run what the page says, after its first block."""

    def run(script: str) -> Any:  # noqa: ANN401  what the command prints
        return json.loads(as_documented(f"{blocks(OPERATIONS)[0]}\n{GIVEN}{script}", tmp_path, deployed.environment))

    return run


def query(mark: str) -> str:
    """Return the one query that has a mark."""
    [found] = [block for block in QUERIES if mark in block]
    return found


def keys(answer: dict[str, list[Item]]) -> list[tuple[str, str]]:
    return [(found["cluster"]["S"], found["item"]["S"]) for found in answer["Items"]]


def kind(item: str) -> str:
    return "OUTBOX#release" if item.startswith("OUTBOX#release#") else item.partition("#")[0]


def test_a_cluster_is_shown_with_all_that_is_known_of_it(shell: Shell) -> None:
    shown = keys(shell(query("'#cluster = :cluster'")))
    assert {cluster for cluster, _ in shown} == {CLUSTER.arn}
    assert {kind(item) for _, item in shown} == {"HEAD", "FINDING", "OUTBOX", "RUNS"}


def test_every_cluster_is_shown(shell: Shell) -> None:
    assert keys(shell(query("--index-name heads"))) == [(CLUSTER.arn, "HEAD")]


@pytest.mark.parametrize(("line", "version"), [(None, "20261118"), ("ami-1", None)])
def test_what_runs_a_line_or_an_image_is_shown(shell: Shell, line: str | None, version: str | None) -> None:
    script = query("--index-name runs")
    if line is not None:
        script = re.sub(r"(?m)^LINE=.*$", f"LINE={line}", script)
    [(cluster, document)] = shell(script)
    assert cluster == CLUSTER.arn
    [capacity] = json.loads(document)["capacities"]
    assert (capacity["kind"], capacity["name"], capacity["version"]) == ("managed", "web", version)


def test_where_recommendations_stood_is_shown(shell: Shell) -> None:
    [pointer] = shell(query("pointers/"))["Items"]
    assert (pointer["cluster"]["S"], pointer["item"]["S"]) == ("pointers/aws/eu-west-1", f"POINTER#{LINE}")
    assert [move["M"]["version"]["S"] for move in pointer["moves"]["L"]] == [OLD, NEW]


def test_notices_are_shown(shell: Shell) -> None:
    [given] = notice()
    assert [OutboxKey(*each) for each in keys(shell(query("releases/")))] == [given.key]


def test_every_query_is_among_these() -> None:
    marks = ("'#cluster = :cluster'", "--index-name heads", "--index-name runs", "pointers/", "releases/")
    assert [query(mark) for mark in marks] == QUERIES


def test_every_kind_of_item_and_every_attribute_is_the_codes(deployed: Deployed) -> None:
    written: dict[str, set[str]] = {}
    for found in deployed.dynamodb.scan(TableName=deployed.table)["Items"]:
        written.setdefault(kind(found["item"]["S"]), set()).update(found)
    documented = {kind(item.strip("`")): of for item, of, _ in rows(OPERATIONS, "item")}
    places = {"POINTER": "pointers", "OUTBOX#release": "releases", "POLICY": "policy"}
    assert documented == {each: places.get(each, "a cluster") for each in written}
    written["OUTBOX"] |= written["OUTBOX#release"]  # one is published, the other is not
    for names, of, _ in rows(OPERATIONS, "attribute"):
        assert set(re.findall(r"`(\w+)`", names)) <= written[of], (names, of)


def test_as_many_moves_are_said_to_be_kept_as_are() -> None:
    [moves] = [says for names, _, says in rows(OPERATIONS, "attribute") if names == "`moves`"]
    assert moves.strip(" |").endswith(f"The newest {MOVES_KEPT}")
