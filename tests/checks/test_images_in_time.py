"""What the checks on images say changes at ``due_at`` and not before: findings open on their day."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eks_auditor.check import Check
from eks_auditor.checks.images import (
    custom_image_on_old_release,
    image_cannot_be_launched,
    image_deprecated,
    image_with_fixable_vulnerabilities,
)
from eks_auditor.model.finding import Finding
from eks_auditor.model.verdict import Severity, Status
from tests.builders import (
    LINE,
    NOW,
    ancestor,
    days_ago,
    gap,
    history,
    image,
    launch,
    node,
    node_pool,
    own_image,
    scan,
    self_managed,
    version,
)
from tests.checks.judged import finding

MOMENT = timedelta(microseconds=1)
CHECKS = (
    custom_image_on_old_release,
    image_cannot_be_launched,
    image_deprecated,
    image_with_fixable_vulnerabilities,
)
SCANNED = {image_with_fixable_vulnerabilities}
every_check = pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)

ages = st.floats(min_value=0.1, max_value=400)
instants = st.datetimes(datetime(2025, 6, 1), datetime(2028, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  the zone is given


@st.composite
def worlds(draw: st.DrawFn) -> dict[str, Any]:
    """A few images of every make, what they descend from, and what is said of them; some cannot be read."""
    windows = f"Windows_Server-2022-English-Core-EKS_Optimized-1.35-2026.0{draw(st.integers(1, 9))}.18"
    images: dict[str, Any] = {}
    ancestors: dict[str, Any] = {}
    for number in range(draw(st.integers(1, 4))):
        told: dict[str, Any] = {
            "id": f"ami-{number}",
            "created_at": days_ago(draw(ages)),
            "deprecated_at": draw(st.none() | instants),
            "state": draw(st.sampled_from(["available", "available", "available", "disabled"])),
            "allowed": draw(st.none() | st.booleans()),
            # Scanned tomorrow: how old a scan may be is no matter of a finding's day.
            "scan": draw(
                st.none()
                | st.builds(
                    scan,
                    scanned_at=st.just(NOW + timedelta(days=1)),
                    critical_fix_since=st.none() | ages.map(days_ago),
                    high_fix_since=st.none() | ages.map(days_ago),
                )
            ),
        }
        makes = [own_image(**told), own_image(**told), image(**told), image(**told | {"name": windows})]
        one = draw(st.sampled_from(makes))
        base = image(version(draw(st.sampled_from([5, 20, 70]))))
        lost = ancestor(image=None, created_at=days_ago(draw(ages)))
        images[one.id] = draw(st.sampled_from([one, one, one, gap(), gap(resource=one.id, error="NotVisible: gone")]))
        ancestors[one.id] = draw(st.sampled_from([(), (ancestor(base),), (lost,), gap("ec2:GetImageAncestry")]))
    return {
        "images": images,
        "ancestors": ancestors,
        "releases": {str(LINE): history(70, 40, 20, draw(st.floats(0.1, 19)))},
        "allowed_images": draw(
            st.sampled_from(["enabled", "audit-mode", "disabled", gap("ec2:GetAllowedImagesSettings")])
        ),
    }


def judged(check: Check, world: dict[str, Any], *, pool: bool = False, at: datetime = NOW) -> Finding:
    ids = tuple(world["images"])
    nodes = tuple(node(number, image_id=one) for number, one in enumerate(ids))
    capacity: Any = node_pool(nodes=nodes) if pool else self_managed(group={"launch": launch(image_ids=ids)})
    return finding(check, capacity, taken_at=at, **world)


def word(found: Finding) -> tuple[Status, Severity, bool]:
    return found.status, found.severity, found.partial


@every_check
@settings(max_examples=60)
@given(world=worlds(), pool=st.booleans())
def test_nothing_changes_before_it_is_due(check: Check, world: dict[str, Any], *, pool: bool) -> None:
    found = judged(check, world, pool=pool)

    if found.due_at is not None:
        assert found.due_at > NOW
        assert word(judged(check, world, pool=pool, at=min(found.due_at - MOMENT, NOW + timedelta(days=7)))) == word(
            found
        )


@every_check
@settings(max_examples=60)
@given(world=worlds(), pool=st.booleans())
def test_one_image_changes_on_the_very_day(check: Check, world: dict[str, Any], *, pool: bool) -> None:
    first = next(iter(world["images"]))
    alone = world | {"images": {first: world["images"][first]}}

    found = judged(check, alone, pool=pool)

    # What is CRITICAL already gets no worse, and a scan of these worlds is fresh for another week.
    bound = found.severity < Severity.CRITICAL or found.status is not Status.FAILED
    if found.due_at is not None and bound and (check not in SCANNED or found.due_at <= NOW + timedelta(days=8)):
        assert word(judged(check, alone, pool=pool, at=found.due_at)) != word(found)


@every_check
@settings(max_examples=60)
@given(world=worlds(), pool=st.booleans(), days=st.floats(0, 7))
def test_without_a_due_day_time_changes_nothing(
    check: Check, world: dict[str, Any], *, pool: bool, days: float
) -> None:
    found = judged(check, world, pool=pool)

    # Where nothing but a failed read is told, nobody knows what is due.
    if found.due_at is None and found.status is not Status.UNKNOWN:
        assert word(judged(check, world, pool=pool, at=NOW + timedelta(days=days))) == word(found)
