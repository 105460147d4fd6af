"""The local Slack keeps Slack's rules, whoever asks: slack-sdk, or anybody by HTTP."""

import json
from collections.abc import Iterator
from threading import Thread
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.webhook import WebhookClient

from local_aws.slack import SlackServer
from local_aws.slack_workspace import Workspace


class Seconds:
    """A clock that stands."""

    def __init__(self) -> None:
        self.now = 1_795_435_800.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def slack(seconds: Seconds) -> Iterator[SlackServer]:
    server = SlackServer(Workspace(clock=seconds, now=seconds))
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.close()
    thread.join()


def bot(slack: SlackServer, token: str | None = None) -> WebClient:
    return WebClient(token or slack.workspace.token, base_url=slack.api_url, retry_handlers=[])


def webhook(slack: SlackServer) -> WebhookClient:
    return WebhookClient(slack.webhook_url, retry_handlers=[])


def section(text: str = "hello", kind: str = "mrkdwn") -> dict[str, Any]:
    return {"type": "section", "text": {"type": kind, "text": text}}


def error_of(slack: SlackServer, **message: Any) -> str:  # noqa: ANN401  any argument of the method
    usual = {"channel": slack.workspace.channel, "text": "hello"}
    with pytest.raises(SlackApiError) as raised:
        bot(slack).chat_postMessage(**usual | message)
    return str(raised.value.response["error"])


def test_a_bot_posts_and_replies_in_a_thread(slack: SlackServer, seconds: Seconds) -> None:
    channel = slack.workspace.channel
    root = bot(slack).chat_postMessage(channel=channel, text="root", blocks=[section()])
    seconds.now += 1
    bot(slack).chat_postMessage(channel=channel, text="reply", thread_ts=root["ts"], reply_broadcast=True)
    first, second = slack.workspace.shown
    assert (first.text, first.thread_ts, first.via) == ("root", None, "bot")
    assert (second.thread_ts, second.broadcast) == (first.ts, True)
    assert slack.workspace.threads() == {first.ts: [second]}


def test_a_webhook_answers_ok_and_shows_it(slack: SlackServer) -> None:
    answer = webhook(slack).send(text="hello", blocks=[section()])
    assert (answer.status_code, answer.body) == (200, "ok")
    assert [message.via for message in slack.workspace.shown] == ["webhook"]


def test_a_second_message_within_a_second_is_too_fast(slack: SlackServer, seconds: Seconds) -> None:
    assert webhook(slack).send(text="one").status_code == 200
    seconds.now += 0.4
    answer = webhook(slack).send(text="two")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")
    seconds.now += 0.6
    assert webhook(slack).send(text="two").status_code == 200
    assert [message.text for message in slack.workspace.shown] == ["one", "two"]


@pytest.mark.parametrize(
    ("blocks", "where"),
    [
        ([section()] * 51, "no more than 50 items allowed [json-pointer:/blocks]"),
        ([section("x" * 3001)], "must be less than 3001 characters [json-pointer:/blocks/0/text/text]"),
        ([section("")], "must be more than 0 characters [json-pointer:/blocks/0/text/text]"),
        ([section("😀" * 1501)], "must be less than 3001 characters [json-pointer:/blocks/0/text/text]"),
        ([{"type": "section"}], "missing required field: text or fields [json-pointer:/blocks/0]"),
        (
            [{"type": "section", "fields": [{"type": "mrkdwn", "text": "x"}] * 11}],
            "no more than 10 items allowed [json-pointer:/blocks/0/fields]",
        ),
        (
            [{"type": "section", "fields": [{"type": "mrkdwn", "text": "x" * 2001}]}],
            "must be less than 2001 characters [json-pointer:/blocks/0/fields/0/text]",
        ),
        (
            [{"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}],
            "must be less than 151 characters [json-pointer:/blocks/0/text/text]",
        ),
        (
            [{"type": "header", "text": {"type": "mrkdwn", "text": "x"}}],
            "failed to match all allowed schemas [json-pointer:/blocks/0/text]",
        ),
        (
            [{"type": "context", "elements": [{"type": "mrkdwn", "text": "x"}] * 11}],
            "no more than 10 items allowed [json-pointer:/blocks/0/elements]",
        ),
        ([{"type": "context", "elements": []}], "must have at least 1 item [json-pointer:/blocks/0/elements]"),
        (
            [{"type": "rich_text", "elements": [{"type": "rich_text_preformatted", "elements": [{"type": "emoji"}]}]}],
            "unsupported element [json-pointer:/blocks/0/elements/0/elements/0]",
        ),
        (
            [{**section(), "block_id": "x"}, {**section(), "block_id": "x"}],
            "invalid or repeated block_id [json-pointer:/blocks/1/block_id]",
        ),
        ([{"type": "marquee"}], "unsupported type: marquee [json-pointer:/blocks/0/type]"),
        (
            [{"type": "actions", "elements": [{"type": "button", "text": {"type": "plain_text", "text": "x" * 76}}]}],
            "must be less than 76 characters [json-pointer:/blocks/0/elements/0/text/text]",
        ),
    ],
)
def test_blocks_beyond_their_limits_are_refused(slack: SlackServer, blocks: list[Any], where: str) -> None:
    with pytest.raises(SlackApiError) as raised:
        bot(slack).chat_postMessage(channel=slack.workspace.channel, text="hello", blocks=blocks)
    assert raised.value.response["error"] == "invalid_blocks"
    assert where in raised.value.response["errors"]
    answer = webhook(slack).send(text="hello", blocks=blocks)
    assert (answer.status_code, answer.body) == (400, "invalid_blocks")
    assert slack.workspace.shown == []


def test_what_is_at_its_limits_is_shown(slack: SlackServer) -> None:
    blocks = [
        {"type": "header", "text": {"type": "plain_text", "text": "x" * 150}},
        section("x" * 3000),
        {"type": "context", "elements": [{"type": "mrkdwn", "text": "x"}] * 10},
        *[{"type": "divider"}] * 47,
    ]
    bot(slack).chat_postMessage(channel=slack.workspace.channel, text="hello", blocks=blocks)
    assert len(slack.workspace.shown[0].blocks) == 50


def test_blocks_that_are_too_much_together_are_refused_of_a_bot(slack: SlackServer) -> None:
    assert error_of(slack, blocks=[section("x" * 2401)] * 4) == "msg_blocks_too_long"


def test_a_text_of_more_than_40_000_characters_is_cut_off(slack: SlackServer) -> None:
    bot(slack).chat_postMessage(channel=slack.workspace.channel, text="x" * 40_001)
    assert (len(slack.workspace.shown[0].text), slack.workspace.shown[0].truncated) == (40_000, True)


@pytest.mark.filterwarnings("ignore:The top-level `text` argument:UserWarning")
def test_a_message_without_words_is_refused(slack: SlackServer) -> None:
    assert error_of(slack, text="") == "no_text"
    assert webhook(slack).send(text="").body == "no_text"


def test_what_the_bot_cannot_reach_is_refused(slack: SlackServer) -> None:
    assert error_of(slack, channel="C0ELSEWHERE") == "channel_not_found"
    assert error_of(slack, thread_ts="1.000001") == "thread_not_found"
    slack.workspace.archive(slack.workspace.channel)
    assert error_of(slack) == "is_archived"
    answer = webhook(slack).send(text="hello")
    assert (answer.status_code, answer.body) == (410, "channel_is_archived")
    slack.workspace.unarchive(slack.workspace.channel)
    assert webhook(slack).send(text="hello").status_code == 200


def test_a_deleted_message_has_no_replies(slack: SlackServer) -> None:
    root = bot(slack).chat_postMessage(channel=slack.workspace.channel, text="root")
    slack.workspace.delete(root["ts"])
    assert error_of(slack, thread_ts=root["ts"]) == "thread_not_found"


def test_credentials_that_do_not_hold_are_told_apart(slack: SlackServer) -> None:
    old_token, old_webhook = slack.workspace.token, webhook(slack)
    for token, error in (("xoxb-none", "invalid_auth"), (" ", "not_authed")):
        with pytest.raises(SlackApiError) as raised:
            bot(slack, token).chat_postMessage(channel=slack.workspace.channel, text="hello")
        assert raised.value.response["error"] == error
    rotated = slack.workspace.rotate()
    with pytest.raises(SlackApiError) as raised:
        bot(slack, old_token).chat_postMessage(channel=slack.workspace.channel, text="hello")
    assert raised.value.response["error"] == "token_revoked"
    answer = old_webhook.send(text="hello")
    assert (answer.status_code, answer.body) == (404, "no_service")
    bot(slack, rotated["token"]).chat_postMessage(channel=slack.workspace.channel, text="hello")
    assert len(slack.workspace.shown) == 1


@pytest.mark.parametrize("body", [b"{", b"[]"])
def test_a_webhook_wants_a_json_object(slack: SlackServer, body: bytes) -> None:
    with pytest.raises(HTTPError) as raised:
        urlopen(Request(slack.webhook_url, body), timeout=5)  # noqa: S310  our own loopback server
    assert (raised.value.code, raised.value.read()) == (400, b"invalid_payload")
    raised.value.close()


def test_trouble_lasts_as_long_as_it_was_told(slack: SlackServer) -> None:
    slack.workspace.fail("busy", times=1, retry_after=30)
    slack.workspace.fail("broken", status=502)
    slack.workspace.fail("hang_up")
    answer = webhook(slack).send(text="hello")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "30")
    assert webhook(slack).send(text="hello").status_code == 502
    with pytest.raises(OSError, match="closed connection"):
        webhook(slack).send(text="hello")
    assert slack.workspace.shown == []
    assert webhook(slack).send(text="hello").status_code == 200
    assert slack.workspace.calls == [429, 502, 0, 200]


def test_a_lost_answer_is_of_a_message_that_is_shown(slack: SlackServer) -> None:
    slack.workspace.fail("lose_answer")
    with pytest.raises(OSError, match="closed connection"):
        webhook(slack).send(text="hello")
    assert [message.text for message in slack.workspace.shown] == ["hello"]


def test_a_slow_answer_comes_when_it_is_let_go(slack: SlackServer) -> None:
    slack.workspace.fail("slow")
    refused: list[OSError] = []

    def post() -> None:
        try:
            webhook(slack).send(text="hello")
        except OSError as error:
            refused.append(error)

    waiting = Thread(target=post)
    waiting.start()
    slack.workspace.free()
    waiting.join()
    assert (slack.workspace.calls, len(refused)) == ([0], 1)


@pytest.mark.parametrize(
    "message",
    [
        {"text": "<!channel>"},
        {"text": "hello", "blocks": [section("<@U024BE7LH>")]},
        {"text": "hello", "blocks": [section("@here")]},
        {"text": "hello", "link_names": True},
        {"text": "hello", "parse": "full"},
        {
            "text": "hello",
            "blocks": [
                {
                    "type": "rich_text",
                    "elements": [{"type": "rich_text_section", "elements": [{"type": "broadcast", "range": "here"}]}],
                }
            ],
        },
    ],
)
def test_what_would_notify_somebody_is_noted(slack: SlackServer, message: dict[str, Any]) -> None:
    webhook(slack).send_dict(message)
    assert len(slack.workspace.shown[0].pings) == 1


def test_what_is_only_written_notifies_nobody(slack: SlackServer) -> None:
    verbatim = {"type": "section", "text": {"type": "mrkdwn", "text": "@here `&lt;!channel&gt;`", "verbatim": True}}
    webhook(slack).send_dict({"text": "&lt;!channel&gt;", "blocks": [verbatim, section("<!here>", "plain_text")]})
    assert slack.workspace.shown[0].pings == ()


def control(slack: SlackServer, name: str, **arguments: object) -> dict[str, Any]:
    request = Request(f"{slack.url}/_local/{name}", json.dumps(arguments).encode())  # noqa: S310  our own loopback server
    with urlopen(request, timeout=5) as answer:  # noqa: S310  the same
        document: dict[str, Any] = json.load(answer)
    return document


def test_it_is_controlled_by_http(slack: SlackServer) -> None:
    webhook(slack).send(text="hello")
    control(slack, "limit", on=False)
    control(slack, "fail", trouble="busy", times=1)
    assert webhook(slack).send(text="hello").status_code == 429
    assert webhook(slack).send(text="again").status_code == 200
    assert [message["text"] for message in control(slack, "messages")["result"]] == ["hello", "again"]
    assert set(control(slack, "rotate")["result"]) == {"token", "webhook"}
    for name, arguments, status in (("none", {}, 404), ("fail", {"trouble": "odd"}, 400), ("fail", {"odd": 1}, 400)):
        with pytest.raises(HTTPError) as raised:
            control(slack, name, **arguments)
        assert raised.value.code == status
        raised.value.close()
