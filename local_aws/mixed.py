"""Mixed instances policies: how a group says which types it may launch, and how it buys them."""

from itertools import accumulate, cycle

from local_aws.fleet_nodes import Override, SelfManagedGroup
from local_aws.fleet_scaling import Mixed, Requirements
from local_aws.images import Document
from local_aws.place import Place
from local_aws.templates import Template, add_launch_template


def own_override(
    place: Place, name: str, group: SelfManagedGroup, template: Template, index: int
) -> tuple[Document, Document]:
    """Return an override with an image of its own as the policy shows it, and the image it leads to."""
    override: Override = group.overrides[index]
    said = {name: getattr(override, name) for name in ("ami", "release", "superseded", "image")}
    image = place.image(name, group.model_copy(update=said))
    if override.by == "image":
        return {"InstanceType": override.type, "ImageId": image["ImageId"]}, image
    content = {**template.content, "ImageId": image["ImageId"], "InstanceType": override.type}
    own = Template(name=f"{template.name}-{index}", created=template.created, content=content)
    refers = add_launch_template(place, own)
    return {"InstanceType": override.type, "LaunchTemplateSpecification": refers}, image


def overrides_of(mixed: Mixed, types: list[str]) -> list[Document]:
    """Return the overrides of a policy whose types all launch from the group's own template."""
    if mixed.requirements is not None:
        return [{"InstanceRequirements": _requirements(mixed.requirements)}]
    if not mixed.overrides:
        return []
    # Auto Scaling takes weights as text, and shows them as text.
    weights = {name: {"WeightedCapacity": str(weight)} for name, weight in mixed.weights.items()}
    return [{"InstanceType": each, **weights.get(each, {})} for each in types]


def policy(template: Document, overrides: list[Document], mixed: Mixed, *, spot: bool) -> Document:
    """Return a mixed instances policy."""
    percentage = mixed.on_demand_percentage
    left_out = 0 if spot else 100
    distribution = {
        "OnDemandAllocationStrategy": "prioritized" if mixed.requirements is None else "lowest-price",
        "OnDemandBaseCapacity": mixed.on_demand_base,
        "OnDemandPercentageAboveBaseCapacity": left_out if percentage is None else percentage,
        "SpotAllocationStrategy": mixed.spot_strategy,
        # Only the strategy lowest-price has pools, and Auto Scaling shows their number only there.
        **({"SpotInstancePools": 2} if mixed.spot_strategy == "lowest-price" else {}),
    }
    launch = {"LaunchTemplateSpecification": template, "Overrides": overrides}
    return {"LaunchTemplate": launch, "InstancesDistribution": distribution}


def instances_for(desired: int, types: list[str], weights: dict[str, int]) -> int:
    """Return how many instances, of the types in turn, make up a desired capacity in units of weight."""
    units = accumulate(weights.get(each, 1) for each in cycle(types))
    return 0 if desired == 0 else next(number for number, sum_of in enumerate(units, start=1) if sum_of >= desired)


def _requirements(wanted: Requirements) -> Document:
    return {
        "VCpuCount": _range(wanted.vcpus),
        "MemoryMiB": _range(wanted.memory_mib),
        **({} if wanted.accelerators is None else {"AcceleratorCount": _range(wanted.accelerators)}),
    }


def _range(bounds: list[int]) -> Document:
    return dict(zip(("Min", "Max"), bounds, strict=False))
