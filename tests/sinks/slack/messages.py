"""Messages for Slack, their parts, and names that nobody should have to expect."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from eks_auditor.events.messages import TransitionsMessage
from eks_auditor.model.cluster import ClusterId
from eks_auditor.model.history import Transition
from eks_auditor.sinks.slack_message import SlackMessage
from tests.builders import CLUSTER_ID, NOW
from tests.sinks.slack.limits import broken
from tests.sinks.transitions import AUDIT_ID, finding, subject, transition

HOSTILE = (
    "<!channel>",
    "<!here|hi>",
    "<@U1>",
    "<#C1|general>",
    "<http://evil.example|AWS console>",
    "<https://evil.example>",
    "&lt;!channel&gt;",
    "&amp;lt;@U1&amp;gt;",
    "`code` ```block```",
    "*bold* _italic_ ~gone~",
    "> quoted",
    "@channel #general https://evil.example",
    "web\n*CRITICAL* `FAKE001`",
    "a\r\x00\x1b[31mb\u2028c",
    "\u202egnp.exe\u2066",
    "שלום العربية",
    "🧨👩‍👩‍👧‍👦" * 20,
    "\ud800",
    "|>|<|",
    "",
    " ",
    "x" * 500,
    "&" * 500,
    "`" * 500,
)
names = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(max_size=500),
    st.lists(st.sampled_from([*HOSTILE[:11], "a", "`", "<", ">", "&", "|", "\n"]), max_size=30).map("".join),
)


def message(*told: Transition, **deviations: Any) -> TransitionsMessage:  # noqa: ANN401  any field of it
    """News of one cluster."""
    usual: dict[str, Any] = {
        "kind": "news",
        "audit_id": AUDIT_ID,
        "taken_at": NOW,
        "part": 1,
        "parts": 1,
        "cluster": CLUSTER_ID,
        "transitions": told or (transition(),),
    }
    return TransitionsMessage(**usual | deviations)


def many(count: int, **deviations: Any) -> tuple[Transition, ...]:  # noqa: ANN401  any field of their findings
    """As many new findings, each of another node group."""
    return tuple(transition(finding(subject(f"web-{number:04}"), **deviations)) for number in range(count))


def elsewhere(number: int, *told: Transition, **deviations: Any) -> TransitionsMessage:  # noqa: ANN401  any field of it
    """The same news from another cluster."""
    cluster = ClusterId("aws", "111122223333", "eu-west-1", f"cluster-{number:03}")
    moved = (
        replace(each, finding=replace(each.finding, id=each.finding.id.replace("/shop/", f"/{cluster.name}/")))
        for each in told or (transition(),)
    )
    return message(*moved, cluster=cluster, **deviations)


def later(told: Transition, minutes: int, **deviations: Any) -> Transition:  # noqa: ANN401  any field of it
    """What happened next to the same finding."""
    after = transition(told.finding, taken_at=NOW + timedelta(minutes=minutes))
    return replace(after, **deviations)


def faults(shown: SlackMessage) -> list[str]:
    """What Slack would refuse of a message, or bring to life in it; it has to be JSON as well."""
    return broken(json.loads(json.dumps({"text": shown.text, "blocks": shown.blocks}, allow_nan=False)))


def readable(shown: SlackMessage) -> str:
    """A message as a golden keeps it."""
    document = {"text": shown.text, "blocks": shown.blocks}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def texts(shown: SlackMessage) -> list[str]:
    """The text of each block: of one with several, joined."""
    return ["\n".join(_texts(block)) for block in shown.blocks]


def _texts(node: Any) -> list[str]:  # noqa: ANN401  JSON
    if isinstance(node, dict):
        own = [node["text"]] if isinstance(node.get("text"), str) else []
        return own + [text for key, value in node.items() if not (key == "text" and own) for text in _texts(value)]
    return [text for each in node for text in _texts(each)] if isinstance(node, (list, tuple)) else []
