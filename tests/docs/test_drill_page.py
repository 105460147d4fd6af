"""docs/drill.md works an example through; its numbers are the drill's."""

import re

from eks_auditor.checks.survival import cannot_survive_the_loss_of_a_zone
from eks_auditor.findings.judge import judge
from eks_auditor.model.capacity import SelfManagedGroup
from eks_auditor.model.finding import Finding
from eks_auditor.model.verdict import Status
from eks_auditor.spread import blockers
from eks_auditor.spread.drill import Amount, Drill, Loss
from eks_auditor.spread.siblings import Spread
from tests.builders import (
    ZONES,
    instance_type,
    instances,
    launch,
    node,
    self_managed,
    snapshot,
    subnet,
)
from tests.docs.pages import rows, text

PAGE = "docs/drill.md"
BLOCK = re.compile(r"(?s)(?<=<!-- example: begin -->\n).*?(?=\n<!-- example: end -->)")
A, B, C = ZONES
SUBNETS = {A: subnet(A), B: subnet(B), C: subnet(C, free_addresses=15)}
GPU = instance_type("g6.xlarge", vcpus=4, memory_mib=16384, accelerators=1)
LARGE = instance_type()


def group(name: str, counts: dict[str, int], *, minimum: int, maximum: int, kind: str = LARGE.name) -> SelfManagedGroup:
    found = instances([zone for zone, count in counts.items() for _ in range(count)])
    own = {
        "instances": found,
        "desired": len(found),
        "min_size": minimum,
        "max_size": maximum,
        "subnets": tuple(SUBNETS[zone] for zone in counts),
        "launch": launch(instance_types=(kind,)),
    }
    nodes = tuple(node(zone_id=each.zone_id, id=each.id, instance_type=kind) for each in found)
    labels = {"tier": name.split("-", 1)[0] + "s"}
    return self_managed(name, group=own, nodes=nodes, labels=labels)


READ = snapshot(
    *(group(f"web-{zone[-1]}", {zone: 4}, minimum=2, maximum=6) for zone in ZONES),
    group("api", {A: 2, B: 2, C: 2}, minimum=3, maximum=12),
    group("gpu", {A: 2, B: 0}, minimum=1, maximum=4, kind=GPU.name),
    group("batch", {A: 1, B: 1, C: 1}, minimum=0, maximum=50),
    instance_types={each.name: each for each in (LARGE, GPU)},
    offered_zones={LARGE.name: frozenset(ZONES), GPU.name: frozenset({A, C})},
    vpc_subnets=tuple(SUBNETS.values()),
)


def amount(of: Amount) -> str:
    return f"{of.nodes} ({of.vcpus} vCPU, {of.memory_mib // 1024} GiB)"


def line(name: str, loss: Loss) -> str:
    cells = (name, loss.zone_id, amount(loss.lost), amount(loss.left), amount(loss.regrown), ", ".join(loss.blocked_by))
    return f"| {' | '.join(cells)} |".replace("|  |", "| |")


def word(finding: Finding) -> str:
    return finding.severity.name if finding.status is Status.FAILED else finding.status


def example() -> str:
    spread = Spread.of(READ)
    drill = Drill.of(READ, spread)
    lines = [
        "| set | without | lost | left | grows again | blocked by |",
        "|---|---|---|---|---|---|",
        *(line(each.name, loss) for each in drill.sets for loss in each.losses),
        *(line("**all**", loss) for loss in drill.totals),
    ]
    findings = judge(READ, [cannot_survive_the_loss_of_a_zone])
    said = [
        f"| {each.subject.name} | {word(each)} | {each.reason} |"
        for each in sorted(findings, key=lambda each: each.subject.name)
        if each.subject.kind == "sibling-set"
    ]
    return "\n".join([*lines, "", "| set | ZONE004 | because |", "|---|---|---|", *said])


def test_the_examples_numbers_are_the_drills() -> None:
    (block,) = BLOCK.findall(text(PAGE))
    assert block == example()


def test_what_the_page_says_of_the_example() -> None:
    (loss, *_) = Drill.of(READ, Spread.of(READ)).totals
    lost, left, again = loss.lost.nodes, loss.left.nodes, loss.regrown.nodes
    assert f"{left} of {lost + left} nodes are left, and {again} of the {lost} lost grow again" in text(PAGE)


def test_every_word_that_blocks_is_explained() -> None:
    words = {value.replace("{}", "…") for name, value in vars(blockers).items() if name.isupper()}
    explained = {cells[0].strip("`| ") for cells in rows(PAGE, "words")}
    assert words == explained
