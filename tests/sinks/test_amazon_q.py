"""What chat is told: by the documented schema of Amazon Q Developer's custom notifications, whatever people write."""

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eks_auditor.events.messages import ReleaseMessage, TransitionsMessage, parse_transitions
from eks_auditor.model.finding import Fix
from eks_auditor.model.history import Change, Transition
from eks_auditor.model.verdict import Severity
from eks_auditor.sinks.amazon_q import STEP_LIMIT, release, transitions, written
from tests.builders import CLUSTER_ID, NOW, days_ago
from tests.golden.compare import matches
from tests.plan.releasing import NEW, OLDER, Clusters, cluster, messages, rollback, runs
from tests.sinks.transitions import AUDIT_ID, audit, bodies, body, finding, transition
from tests.sinks.transitions import subject as about
from tests.sinks.transitions import transitions as many

CHAT = Path(__file__).parents[1] / "golden" / "chat"
TEXT = {"type": "string", "minLength": 1}
LIST = {"type": "array", "items": TEXT, "maxItems": 10}
SCHEMA = {
    "type": "object",
    "required": ["version", "source", "content"],
    "additionalProperties": False,
    "properties": {
        "version": {"const": "1.0"},
        "source": {"const": "custom"},
        "id": TEXT,
        "content": {
            "type": "object",
            "required": ["description"],
            "additionalProperties": False,
            "properties": {
                "textType": {"const": "client-markdown"},
                "title": {**TEXT, "maxLength": 250},
                "description": {**TEXT, "maxLength": 3500},
                "nextSteps": LIST,
                "keywords": LIST,
            },
        },
        "metadata": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "threadId": TEXT,
                "summary": {**TEXT, "maxLength": 250},
                "eventType": {"type": "string", "pattern": "^[a-zA-Z0-9-]{1,100}$"},
                "relatedResources": LIST,
                "additionalContext": {"type": "object", "additionalProperties": TEXT},
            },
        },
    },
}
"""https://docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html, with our own bounds."""


def message(*told: Transition, **members: object) -> TransitionsMessage:
    return parse_transitions(body(*told, **members))


def notice(*capacities: Any, **deviations: Any) -> ReleaseMessage:  # noqa: ANN401  what runs; the request
    clusters: Clusters = {CLUSTER_ID: capacities or (runs(),)}
    return messages(clusters=clusters, **deviations)[0]


def shown(notification: dict[str, Any]) -> str:
    """All that is rendered as markup."""
    content = notification["content"]
    return "\n".join([content["title"], content["description"], *content["nextSteps"]])


WORSE = transition(
    finding(severity=Severity.HIGH, team="payments"), Change.WORSE, previous=Severity.MEDIUM, taken_at=NOW
)
RESOLVED = transition(finding(about("old"), reason="runs the recommended release", fix=()), Change.RESOLVED)
NOTIFICATIONS = {
    "several": transitions(message(WORSE, RESOLVED)),
    "first-look": transitions(message(*many(25, baseline=True))),
    "release": release(
        notice(runs(), runs("batch", OLDER, days_ago(9), kind="self-managed"), runs("g", own_image=True))
    ),
    "rollback": release(messages(rollback(), {CLUSTER_ID: (runs("quick", NEW),)})[0]),
}


@pytest.mark.parametrize("name", NOTIFICATIONS)
def test_a_notification_as_chat_gets_it(name: str) -> None:
    jsonschema.validate(NOTIFICATIONS[name], SCHEMA)
    text = json.dumps(NOTIFICATIONS[name], indent=2, ensure_ascii=False) + "\n"
    assert matches(text, CHAT / f"{name}.json"), "UPDATE_GOLDENS=1 pytest tests/sinks writes it anew; read what changed"


def test_the_first_fixes_are_the_next_steps() -> None:
    told = transitions(message(RESOLVED, WORSE, *many(8)))
    assert told["content"]["nextSteps"] == [
        "`web`: `aws eks update-nodegroup-version --nodegroup-name web`",
        "`web-000`: `aws eks update-nodegroup-version --nodegroup-name web-000`",
        "`web-001`: `aws eks update-nodegroup-version --nodegroup-name web-001`",
    ]


def test_half_a_command_is_no_step() -> None:
    long = finding(fix=(Fix(tool="aws", command="aws eks " + "<" * (STEP_LIMIT - 20)),))
    assert transitions(message(transition(long)))["content"]["nextSteps"] == []


def test_a_cluster_has_one_thread_a_day() -> None:
    def thread(**deviations: Any) -> str:  # noqa: ANN401  any field of the audit
        [text] = bodies(transition(), **deviations)
        return str(transitions(parse_transitions(text))["metadata"]["threadId"])

    noon = thread()
    assert noon == f"{CLUSTER_ID.arn}/2026-11-23"
    assert thread(taken_at=NOW + timedelta(hours=11)) == noon
    assert thread(taken_at=NOW + timedelta(hours=12)) != noon
    assert thread(cluster=cluster(1)) != noon


def test_each_is_told_apart_and_the_same_whenever_it_is_told() -> None:
    parts = [transitions(parse_transitions(text)) for text in bodies(*many(120), transition(baseline=True))]
    assert [part["id"] for part in parts] == [
        f"{AUDIT_ID}/news/1", f"{AUDIT_ID}/news/2", f"{AUDIT_ID}/news/3", f"{AUDIT_ID}/baseline/1"
    ]  # fmt: skip
    assert transitions(message(WORSE)) == transitions(message(WORSE))


def test_what_is_not_spelt_out_is_counted() -> None:
    told = transitions(message(*many(30), WORSE), 3)["content"]["description"]
    assert told.count("(AMI001)") == 3
    assert "and 28 more: 28 MEDIUM AMI001 new" in told
    none = transitions(message(*many(30)), 0)["content"]["description"]
    assert "30: 30 MEDIUM AMI001 new" in none


@pytest.mark.parametrize("count", [1, 50])
def test_long_reasons_are_counted_where_they_do_not_fit_and_never_cut_off(count: int) -> None:
    told = [transition(finding(about(f"ng-{number:02}"), reason="r" * 390)) for number in range(count)]
    described = transitions(message(*told))["content"]["description"]
    spelt_out = described.count("(AMI001)")
    assert "…" not in described
    assert spelt_out == count or f"and {count - spelt_out} more: " in described


def test_an_accepted_finding_says_who_accepts_it_and_a_team_is_context() -> None:
    assert NOTIFICATIONS["several"]["metadata"]["additionalContext"]["team"] == "payments"
    assert "team" not in NOTIFICATIONS["first-look"]["metadata"]["additionalContext"]


NAMES = (
    "<!channel>", "<@U1>", "<http://evil.example|shop>", "http://evil.example", "www.evil.example", "@here",
    "`<!here>`", "a`b", "&lt;!channel&gt;", "\u202egnp", "x\n*HIGH* new: `fake`", "x" * 500, "\U0001f600" * 400,
)  # fmt: skip
HOSTILE = st.one_of(st.sampled_from(NAMES), st.text(max_size=600))


def alive(markup: str) -> list[str]:
    """What pings, links or ends a code span beside what we wrote: angle brackets, and addresses outside code."""
    outside = re.sub(r"`[^`\n]*`", "", markup)
    own = re.compile(r"https://([a-z0-9-]+\.console\.aws\.amazon\.com|github\.com/eks-auditor/eks-auditor)/\S*")
    left = own.sub("", outside)
    return re.findall(r"[<>`]|://|www\.|@", left) + re.findall(r"[<>]", markup)


@settings(max_examples=60, deadline=None)
@given(HOSTILE, HOSTILE, HOSTILE, HOSTILE, st.integers(1, 12))
def test_nothing_that_people_name_pings_links_or_breaks_the_schema(
    name: str, reason: str, team: str, command: str, count: int
) -> None:
    clean = name.encode(errors="replace").decode()
    told = [
        transition(
            finding(
                about(f"{number}{clean}"),
                reason=f"because {reason}",
                team=team or None,
                fix=(Fix(tool="aws", command=f"aws {command}"),),
            ),
            change_id=f"{number}",
        )
        for number in range(count)
    ]
    text, *_ = bodies(*told)
    for notification in (
        transitions(parse_transitions(text)),
        release(notice(*(runs(f"{number}{clean}") for number in range(count)))),
    ):
        jsonschema.validate(notification, SCHEMA)
        assert alive(shown(notification)) == []
        assert json.loads(written(notification).encode()) == notification


def test_the_audit_is_of_the_context() -> None:
    context = NOTIFICATIONS["several"]["metadata"]["additionalContext"]
    assert context == {
        "cluster": "shop",
        "account": "111122223333",
        "region": "eu-west-1",
        "audit_id": audit().audit_id,
        "class": "news",
        "team": "payments",
    }
