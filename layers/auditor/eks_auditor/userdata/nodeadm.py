"""Reads nodeadm's NodeConfig, with which nodes of Amazon Linux 2023 join."""

from collections.abc import Iterable

from eks_auditor.model.capacity import Taint
from eks_auditor.userdata.joining import NODE_CONFIG, Joining, UnreadableUserDataError, named
from eks_auditor.userdata.kubelet import check_taints, registration
from eks_auditor.userdata.yaml_text import Yaml, first_document

MEDIA_TYPE = "application/node.eks.aws"
GROUP = "node.eks.aws"

_FLAGS, _TAINTS = "flags", "registerWithTaints"
_VERSION = f"{GROUP}/v1alpha1"


def read_node_configs(texts: Iterable[str]) -> Joining:
    """Return what one or more NodeConfigs come to, as nodeadm merges them.

    Flags of all are taken one after the other; of the cluster's name and of each field of the kubelet's configuration
    the last that is not empty counts. kubelet's flags come before its configuration. Source: awslabs/amazon-eks-ami,
    ``nodeadm/internal/api/merge.go``, ``nodeadm/internal/configprovider/mime.go``,
    ``nodeadm/internal/kubelet/environment.go``.

    Args:
        texts: The documents, YAML or JSON, in their order.

    Raises:
        UnreadableUserDataError: If one is no NodeConfig of version v1alpha1, or has fields of a wrong kind.
    """
    name, flags, taints = None, list[str](), tuple[Taint, ...]()
    for text in texts:
        spec = _spec(text)
        kubelet = _mapping(spec, "kubelet")
        name = _text(_mapping(spec, "cluster"), "name") or name
        flags += _flags(kubelet)
        taints = configured_taints(_mapping(kubelet, "config")) or taints
    said = registration(" ".join(flags))
    kept = taints if said.taints is None else said.taints
    return Joining(clusters=named(name), labels=said.labels, taints=kept, form=NODE_CONFIG)


def configured_taints(config: dict[str, Yaml]) -> tuple[Taint, ...]:
    """Return the ``registerWithTaints`` of a kubelet's configuration.

    Source: kubernetes/kubernetes, ``pkg/kubelet/apis/config/validation/validation.go``.

    Raises:
        UnreadableUserDataError: If they are not such as Kubernetes allows.
    """
    listed = _list(config, _TAINTS)
    taints = [each for each in listed if isinstance(each, dict)]
    if len(taints) != len(listed):
        raise _wrong(_TAINTS)
    return check_taints(tuple(_taint(each) for each in taints))


def cluster_name(text: str) -> frozenset[str]:
    """Return the cluster that one document joins, whatever else is wrong with it; never raises."""
    try:
        return named(_text(_mapping(_spec(text), "cluster"), "name"))
    except UnreadableUserDataError:
        return frozenset()


def _spec(text: str) -> dict[str, Yaml]:
    document = first_document(text)
    if not isinstance(document, dict) or (document.get("apiVersion"), document.get("kind")) != (_VERSION, NODE_CONFIG):
        message = f"it has a part for nodeadm that is no NodeConfig of {_VERSION}"
        raise UnreadableUserDataError(message)
    return _mapping(document, "spec")


def _mapping(parent: dict[str, Yaml], key: str) -> dict[str, Yaml]:
    value = parent.get(key)
    if value is not None and not isinstance(value, dict):
        raise _wrong(key)
    return value or {}


def _list(parent: dict[str, Yaml], key: str) -> list[Yaml]:
    value = parent.get(key)
    if value is not None and not isinstance(value, list):
        raise _wrong(key)
    return value or []


def _text(parent: dict[str, Yaml], key: str) -> str:
    value = parent.get(key, "")
    if not isinstance(value, str):
        raise _wrong(key)
    return value


def _flags(kubelet: dict[str, Yaml]) -> list[str]:
    listed = _list(kubelet, _FLAGS)
    flags = [each for each in listed if isinstance(each, str)]
    if len(flags) != len(listed):
        raise _wrong(_FLAGS)
    return flags


def _taint(fields: dict[str, Yaml]) -> Taint:
    return Taint(key=_text(fields, "key"), value=_text(fields, "value"), effect=_text(fields, "effect"))


def _wrong(field: str) -> UnreadableUserDataError:
    return UnreadableUserDataError(f"a kubelet's or cluster's {field} in it is of a wrong kind")
