import itertools
import json
from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from eks_auditor.events.errors import EventError, NewerMessageError
from eks_auditor.events.messages import parse_audit_request
from eks_auditor.model.cluster import ClusterId
from eks_auditor.model.gap import Gap
from eks_auditor.plan.targets import Place
from eks_auditor.wiring.audit_queue import AuditQueue, NotAskedError
from eks_auditor.wiring.plan_audits import Listed, PlanAudits, make_lister
from eks_auditor.wiring.standing import Standing
from tests.builders import NOW
from tests.wiring.fakes import FakeHeads, FakeSqs, Heard

EVENTS = Path(__file__).resolve().parents[2] / "events"
HERE = Place("aws", "111111111111", "eu-west-1")
THERE = Place("aws", "444455556666", "us-east-1")
DENIED = Gap("eks:ListClusters", "us-east-1", "AccessDeniedException: not authorized to perform sts:AssumeRole")
BUSY = Gap("eks:ListClusters", "us-east-1", "ThrottlingException: slow down", retryable=True)


def load(name: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    return event


def cluster(name: str, place: Place = HERE) -> ClusterId:
    return ClusterId(place.partition, place.account, place.region, name)


class Planning:
    """The function among its neighbours: one cluster in one place, unless said otherwise."""

    def __init__(
        self,
        listed: Mapping[Place, Listed] | None = None,
        heads: FakeHeads | None = None,
        sqs: FakeSqs | None = None,
        standing: Standing | None = None,
    ) -> None:
        listed = listed or {HERE: (cluster("payments"),)}
        numbers = itertools.count()
        self.heard = Heard()
        self.sqs = sqs or FakeSqs()
        self.function = PlanAudits(
            own=HERE,
            places=listed,
            lister=listed.__getitem__,
            ledger=heads or FakeHeads(),
            queue=AuditQueue(self.sqs, "https://queue"),  # type: ignore[arg-type]  # a fake of its two calls
            clock=lambda: NOW,
            ids=lambda: f"audit-{next(numbers)}",
            telemetry=self.heard.telemetry,
            standing=standing,
        )

    def plan(self, event: Any) -> dict[str, int]:  # noqa: ANN401  anything may come
        return self.function.plan(event)


def test_a_sweep_asks_for_every_cluster_with_a_message_each() -> None:
    planning = Planning(
        {HERE: (cluster("a"), cluster("b")), THERE: (cluster("c", THERE),)}, FakeHeads([cluster("gone")])
    )
    assert planning.plan(load("sweep")) == {"audits": 4}
    assert planning.sqs.clusters == ["a", "b", "gone", "c"]
    request = parse_audit_request(planning.sqs.bodies[0])
    assert (request.audit_id, request.not_before, request.cause) == ("audit-0", NOW, "sweep")


def test_each_audit_asked_for_is_said_with_its_id() -> None:
    planning = Planning()
    planning.plan(load("sweep"))
    (line,) = planning.heard.lines
    assert line["audit_id"] == "audit-0"
    assert line["cluster"] == cluster("payments").arn
    assert "sweep" in line["message"]


def test_due_audits_list_nothing() -> None:
    heads = FakeHeads(due={cluster("late"): NOW - timedelta(hours=1), cluster("early"): NOW + timedelta(hours=1)})
    planning = Planning({THERE: BUSY, HERE: ()}, heads)
    assert planning.plan(load("due")) == {"audits": 1}
    assert planning.sqs.clusters == ["late"]


@pytest.mark.parametrize("name", ["audit_requested", "cluster_changed"])
def test_a_named_cluster_is_asked_for(name: str) -> None:
    planning = Planning()
    assert planning.plan(load(name)) == {"audits": 1}
    assert planning.sqs.clusters == ["payments"]


def test_a_cluster_outside_the_targets_gets_one_sentence() -> None:
    planning = Planning({THERE: ()})
    assert planning.plan(load("cluster_changed")) == {"audits": 0}
    (sentence,) = planning.heard.warnings
    assert "none of the stack's Targets" in sentence
    assert planning.sqs.bodies == []


@pytest.mark.parametrize("gap", [DENIED, BUSY], ids=["refuses", "is busy"])
def test_a_place_that_cannot_be_listed_is_said_and_counted_and_the_rest_goes_on(gap: Gap) -> None:
    planning = Planning({HERE: (cluster("a"),), THERE: gap}, FakeHeads([cluster("known", THERE)]))
    assert planning.plan(load("sweep")) == {"audits": 2}
    assert planning.sqs.clusters == ["a", "known"]
    (sentence,) = planning.heard.warnings
    assert "444455556666/us-east-1" in sentence
    assert gap.error in sentence
    assert "the next sweep lists them again" in sentence
    assert planning.heard.counts["PlanGaps"] == 1
    assert planning.heard.counts_by == {("PlanGaps", gap.action): 1}


@pytest.mark.parametrize(("event", "measured"), [("sweep", [["a", "known"]]), ("due", [])])
def test_every_sweep_measures_the_clusters_that_it_asks_for(event: str, measured: list[list[str]]) -> None:
    seen: list[list[str]] = []

    class Measure(Standing):
        def __init__(self) -> None:
            pass

        def measure(self, clusters: Iterable[ClusterId]) -> None:
            seen.append([each.name for each in clusters])

    planning = Planning({HERE: (cluster("a"),)}, FakeHeads([cluster("known")]), standing=Measure())
    planning.plan(load(event))
    assert seen == measured


def test_batches_carry_ten_messages_and_what_they_refuse_is_sent_by_itself() -> None:
    names = [f"c{number:02}" for number in range(25)]
    sqs = FakeSqs(refuse={"c03": 1, "c17": 1})
    planning = Planning({HERE: tuple(map(cluster, names))}, sqs=sqs)
    planning.plan(load("sweep"))
    assert sqs.batches == [10, 10, 5]
    assert sorted(sqs.clusters) == names


def test_a_message_refused_twice_fails_the_event_after_all_others_are_sent() -> None:
    names = [f"c{number:02}" for number in range(25)]
    sqs = FakeSqs(refuse={"c03": 9})
    planning = Planning({HERE: tuple(map(cluster, names))}, sqs=sqs)
    with pytest.raises(NotAskedError, match="refused 1 audits"):
        planning.plan(load("sweep"))
    assert sorted(sqs.clusters) == [name for name in names if name != "c03"]


@pytest.mark.parametrize("event", [{}, "sweep", load("sweep") | {"detail": {}}, load("relay")])
def test_what_is_no_event_of_ours_is_said_once_and_kept_by_lambda(event: object) -> None:
    planning = Planning()
    with pytest.raises(EventError):
        planning.plan(event)
    assert len(planning.heard.warnings) == 1
    assert planning.sqs.bodies == []


def test_a_newer_event_is_kept_by_lambda() -> None:
    planning = Planning()
    with pytest.raises(NewerMessageError):
        planning.plan(load("sweep") | {"detail": {"schema_version": 2}})
    assert len(planning.heard.warnings) == 1


def test_a_lister_names_clusters_in_their_place() -> None:
    class Pages:
        def get_paginator(self, name: str) -> "Pages":
            assert name == "list_clusters"
            return self

        def paginate(self) -> list[dict[str, list[str]]]:
            return [{"clusters": ["b"]}, {"clusters": ["a"]}]

    class Clients:
        def client(self, service: str, place: Place) -> Pages:
            assert (service, place) == ("eks", THERE)
            return Pages()

    lister = make_lister(Clients())  # type: ignore[arg-type]  # a fake of the one call
    assert lister(THERE) == (cluster("a", THERE), cluster("b", THERE))
