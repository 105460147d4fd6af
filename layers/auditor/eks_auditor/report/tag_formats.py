"""Tags of an Auto Scaling group as people write them: for the AWS CLI, for Terraform and for eksctl.

Keys and values are other people's input. Whatever they are, each text is printable ASCII, keeps to its lines, and gives
back the same tags when it is read by what it is written for.
"""

import re
import shlex
from collections.abc import Iterable, Mapping

import yaml

from eks_auditor.autoscaler.tag_lists import tags_to_put, tags_to_take

_TEMPLATE = re.compile(r"([$%]+)\{")
"""What begins a template sequence in HCL."""

_HCL_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t", '"': '\\"', "\\": "\\\\"}
_LAST_OF_FOUR_DIGITS = 0xFFFF


def adding_command(tags: Mapping[str, str], *, group: str, region: str) -> str:
    """Return the command of the AWS CLI that puts tags on an Auto Scaling group, quoted for a shell."""
    return _command("create-or-update-tags", tags_to_put(group, tags), region)


def removing_command(keys: Iterable[str], *, group: str, region: str) -> str:
    """Return the command of the AWS CLI that takes tags from an Auto Scaling group, quoted for a shell."""
    return _command("delete-tags", tags_to_take(group, keys), region)


def terraform_map(tags: Mapping[str, str]) -> str:
    """Return tags as a map in HCL, several lines."""
    lines = (f"  {_hcl_string(key)} = {_hcl_string(value)}" for key, value in tags.items())
    return "\n".join(["{", *lines, "}"])


def eksctl_tags(tags: Mapping[str, str], *, managed: bool) -> str:
    """Return tags as they stand in the entry of a node group in eksctl's config file, several lines of YAML.

    Of a managed node group eksctl puts ``tags`` on the Auto Scaling group only where it propagates tags there; they
    then win over those that it makes of taints, which lack the effect. Of its own groups they are the stack's tags,
    which lose against those, so there it must not propagate. Source: eksctl, ``pkg/cfn/manager/nodegroup.go``
    (``propagateManagedNodeGroupTagsToASGTask``) and ``pkg/cfn/builder/nodegroup.go`` (``addResourcesForNodeGroup``).
    """
    # Double quotes keep every value in its line.
    written = yaml.safe_dump(dict(tags), default_style='"', sort_keys=False, width=float("inf"))
    lines = ["propagateASGTags: " + ("true" if managed else "false"), "tags:"]
    return "\n".join([*lines, *(f"  {line}" for line in written.splitlines())])


def _command(operation: str, tags: str, region: str) -> str:
    return f"aws autoscaling {operation} --region {shlex.quote(region)} --tags {shlex.quote(tags)}"


def _hcl_string(text: str) -> str:
    """Quote a text for HCL, as a quoted template without any sequence."""
    return f'"{_TEMPLATE.sub(_literal, "".join(map(_hcl_character, text)))}"'


def _hcl_character(character: str) -> str:
    code = ord(character)
    if character in _HCL_ESCAPES:
        return _HCL_ESCAPES[character]
    if character.isascii() and character.isprintable():
        return character
    return f"\\u{code:04x}" if code <= _LAST_OF_FOUR_DIGITS else f"\\U{code:08x}"


def _literal(sequence: re.Match[str]) -> str:
    """Double the sign that begins a sequence; several are told by number, for doubled they mean something else."""
    signs = sequence[1]
    return f"{signs * 2}{{" if len(signs) == 1 else "".join(f"\\u{ord(sign):04x}" for sign in signs) + "{"
