"""Reads the templates as CloudFormation does: its short forms, parameters and conditions."""

# ruff: noqa: ANN401 - a template is nested text, and any part of it may be anything

import functools
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
PSEUDO = {
    "AWS::AccountId": "111111111111",
    "AWS::Partition": "aws",
    "AWS::Region": "eu-west-1",
    "AWS::StackName": "eks-auditor",
}

SLACK = "arn:aws:secretsmanager:eu-west-1:111111111111:secret:slack-a1B2c3"
TOLD = {
    "NotificationEmail": "team@example.com",
    "SlackSecretArn": SLACK,
    "Digest": "weekly",
    "DigestEmail": "team@example.com",
}
"""The parameters of a stack that tells everybody whom it can."""

type Document = dict[str, Any]


class _Loader(yaml.CSafeLoader):
    """Knows the tags of CloudFormation's short forms."""


def _short_form(loader: _Loader, tag: str, node: yaml.Node) -> Document:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)
        value = loader.construct_mapping(node, deep=True)
    if tag == "GetAtt":
        value = value.split(".", 1)
    return {tag if tag == "Ref" else f"Fn::{tag}": value}


_Loader.add_multi_constructor("!", _short_form)


@functools.cache
def _text(name: str) -> str:
    return (ROOT / name).read_text()


def load(name: str = "template.yaml") -> Document:
    """Parse a template; every call returns its own copy."""
    document: Document = yaml.load(_text(name), _Loader)  # noqa: S506 - a SafeLoader
    return document


class Stack:
    """A template with its parameters given: conditions decided, and `!Ref` of parameters replaced."""

    def __init__(self, name: str = "template.yaml", /, **parameters: object) -> None:
        """Take the parameters that are not to have their defaults."""
        template = load(name)
        self.parameters = {key: value["Default"] for key, value in template["Parameters"].items() if "Default" in value}
        self.parameters |= parameters
        lists = {key for key, value in template["Parameters"].items() if value["Type"] == "CommaDelimitedList"}
        self.parameters |= {key: str(self.parameters[key]).split(",") for key in lists}
        self._conditions = template.get("Conditions", {})
        self._mappings = template.get("Mappings", {})
        self.resources: dict[str, Document] = {
            key: self.resolve(value)
            for key, value in template["Resources"].items()
            if "Condition" not in value or self.condition(value["Condition"])
        }
        self.function_globals: Document = self.resolve(template.get("Globals", {}).get("Function", {}))
        self.outputs: dict[str, Document] = {
            key: self.resolve(value)
            for key, value in template.get("Outputs", {}).items()
            if "Condition" not in value or self.condition(value["Condition"])
        }

    def condition(self, name: str) -> bool:
        """Decide a condition."""
        return bool(self.resolve(self._conditions[name]))

    def of_type(self, kind: str) -> dict[str, Document]:
        """Return the properties of every resource of a type."""
        return {key: value.get("Properties", {}) for key, value in self.resources.items() if value["Type"] == kind}

    def resolve(self, node: Any) -> Any:  # noqa: PLR0911, PLR0912, C901 - one a form
        """Replace what parameters and conditions decide; references to resources stay."""
        if isinstance(node, list):
            items = [self.resolve(item) for item in node]
            return [item for item in items if item != {"Ref": "AWS::NoValue"}]
        if not isinstance(node, dict):
            return node
        match node:
            case {"Ref": str(name)}:
                return self.parameters.get(name, PSEUDO.get(name, node))
            case {"Fn::If": [name, yes, no]}:
                return self.resolve(yes if self.condition(name) else no)
            case {"Fn::Equals": [left, right]}:
                return self.resolve(left) == self.resolve(right)
            case {"Fn::And": list(parts)}:
                return all(self.resolve(part) for part in parts)
            case {"Fn::Condition": str(name)}:
                return self.condition(name)
            case {"Fn::Not": [value]}:
                return not self.resolve(value)
            case {"Fn::Or": values}:
                return any(self.resolve(values))
            case {"Fn::Join": [separator, parts]}:
                return separator.join(self.resolve(parts))
            case {"Fn::FindInMap": [name, key, inner]}:
                return self._mappings[name][str(self.resolve(key))][inner]
            case {"Fn::Sub": str(text)}:
                return self._substitute(text)
            case {"Fn::Sub": [str(text), dict(values)]}:
                return self._substitute(text, {name: self.resolve(value) for name, value in values.items()})
        members = {key: self.resolve(value) for key, value in node.items()}
        return {key: value for key, value in members.items() if value != {"Ref": "AWS::NoValue"}}

    def _substitute(self, text: str, own: Mapping[str, str] | None = None) -> str:
        known = {**PSEUDO, **{key: str(value) for key, value in self.parameters.items()}, **(own or {})}
        return re.sub(r"\$\{([^}]+)\}", lambda found: known.get(found[1], found[0]), text)


def statements(stack: Stack) -> Iterator[tuple[str, Document]]:
    """Return every statement that grants something to a role, with the logical id of what carries it."""
    for name, role in stack.of_type("AWS::IAM::Role").items():
        for policy in role["Policies"]:
            for statement in policy["PolicyDocument"]["Statement"]:
                yield name, statement
    for name, policy in stack.of_type("AWS::IAM::Policy").items():
        for statement in policy["PolicyDocument"]["Statement"]:
            yield name, statement


def actions(statement: Mapping[str, Any]) -> list[str]:
    """Return the actions of a statement as a list."""
    return as_list(statement["Action"])


def as_list(value: Any) -> list[Any]:
    """Return what may be one or a list as a list."""
    return value if isinstance(value, list) else [value]


def logical_id(reference: Any) -> str:
    """Return the resource that a reference is to."""
    match reference:
        case {"Ref": str(name)}:
            return name
        case {"Fn::GetAtt": [str(name), *_]}:
            return name
    message = f"{reference!r} refers to no resource"
    raise AssertionError(message)
