"""Clusters built from layouts/: each file there is one origin, each layout what one of its examples makes.

A layout has a name, the file it comes from, the tool that makes it, its groups, and what the checks must say of it:
``expect``, every failure above LOW by "check group", and ``low``, every failure at LOW. A group has a ``size`` (least,
desired, greatest) and ``types``; its zones are letters, its taints the kubelet's, its ``image`` an AMI type. ``joins``
names a form of user data in tools.yaml, ``user_data`` is a text of its own, ``unreadable`` where only a running shell
knows its labels. All that a group leaves out is healthy.
"""

import base64
import gzip
from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, NotRequired, TypedDict

import yaml

from eks_auditor.model.capacity import (
    Bounds,
    GroupCapacity,
    InstanceRequirements,
    LaunchConfig,
    ManagedNodeGroup,
    MixedPolicy,
    Purchase,
    ScheduledAction,
    SelfManagedGroup,
    Taint,
    TemplateUse,
)
from eks_auditor.model.gap import Gap
from eks_auditor.model.release import Image
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.snapshot.joining import joining_of
from tests import builders

FOLDER = Path(__file__).parent / "layouts"
ORIGINS = ("eksctl", "terraform-aws-eks", "user-guide", "cluster-autoscaler")
CLUSTER = builders.CLUSTER_ID.name
MADE_AT = builders.NOW - timedelta(days=1)
"""A layout is judged as it stands a day after it was made."""

IMAGES: Mapping[str, str] = {
    "AL2_x86_64": "amazon-eks-node-1.32-v20251112",
    "AL2023_x86_64_STANDARD": "amazon-eks-node-al2023-x86_64-standard-1.35-v20261118",
    "AL2023_x86_64_NVIDIA": "amazon-eks-node-al2023-x86_64-nvidia-1.35-v20261118",
    "AL2023_x86_64_NEURON": "amazon-eks-node-al2023-x86_64-neuron-1.35-v20261118",
    "BOTTLEROCKET_x86_64": "bottlerocket-aws-k8s-1.35-x86_64-v1.62.0-0a1b2c3d",
    "WINDOWS_FULL_2019_x86_64": "Windows_Server-2019-English-Full-EKS_Optimized-1.35-2026.11.12",
    "WINDOWS_FULL_2022_x86_64": "Windows_Server-2022-English-Full-EKS_Optimized-1.35-2026.11.12",
    "CUSTOM": "amazon-eks-node-al2023-x86_64-standard-1.35-v20261118",
}
"""An image of each AMI type; that of a custom one is AWS's own, brought by its id."""

type Severities = dict[str, str]


class Requirements(TypedDict):
    """Instance requirements: the least number, and the greatest if there is one; the types that EC2 finds."""

    vcpus: list[int]
    memory_mib: list[int]
    types: list[str]


class Group(TypedDict):
    """A group of a layout, as the module's docstring says."""

    name: str
    kind: Literal["managed", "self-managed"]
    size: tuple[int, int, int]
    types: NotRequired[list[str]]
    weights: NotRequired[dict[str, int]]
    requirements: NotRequired[Requirements]
    zones: NotRequired[list[str]]
    image: NotRequired[str]
    mixed: NotRequired[bool]
    configuration: NotRequired[bool]
    template: NotRequired[bool]
    purchase: NotRequired[dict[str, Any]]
    capacity: NotRequired[str]
    scheduled: NotRequired[dict[str, int]]
    labels: NotRequired[dict[str, str]]
    taints: NotRequired[list[str]]
    tags: NotRequired[dict[str, str]]
    nodegroup_tags: NotRequired[dict[str, str]]
    joins: NotRequired[str]
    user_data: NotRequired[str]
    unreadable: NotRequired[bool]


class Layout(TypedDict):
    """A layout, with what its file says of all."""

    origin: str
    repository: str
    version: str
    tool: str
    name: str
    file: str
    groups: list[Group]
    expect: NotRequired[Severities]
    low: NotRequired[list[str]]


class Form(TypedDict):
    """A form of user data."""

    text: str
    gzip: NotRequired[bool]


class Tools(TypedDict):
    """tools.yaml, which says what is what."""

    tags: dict[str, dict[str, str]]
    labels: dict[str, dict[str, str]]
    user_data: dict[str, Form]
    types: dict[str, dict[str, Any]]


def layouts() -> tuple[Layout, ...]:
    """Read every layout, in order of origin."""
    return tuple(layout for origin in ORIGINS for layout in _layouts(_read(origin)))


def snapshot(layout: Layout) -> Snapshot:
    """Build the cluster of a layout."""
    capacities = [capacity(group, layout["tool"]) for group in layout["groups"]]
    types = {name: builders.instance_type(name, **shape) for name, shape in TOOLS["types"].items()}
    return builders.snapshot(
        *capacities,
        images={image.id: image for image in (_image(name) for name in IMAGES)},
        instance_types=types,
        offered_zones=dict.fromkeys(types, frozenset(builders.ZONES)),
    )


def capacity(group: Group, tool: str) -> GroupCapacity:
    """Build one of its capacities."""
    return _managed(group, tool) if group["kind"] == "managed" else _self_managed(group, tool)


def labels(group: Group, tool: str) -> dict[str, str]:
    """Return the labels that its nodes are meant to have, those of the tool included."""
    return _filled(TOOLS["labels"].get(tool, {}) | group.get("labels", {}), group)


def taints(group: Group) -> tuple[Taint, ...]:
    """Return the taints that they are meant to have."""
    return tuple(_taint(text) for text in group.get("taints", []))


def user_data(group: Group, tool: str) -> str:
    """Write a self-managed group's user data as its tool does, in base64."""
    if "user_data" in group:
        return base64.b64encode(group["user_data"].replace("{cluster}", CLUSTER).encode()).decode()
    form = TOOLS["user_data"][group.get("joins", f"{tool}, AL2023")]
    written = _written(form["text"], labels(group, tool), taints(group)).encode()
    return base64.b64encode(gzip.compress(written, mtime=0) if form.get("gzip", False) else written).decode()


def _managed(group: Group, tool: str) -> ManagedNodeGroup:
    least, _, greatest = group["size"]
    image = group.get("image", "AL2023_x86_64_STANDARD")
    return builders.managed(
        group["name"],
        zones=_zones(group),
        size=group["size"][1],
        group=_scaling(group, builders.eks_tags(group["name"])),
        labels=labels(group, tool),
        taints=taints(group),
        ami_type=image,
        capacity_type=group.get("capacity", "ON_DEMAND"),
        template=_template(group) if group.get("template", False) else None,
        tags=_filled(group.get("nodegroup_tags", {}), group),
        min_size=least,
        max_size=greatest,
    )


def _self_managed(group: Group, tool: str) -> SelfManagedGroup:
    said = joining_of(user_data(group, tool), "ec2:DescribeLaunchTemplateVersions", group["name"])
    return builders.self_managed(
        group["name"],
        zones=_zones(group),
        size=group["size"][1],
        group=_scaling(group, _filled(TOOLS["tags"][tool], group)),
        labels=said if isinstance(said, Gap) else said.labels,
        taints=said if isinstance(said, Gap) else said.taints,
        declared_in="" if isinstance(said, Gap) else said.form,
    )


def _scaling(group: Group, tags: Mapping[str, str]) -> dict[str, Any]:
    """Return what is the same of both kinds' Auto Scaling groups."""
    least, _, greatest = group["size"]
    spot = group.get("capacity") == "SPOT"
    return {
        "created_at": MADE_AT,
        "scaled_at": MADE_AT,
        "min_size": least,
        "max_size": greatest,
        "tags": {**tags, **_filled(group.get("tags", {}), group)},
        "launch": _launch(group),
        "policy": _policy(group),
        "capacity_rebalance": spot,
        "scheduled": tuple(_scheduled(name, desired) for name, desired in group.get("scheduled", {}).items()),
    }


def _policy(group: Group) -> MixedPolicy | None:
    if group["kind"] != "managed" and not group.get("mixed", False):
        return None
    return "requirements" if "requirements" in group else "types"


def _launch(group: Group) -> LaunchConfig:
    wanted = group.get("requirements")
    spot = {"on_demand_percentage": 0, "spot_strategy": "price-capacity-optimized"}
    bought = spot if group.get("capacity") == "SPOT" else group.get("purchase", {})
    by_configuration = group.get("configuration", False)
    return builders.launch(
        image_ids=(_image(group.get("image", "AL2023_x86_64_STANDARD")).id,),
        instance_types=tuple(group.get("types", ())),
        weights=group.get("weights", {}),
        requirements=None if wanted is None else _requirements(wanted),
        purchase=Purchase(**bought),
        templates=() if by_configuration else (_template(group),),
        configuration=group["name"] if by_configuration else None,
    )


def _template(group: Group) -> TemplateUse:
    return builders.template_use(id=f"lt-{group['name']}", name=group["name"])


def _requirements(wanted: Requirements) -> InstanceRequirements:
    return InstanceRequirements(
        vcpus=_bounds(*wanted["vcpus"]), memory_mib=_bounds(*wanted["memory_mib"]), types=tuple(wanted["types"])
    )


def _bounds(least: int, greatest: int | None = None) -> Bounds:
    return Bounds(least=least, greatest=greatest)


def _scheduled(name: str, desired: int) -> ScheduledAction:
    return ScheduledAction(name=name, starts_at=builders.NOW + timedelta(days=3), desired=desired)


def _image(ami_type: str) -> Image:
    number = list(IMAGES).index(ami_type) + 1
    return builders.image(id=f"ami-{number:017x}", name=IMAGES[ami_type])


def _zones(group: Group) -> tuple[str, ...]:
    return tuple(builders.ZONES["abc".index(letter)] for letter in group.get("zones", "abc"))


def _filled(texts: Mapping[str, str], group: Group) -> dict[str, str]:
    def fill(text: str) -> str:
        return text.replace("{cluster}", CLUSTER).replace("{name}", group["name"])

    return {fill(key): fill(value) for key, value in texts.items()}


def _taint(text: str) -> Taint:
    key, _, rest = text.partition("=")
    value, _, effect = rest.partition(":")
    return Taint(key=key, value=value, effect=effect, has_value=bool(value))


def _written(form: str, declared: Mapping[str, str], tainted: Iterable[Taint]) -> str:
    tainted = tuple(tainted)
    values = {
        "{cluster}": CLUSTER,
        "{labels}": ",".join(f"{key}={value}" for key, value in declared.items()),
        "{taints}": ",".join(f"{taint.key}={taint.value}:{taint.effect}" for taint in tainted),
        "{label_table}": "\n".join(f'"{key}" = "{value}"' for key, value in declared.items()),
        "{taint_table}": "\n".join(f'"{taint.key}" = "{taint.value}:{taint.effect}"' for taint in tainted),
    }
    lines = [line for line in form.splitlines() if not _is_flag_of_none(line, values)]
    text = "\n".join(lines) + "\n"
    for mark, value in values.items():
        text = text.replace(mark, value)
    return text


def _is_flag_of_none(line: str, values: Mapping[str, str]) -> bool:
    """Whether a line is a kubelet's flag alone, of an empty list."""
    return line.strip().startswith("- --") and any(mark in line and not value for mark, value in values.items())


def _layouts(origin: dict[str, Any]) -> tuple[Layout, ...]:
    shared = {key: origin[key] for key in ("origin", "repository", "version", "tool")}
    return tuple(shared | layout for layout in origin["layouts"])


def _read(name: str) -> Any:  # noqa: ANN401  whatever YAML holds
    return yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))


TOOLS: Tools = _read("tools")
