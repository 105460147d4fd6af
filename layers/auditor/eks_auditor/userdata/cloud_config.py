"""Reads cloud-init's ``#cloud-config``: scripts that it writes and commands that it runs, eksctl's among them."""

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import replace

from eks_auditor.model.capacity import Taint
from eks_auditor.userdata.bootstrap import read_script, refuse_declarations
from eks_auditor.userdata.encoding import Room, decoded_text
from eks_auditor.userdata.joining import BOOTSTRAP_SH, Joining, UnreadableUserDataError, named, together
from eks_auditor.userdata.kubelet import UNTOLD, registration
from eks_auditor.userdata.nodeadm import configured_taints
from eks_auditor.userdata.yaml_text import Yaml, first_document

_COMMANDS = ("bootcmd", "runcmd")
_SHELLS = frozenset({"bash", "sh", "/bin/bash", "/bin/sh", "/usr/bin/bash"})

# eksctl's files. Source: eksctl-io/eksctl, pkg/nodebootstrap, userdata.go and assets; before version 0.45 the cluster's
# name was in metadata.env, since then it is in kubelet.env.
_EKSCTL = "/etc/eksctl/"
_EKSCTL_SCRIPTS = "/var/lib/cloud/scripts/eksctl/"
_KUBELET_ENV = f"{_EKSCTL}kubelet.env"
_METADATA_ENV = f"{_EKSCTL}metadata.env"
_EXTRA_CONFIG = f"{_EKSCTL}kubelet-extra.json"
_EKSCTL_OWN = (_EKSCTL, _EKSCTL_SCRIPTS, "/etc/systemd/system/kubelet.service.d/10-eksclt")
_HELPER = f"{_EKSCTL_SCRIPTS}bootstrap.helper.sh"
_ASKS_HELPER = re.compile(rf"(?<!\S)(?:source|\.)[ \t]+{re.escape(_HELPER)}")


def read_cloud_config(text: str, room: Room) -> Joining | None:
    """Return what a cloud-config comes to; None of one that says nothing of a kubelet.

    Args:
        text: The cloud-config.
        room: How much its files may unpack to.

    Raises:
        UnreadableUserDataError: If it is no YAML, or its scripts cannot be read.
    """
    config = first_document(text)
    if not isinstance(config, dict):
        return None
    files = [(path, room.take(content)) for path, content in _files(config.get("write_files"))]
    if any(path == _KUBELET_ENV for path, _ in files):
        return _by_eksctl(files, list(_commands(config)))
    scripts = [*(content for _, content in files), *_commands(config)]
    return together([joining for script in scripts if (joining := read_script(script)) is not None])


def _files(listed: Yaml) -> Iterator[tuple[str, str]]:
    """Yield the path and the content of each file that is written."""
    for file in listed if isinstance(listed, list) else ():
        if isinstance(file, dict) and isinstance(content := file.get("content"), str):
            encoding, path = file.get("encoding"), file.get("path")
            content = decoded_text(content, encoding) if isinstance(encoding, str) else content
            yield path if isinstance(path, str) else "", content


def _commands(config: dict[str, Yaml]) -> Iterator[str]:
    """Yield each command as a shell's line, or as the script that it gives a shell."""
    for key in _COMMANDS:
        listed = config.get(key)
        for command in listed if isinstance(listed, list) else ():
            if isinstance(command, str):
                yield command
            elif isinstance(command, list):
                yield _line([each if isinstance(each, str) else UNTOLD for each in command])


def _line(words: list[str]) -> str:
    if len(words) > 2 and words[0] in _SHELLS and words[1] == "-c":  # noqa: PLR2004  bash -c SCRIPT
        return words[2]
    return shlex.join(words)


def _by_eksctl(written: list[tuple[str, str]], commands: list[str]) -> Joining:
    """Read eksctl's own files; a bootstrap command of the user's counts instead of eksctl's."""
    own = [(path, content) for path, content in written if path.startswith(_EKSCTL_OWN)]
    files = dict(own)
    if len(files) < len(own):
        message = "it writes a file of eksctl's more than once"
        raise UnreadableUserDataError(message)
    for path, content in written:
        if path not in files:
            refuse_declarations(content)
    standard = _standard(files)
    found = [standard] if any(command.startswith(f"{_EKSCTL_SCRIPTS}bootstrap.") for command in commands) else []
    for command in commands:
        if not command.startswith(_EKSCTL_SCRIPTS):
            found += [joining for joining in [_own_command(command, files)] if joining is not None]
    joining = together(found)
    if joining is None:
        message = "it has eksctl's files and a bootstrap command that is not understood"
        raise UnreadableUserDataError(message)
    return replace(joining, clusters=joining.clusters | standard.clusters)


def _own_command(command: str, files: Mapping[str, str]) -> Joining | None:
    """Read a command of the user's: it has eksctl's variables if it asks for them, and leaves its files alone."""
    rest = _ASKS_HELPER.sub("", command)
    if _EKSCTL in rest or _EKSCTL_SCRIPTS in rest:
        message = "a command in it names a file of eksctl's, and may change it"
        raise UnreadableUserDataError(message)
    variables = _variables(files[_KUBELET_ENV])
    told = {**variables, "KUBELET_EXTRA_ARGS": _arguments(variables)}
    return read_script(command, told if rest != command else {})


def _standard(files: Mapping[str, str]) -> Joining:
    """Read what eksctl's own script starts kubelet with."""
    variables = _variables(files[_KUBELET_ENV])
    name = variables.get("CLUSTER_NAME") or _variables(files.get(_METADATA_ENV, "")).get("AWS_EKS_CLUSTER_NAME")
    said = registration(_arguments(variables))
    taints = _extra_taints(files) if said.taints is None else said.taints
    return Joining(clusters=named(name), labels=said.labels, taints=taints, form=BOOTSTRAP_SH)


def _arguments(variables: Mapping[str, str]) -> str:
    labels, taints = variables.get("NODE_LABELS", ""), variables.get("NODE_TAINTS", "")
    return f"--node-labels={labels}" + (f" --register-with-taints={taints}" if taints else "")


def _variables(text: str) -> dict[str, str]:
    """Read lines of ``NAME=value``, which eksctl writes without quotes."""
    pairs = (line.partition("=") for line in text.split("\n"))
    return {name: value.strip() for name, equals, value in pairs if equals}


def _extra_taints(files: Mapping[str, str]) -> tuple[Taint, ...]:
    """Return the taints of the configuration that eksctl's script merges into kubelet's."""
    extra = first_document(files.get(_EXTRA_CONFIG, "{}"))
    return configured_taints(extra) if isinstance(extra, dict) else ()
