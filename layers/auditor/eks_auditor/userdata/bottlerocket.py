"""Reads Bottlerocket's settings."""

from typing import Any

from eks_auditor.userdata.bootstrap import refuse_declarations
from eks_auditor.userdata.encoding import decoded_text
from eks_auditor.userdata.joining import BOTTLEROCKET, Joining, UnreadableUserDataError, named
from eks_auditor.userdata.kubelet import check_labels, parse_taints

_LABELS, _TAINTS = "node-labels", "node-taints"

# What tomllib does with a dotted key grows with the square of its parts.
_MOST_DOTS = 100


def read_settings(text: str) -> Joining | None:
    """Return what ``settings.kubernetes`` says; None of settings that leave Kubernetes alone.

    Source: bottlerocket-os/bottlerocket, ``sources/api/schnauzer/src/helpers.rs``, ``join_node_taints``: each taint's
    text is what follows ``key=`` in kubelet's flag; one text instead of a list was the form before version 1.6.

    Args:
        text: The settings, TOML.

    Raises:
        UnreadableUserDataError: If it is no TOML, holds labels or taints that Kubernetes does not allow, or runs
            something at the start that speaks of them.
    """
    settings = _table(_parsed(text), "settings")
    if "kubernetes" not in settings:
        return None
    _refuse_started(settings)
    kubernetes = _table(settings, "kubernetes")
    labels = {key: _words(_LABELS, value)[0] for key, value in _table(kubernetes, _LABELS).items()}
    taints = [
        f"{key}={each}"
        for key, values in _table(kubernetes, _TAINTS).items()
        for each in _words(_TAINTS, *(values if isinstance(values, list) else [values]))
    ]
    if any("," in each for each in taints):
        raise _wrong(_TAINTS)
    cluster = kubernetes.get("cluster-name")
    return Joining(
        clusters=named(cluster) if isinstance(cluster, str) else frozenset(),
        labels=check_labels(labels),
        taints=parse_taints(",".join(taints)),
        form=BOTTLEROCKET,
    )


def _refuse_started(settings: dict[str, Any]) -> None:
    """Let commands and containers pass that run at the start and say nothing of labels and taints."""
    refuse_declarations(str(_table(settings, "bootstrap-commands")))
    containers = _table(settings, "bootstrap-containers")
    for name in containers:
        for content in _words("user-data", _table(containers, name).get("user-data", "")):
            refuse_declarations(decoded_text(content, "base64"))


def _parsed(text: str) -> dict[str, Any]:
    import tomllib  # noqa: PLC0415  20 ms of a cold start, and few fleets need it

    if any(line.count(".") > _MOST_DOTS for line in text.split("\n")):
        message = "a line of its TOML has too many dots"
        raise UnreadableUserDataError(message)
    try:
        return tomllib.loads(text)
    except ValueError:  # TOMLDecodeError, and numbers of too many digits
        pass
    message = "it is not the TOML that it seems to be"
    raise UnreadableUserDataError(message)


def _table(parent: dict[str, Any], key: str) -> dict[str, Any]:
    value = parent.get(key, {})
    if not isinstance(value, dict):
        raise _wrong(key)
    return value


def _words(key: str, *values: object) -> list[str]:
    words = [each for each in values if isinstance(each, str)]
    if len(words) != len(values):
        raise _wrong(key)
    return words


def _wrong(key: str) -> UnreadableUserDataError:
    return UnreadableUserDataError(f"the {key} in its Bottlerocket settings are of a wrong kind")
