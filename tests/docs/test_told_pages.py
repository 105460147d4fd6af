"""The pages that lead to a first message: every command exists, every picture is drawn from what is really sent."""

import re

import pytest

from tests.docs import pictures
from tests.docs.aws_cli import parse
from tests.docs.pages import ROOT, blocks, named_outputs, recorded, text
from tests.template.cloudformation import TOLD, Stack, load

ARN = "arn:aws:iam::111111111111:role/one"
SLACK, MAIL, CHAT = "docs/slack.md", "docs/mail.md", "docs/amazon-q.md"
STARTED = {
    SLACK: {
        "cloudformation describe-stacks",
        "lambda invoke",
        "secretsmanager create-secret",
        "secretsmanager put-secret-value",
        "sqs get-queue-attributes",
    },
    MAIL: {"cloudformation describe-stacks", "lambda invoke", "sns subscribe"},
    CHAT: {
        "chatbot create-slack-channel-configuration",
        "cloudformation describe-stacks",
        "iam create-role",
        "lambda invoke",
        "sns list-subscriptions-by-topic",
        "sns set-subscription-attributes",
    },
}


@pytest.fixture(params=STARTED)
def page(request: pytest.FixtureRequest) -> str:
    named: str = request.param
    return named


@pytest.fixture
def calls(page: str, tmp_path_factory: pytest.TempPathFactory) -> list[list[str]]:
    return recorded("\n".join(blocks(page)), tmp_path_factory.mktemp("calls"))


def test_every_command_exists(page: str, calls: list[list[str]]) -> None:
    # What a recorded command prints stands for an ARN, and no ARN is so short.
    given = [[ARN if word == "1" else word for word in call] for call in calls]
    commands = [parse(arguments) for program, *arguments in given if program == "aws"]
    assert {f"{command.service} {command.operation}" for command in commands} == STARTED[page]


def test_every_output_exists(calls: list[list[str]]) -> None:
    assert named_outputs(calls)
    assert named_outputs(calls) <= Stack(**TOLD).outputs.keys()


def test_every_parameter_exists_and_takes_what_is_given(page: str, calls: list[list[str]]) -> None:
    given = [word.split("=", 1) for program, *words in calls if program == "sam" for word in words if "=" in word]
    assert bool(given) == (page != CHAT)
    for name, value in given:
        parameter = load()["Parameters"][name]
        # What a recorded command prints stands for the secret's ARN.
        assert value == "1" or re.search(parameter.get("AllowedPattern", ""), value), name


def test_every_picture_is_there_and_shown_somewhere() -> None:
    shown = {name for page in STARTED for name in re.findall(r"\(pictures/([a-z-]+)\.svg\)", text(page))}
    drawn = {path.stem for path in (ROOT / pictures.PICTURES).glob("*.svg")}
    assert shown == drawn == pictures.pictures().keys()


def test_pictures_are_what_is_sent_now() -> None:
    assert not pictures.main(["--check"]), "run make docs"


def test_pictures_fetch_nothing() -> None:
    for drawn in pictures.pictures().values():
        assert not re.search(r"@font-face|<image|url\(['\"]?http|@import", drawn)
