"""As much of the AWS CLI as the documentation uses: a command line becomes a call of boto3, named by botocore's models.

Imported, it says whether a documented command is one. Run as a program in the place of `aws`, it does the call; the
real AWS CLI is no tool of this project.
"""

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import botocore.session
import jmespath  # type: ignore[import-untyped]  # botocore's own; it has no types
from botocore import xform_name
from botocore.exceptions import ClientError
from botocore.model import Shape
from botocore.validate import validate_parameters

EVERYWHERE = {"region", "profile", "query", "output"}
"""Options of every command; `--query` belongs to the CLI, no matter what the operation takes."""

FLAGS = {("lambda", "invoke"): {"cli-binary-format"}}
"""Options of the CLI that change how it reads a value."""

FILES = {("lambda", "invoke")}
"""Commands that take a file for the answer's body."""

RENAMED = {("sns", "subscribe"): {"notification-endpoint": "endpoint"}}
"""Options that the CLI calls otherwise than the API does."""

OWN = {
    ("cloudformation", "deploy"): {"template-file", "stack-name", "capabilities", "parameter-overrides"},
    ("logs", "tail"): {"since", "filter-pattern"},
}
"""Commands that the CLI has beside the APIs' operations, and those of their options that are used here."""


class NoSuchCommandError(Exception):
    """What the AWS CLI would not take, in one sentence."""


@dataclass(frozen=True)
class Command:
    """One command: what is called, with what, and what is shown of the answer.

    Attributes:
        service: As both the CLI and boto3 name it.
        operation: As the CLI names it.
        parameters: As boto3 takes them; of a command of the CLI's own, its options.
        options: Those of `EVERYWHERE`.
    """

    service: str
    operation: str
    parameters: dict[str, Any]
    options: dict[str, str]


def parse(arguments: list[str]) -> Command:
    """Read a command line without its `aws`.

    Raises:
        NoSuchCommandError: If there is no such service, operation or option, or a value does not fit.
    """
    service, operation, *rest = arguments
    positional, options = _options(rest)
    everywhere = {name: values[0] for name, values in options.items() if name in EVERYWHERE}
    own = {name: values for name, values in options.items() if name not in EVERYWHERE}
    if "query" in everywhere:
        jmespath.compile(everywhere["query"])
    if (service, operation) in OWN:
        if unknown := own.keys() - OWN[service, operation]:
            message = f"aws {service} {operation} has no option {sorted(unknown)}"
            raise NoSuchCommandError(message)
        return Command(service, operation, {"arguments": positional, **own}, everywhere)
    if len(positional) != ((service, operation) in FILES):
        message = f"aws {service} {operation} does not take {positional}"
        raise NoSuchCommandError(message)
    own = {name: values for name, values in own.items() if name not in FLAGS.get((service, operation), set())}
    return Command(service, operation, _parameters(service, operation, own), everywhere)


def _options(words: list[str]) -> tuple[list[str], dict[str, list[str]]]:
    positional: list[str] = []
    options: dict[str, list[str]] = {}
    for index, word in enumerate(words):
        if word.startswith("--"):
            options[word[2:]] = []
        elif not options:
            positional.append(word)
        else:
            last = list(options)[-1]
            # A file name may follow the options; every option of those commands takes one value.
            (positional if index == len(words) - 1 and word.startswith("/dev/") else options[last]).append(word)
    return positional, options


def _parameters(service: str, operation: str, options: dict[str, list[str]]) -> dict[str, Any]:
    session = botocore.session.Session()
    if service not in session.get_available_services():
        message = f"there is no service {service}"
        raise NoSuchCommandError(message)
    model = session.get_service_model(service)
    names = {xform_name(name, "-"): name for name in model.operation_names}
    if operation not in names:
        message = f"{service} has no operation {operation}"
        raise NoSuchCommandError(message)
    shape = model.operation_model(names[operation]).input_shape
    members: dict[str, Any] = {} if shape is None else {xform_name(name, "-"): name for name in shape.members}
    parameters = {}
    for written, values in options.items():
        option = RENAMED.get((service, operation), {}).get(written, written)
        known = members.get(option) or members.get(option.removeprefix("no-"))
        if known is None or shape is None:
            message = f"aws {service} {operation} has no option --{written}; it has {sorted(members)}"
            raise NoSuchCommandError(message)
        parameters[known] = _value(shape.members[known], values, not option.startswith("no-"))
    if shape is not None:
        validate_parameters(parameters, shape)
    return parameters


def _value(shape: Shape, values: list[str], yes: bool) -> Any:  # noqa: ANN401, FBT001  what the API takes
    if shape.type_name == "boolean":
        return yes
    if values and values[0].lstrip().startswith(("{", "[")) and shape.type_name in ("list", "map", "structure"):
        return json.loads(values[0])
    if shape.type_name == "list":
        return values
    [value] = values
    if value.startswith("file://events/"):  # any other file is the reader's own
        return Path(value.removeprefix("file://")).read_text(encoding="utf-8")
    return int(value) if shape.type_name in ("integer", "long") else value


def run(command: Command) -> Iterator[str]:
    """Do a command that is an API's operation; yield the lines to print."""
    session = boto3.Session(region_name=command.options.get("region"), profile_name=command.options.get("profile"))
    client = session.client(command.service)  # type: ignore[call-overload]  # the name is a variable
    answer = getattr(client, command.operation.replace("-", "_"))(**command.parameters)
    answer.pop("ResponseMetadata", None)
    shown = jmespath.search(command.options["query"], answer) if "query" in command.options else answer
    if command.options.get("output") == "text":
        yield "\t".join(map(str, shown)) if isinstance(shown, list) else str(shown)
    elif shown:
        yield json.dumps(shown, default=str)


def main(arguments: list[str]) -> int:
    """Be `aws`: 254 and the service's words if it refuses, as the CLI does."""
    try:
        for line in run(parse(arguments)):
            sys.stdout.write(f"{line}\n")
    except ClientError as error:
        sys.stderr.write(f"{re.sub(r'\s+', ' ', str(error))}\n")
        return 254
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
