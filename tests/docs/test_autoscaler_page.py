"""docs/autoscaler.md works an example through, lists wrong forms and names checks; each is the code's own word."""

import re

import pytest

from eks_auditor.autoscaler.options import ignored_options, ignored_resources
from eks_auditor.autoscaler.settings import AUTO
from eks_auditor.autoscaler.tags import LABEL, OPTION, RESOURCE, TAINT, TEMPLATE, ignored_taints, parse_taint
from eks_auditor.checks import CATALOGUE
from eks_auditor.model.capacity import SelfManagedGroup, Taint
from eks_auditor.report.compared_template import ComparedTemplate
from eks_auditor.report.template_table import render_template_table
from tests.builders import autoscaler_tags, instance_type, launch, self_managed, snapshot
from tests.docs.pages import ROOT, rows, text

PAGE = "docs/autoscaler.md"
BLOCK = re.compile(r"(?s)(?<=<!-- example: begin -->\n```\n).*?(?=```\n<!-- example: end -->)")
GPU = instance_type("g6.xlarge", vcpus=4, memory_mib=16384, accelerators=1, gpus=1, gpu_maker="NVIDIA")


def group() -> SelfManagedGroup:
    tags = {
        LABEL + "team": "research",
        TAINT + "nvidia.com/gpu": "NoSchedule",
        OPTION + "scaledownunneededtime": "30m",
        OPTION + "scaledownutilizationthreshold": "40%",
    }
    own = {
        "min_size": 0,
        "max_size": 8,
        "zone_names": ("eu-west-1a", "eu-west-1b"),
        "tags": autoscaler_tags() | tags,
        "launch": launch(instance_types=(GPU.name,)),
    }
    return self_managed(
        "gpu",
        size=0,
        group=own,
        labels={"team": "vision", "k8s.amazonaws.com/accelerator": "nvidia-l4"},
        taints=(Taint(key="nvidia.com/gpu", value="present", effect="NoSchedule"),),
        declared_in="NodeConfig",
    )


def example() -> str:
    capacity = group()
    read = snapshot(capacity, instance_types={GPU.name: GPU})
    return render_template_table(ComparedTemplate.of(read, capacity, capacity.group, AUTO))


def test_the_example_is_what_the_command_prints() -> None:
    (block,) = BLOCK.findall(text(PAGE))
    assert block == example()


def test_the_readmes_excerpt_is_of_the_example() -> None:
    (excerpt,) = re.findall(r"(?s)\n\$ eks-auditor template gpu .*?\n(.*?)```", text("README.md"))
    parts = [part.strip("\n") for part in excerpt.split("…\n")]
    assert len(parts) > 3
    assert [part for part in parts if f"\n{part}\n" not in example()] == [], "what is left out is marked"


@pytest.mark.parametrize(
    ("value", "becomes"),
    [(cells[0].strip("`| "), cells[2].strip("| ").replace("`", "")) for cells in rows(PAGE, "value")],
)
def test_what_becomes_of_a_taint_tag(value: str, becomes: str) -> None:
    ignored = ignored_taints({TAINT + "dedicated": value})
    parsed = parse_taint(value)
    if ignored:
        assert becomes == f"it {ignored[0].problem}"
    else:
        assert parsed is not None
        assert becomes == f"it reads the taint {parsed[0]}:{parsed[1]}"


@pytest.mark.parametrize("cells", rows(PAGE, "tag"))
def test_wrong_forms_are_dropped_and_right_ones_read(cells: list[str]) -> None:
    key, wrong, right = (re.findall(r"`([^`]+)`", cell) for cell in cells)
    tag = key[0].replace("…/", TEMPLATE)
    ignored = ignored_resources if tag.startswith(RESOURCE) else lambda tags: ignored_options(tags, "1.35")
    assert wrong
    assert right
    assert all(ignored({tag: value}) for value in wrong)
    assert not any(ignored({tag: value}) for value in right)


def test_every_check_of_the_family_has_its_row() -> None:
    linked = [re.findall(r"\[(\w+)\]\(checks\.md#(\w+)\)", cells[0])[0] for cells in rows(PAGE, "check")]
    assert linked == [(check.id, check.id.lower()) for check in CATALOGUE if check.id.startswith("CAS")]


def test_the_files_that_it_names_exist() -> None:
    named = re.findall(r"\]\(([a-z0-9./-]+\.(?:md|json))", text(PAGE)) + re.findall(r"`(layers/[^`]+)`", text(PAGE))
    assert len(named) > 10
    assert [file for file in named if not (ROOT / "docs" / file).exists() and not (ROOT / file).exists()] == []
