"""The nodes of a group for machines: the one that Cluster Autoscaler expects, the one that comes up, and what mends it.

The document is a contract, versioned, described in ``docs/autoscaler.md`` and by a JSON Schema: within one
``schema_version`` keys may be added, and none is renamed, removed or given another meaning.
"""

import json
from typing import Annotated, Final, Literal, TypedDict

from pydantic import Field

from eks_auditor.autoscaler.node_template import NodeTemplate
from eks_auditor.autoscaler.quantity import quantity_text
from eks_auditor.model.gap import Gap
from eks_auditor.report.compared_template import ComparedTemplate
from eks_auditor.report.instants import text_of
from eks_auditor.report.json_document import GapDocument

SCHEMA_VERSION: Final = 1

type _Text = Annotated[str, Field(min_length=1)]
type _Count = Annotated[int, Field(ge=0)]


class ComparedClusterDocument(TypedDict):
    """The cluster that the group is in."""

    arn: _Text
    account: Annotated[str, Field(pattern=r"^\d{12}$")]
    region: _Text
    name: _Text
    kubernetes_version: Annotated[_Text, Field(description="The control plane's minor, such as 1.35")]


class CapacityDocument(TypedDict):
    """The source of nodes."""

    kind: Literal["managed", "self-managed"]
    name: _Text
    arn: _Text


class ScalingGroupDocument(TypedDict):
    """Its Auto Scaling group."""

    name: _Text
    arn: _Text
    min_size: _Count
    max_size: _Count
    desired: _Count
    in_service: Annotated[_Count, Field(description="Its instances in service")]


class LabelDocument(TypedDict):
    """A label of a node."""

    key: str
    value: str
    source: Annotated[str | None, Field(description="Where it comes from, in words")]


class TaintDocument(TypedDict):
    """A taint of a node."""

    key: str
    value: str
    effect: Annotated[str, Field(description="NoSchedule, NoExecute or PreferNoSchedule, or what a tag says instead")]
    source: Annotated[str | None, Field(description="Where it comes from, in words")]


class ResourceDocument(TypedDict):
    """A resource of a node."""

    name: str
    quantity: Annotated[str, Field(description="Of Kubernetes' base unit: cores, bytes, pieces")]
    source: Annotated[str | None, Field(description="Where it comes from, in words")]


class NodeDocument(TypedDict):
    """A node that does not run yet."""

    instance_type: Annotated[str | None, Field(description="Null where requirements say what it is")]
    zone: Annotated[str | None, Field(description="The account's name for its zone; null where it may be any")]
    labels: Annotated[list[LabelDocument], Field(description="Ordered by key")]
    taints: list[TaintDocument]
    resources: Annotated[list[ResourceDocument], Field(description="Ordered by name")]


class SideDocument(TypedDict):
    """A node, or why it is not known."""

    node: Annotated[NodeDocument | None, Field(description="Null where it could not be read")]
    gap: Annotated[GapDocument | None, Field(description="What could not be read; null where it could")]


class DifferenceDocument(TypedDict):
    """What one node has otherwise than the other."""

    kind: Literal["label", "taint", "resource"]
    name: str
    believed: Annotated[str | None, Field(description="What the autoscaler expects; null for nothing")]
    real: Annotated[str | None, Field(description="What comes up; null for nothing")]
    counts: Annotated[bool, Field(description="Whether it may mislead the autoscaler about a pod")]
    why_none: Annotated[str | None, Field(description="Why it is no difference; null where it counts")]


class IgnoredTagDocument(TypedDict):
    """A tag that does not do what it was written for."""

    of: Annotated[_Text, Field(description="What carries it: the Auto Scaling group, or the node group")]
    key: str
    value: str
    problem: Annotated[_Text, Field(description="What the autoscaler makes of it")]
    mended: Annotated[str | None, Field(description="A value that would work; null where none can be told")]


class MendingDocument(TypedDict):
    """What to change of the group's tags, for each tool; every text is empty where nothing is to be changed."""

    add: Annotated[dict[str, str], Field(description="Tags to put on the Auto Scaling group")]
    remove: Annotated[list[str], Field(description="Keys of tags to take from it")]
    aws: Annotated[list[_Text], Field(description="Commands of the AWS CLI, quoted for a shell")]
    terraform: Annotated[str, Field(description="The tags to put on it as a map in HCL")]
    eksctl: Annotated[str, Field(description="The tags to put on it as lines of eksctl's config file")]


class TemplateDocument(TypedDict):
    """The node that Cluster Autoscaler simulates for a group while it is empty, and the node that comes up."""

    schema_version: Annotated[Literal[1], Field(description="Of this shape")]
    taken_at: Annotated[
        str,
        Field(description="The instant before the oldest read in it, UTC", json_schema_extra={"format": "date-time"}),
    ]
    cluster: ComparedClusterDocument
    autoscaler_version: Annotated[_Text, Field(description="The minor of Cluster Autoscaler that is simulated")]
    capacity: CapacityDocument
    group: ScalingGroupDocument
    believed: SideDocument
    real: SideDocument
    differences: Annotated[list[DifferenceDocument], Field(description="None where one of the nodes is not known")]
    options: Annotated[dict[str, str], Field(description="Scaling options that the group's tags set, by name")]
    ignored_tags: list[IgnoredTagDocument]
    mending: MendingDocument
    notes: Annotated[list[_Text], Field(description="What to know before relying on it")]


def render_template_json(compared: ComparedTemplate) -> str:
    """Return the document as indented text; the same comparison gives the same text."""
    return json.dumps(template_document(compared), indent=2, ensure_ascii=False) + "\n"


def template_document(compared: ComparedTemplate) -> TemplateDocument:
    """Return the document as JSON values."""
    cluster, capacity, group = compared.snapshot.cluster, compared.capacity, compared.group
    return {
        "schema_version": SCHEMA_VERSION,
        "taken_at": text_of(compared.snapshot.taken_at),
        "cluster": {
            "arn": cluster.id.arn,
            "account": cluster.id.account,
            "region": cluster.id.region,
            "name": cluster.name,
            "kubernetes_version": cluster.version,
        },
        "autoscaler_version": compared.minor,
        "capacity": {"kind": capacity.kind, "name": capacity.name, "arn": capacity.arn},
        "group": {
            "name": group.name,
            "arn": group.arn,
            "min_size": group.min_size,
            "max_size": group.max_size,
            "desired": group.desired,
            "in_service": len(group.in_service),
        },
        "believed": _side(compared.believed),
        "real": _side(compared.real),
        "differences": [
            {
                "kind": each.kind,
                "name": each.name,
                "believed": each.believed,
                "real": each.real,
                "counts": each.counts,
                "why_none": compared.why_none(each),
            }
            for each in compared.differences
        ],
        "options": dict(compared.options),
        "ignored_tags": [
            {"of": of, "key": each.key, "value": each.value, "problem": each.problem, "mended": each.mended}
            for of, each in compared.ignored
        ],
        "mending": {
            "add": dict(compared.tags_to_add),
            "remove": list(compared.tags_to_remove),
            "aws": list(compared.commands()),
            "terraform": compared.terraform(),
            "eksctl": compared.eksctl(),
        },
        "notes": list(compared.notes),
    }


def _side(node: NodeTemplate | Gap) -> SideDocument:
    if isinstance(node, Gap):
        return {"node": None, "gap": {"action": node.action, "resource": node.resource, "error": node.error}}
    return {"node": _node(node), "gap": None}


def _node(node: NodeTemplate) -> NodeDocument:
    sources = node.sources
    return {
        "instance_type": node.instance_type,
        "zone": node.zone,
        "labels": [
            {"key": key, "value": value, "source": sources.get(f"label:{key}")}
            for key, value in sorted(node.labels.items())
        ],
        "taints": [
            {"key": each.key, "value": each.value, "effect": each.effect, "source": sources.get(f"taint:{each.key}")}
            for each in node.taints
        ],
        "resources": [
            {"name": name, "quantity": quantity_text(amount), "source": sources.get(f"resource:{name}")}
            for name, amount in sorted(node.resources.items())
        ],
    }
