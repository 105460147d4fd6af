"""Tags as every tool reads them, whatever is in them."""

import json
import re
import shlex

import yaml
from hypothesis import given
from hypothesis import strategies as st

from eks_auditor.report.tag_formats import adding_command, eksctl_tags, removing_command, terraform_map


def added(command: str) -> dict[str, str]:
    """Read a command that adds tags as a shell and the AWS CLI do."""
    words = shlex.split(command)
    assert words[:5] == ["aws", "autoscaling", "create-or-update-tags", "--region", "eu-west-1"]
    [value] = words[words.index("--tags") + 1 :]
    listed = json.loads(value)
    assert {(each["ResourceType"], each["PropagateAtLaunch"]) for each in listed} == {("auto-scaling-group", False)}
    return {each["Key"]: each["Value"] for each in listed}


def of_hcl(text: str) -> dict[str, str]:
    """Read a map of quoted strings as HCL does; a template sequence in one is an error."""
    assert text.startswith("{\n")
    assert text.endswith("\n}")
    quoted = r'"((?:[^"\\]|\\.)*)"'
    pairs = [re.fullmatch(rf"  {quoted} = {quoted}", line) for line in text.splitlines()[1:-1]]
    return {unquoted(match[1]): unquoted(match[2]) for match in pairs if match}


def unquoted(text: str) -> str:
    assert not re.search(r"(?<![$%])[$%]\{", text), "a template sequence"
    text = text.replace("$${", "${").replace("%%{", "%{")
    escapes = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}
    pattern = r"\\(?:u([0-9a-f]{4})|U([0-9a-f]{8})|(.))"
    return re.sub(pattern, lambda m: escapes[m[3]] if m[3] else chr(int(m[1] or m[2], 16)), text)


AWS_TEXT = st.text(
    st.characters(min_codepoint=0x20, max_codepoint=0x1FFFF, exclude_categories=["Cs"])
    | st.sampled_from("\r\n\t$%{}\"'\\,= ")
)


@given(st.dictionaries(AWS_TEXT.filter(bool), AWS_TEXT, min_size=1, max_size=4), AWS_TEXT.filter(bool), st.booleans())
def test_any_tags_come_back_from_every_tools_text(tags: dict[str, str], group: str, managed: bool) -> None:  # noqa: FBT001  drawn
    command = adding_command(tags, group=group, region="eu-west-1")
    assert added(command) == tags
    assert of_hcl(terraform_map(tags)) == tags
    assert yaml.safe_load(eksctl_tags(tags, managed=managed)) == {"propagateASGTags": managed, "tags": tags}
    texts = (command, terraform_map(tags), eksctl_tags(tags, managed=managed))
    assert all(line.isascii() and line.isprintable() for text in texts for line in text.split("\n"))
    assert len(terraform_map(tags).split("\n")) == len(tags) + 2, "a value that brings its own lines"
    [listed] = json.loads(shlex.split(removing_command(["a,b"], group=group, region="eu-west-1"))[-1:][0])
    assert (listed["ResourceId"], listed["Key"]) == (group, "a,b")
