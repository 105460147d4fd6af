from collections.abc import Mapping
from datetime import timedelta

import pytest

from eks_auditor.model.cluster import ClusterId
from eks_auditor.model.history import Change, Transition
from eks_auditor.plan.targets import Place
from eks_auditor.sinks.security_hub import SecurityHub
from eks_auditor.wiring.import_findings import ImportFindings
from eks_auditor.wiring.records import each_message
from tests.builders import CLUSTER_ID, NOW
from tests.plan.releasing import notice
from tests.sinks.fakes import FakeSecurityHub, refused
from tests.sinks.transitions import bodies, body, days_later, finding, transition, transitions
from tests.sinks.transitions import subject as about
from tests.wiring.fakes import FakeMarks, Heard, failures, messages

HERE = Place.of(CLUSTER_ID)
THERE = Place("aws", "444455556666", "us-east-1")


class Importing:
    """The function among its neighbours: one hub in the cluster's place, unless said otherwise."""

    def __init__(self, hubs: Mapping[Place, FakeSecurityHub] | None = None) -> None:
        self.heard = Heard()
        self.hubs = hubs or {HERE: FakeSecurityHub()}
        self.marks = FakeMarks()
        self.function = ImportFindings(
            hub_of=lambda place: SecurityHub(self.hubs[place]),  # type: ignore[arg-type]  # a fake of the one call
            ledger=self.marks,
            telemetry=self.heard.telemetry,
        )

    def take(self, *texts: str) -> list[str]:
        """Hand over messages as Lambda does; return the ids of those that failed."""
        return failures(each_message(messages(*texts), self.function.take, self.heard.telemetry))


def ids(told: tuple[Transition, ...]) -> list[str]:
    return [each.finding.id for each in told]


def test_findings_are_imported_and_noted_with_the_audits_instant() -> None:
    importing = Importing()
    told = transitions(3)
    assert importing.take(body(*told)) == []
    assert sorted(importing.hubs[HERE].findings) == ids(told)
    assert importing.marks.marks == [(CLUSTER_ID.arn, each.finding.id, each.sequence, NOW) for each in told]
    assert importing.heard.counts["FindingsImported"] == 3


def test_each_message_is_a_call_however_many_come_together() -> None:
    importing = Importing()
    texts = bodies(*transitions(120))
    assert importing.take(*texts) == []
    assert [len(call) for call in importing.hubs[HERE].calls] == [50, 50, 20]


def test_findings_go_to_the_hub_of_their_account_and_region() -> None:
    importing = Importing({HERE: FakeSecurityHub(), THERE: FakeSecurityHub()})
    foreign = {
        "arn": "", "partition": "aws", "account": THERE.account, "region": THERE.region, "name": "shop"
    }  # fmt: skip
    importing.take(body(transition()), body(transition(), cluster=foreign))
    assert [finding["AwsAccountId"] for finding in importing.hubs[HERE].findings.values()] == ["111122223333"]
    assert [finding["AwsAccountId"] for finding in importing.hubs[THERE].findings.values()] == ["444455556666"]
    assert importing.marks.marks[1][0] == ClusterId("aws", "444455556666", "us-east-1", "shop").arn


@pytest.mark.parametrize("raises", [False, True])
def test_a_hub_that_is_not_enabled_is_counted_and_not_tried_again(raises: bool) -> None:  # noqa: FBT001  a parameter of the test
    importing = Importing({HERE: FakeSecurityHub(enabled=False, raises=raises)})
    assert importing.take(body(*transitions(3))) == []
    assert importing.marks.marks == [], "so that every audit offers them anew"
    assert importing.heard.counts == {"HubNotEnabled": 3}
    assert importing.heard.counts_by == {("HubNotEnabled", CLUSTER_ID.account): 3}
    assert importing.heard.warnings == []


def test_a_finding_that_is_refused_returns_its_message_alone_and_the_rest_is_imported_and_noted() -> None:
    told = transitions(3)
    importing = Importing({HERE: FakeSecurityHub(refuse={told[1].finding.id: 9})})
    other = transition(finding(about("other")))
    assert importing.take(body(*told), body(other)) == ["message-0"]
    assert [mark[1] for mark in importing.marks.marks] == [told[0].finding.id, told[2].finding.id, other.finding.id]
    (sentence,) = importing.heard.warnings
    assert told[1].finding.id in sentence
    assert "InternalError" in sentence
    assert importing.heard.counts["FindingsRefused"] == 1
    assert importing.heard.counts["ImportsFailed"] == 1


def test_a_message_that_returns_changes_nothing_that_was_taken() -> None:
    told = transitions(2)
    importing = Importing({HERE: FakeSecurityHub(refuse={told[1].finding.id: 2})})
    assert importing.take(body(*told)) == ["message-0"]
    assert importing.take(body(*told)) == []
    assert sorted(importing.hubs[HERE].findings) == ids(told)


def test_a_role_that_may_not_be_assumed_is_one_sentence_and_the_message_is_kept() -> None:
    importing = Importing()
    error = refused(error="AccessDenied", call="AssumeRole", message="not authorized")

    def refusing(place: Place) -> SecurityHub:
        assert place
        raise error

    importing.function._hub_of = refusing  # noqa: SLF001  another account's role
    assert importing.take(body()) == ["message-0"]
    (sentence,) = importing.heard.warnings
    assert "AssumeRole" in sentence
    assert "exception" not in importing.heard.lines[-1]


def test_what_cannot_be_read_is_kept_and_the_others_are_imported() -> None:
    importing = Importing()
    assert importing.take("{", body(schema_version=2), body(type="audit"), body()) == [
        "message-0",
        "message-1",
        "message-2",
    ]
    assert len(importing.hubs[HERE].findings) == 1
    assert len(importing.heard.warnings) == 3


def test_the_notice_of_a_release_is_left_and_the_rest_is_imported() -> None:
    importing = Importing()
    assert importing.take(notice()[0].body, body()) == []
    assert len(importing.hubs[HERE].findings) == 1
    assert importing.heard.warnings == []


def test_reordered_messages_end_the_same() -> None:
    opened = bodies(transition())[0]
    resolved = bodies(transition(change=Change.RESOLVED, taken_at=days_later(1)), taken_at=days_later(1))[0]
    states = []
    for order in ((opened, resolved), (resolved, opened), (resolved, opened, resolved, opened)):
        importing = Importing()
        importing.take(*order)
        (held,) = importing.hubs[HERE].findings.values()
        states.append((held["RecordState"], held["UpdatedAt"]))
    assert set(states) == {("ARCHIVED", (NOW + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%S.%fZ"))}
