"""Slack through slack-sdk, on the local Slack: what is posted, what can wait, what never works, what nobody may see."""

import json
import traceback
from collections.abc import Iterator
from threading import Thread

import pytest
from slack_sdk import WebClient

from eks_auditor.sinks.slack import Bot, BusyError, Posted, RefusedError, SecretError, Slack, Webhook, parse_secret
from eks_auditor.sinks.slack_message import SlackMessage
from local_aws.slack import SlackServer
from local_aws.slack_workspace import Workspace

MESSAGE = SlackMessage("hello", ({"type": "section", "text": {"type": "mrkdwn", "text": "*hello*", "verbatim": True}},))


@pytest.fixture
def server() -> Iterator[SlackServer]:
    server = SlackServer(Workspace())
    server.workspace.limit(on=False)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.close()
    thread.join()


@pytest.fixture(params=["bot", "webhook"])
def slack(server: SlackServer, request: pytest.FixtureRequest) -> Slack:
    return Slack(parse_secret(server.secret(bot=request.param == "bot")))


def test_a_message_is_shown_as_it_is_and_pings_nobody(server: SlackServer, slack: Slack) -> None:
    posted = slack.post(MESSAGE)
    (shown,) = server.workspace.shown
    assert (shown.text, shown.blocks, shown.pings) == (MESSAGE.text, MESSAGE.blocks, ())
    bot = slack.channel is not None
    assert posted == (Posted(slack.channel, shown.ts) if bot else Posted(None, None))


def test_a_bot_replies_and_may_show_the_reply_in_the_channel(server: SlackServer) -> None:
    slack = Slack(parse_secret(server.secret(bot=True)))
    root = slack.post(MESSAGE).ts
    slack.post(MESSAGE, thread=root)
    slack.post(MESSAGE, thread=root, broadcast=True)
    assert [(message.thread_ts, message.broadcast) for message in server.workspace.shown[1:]] == [
        (root, False),
        (root, True),
    ]


@pytest.mark.parametrize(
    ("trouble", "status", "retry_after"),
    [("busy", 429, 30), ("broken", 500, None), ("broken", 503, 7), ("hang_up", 0, None), ("lose_answer", 0, None)],
)
def test_what_passes_is_told_apart(
    server: SlackServer, slack: Slack, trouble: str, status: int, retry_after: int | None
) -> None:
    server.workspace.fail(trouble, status=status, retry_after=retry_after)
    with pytest.raises(BusyError) as raised:
        slack.post(MESSAGE)
    assert raised.value.retry_after == retry_after
    assert server.workspace.calls == [status], "the queue tries again, not slack-sdk"


def test_nobody_listening_is_busy(server: SlackServer) -> None:
    secret = json.loads(server.secret(bot=True)) | {"api_url": "http://127.0.0.1:9/api/"}
    with pytest.raises(BusyError, match="URLError"):
        Slack(parse_secret(json.dumps(secret))).post(MESSAGE)


def test_too_slow_an_answer_is_busy(server: SlackServer, slack: Slack) -> None:
    server.workspace.fail("slow")
    with pytest.raises(BusyError, match="no answer"):
        Slack(slack.credentials, timeout=1).post(MESSAGE)


def test_what_slack_never_takes_is_refused_by_its_word(server: SlackServer, slack: Slack) -> None:
    with pytest.raises(RefusedError) as raised:
        slack.post(SlackMessage("hello", ({"type": "marquee"},)))
    assert (raised.value.reason, raised.value.credentials) == ("invalid_blocks", False)
    assert server.workspace.shown == []


def test_credentials_that_do_not_hold_are_told_apart(server: SlackServer, slack: Slack) -> None:
    server.workspace.rotate()
    with pytest.raises(RefusedError) as raised:
        slack.post(MESSAGE)
    assert raised.value.credentials
    assert raised.value.reason in ("token_revoked", "no_service")


def test_an_archived_channel_may_be_mended_by_another_secret(server: SlackServer, slack: Slack) -> None:
    server.workspace.archive(server.workspace.channel)
    with pytest.raises(RefusedError) as raised:
        slack.post(MESSAGE)
    assert raised.value.credentials
    assert raised.value.reason in ("is_archived", "channel_is_archived")


def test_a_thread_that_is_gone_is_told_apart(server: SlackServer) -> None:
    with pytest.raises(RefusedError) as raised:
        Slack(parse_secret(server.secret(bot=True))).post(MESSAGE, thread="1.000001")
    assert (raised.value.thread_gone, raised.value.credentials) == (True, False)


@pytest.mark.parametrize("word", ["restricted_action", "ekm_access_denied", "org_login_required"])
def test_what_the_workspace_does_not_allow_is_no_fault_of_ours(
    server: SlackServer, word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    slack = Slack(parse_secret(server.secret(bot=True)))
    answer = {"status": 200, "headers": {}, "body": json.dumps({"ok": False, "error": word})}
    monkeypatch.setattr(WebClient, "_perform_urllib_http_request", lambda *_, **__: answer)
    with pytest.raises(RefusedError, match=word) as raised:
        slack.post(MESSAGE)
    assert raised.value.credentials


def test_a_page_of_something_else_is_no_word_of_slacks(server: SlackServer, slack: Slack) -> None:
    server.workspace.fail("broken", status=200)
    with pytest.raises(BusyError, match="something else than Slack"):
        slack.post(MESSAGE)


def test_a_page_in_no_encoding_is_no_word_of_slacks_either(slack: Slack, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy's page of an outage must not park what Slack has never seen."""

    def page(*_: object, **__: object) -> None:
        b"\xff".decode()

    monkeypatch.setattr("slack_sdk.webhook.client.urlopen", page)
    monkeypatch.setattr("slack_sdk.web.base_client.urlopen", page)
    with pytest.raises(BusyError, match="no answer"):
        slack.post(MESSAGE)


@pytest.mark.parametrize("trouble", ["busy", "broken", "hang_up", "revoked", "blocks"])
def test_no_error_and_no_log_repeats_the_secret(
    server: SlackServer,
    slack: Slack,
    trouble: str,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level("DEBUG")
    secrets = [server.workspace.token, server.workspace.webhook.rpartition("/")[2]]
    if trouble == "revoked":
        server.workspace.rotate()
    elif trouble != "blocks":
        server.workspace.fail(trouble)
    message = SlackMessage("hello", ({"type": "marquee"},)) if trouble == "blocks" else MESSAGE
    with pytest.raises((BusyError, RefusedError)) as raised:
        slack.post(message)
    said = "".join(traceback.format_exception(raised.value)) + caplog.text + "".join(capsys.readouterr())
    said += repr(slack.credentials) + str(slack.credentials) + repr(raised.value)
    assert not [secret for secret in secrets if secret in said]


@pytest.mark.parametrize(
    ("text", "credentials"),
    [
        (" https://hooks.slack.com/services/T0/B0/x\n", Webhook("https://hooks.slack.com/services/T0/B0/x")),
        (
            '{"webhook_url": "https://hooks.slack-gov.com/services/T0/B0/x"}',
            Webhook("https://hooks.slack-gov.com/services/T0/B0/x"),
        ),
        ('{"bot_token": "xoxb-1-x", "channel": "C1"}', Bot("xoxb-1-x", "C1", "https://slack.com/api/")),
        (
            '{"bot_token": "xoxb-1-x", "channel": "C1", "api_url": "https://slack-gov.com/api/"}',
            Bot("xoxb-1-x", "C1", "https://slack-gov.com/api/"),
        ),
    ],
)
def test_a_secret_is_a_url_or_json(text: str, credentials: Webhook | Bot) -> None:
    assert parse_secret(text) == credentials


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hunter2",
        "[]",
        "{}",
        '{"webhook_url": "hunter2"}',
        '{"webhook_url": "http://hooks.slack.com/hunter2"}',
        '{"webhook_url": "https://hooks.slack.com/hunter2 x"}',
        '{"webhook_url": 2}',
        '{"webhook_url": "https:///hunter2"}',
        "https://hooks.slack.com/hunter2\nX: y",
        '{"bot_token": "hunter2"}',
        '{"bot_token": "hunter2\\nX: y", "channel": "C1"}',
        '{"bot_token": "hunter2", "channel": ""}',
        '{"bot_token": "hunter2", "channel": "C1", "api_url": "http://slack.com/api/"}',
    ],
)
def test_a_secret_that_says_nothing_usable_is_one_sentence_without_it(text: str) -> None:
    with pytest.raises(SecretError) as raised:
        parse_secret(text)
    assert "hunter2" not in "".join(traceback.format_exception(raised.value))
    assert "store" in str(raised.value)
