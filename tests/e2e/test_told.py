"""The commands of docs/slack.md, docs/mail.md, docs/amazon-q.md and docs/digest.md, run as a person would paste them.

Not run here are the lines of ``sam deploy``, which would deploy another stack than the one that all these tests share,
and those of ``aws chatbot``, which the local AWS does not know: tests/docs/test_told_pages.py holds them against the
template and the AWS CLI. Mail is not sent by the local AWS; who would get it is asked of a queue with the same filter.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, override

import pytest

from eks_auditor.sinks.slack import Bot, Webhook, parse_secret
from local_aws.building import REGION
from local_aws.deployment import ACCOUNT
from local_aws.stage import Stage
from tests.docs.pages import OPERATIONS, as_documented, blocks, text
from tests.e2e.conftest import OWNED, SECONDS, TEAM, FirstPass, Message, Witness, arn, audit, eventually
from tests.template.cloudformation import load

pytestmark = pytest.mark.e2e

SLACK, MAIL, CHAT, DIGEST = "docs/slack.md", "docs/mail.md", "docs/amazon-q.md", "docs/digest.md"
CHAT_SERVICE = "https://global.sns-api.chatbot.amazonaws.com"
ISSUE = ("NodeCreationFailure", "Instances failed to join")

type Shell = Callable[[str, str], str]


def block_of(page: str, words: str) -> str:
    """Return the one block of a page with these words."""
    [block] = [block for block in blocks(page) if words in block]
    return block


REPUBLISH = block_of(OPERATIONS, "eks-auditor republish")


@pytest.fixture
def shell(audited: Stage, tmp_path: Path) -> Shell:
    """Run what a page says, after its first block with the variables."""

    environment = audited.shell_environment()
    # The fleet's IAM only answers; roles are made where the stack is.
    environment.pop("AWS_ENDPOINT_URL_IAM")

    def run(page: str, script: str) -> str:
        [variables] = [block for block in blocks(page) if block.startswith("STACK=")]
        return as_documented(f"{variables}\n{script}", tmp_path, environment)

    return run


# -- to the first message


@pytest.mark.parametrize(("name", "kind"), [("eks-auditor/webhook", Webhook), ("eks-auditor/bot", Bot)])
def test_a_secret_that_is_made_as_documented_lets_the_auditor_in(
    audited: Stage, shell: Shell, name: str, kind: type
) -> None:
    made = shell(SLACK, f'{block_of(SLACK, name)}\nprintf "%s" "$SECRET_ARN"')
    secrets = audited.deployment.client("secretsmanager")
    try:
        assert re.search(load()["Parameters"]["SlackSecretArn"]["AllowedPattern"], made)
        assert isinstance(parse_secret(secrets.get_secret_value(SecretId=made)["SecretString"]), kind)
        shell(SLACK, f"SECRET_ARN={made}\n{block_of(SLACK, 'put-secret-value')}")
        assert "put-the-new-one-here" in secrets.get_secret_value(SecretId=made)["SecretString"]
    finally:
        secrets.delete_secret(SecretId=made, ForceDeleteWithoutRecovery=True)


def test_what_the_pages_ask_for_is_a_sweep(audited: Stage, shell: Shell) -> None:
    [asks] = {block_of(page, "lambda invoke") for page in (SLACK, MAIL, CHAT)}
    asked = audited.clock()
    shell(SLACK, asks)
    audited.settle(asked, seconds=SECONDS)


def test_what_waits_for_slack_is_shown(shell: Shell) -> None:
    shown = json.loads(shell(SLACK, block_of(SLACK, "get-queue-attributes")))["Attributes"]
    kinds = ("", "NotVisible", "Delayed")
    assert set(shown) == {f"ApproximateNumberOfMessages{kind}" for kind in kinds}


def test_the_channel_of_amazon_q_gets_a_role_that_may_do_nothing(audited: Stage, shell: Shell) -> None:
    role = shell(CHAT, f'{block_of(CHAT, "create-role")}\nprintf "%s" "$ROLE_ARN"').rpartition("/")[2]
    iam = audited.deployment.client("iam")
    try:
        [trust] = iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]["Statement"]
        assert (trust["Effect"], trust["Principal"]) == ("Allow", {"Service": "chatbot.amazonaws.com"})
        assert iam.list_role_policies(RoleName=role)["PolicyNames"] == []
        assert iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"] == []
    finally:
        iam.delete_role(RoleName=role)


@pytest.mark.parametrize(("page", "topic"), [(MAIL, "TopicArn"), (DIGEST, "DigestTopicArn")])
def test_a_mail_address_is_subscribed(audited: Stage, shell: Shell, page: str, topic: str) -> None:
    made = json.loads(shell(page, block_of(page, "sns subscribe")))["SubscriptionArn"]
    sns = audited.deployment.client("sns")
    try:
        attributes = sns.get_subscription_attributes(SubscriptionArn=made)["Attributes"]
        assert (attributes["Protocol"], attributes["TopicArn"]) == ("email", audited.outputs[topic])
        assert attributes.get("FilterPolicy") == (MAIL_POLICY if page == MAIL else None)
    finally:
        sns.unsubscribe(SubscriptionArn=made)


def test_a_digest_is_sent_on_request(audited: Stage, shell: Shell) -> None:
    answer = json.loads(shell(DIGEST, block_of(DIGEST, "lambda invoke")))
    assert (answer["StatusCode"], answer.get("FunctionError")) == (200, None)
    sent = [item["item"].removeprefix("DIGEST#") for item in audited.ledger() if item["item"].startswith("DIGEST#")]
    assert audited.clock() - datetime.fromisoformat(max(sent)) < timedelta(hours=12)
    eventually(lambda: not audited.deployment.queue_depths()["SlackQueue"], "the digest still waits for Slack")


# -- chat


class ChatService(ThreadingHTTPServer):
    """What Amazon SNS delivers to over HTTP in the place of the service: it remembers what is posted."""

    daemon_threads = True

    def __init__(self) -> None:
        self.posted: list[dict[str, Any]] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: ChatService

    def do_POST(self) -> None:
        self.server.posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response_only(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Stay silent."""


@pytest.fixture
def chat(audited: Stage) -> Iterator[ChatService]:
    """The service, subscribed as it does by itself once a channel is connected."""
    sns, topic = audited.deployment.client("sns"), audited.outputs["TopicArn"]
    with ExitStack() as running:
        service = running.enter_context(ChatService())
        Thread(target=service.serve_forever, daemon=True).start()
        running.callback(service.shutdown)
        sns.subscribe(TopicArn=topic, Protocol="https", Endpoint=service.url)
        eventually(lambda: service.posted, "nobody asks for a confirmation")
        token = service.posted.pop()["Token"]
        subscription = sns.confirm_subscription(TopicArn=topic, Token=token)["SubscriptionArn"]
        running.callback(sns.unsubscribe, SubscriptionArn=subscription)
        yield service


def test_chat_gets_what_is_for_people_once_it_is_filtered_as_documented(
    audited: Stage, shell: Shell, chat: ChatService
) -> None:
    shell(CHAT, block_of(CHAT, "set-subscription-attributes").replace(CHAT_SERVICE, chat.url))
    audited.audited.break_nodegroup(OWNED, "web", *ISSUE)
    audit(audited, OWNED)
    asked = audited.clock()
    shell(SLACK, REPUBLISH)
    audited.settle(asked, seconds=SECONDS, clusters=[])
    audited.audited.repair_nodegroup(OWNED, "web")
    audit(audited, OWNED)
    eventually(lambda: len(chat.posted) > 1, "chat is not told of both changes")
    told = [json.loads(posted["Message"]) for posted in chat.posted]
    assert [(each["version"], each["source"]) for each in told] == [("1.0", "custom")] * 2
    assert all(OWNED in each["content"]["title"] for each in told)
    assert len({each["metadata"]["threadId"] for each in told}) == 1


# -- filter policies: who gets what of all that the stack has published

POLICIES = dict(
    re.findall(
        r"(?m)^([^\n]+):\n\n```json\n(.*)\n```$", text("docs/messages.md").partition("## Subscribe to a part")[2]
    )
)
[MAIL_POLICY] = [json.loads(each)["FilterPolicy"] for each in re.findall(r"--attributes '(.*)'", text(MAIL))]
[CHAT_POLICY] = re.findall(r"--attribute-value '(.*)'", text(CHAT))


def of_findings(message: Message, name: str) -> set[str]:
    return {told["finding"].get(name) for told in message.get("transitions", ())} - {None}


def changes(message: Message) -> set[str]:
    return {told["change"] for told in message.get("transitions", ())}


def is_bad(message: Message) -> bool:
    return bool(of_findings(message, "severity") & {"HIGH", "CRITICAL"})


def is_the_teams(message: Message) -> bool:
    return TEAM in of_findings(message, "team")


def is_for_people(message: Message) -> bool:
    first = message["part"] == 1
    return message["class"] == "news" or (message["class"] in ("baseline", "policy", "release") and first)


GETS: dict[str, Callable[[Message], bool]] = {
    "Only news with a HIGH or CRITICAL finding": lambda message: message["class"] == "news" and is_bad(message),
    "Only what is bad and of one team": lambda message: is_the_teams(message) and is_bad(message),
    "What no team is named for, the releases among it": lambda message: not of_findings(message, "team"),
    "What people are told, for a mailbox or a chat": is_for_people,
    "What people are told of one team, without what is resolved": lambda message: (
        is_for_people(message) and is_the_teams(message) and bool(changes(message) & {"opened", "reopened", "worse"})
    ),
    "Only what runs a superseded image": lambda message: bool(of_findings(message, "check_id") & {"AMI001", "AMI005"}),
    "Only one cluster, whose name is its own only within its account and Region": lambda message: (
        message.get("cluster", {}).get("arn") == arn("shop")
    ),
    "Everything but refreshes": lambda message: message["class"] != "refresh",
    "Only the releases of one Region": lambda message: (
        message["type"] == "release" and message["release"]["region"] == REGION
    ),
    MAIL: lambda message: is_for_people(message) and is_the_teams(message) and is_bad(message),
    CHAT: is_for_people,
}
"""What each policy is to let through, by what the messages themselves say and not by their attributes."""


@pytest.fixture(scope="module")
def published(
    stage: Stage, first_pass: FirstPass, witness: Witness, tmp_path_factory: pytest.TempPathFactory
) -> Witness:
    """All that the stack has published by now, the first pass first: then news of a team, refreshes and a release."""
    assert first_pass.messages
    stage.audited.break_nodegroup(OWNED, "web", *ISSUE)
    audit(stage, OWNED)
    asked = stage.clock()
    script = f"{blocks(SLACK)[0]}\n{REPUBLISH}"
    as_documented(script, tmp_path_factory.mktemp("republish"), stage.shell_environment())
    stage.settle(asked, seconds=SECONDS, clusters=[])
    stage.audited.repair_nodegroup(OWNED, "web")
    audit(stage, OWNED)
    stage.poll_releases(seconds=SECONDS)
    stage.audited.publish_release(ami_types=["BOTTLEROCKET_ARM_64"], kubernetes=["1.36"], region=REGION)
    stage.poll_releases(seconds=SECONDS)
    eventually(lambda: any(told["type"] == "release" for told in looked(witness)), "no notice of the release came")
    return witness


def looked(witness: Witness) -> list[Message]:
    witness.look()
    return witness.messages


@pytest.fixture(scope="module")
def arrived(stage: Stage, published: Witness) -> Iterator[dict[str, Counter[str]]]:
    """What a queue with each policy gets when all of it is published again, with the attributes that it came with."""
    sns = stage.deployment.client("sns")
    topic = sns.create_topic(Name="told-again")["TopicArn"]
    queues = {
        name: stage.deployment.subscribe_queue(
            f"told-again-{number}", json.loads(policy.replace("111122223333", ACCOUNT)), topic=topic
        )
        for number, (name, policy) in enumerate({**POLICIES, MAIL: MAIL_POLICY, CHAT: CHAT_POLICY}.items())
    }
    for message, attributes in zip(published.messages, published.attributes, strict=True):
        sns.publish(TopicArn=topic, Message=json.dumps(message), MessageAttributes=attributes)
    yield {name: Counter(each["Body"] for each in stage.deployment.take_messages(url)) for name, url in queues.items()}
    sns.delete_topic(TopicArn=topic)
    for url in queues.values():
        stage.deployment.client("sqs").delete_queue(QueueUrl=url)


def test_every_documented_policy_is_tried() -> None:
    assert GETS.keys() == {*POLICIES, MAIL, CHAT}
    assert len(POLICIES) == 9


@pytest.mark.parametrize("name", GETS)
def test_a_policy_lets_through_what_its_page_says(
    published: Witness, arrived: dict[str, Counter[str]], name: str
) -> None:
    wanted = Counter(json.dumps(message) for message in published.messages if GETS[name](message))
    assert arrived[name] == wanted
    assert 0 < wanted.total() < len(published.messages)
