"""Every documented shell block runs, and what it starts exists: services, operations, options, outputs, targets."""

import re
import subprocess
from pathlib import Path

import pytest
import typer.main
from botocore.exceptions import ParamValidationError

from eks_auditor.cli.app import app
from tests.docs.aws_cli import NoSuchCommandError, parse
from tests.docs.pages import DEPLOY, EVENTS, OPERATIONS, ROOT, blocks, named_outputs, recorded, redrives
from tests.template.cloudformation import load

# What SAM is asked on these pages: https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/.
SAM = {
    "deploy": {"stack-name", "region", "parameter-overrides", "tags"},
    "delete": {"stack-name", "region", "no-prompts"},
}


def documented(page: str) -> str:
    """Return everything of a page that a reader may paste, in its order."""
    return "\n".join([*blocks(page), *(redrives().values() if page == OPERATIONS else ())])


@pytest.fixture(scope="module", params=[OPERATIONS, DEPLOY])
def calls(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[list[str]]:
    return recorded(documented(request.param), tmp_path_factory.mktemp("calls"))


def test_every_command_of_the_aws_cli_exists(calls: list[list[str]]) -> None:
    commands = [parse(arguments) for program, *arguments in calls if program == "aws"]
    assert len({(command.service, command.operation) for command in commands}) > 3


def test_every_output_that_is_asked_for_exists(calls: list[list[str]]) -> None:
    asked = named_outputs(calls)
    assert asked
    assert asked <= load()["Outputs"].keys()


def test_every_target_of_make_exists(calls: list[list[str]]) -> None:
    targets = re.findall(r"(?m)^([a-z-]+):", (ROOT / "Makefile").read_text())
    made = [word for program, *words in calls if program == "make" for word in words if "=" not in word]
    assert made
    assert set(made) <= set(targets)


def test_every_option_of_sam_and_of_the_command_line_exists(calls: list[list[str]]) -> None:
    command_line = typer.main.get_command(app)
    commands = command_line.commands  # type: ignore[attr-defined]  # a group has them
    own = {name: {each[2:] for option in command.params for each in option.opts} for name, command in commands.items()}
    known = {"sam": SAM, "eks-auditor": own}
    for program, command, *words in (call for call in calls if call[0] in known):
        options = {word[2:] for word in words if word.startswith("--")}
        assert options <= known[program][command], (program, command)


def test_parameters_given_to_sam_and_the_member_template_exist(calls: list[list[str]]) -> None:
    templates = {"sam": load()["Parameters"], "aws": load("template-member.yaml")["Parameters"]}
    for program, *words in calls:
        if "--parameter-overrides" in words:
            given = [word.split("=", 1) for word in words[words.index("--parameter-overrides") + 1 :] if "=" in word]
            assert given
            assert {name for name, _ in given} <= templates[program].keys()
            if program == "sam":
                for name, value in given:
                    assert re.search(templates[program][name].get("AllowedPattern", ""), value), name


def test_commands_of_the_alarms_exist(tmp_path: Path) -> None:
    alarms = {name: each for name, each in load()["Resources"].items() if each["Type"] == "AWS::CloudWatch::Alarm"}
    for name, alarm in alarms.items():
        words = re.sub(r"\$\{[^}]+\}", "reference", alarm["Properties"]["AlarmDescription"]["Fn::Sub"])
        directory = tmp_path / name
        directory.mkdir()
        calls = recorded("\n".join(re.findall(r": ((?:aws|make) .*?)\.(?= |$)", words)), directory)
        assert len(calls) == len(re.findall(r": (?:aws|make) ", words)), name
        for program, *arguments in calls:
            assert program == "make" or parse(arguments), name


def test_rules_of_ones_own_keep_what_their_target_did_not_take(tmp_path: Path) -> None:
    commands = [parse(arguments) for _, *arguments in recorded(documented(EVENTS), tmp_path)]
    targets = [each for command in commands for each in command.parameters.get("Targets", [])]
    assert targets
    assert all(target["DeadLetterConfig"]["Arn"].startswith("arn:aws:sqs:") for target in targets)


@pytest.mark.parametrize(
    "wrong",
    [
        "eksauditor list-clusters",
        "sqs purge-queues --queue-url 1",
        "sqs purge-queue --queue 1",
        "sqs purge-queue",
        "logs tail 1 --pattern ERROR",
        "sqs receive-message --queue-url 1 --max-number-of-messages 10 all",
    ],
)
def test_a_wrong_command_is_noticed(wrong: str) -> None:
    with pytest.raises((NoSuchCommandError, ParamValidationError, ValueError)):
        parse(wrong.split())


def test_a_script_that_does_not_parse_is_noticed(tmp_path: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        recorded('aws "sqs', tmp_path)
    with pytest.raises(subprocess.CalledProcessError):
        recorded('echo "$NOBODY_SET_THIS"', tmp_path)
