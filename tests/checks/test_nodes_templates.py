"""AMI002: nodes launched from an old version of their template, and the rule over any mixture of nodes."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eks_auditor.checks.left_behind import LEFT_BEHIND_AFTER, left_behind
from eks_auditor.checks.nodes import nodes_left_behind
from eks_auditor.model.capacity import GroupInstance
from eks_auditor.model.finding import Finding
from eks_auditor.model.verdict import Severity, Status
from tests.builders import (
    LINE,
    NOW,
    history,
    image,
    image_id,
    launch,
    managed,
    node,
    self_managed,
    snapshot,
    template_use,
    version,
)
from tests.checks.judged import finding

MOMENT = timedelta(seconds=1)
DAY = timedelta(days=1)
OLD = image(version(40))
IMAGES = {"images": {image().id: image(), OLD.id: OLD}}
GROUPS = pytest.mark.parametrize("group", [managed, self_managed])


def old_node(number: int = 1, **deviations: Any) -> Any:  # noqa: ANN401  any field of a node
    return node(number, **{"image_id": OLD.id} | deviations)


def from_template(number: int, used: str, template: str = template_use().id, **deviations: Any) -> Any:  # noqa: ANN401  any field
    tags = {"aws:ec2launchtemplate:id": template, "aws:ec2launchtemplate:version": used}
    return node(number, tags=tags, **deviations)


def judged(capacity: Any, *releases: float, **deviations: Any) -> Finding:  # noqa: ANN401  any capacity, any field
    of = {str(LINE): history(*(releases or (40.0, 20.0, 5.0)))}
    return finding(nodes_left_behind, capacity, **{"releases": of} | IMAGES | deviations)


@GROUPS
def test_another_version_of_the_template_is_a_milder_reason(group: Any) -> None:  # noqa: ANN401  a builder
    of = {"launch": launch(templates=(template_use(version="4"),))}

    found = judged(group(group=of, nodes=(from_template(1, "3"), from_template(2, "4"), from_template(3, "3", "lt-2"))))

    assert (found.status, found.severity) == (Status.FAILED, Severity.INFORMATIONAL)
    assert "from a version of the launch template that is not in use any more: 2 of 3" in found.reason


def test_an_image_left_behind_outweighs_a_template() -> None:
    of = {"launch": launch(templates=(template_use(),))}

    found = judged(managed(group=of, nodes=(from_template(1, "3"), old_node(2))))

    assert (found.severity, found.evidence["nodes"]) == (Severity.MEDIUM, 1)


def test_any_template_in_use_is_as_good_as_any_other() -> None:
    of = {"launch": launch(templates=(template_use(), template_use(id="lt-2", version="7")))}

    assert (
        judged(managed(group=of, nodes=(from_template(1, "4"), from_template(2, "7", "lt-2")))).status is Status.PASSED
    )


@pytest.mark.parametrize("templates", [(), (template_use(),)])
def test_without_tags_or_templates_nothing_is_compared(templates: Any) -> None:  # noqa: ANN401  templates
    of = {"launch": launch(templates=templates)}
    nodes = (node(1), node(2)) if templates else (from_template(1, "3"),)

    assert judged(managed(group=of, nodes=nodes)).status is Status.PASSED


def test_a_template_counts_after_24_hours_too() -> None:
    of = {"launch": launch(templates=(template_use(),))}
    young = from_template(1, "3", launched_at=NOW - LEFT_BEHIND_AFTER + MOMENT)

    found = judged(managed(group=of, nodes=(young,)))

    assert (found.status, found.due_at) == (Status.PASSED, NOW + MOMENT)


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans(), st.integers(0, 60)), max_size=12))
def test_every_node_in_service_is_counted_once_or_not_at_all(nodes: list[tuple[bool, bool, bool, int]]) -> None:
    of = managed(
        nodes=tuple(
            from_template(
                n, "3" if stale else "4", image_id=OLD.id if old else image().id, launched_at=NOW - age * DAY / 24
            )
            for n, (old, stale, _, age) in enumerate(nodes)
        ),
        group={
            "launch": launch(templates=(template_use(),)),
            "instances": tuple(
                GroupInstance(id=node(n).id, zone_id="euw1-az1", lifecycle_state="InService" if serving else "Standby")
                for n, (_, _, serving, _) in enumerate(nodes)
            ),
        },
    )

    found = left_behind(of, snapshot(of))

    by_image = {n for n, (old, _, serving, age) in enumerate(nodes) if serving and old and age >= 24}
    by_template = {
        n for n, (old, stale, serving, age) in enumerate(nodes) if serving and stale and not old and age >= 24
    }
    assert {n.id for n in found.by_image} == {node(n).id for n in by_image}
    assert {n.id for n in found.by_template} == {node(n).id for n in by_template}
    assert list(found.by_image) == sorted(found.by_image, key=lambda n: (n.launched_at, n.id))
    young = [age for old, stale, serving, age in nodes if serving and (old or stale) and age < 24]
    assert found.due_at == (NOW + (24 - max(young)) * DAY / 24 if young else None)
    assert found.in_service == sum(serving for _, _, serving, _ in nodes)
    assert {n.image_id for n in found.by_image} <= {image_id(version(40))}
