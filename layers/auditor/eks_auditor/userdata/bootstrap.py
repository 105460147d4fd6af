"""Reads shell scripts for calls of ``/etc/eks/bootstrap.sh``, which the images of Amazon Linux 2 and Ubuntu have."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from eks_auditor.userdata.joining import BOOTSTRAP_SH, Joining, UnreadableUserDataError, named, together
from eks_auditor.userdata.kubelet import UNTOLD, UNTOLD_WORDS, registration
from eks_auditor.userdata.shell import Script, parse_script

_SCRIPT = "/etc/eks/bootstrap.sh"
_EXTRA = "--kubelet-extra-args"

# Its flags, of all its versions; each takes a value.
_FLAGS = frozenset(
    {_EXTRA, "--apiserver-endpoint", "--aws-api-retry-attempts", "--b64-cluster-ca", "--cluster-id"}
    | {"--container-runtime", "--containerd-config-file", "--dns-cluster-ip", "--docker-config-json"}
    | {"--enable-docker-bridge", "--enable-local-outpost", "--ip-family", "--local-disks", "--mount-bpf-fs"}
    | {"--pause-container-account", "--pause-container-version", "--service-ipv4-cidr", "--service-ipv6-cidr"}
    | {"--use-max-pods"}
)

# Commands that look at the script, or change it, and do not run it.
_NO_CALLS = frozenset(
    {"[", "[[", "awk", "aws", "cat", "chmod", "chown", "cp", "curl", "diff", "echo", "grep", "install", "ln", "ls"}
    | {"mv", "perl", "rm", "sed", "tee", "test"}
)

# What else tells kubelet of labels and taints, or may: another way to start it, which is not read.
_DECLARES = re.compile(
    r"node[-_]labels|node[-_]taints|register[-_]with[-_]taints|registerWithTaints|kubelet[-_]extra[-_]args"
    r"|KubeletExtraArgs|nodeadm[-_]kubelet[-_]args|nodeadm init|nodeadm\.d|node\.eks\.aws|/etc/eks/kubelet"
    r"|config\.json\.d|kubectl\b(?:(?!kubectl)(?:\\\n|[^\n]))*\b(?:label|taint)s?\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class _Call:
    """One call: the cluster's name, None where it is not told, and the kubelet's extra arguments in one line."""

    cluster: str | None
    extra: str


def read_script(text: str, variables: Mapping[str, str] | None = None) -> Joining | None:
    """Return what a shell script's calls of bootstrap.sh come to; None of a script that says nothing of a kubelet.

    Args:
        text: The script.
        variables: The values of variables that it has from elsewhere.

    Raises:
        UnreadableUserDataError: If the labels or taints depend on what only the instance knows, or it speaks of them
            outside such a call.
    """
    if _SCRIPT not in text and not _DECLARES.search(text):
        return None
    script = parse_script(text, variables)
    found = []
    for words in script.commands:
        arguments = _arguments(words)
        if arguments is None:
            refuse_declarations(" ".join(words))
        else:
            found.append(_joining(_called(arguments)))
    for document in script.documents:
        refuse_declarations(document)
    for inner in _inner_scripts(script):
        if any(_SCRIPT in words for words in inner.commands):
            message = "it calls bootstrap.sh out of another script"
            raise UnreadableUserDataError(message)
    return together(found)


def refuse_declarations(text: str) -> None:
    """Let text pass that says nothing of a node's labels and taints.

    Raises:
        UnreadableUserDataError: If it seems to.
    """
    if _DECLARES.search(text):
        message = "it speaks of a kubelet's labels, taints or arguments in a way that is not understood"
        raise UnreadableUserDataError(message)


def bootstrapped(text: str) -> Iterator[str]:
    """Yield the names of the clusters that a script joins, also out of scripts inside it; never raises."""
    script = parse_script(text if _SCRIPT in text else "")
    for words in (words for each in (script, *_inner_scripts(script)) for words in each.commands):
        arguments = _arguments(words)
        if arguments is not None:
            yield from named(_cluster(arguments))


def _inner_scripts(script: Script) -> Iterator[Script]:
    """Yield the scripts inside a script that name bootstrap.sh: its documents, and words such as ``bash -c`` takes."""
    yield from (parse_script(document) for document in script.documents if _SCRIPT in document)
    for words in script.commands:
        if not _NO_CALLS.intersection(words):
            yield from (parse_script(word) for word in words if _SCRIPT in word and word != _SCRIPT)


def _arguments(words: Sequence[str]) -> Sequence[str] | None:
    """Return what a command gives bootstrap.sh; None if it does not call it."""
    if _SCRIPT not in words:
        return None
    place = words.index(_SCRIPT)
    return None if _NO_CALLS.intersection(words[:place]) else words[place + 1 :]


def _called(arguments: Sequence[str]) -> _Call:
    """Read arguments as the script does: every flag of it takes the next word; the first that is left is the name.

    What only the instance knows may be the name, if it is the only word that is left. Outside double quotes it may be
    flags as well, so labels are told only where the call has kubelet's arguments too.

    Source: awslabs/amazon-eks-ami, ``templates/al2/runtime/bootstrap.sh``.
    """
    extra, loose = None, list[str]()
    words = iter(arguments)
    for word in words:
        if word == _EXTRA:
            extra = next(words, "")
            continue
        refuse_declarations(word)  # also --kubelet-extra-args=…, which the script does not take for its flag
        if word in _FLAGS:
            refuse_declarations(next(words, ""))
        else:
            loose.append(word)
    several = len(loose) > 1 or (extra is None and any(UNTOLD_WORDS in word for word in loose))
    if several and any(UNTOLD in word for word in loose):
        message = "it gives bootstrap.sh arguments from a variable or a command that only the instance knows"
        raise UnreadableUserDataError(message)
    return _Call(loose[0] if loose else None, extra or "")


def _cluster(arguments: Sequence[str]) -> str | None:
    words = iter(arguments)
    for word in words:
        if word not in _FLAGS:
            return word
        next(words, None)
    return None


def _joining(call: _Call) -> Joining:
    said = registration(call.extra)
    return Joining(clusters=named(call.cluster), labels=said.labels, taints=said.taints or (), form=BOOTSTRAP_SH)
