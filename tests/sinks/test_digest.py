import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eks_auditor.events.digests import DigestMessage, parse_digest
from eks_auditor.model.cluster import ClusterId
from eks_auditor.model.digest import Audited, Due, Freshness, Movement, Open, Period, TeamOpen, Watched
from eks_auditor.model.verdict import Severity
from eks_auditor.sinks import blocks
from eks_auditor.sinks.amazon_q import DESCRIPTION_LIMIT
from eks_auditor.sinks.digest_chat import notification
from eks_auditor.sinks.digest_letter import letter, subject
from eks_auditor.sinks.digest_topic import DigestTopic, publication
from eks_auditor.sinks.slack_digest import render
from tests.builders import CLUSTER_ID, NOW, days_ago
from tests.golden.compare import matches
from tests.sinks.digests import coming, message, moved, movement
from tests.sinks.fakes import FakeSns
from tests.sinks.test_amazon_q import SCHEMA
from tests.sinks.transitions import days_later

GOLDEN = Path(__file__).parents[1] / "golden" / "digest"
HOSTILE = "<!channel> <https://evil.example|click> `*_~ & \u202e\n<@U1> @here"


def fleet(count: int, teams: int, name: str = "group") -> DigestMessage:
    """So many findings opened, closed and due, and so many teams."""
    named = tuple(moved(f"{name}-{number:04}", cluster=cluster(name)) for number in range(min(count, 20)))
    rest = count - len(named)
    of_teams = tuple(TeamOpen(team=f"{name}-{number:03}", open={Severity.HIGH: 1}) for number in range(min(teams, 300)))
    return message(
        watched=Watched(clusters=count, oldest=None, unfinished=12, unfinished_names=(cluster(name),) * 10),
        open=Open(
            total={Severity.HIGH: count},
            teams=of_teams,
            teams_left=teams - len(of_teams),
            teams_left_open={Severity.HIGH: teams - len(of_teams)},
            exempt={},
        ),
        opened=movement(*named, more=rest),
        closed=movement(*named, more=rest),
        due=tuple(
            Due(cluster=cluster(name), coming=coming(*(f"{name}-{number}-{each}" for each in "abc"), count=9))
            for number in range(min(count, 50))
        ),
        due_left=rest,
    )


def cluster(name: str) -> ClusterId:
    return ClusterId("aws", "111122223333", "eu-west-1", name[:100])


def pretty(text: str) -> str:
    return json.dumps(json.loads(text), indent=2) + "\n"


class TestGoldens:
    def test_the_message(self) -> None:
        assert matches(pretty(message().body()), GOLDEN / "digest.json")

    def test_the_letter(self) -> None:
        assert matches(letter(message()), GOLDEN / "letter.txt")

    def test_slack(self) -> None:
        rendered = render(message())
        document = {"text": rendered.text, "blocks": rendered.blocks}
        assert matches(json.dumps(document, indent=2, ensure_ascii=False) + "\n", GOLDEN / "slack.json")

    def test_chat(self) -> None:
        assert matches(pretty(json.dumps(notification(message()))), GOLDEN / "chat.json")

    def test_a_large_fleet_in_slack(self) -> None:
        rendered = render(fleet(5000, 314))
        document = {"text": rendered.text, "blocks": rendered.blocks}
        assert matches(json.dumps(document, indent=2, ensure_ascii=False) + "\n", GOLDEN / "slack-large.json")


class TestWords:
    def test_a_quiet_fleet_is_told_as_one(self) -> None:
        quiet = message(
            period=Period.DAILY,
            watched=Watched(clusters=1, oldest=None, unfinished=0),
            open=Open(total={}, teams=(), teams_left=0, teams_left_open={}, exempt={}),
            opened=Movement(total={}, worst=()),
            closed=Movement(total={}, worst=()),
            accepted=0,
            withdrawn=0,
            due=(),
            freshness=Freshness(at=NOW, fresh=0, judged=0, unknown=3),
            trend=(),
        )
        text = letter(quiet)
        assert subject(quiet) == "eks-auditor: Daily digest: nothing open; 0 new, 0 resolved"
        assert "1 cluster watched." in text
        assert "Nothing that time alone will change." in text
        assert "It is not known of any capacity" in text
        assert "Careful" not in text

    def test_an_old_audit_is_a_warning_and_a_recent_one_is_none(self) -> None:
        assert "Careful: the last audit of cluster search (444455556666, eu-central-1) was 3 days ago" in letter(
            message()
        )
        recent = Audited(cluster=CLUSTER_ID, taken_at=days_ago(1.9))
        assert "Careful" not in letter(message(watched=Watched(clusters=2, oldest=recent, unfinished=0)))

    def test_teams_are_named_only_where_there_are_any(self) -> None:
        nobody = Open(
            total={Severity.LOW: 1},
            teams=(TeamOpen(team=None, open={Severity.LOW: 1}),),
            teams_left=0,
            teams_left_open={},
            exempt={},
        )
        assert "no team" in letter(message())
        assert "no team" not in letter(message(open=nobody))

    def test_a_share_is_rounded_down(self) -> None:
        almost = Freshness(at=NOW, fresh=999, judged=1000, unknown=0)
        assert "999 of 1000 capacities (99 %)" in letter(message(freshness=almost))

    def test_first_looks_are_told(self) -> None:
        opened = Movement(total={Severity.HIGH: 1}, worst=(moved(),), first_looks=1)
        assert "1 of them was found by a first audit" in letter(message(opened=opened))

    def test_nobody_is_sent_to_a_security_hub_that_is_not_told(self) -> None:
        for text in (letter(message()), json.dumps(render(message()).blocks)):
            assert "see Security Hub" in text
        published = json.loads(publication(message(), hub=False)["Message"])
        for text in (letter(message(), hub=False), json.dumps(render(message(), hub=False).blocks), published["email"]):
            assert "Security Hub" not in text
            assert "eks-auditor audit --region all" in text

    def test_one_is_one(self) -> None:
        text = letter(message(accepted=1, withdrawn=1))
        assert "1 more was accepted" in text
        assert "1 more is not judged any more" in text

    def test_chat_gets_the_same_schema_as_of_all_else(self) -> None:
        jsonschema.validate(notification(message()), SCHEMA)


class TestLimits:
    @pytest.mark.parametrize("count", [1, 50, 5000])
    @pytest.mark.parametrize("name", ["group", "ß" * 200, HOSTILE * 4, "😀" * 100])
    def test_slack_takes_it(self, count: int, name: str) -> None:
        rendered = render(fleet(count, 314, name))
        assert blocks.fits(rendered.blocks)
        assert len(rendered.blocks) <= blocks.BLOCKS_LIMIT

    def test_what_has_no_room_is_counted(self) -> None:
        text = json.dumps(render(fleet(5000, 314)).blocks, ensure_ascii=False)
        assert "and 304 more teams: 304 HIGH" in text
        assert "and 4990 more" in text

    @pytest.mark.parametrize("count", [1, 50, 5000])
    @pytest.mark.parametrize("name", ["group", "ß" * 200, HOSTILE * 4, "😀" * 100])
    def test_the_topic_takes_it(self, count: int, name: str) -> None:
        told = fleet(count, 314, name)
        sns = FakeSns()
        assert DigestTopic(sns, "arn").publish(told) == "message-1"  # type: ignore[arg-type]  # a fake of the one call
        published = json.loads(sns.published[0]["Message"])
        assert parse_digest(published["default"]).digest.opened.total == told.digest.opened.total
        assert len(json.loads(published["https"])["content"]["description"]) <= DESCRIPTION_LIMIT

    def test_subscribers_can_filter_by_what_it_is(self) -> None:
        told = publication(message())
        assert {name: value["StringValue"] for name, value in told["MessageAttributes"].items()} == {
            "type": "digest",
            "period": "weekly",
        }
        assert told["MessageStructure"] == "json"


_NAMES = st.text(min_size=1, max_size=300) | st.just(HOSTILE)


@given(_NAMES, _NAMES)
def test_nobody_is_pinged_and_no_link_is_forged(name: str, team: str) -> None:
    told = message(
        watched=Watched(clusters=1, oldest=None, unfinished=1, unfinished_names=(cluster(name),)),
        opened=movement(moved(name, cluster=cluster(name), title=name, at=days_ago(1))),
        due=(Due(cluster=CLUSTER_ID, coming=coming(name, at=days_later(1))),),
        open=Open(
            total={Severity.LOW: 1},
            teams=(TeamOpen(team=team, open={Severity.LOW: 1}),),
            teams_left=0,
            teams_left_open={},
            exempt={},
        ),
    )
    texts = [notification(told)["content"]["description"], *_mrkdwn(render(told).blocks)]
    for text in texts:
        opened = [part.split(">")[0] for part in text.split("<")[1:]]
        assert all(part.startswith("https://github.com/") for part in opened)
        assert text.count("<") == text.count(">")
    assert all(line.isprintable() for line in letter(told).splitlines())


def _mrkdwn(rendered: Any) -> list[str]:  # noqa: ANN401  blocks
    if isinstance(rendered, dict):
        own = [rendered["text"]] if rendered.get("type") == "mrkdwn" else []
        assert not own or rendered["verbatim"] is True
        return own + [text for value in rendered.values() for text in _mrkdwn(value)]
    return [text for each in rendered for text in _mrkdwn(each)] if isinstance(rendered, (list, tuple)) else []
