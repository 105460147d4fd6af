"""Why something that differs between the expected node and the one that comes up misleads nobody, in words."""

from eks_auditor.autoscaler.compare import LATER_PREFIXES, NEURON_PREFIX, OWN_LABELS, PSEUDO_LABELS, Difference
from eks_auditor.autoscaler.node_template import NodeTemplate, Source
from eks_auditor.autoscaler.passing_taints import passing
from eks_auditor.model.labels import TOOL_PREFIXES


def why_none(difference: Difference, believed: NodeTemplate) -> str:
    """Return why a difference does not count, as an end of "it is none, for"; ``believed`` is what is expected."""
    match difference.kind:
        case "label":
            return _label(difference, believed)
        case "taint":
            return _taint(difference)
        case "resource":
            return _resource(difference)


def _label(difference: Difference, believed: NodeTemplate) -> str:
    name = difference.name
    if name in PSEUDO_LABELS or believed.sources.get(f"label:{name}") is Source.EKS_TAG:
        return "the autoscaler makes it up for itself, and no node has it"
    if name.startswith(TOOL_PREFIXES):
        return "EKS or eksctl sets it to tell its groups apart"
    if name in OWN_LABELS:
        return "the kubelet sets it to what the machine tells"
    if name.startswith(LATER_PREFIXES):
        return "a controller sets it after the node has joined"
    return "it differs from node to node of similar groups"


def _taint(difference: Difference) -> str:
    if passing(difference.name):
        return "a node loses it once it is ready"
    return "it keeps no pod off that another taint of its key does not, and a tag has room for one"


def _resource(difference: Difference) -> str:
    if difference.real is None:
        return "what a node has of it is not visible"
    if difference.name in ("cpu", "memory"):
        return "to expect less allows for what the system keeps"
    if difference.name.startswith(NEURON_PREFIX):
        return "one tag of Neuron is enough, for devices or for cores"
    return "a tag of it is taken at its word, for a plugin may offer more or less than the type has"
