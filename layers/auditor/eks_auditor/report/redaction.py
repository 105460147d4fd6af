"""Takes account ids and names out of a snapshot, so that it can be shown to strangers and still judges the same.

The same name becomes the same pseudonym everywhere, and pseudonyms sort as the names did. What AWS and Kubernetes name
stays: ids of instances, images, subnets and templates, zones, types, AWS's own images, the keys of their labels and
tags. Values of other labels and tags become words that differ where they differed. Free text keeps its wording, without
the names and account ids in it.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

from eks_auditor.model.capacity import (
    UNRESOLVED,
    Capacity,
    FailedLaunch,
    HealthIssue,
    LaunchConfig,
    ManagedNodeGroup,
    MissingReference,
    Node,
    ScalingGroup,
    ScalingPolicy,
    ScheduledAction,
    Taint,
    TemplateUse,
    UpdateError,
)
from eks_auditor.model.cluster import Cluster, ClusterId
from eks_auditor.model.gap import Gap
from eks_auditor.model.release import Image
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.policy.tags import KEYS as EXEMPTION_TAGS
from eks_auditor.report.names import (
    ACCOUNT,
    ARN,
    ARN_WORDS,
    AUTOSCALER,
    AWS,
    MEMBER,
    is_id,
    parameter_of,
    pseudonyms_of,
)
from eks_auditor.report.pseudonyms import Pseudonyms
from eks_auditor.spread.siblings import IGNORED_LABELS

_LABEL = f"{AUTOSCALER}node-template/label/"
_TAINT = f"{AUTOSCALER}node-template/taint/"
_RESOURCE = f"{AUTOSCALER}node-template/resources/"
_TEMPLATE = f"{AUTOSCALER}node-template/"
_KNOWN_PREFIXES = ("aws:", "eks:")
_KNOWN_DOMAINS = (
    "amazonaws.com/",
    "csi.aws.com/",
    "eksctl.io/",
    "k8s.aws/",
    "k8s.io/",
    "karpenter.sh/",
    "kubernetes.io/",
)
_MAKERS = ("amd.com/", "aws.amazon.com/", "habana.ai/", "nvidia.com/")
"""Whose devices a resource, and the labels and taints beside it, are named after."""

_PLAIN = re.compile(
    r"true|false|enabled|disabled|owned|shared|[\d.]*[A-Za-z]{0,2}|No(Schedule|Execute)|PreferNoSchedule"
)
"""Values that say nothing about whose they are: switches, quantities, effects."""

_EXEMPTION = re.compile(r"\d{4}-\d{2}-\d{2}|[A-Z]+\d{3}([\s+,]+[A-Z]+\d{3})*")
"""A day, or ids of checks."""

_IMAGE_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_IMAGE_WORDS = re.compile(
    r"aarch64|al2|al2023|amazon|arm64|aws|bottlerocket|containerd|core|eks|eks_optimized|english|fips|full|gpu|"
    r"k8s|k8s_\d+|kubernetes|linux|neuron|node|nvidia|standard|v\d+|version|windows_server|x86_64|[0-9a-f]{6,}",
    re.IGNORECASE,
)
"""What tells an image's family, variant, architecture and Kubernetes minor, whoever built it; hexadecimal: a commit."""


def redacted(snapshot: Snapshot) -> Snapshot:
    """Return the snapshot without account ids and names; redacting twice changes nothing that matters."""
    redaction = _Redaction(pseudonyms_of(snapshot), snapshot.cluster.id.region)
    result: Snapshot = redaction.of(snapshot)
    live = snapshot.live_clusters
    return result if isinstance(live, Gap) else replace(result, live_clusters=frozenset(map(redaction.name, live)))


class _Redaction:
    """Rebuilds a snapshot, object by object."""

    def __init__(self, pseudonyms: Pseudonyms, region: str) -> None:
        self._pseudonyms = pseudonyms
        # Zones are told by their form, as sibling sets tell them.
        self._place = re.compile(rf"{re.escape(region)}(-[a-z0-9-]+)?[a-z]?|[a-z]{{2,5}}\d+(-[a-z0-9]+)*-(az|wlz)\d+")
        self._rules: Mapping[type, Callable[[Any], dict[str, Any]]] = {
            ClusterId: self._cluster_id,
            Cluster: self._cluster,
            ScalingGroup: self._group,
            ScalingPolicy: self._scaler,
            ScheduledAction: self._scaler,
            Node: self._node,
            Taint: self._taint,
            HealthIssue: self._issue,
            FailedLaunch: self._launch_failure,
            LaunchConfig: self._launch,
            TemplateUse: self._template,
            MissingReference: self._missing,
            UpdateError: self._update_error,
            Snapshot: self._snapshot,
            Gap: self._gap,
            Image: self._image,
        }

    def of(self, value: Any) -> Any:  # noqa: ANN401  returns what it was given, of the same type
        """Redact an object and all that is in it. A field that is not named here holds AWS's or Kubernetes' words."""
        if isinstance(value, tuple):
            return tuple(map(self.of, value))
        if isinstance(value, Mapping):
            return {key: self.of(each) for key, each in value.items()}
        if not is_dataclass(value) or isinstance(value, type):
            return value
        own = self._own(value)
        others = {f.name: self.of(getattr(value, f.name)) for f in fields(value) if f.name not in own and f.init}
        return replace(value, **others, **own)

    def name(self, name: str) -> str:
        """Return a name's pseudonym."""
        return self._pseudonyms.name(name)

    def _own(self, value: Any) -> dict[str, Any]:  # noqa: ANN401  any of the model's objects
        """Return the fields of an object that hold names or free text, redacted."""
        rule = self._rules.get(type(value))
        if rule is not None:
            return rule(value)
        return self._capacity(value) if isinstance(value, Capacity) else {}

    def _snapshot(self, snapshot: Snapshot) -> dict[str, Any]:
        return {"images": {self._image_id(each): self.of(image) for each, image in snapshot.images.items()}}

    def _cluster_id(self, cluster: ClusterId) -> dict[str, Any]:
        return {"account": self._pseudonyms.account(cluster.account), "name": self.name(cluster.name)}

    def _cluster(self, cluster: Cluster) -> dict[str, Any]:
        identity = cluster.autoscaler_identity
        return {
            "autoscaler_identity": self._text(identity) if isinstance(identity, str) else self.of(identity),
            "tags": self._tags(cluster.tags),
        }

    def _group(self, group: ScalingGroup) -> dict[str, Any]:
        return {"name": self.name(group.name), "arn": self._text(group.arn), "tags": self._tags(group.tags)}

    def _scaler(self, scaler: ScalingPolicy | ScheduledAction) -> dict[str, Any]:
        return {"name": self.name(scaler.name)}

    def _node(self, node: Node) -> dict[str, Any]:
        return {"tags": self._tags(node.tags)}

    def _taint(self, taint: Taint) -> dict[str, Any]:
        return {"key": self._key(taint.key), "value": self._value(taint.key, taint.value)}

    def _issue(self, issue: HealthIssue) -> dict[str, Any]:
        return {"message": self._text(issue.message), "resource_ids": tuple(map(self._text, issue.resource_ids))}

    def _launch_failure(self, failure: FailedLaunch) -> dict[str, Any]:
        return {"message": self._text(failure.message)}

    def _launch(self, launch: LaunchConfig) -> dict[str, Any]:
        return {
            "pins": tuple(map(self._text, launch.pins)),
            "image_ids": tuple(map(self._image_id, launch.image_ids)),
            "configuration": launch.configuration and self.name(launch.configuration),
            "reservations": tuple(map(self._reservation, launch.reservations)),
        }

    def _reservation(self, named: str) -> str:
        """Redact the ARN of a resource group of reservations; a reservation's own id stays."""
        return self._text(named) if named.startswith("arn:") else named

    def _image_id(self, image_id: str) -> str:
        parameter = parameter_of(image_id)
        return UNRESOLVED + self._text(parameter) if parameter else image_id

    def _template(self, template: TemplateUse) -> dict[str, Any]:
        return {"name": self.name(template.name)}

    def _missing(self, reference: MissingReference) -> dict[str, Any]:
        return {"id": self._text(reference.id)}

    def _update_error(self, error: UpdateError) -> dict[str, Any]:
        return {"message": self._text(error.message), "resource_ids": tuple(map(self._text, error.resource_ids))}

    def _gap(self, gap: Gap) -> dict[str, Any]:
        code, colon, message = gap.error.partition(":")
        return {"resource": self._text(gap.resource), "error": code + colon + self._text(message)}

    def _image(self, image: Image) -> dict[str, Any]:
        if image.owner_alias == AWS:
            return {}
        return {
            "owner_id": self._pseudonyms.account(image.owner_id),
            "name": self._image_text(image.name),
            "description": self._image_text(image.description),
            "tags": {key: self._image_tag(image.tags[key]) for key in sorted(image.tags)},
        }

    def _image_tag(self, value: str) -> str:
        """Redact what a builder noted of its image: an image's id or name, or the ARN of its own image."""
        if value.startswith("arn:"):
            return self._text(value)
        return value if is_id(value) else self._image_text(value)

    def _capacity(self, capacity: Capacity) -> dict[str, Any]:
        own: dict[str, Any] = {"name": self.name(capacity.name), "arn": self._text(capacity.arn)}
        labels = getattr(capacity, "labels", None)
        if isinstance(labels, Mapping):
            own["labels"] = {self._key(key): self._value(key, labels[key]) for key in sorted(labels)}
        if isinstance(capacity, ManagedNodeGroup):
            own["tags"] = self._tags(capacity.tags)
        return own

    def _tags(self, tags: Mapping[str, str]) -> dict[str, str]:
        return dict(self._tag(key, tags[key]) for key in sorted(tags))

    def _tag(self, key: str, value: str) -> tuple[str, str]:
        for prefix in (_LABEL, _RESOURCE):
            if key.startswith(prefix):
                name = key.removeprefix(prefix)
                is_quantity = prefix == _RESOURCE and _PLAIN.fullmatch(value)  # even where a group is named "1"
                return prefix + self._key(name), value if is_quantity else self._value(name, value)
        if key.startswith(_TAINT):
            taint = key.removeprefix(_TAINT)
            given, colon, effect = value.partition(":")
            return _TAINT + self._key(taint), self._value(taint, given) + colon + effect
        if key.startswith(_TEMPLATE) or key in EXEMPTION_TAGS:
            # Which checks are accepted until when is judged by; who accepts them, and why, are names and free text.
            said = key in EXEMPTION_TAGS and (_EXEMPTION.fullmatch(value) or not value.strip())
            return key, value if said else self._value("", value)
        for prefix in (MEMBER, AUTOSCALER):
            if key.startswith(prefix):
                rest = key.removeprefix(prefix)
                return prefix + (self._text(rest) if "/" in rest else self.name(rest)), self._value("", value)
        if key.startswith(_KNOWN_PREFIXES) or any(domain in key for domain in _KNOWN_DOMAINS):
            return self._pseudonyms.inside(key), self._value("", value)
        return self._pseudonyms.word("tag", key), self._value("", value)

    def _key(self, key: str) -> str:
        """Redact the key of a label, taint or resource: those of AWS and Kubernetes, and bare words, are no names."""
        if key in IGNORED_LABELS or key.startswith(_MAKERS):
            return key
        if "/" not in key or any(domain in key for domain in _KNOWN_DOMAINS):
            return self._pseudonyms.inside(key)
        return self._pseudonyms.word("label", key)

    def _value(self, key: str, value: str) -> str:
        """Redact the value of a label, a taint or a tag."""
        if self._pseudonyms.knows(value):
            return self.name(value)
        if self._place.fullmatch(value) or _PLAIN.fullmatch(value) or is_id(value):
            return self._pseudonyms.inside(value)
        if any(domain in key for domain in _KNOWN_DOMAINS):
            return self._text(value)
        return self._pseudonyms.word("value", value)

    def _text(self, text: str) -> str:
        if self._pseudonyms.knows(text):
            return self.name(text)
        parts: list[str] = []
        end = 0
        for arn in ARN.finditer(text):
            parts += [self._pseudonyms.inside(text[end : arn.start()]), self._arn(arn.group())]
            end = arn.end()
        return "".join([*parts, self._pseudonyms.inside(text[end:])])

    def _arn(self, arn: str) -> str:
        """Redact the account and the names of an ARN: whatever they are, the words around them stay."""
        *head, account, resource = arn.split(":", 5)
        kind, *parts = re.split(r"([:/])", resource)
        known = [self.name(part) if self._pseudonyms.knows(part) and part not in ARN_WORDS else part for part in parts]
        return ":".join([*head, self._pseudonyms.account(account), kind + "".join(known)])

    def _image_text(self, text: str) -> str:
        """Keep of an image's name or description what tells what it is: AWS's words, and versions."""
        return _IMAGE_WORD.sub(_image_word, ACCOUNT.sub(lambda found: self._pseudonyms.account(found.group()), text))


def _image_word(found: re.Match[str]) -> str:
    return found.group() if _IMAGE_WORDS.fullmatch(found.group()) else "x"
