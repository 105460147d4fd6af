"""What kubelet makes of its flags and its configuration: the labels and taints that it registers a node with."""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from eks_auditor.model.capacity import Taint
from eks_auditor.userdata.joining import UnreadableUserDataError

UNTOLD = "\0"
"""Stands, in words of a script, for what only the instance knows: the value of a variable, the output of a command."""

UNTOLD_WORDS = f"{UNTOLD}\1"
"""The same where it may be any number of words, or none: a shell splits what stands outside double quotes."""

_NODE_LABELS = "--node-labels"
_TAINTS = "--register-with-taints"
_EFFECTS = frozenset({"NoSchedule", "PreferNoSchedule", "NoExecute"})

# Qualified names and label values: k8s.io/apimachinery, pkg/util/validation.
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
_PREFIX = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*")
_LONGEST_PREFIX = 253

# What kubelet may say of itself inside Kubernetes' own namespaces: k8s.io/kubelet, pkg/apis/well_known_labels.go.
_RESERVED = ("kubernetes.io", "k8s.io")
_ALLOWED_PREFIXES = ("kubelet.kubernetes.io", "node.kubernetes.io")
_ALLOWED = frozenset(
    {
        "kubernetes.io/hostname",
        "kubernetes.io/os",
        "kubernetes.io/arch",
        "kubernetes.io/instance-type",
        "beta.kubernetes.io/os",
        "beta.kubernetes.io/arch",
        "beta.kubernetes.io/instance-type",
        "topology.kubernetes.io/zone",
        "topology.kubernetes.io/region",
        "failure-domain.kubernetes.io/zone",
        "failure-domain.kubernetes.io/region",
        "failure-domain.beta.kubernetes.io/zone",
        "failure-domain.beta.kubernetes.io/region",
    }
)


@dataclass(frozen=True, slots=True)
class Registration:
    """What kubelet's flags say of the node.

    Attributes:
        labels: From ``--node-labels``.
        taints: From ``--register-with-taints``; None where no such flag is there, which is not the same as an empty
            one: a flag of kubelet's, even an empty one, replaces what its configuration says.
    """

    labels: Mapping[str, str]
    taints: tuple[Taint, ...] | None


def registration(line: str) -> Registration:
    """Read kubelet's flags, in one line as systemd splits it: at white space, quotes respected.

    A repeated ``--node-labels`` adds to the former, later values win; a repeated ``--register-with-taints`` replaces
    it. Source: kubernetes/kubernetes, ``cmd/kubelet/app/options/options.go`` (both flags; names may be written with
    ``_``), ``component-base/cli/flag/configuration_map.go``, ``pkg/util/flag/flags.go``.

    Args:
        line: The flags, with :data:`UNTOLD` for what only the instance knows.

    Raises:
        UnreadableUserDataError: If labels or taints may come from what only the instance knows, or kubelet refuses
            them.
    """
    labels: dict[str, str] = {}
    taints = None
    for name, value in _flags(line):
        if name == _NODE_LABELS:
            labels |= _labels(value)
        else:
            taints = parse_taints(value)
    return Registration(check_labels(labels), taints)


def _flags(line: str) -> Iterator[tuple[str, str]]:
    """Yield the two flags that matter, with their values."""
    words = iter(_split(line))
    awaits = False
    for word in words:
        name, equals, value = word.partition("=")
        awaited, awaits = awaits, word.startswith("-") and not equals
        if not word.startswith("-") and not awaited and UNTOLD not in word:
            message = "its kubelet's flags have a word among them that is none, and kubelet takes no others"
            raise UnreadableUserDataError(message)
        if UNTOLD in name:
            message = "its kubelet's flags come from a variable or a command that only the instance knows"
            raise UnreadableUserDataError(message)
        name = name.replace("_", "-")
        if name not in (_NODE_LABELS, _TAINTS):
            continue
        given, awaits = value if equals else next(words, None), False
        if given is None:
            message = f"its kubelet's last flag is {name} without a value"
            raise UnreadableUserDataError(message)
        if UNTOLD in given:
            message = f"its kubelet's {name} come from a variable or a command that only the instance knows"
            raise UnreadableUserDataError(message)
        yield name, given


def _split(line: str) -> Sequence[str]:
    if "\n" in line:  # systemd reads them out of one line of a file, whatever quotes are around them
        message = "its kubelet's flags have a line break in them"
        raise UnreadableUserDataError(message)
    try:
        words = shlex.split(line)
    except ValueError:
        words = None
    if words is None:
        message = "its kubelet's flags have a quote that never closes"
        raise UnreadableUserDataError(message)
    return words


def _labels(value: str) -> dict[str, str]:
    """Read ``a=b,c=d`` as kubelet's flag does: a key without ``=`` has an empty value."""
    pairs = (pair.partition("=") for pair in value.split(",") if pair)
    return {key.strip(): text.strip() for key, _, text in pairs}


def check_labels(labels: Mapping[str, str]) -> Mapping[str, str]:
    """Return labels that kubelet starts with.

    Source: kubernetes/kubernetes, ``cmd/kubelet/app/options/options.go``, ``ValidateKubeletFlags``.

    Raises:
        UnreadableUserDataError: If kubelet refuses one: it would not start, so no node has these labels.
    """
    if not all(_is_qualified(key) and _is_value(value) for key, value in labels.items()):
        message = "its node labels are not all such as Kubernetes allows"
        raise UnreadableUserDataError(message)
    if not all(_may_set(key) for key in labels):
        message = "its node labels include one under kubernetes.io or k8s.io that a kubelet may not set"
        raise UnreadableUserDataError(message)
    return labels


def parse_taints(value: str) -> tuple[Taint, ...]:
    """Read ``key=value:Effect,key:Effect`` as kubelet's flag does; what ends in ``-`` is a removal, and dropped.

    Source: kubernetes/kubernetes, ``pkg/util/taints/taints.go``, ``ParseTaints`` and ``parseTaint``.

    Raises:
        UnreadableUserDataError: If kubelet refuses one.
    """
    if not value:
        return ()
    return check_taints(tuple(_taint(spec) for spec in value.split(",") if not spec.endswith("-")))


def _taint(spec: str) -> Taint:
    named, _, effect = spec.partition(":")
    key, _, value = named.partition("=")
    return Taint(key=key, value=value, effect=effect)


def check_taints(taints: tuple[Taint, ...]) -> tuple[Taint, ...]:
    """Return taints that kubelet starts with and a node may have.

    Raises:
        UnreadableUserDataError: If one has a key, a value or an effect that Kubernetes does not allow, or two have
            the same key and effect.
    """
    allowed = all(_is_qualified(each.key) and _is_value(each.value) and each.effect in _EFFECTS for each in taints)
    if not allowed or len({(each.key, each.effect) for each in taints}) != len(taints):
        message = "its taints are not all such as Kubernetes allows"
        raise UnreadableUserDataError(message)
    return taints


def _is_qualified(key: str) -> bool:
    prefix, slash, name = key.rpartition("/")
    in_order = not slash or (len(prefix) <= _LONGEST_PREFIX and _PREFIX.fullmatch(prefix) is not None)
    return in_order and _NAME.fullmatch(name) is not None


def _is_value(value: str) -> bool:
    return not value or _NAME.fullmatch(value) is not None


def _may_set(key: str) -> bool:
    prefix = key.rpartition("/")[0]
    return key in _ALLOWED or not _is_below(prefix, _RESERVED) or _is_below(prefix, _ALLOWED_PREFIXES)


def _is_below(prefix: str, namespaces: tuple[str, ...]) -> bool:
    return any(prefix == each or prefix.endswith(f".{each}") for each in namespaces)
