"""AMI006: whether a group can launch its next instance from the images that it is configured with."""

from datetime import timedelta
from typing import Any

import pytest

from eks_auditor.checks.health import node_group_unhealthy
from eks_auditor.checks.images import image_cannot_be_launched
from eks_auditor.findings.judge import judge
from eks_auditor.model.capacity import HealthIssue
from eks_auditor.model.finding import Finding
from eks_auditor.model.gap import Gap
from eks_auditor.model.release import Image
from eks_auditor.model.verdict import Owner, Severity, Status
from tests.builders import (
    NOW,
    days_ago,
    gap,
    history,
    image,
    launch,
    managed,
    node_pool,
    own_image,
    release,
    scaling_group,
    self_managed,
    snapshot,
    template_use,
)
from tests.checks.judged import commands, finding

MOMENT = timedelta(seconds=1)
GONE = "ami-0gone"
ABSENT = [
    gap(resource=GONE, error="InvalidAMIID.NotFound: The image id '[ami-0gone]' does not exist"),
    gap(resource=GONE, error="InvalidAMIID.Unavailable: it has been deregistered"),
    gap(resource=GONE, error="NotVisible: the image is withdrawn, made private, or hidden"),
]
FAILED_CALLS = [
    gap(resource=GONE, error="UnauthorizedOperation: no"),
    gap(resource=GONE, error="RequestLimitExceeded: slow down"),
    gap(resource=GONE, error="the image was not read"),
    gap("ssm:GetParameters", GONE, "InvalidAMIID.NotFound: this is no answer of EC2's"),
]
WINDOWS = "Windows_Server-2022-English-Core-EKS_Optimized-1.35-2026.08.18"
WINDOWS_LINE = "windows-2022/core/x86_64/1.35"
NEWER = {WINDOWS_LINE: history()}


def launching(*image_ids: str, **fields: Any) -> Any:  # noqa: ANN401  any capacity
    """A self-managed group, or with ``ami_type`` a managed one, that launches these images."""
    build = managed if "ami_type" in fields else self_managed
    return build(group={"launch": launch(image_ids=image_ids)}, **fields)


EKS_GROUP, OWN_TEMPLATE, SELF_MANAGED = (
    launching(GONE, ami_type="AL2023_x86_64_STANDARD"),
    launching(GONE, ami_type="CUSTOM"),
    launching(GONE),
)


def judged(capacity: Any, *images: Image | Gap, **deviations: Any) -> Finding:  # noqa: ANN401  any capacity, any field
    by_id = {one.resource if isinstance(one, Gap) else one.id: one for one in images}
    return finding(image_cannot_be_launched, capacity, images=by_id, **deviations)


def launched(one: Image, **deviations: Any) -> Finding:  # noqa: ANN401  any field
    return judged(launching(one.id), one, **deviations)


# Absent


@pytest.mark.parametrize("capacity", [EKS_GROUP, OWN_TEMPLATE, SELF_MANAGED])
@pytest.mark.parametrize("absent", ABSENT)
def test_an_image_that_is_not_to_be_seen_cannot_be_launched(capacity: Any, absent: Gap) -> None:  # noqa: ANN401  any capacity
    found = judged(capacity, absent)

    assert (found.status, found.severity, found.partial) == (Status.FAILED, Severity.CRITICAL, False)
    assert found.reason.startswith("ami-0gone, which it would launch, is not to be seen in this Region: ")
    assert found.evidence["image"] == GONE


@pytest.mark.parametrize("capacity", [EKS_GROUP, OWN_TEMPLATE, SELF_MANAGED])
@pytest.mark.parametrize("failed_call", FAILED_CALLS)
@pytest.mark.parametrize("allowed", ["disabled", "enabled", gap("ec2:GetAllowedImagesSettings")])
def test_a_call_that_failed_is_never_a_failure(capacity: Any, failed_call: Gap, allowed: Any) -> None:  # noqa: ANN401  any capacity, a mode or a gap
    found = finding(image_cannot_be_launched, capacity, images={GONE: failed_call}, allowed_images=allowed)

    assert found.status is Status.UNKNOWN
    assert found.evidence["error"] == failed_call.error


def test_an_image_that_nobody_asked_about_is_unknown() -> None:
    assert finding(image_cannot_be_launched, SELF_MANAGED, images={}).status is Status.UNKNOWN


UNREADABLE = gap("ec2:GetAllowedImagesSettings", "eu-west-1")
FATES = {
    ("disabled", "own"): "deregistered, or withdrawn by its owner",
    ("audit-mode", "own"): "deregistered, or withdrawn by its owner",
    (
        "enabled",
        "own",
    ): "hidden by Allowed AMIs or withdrawn by its owner, or deregistered if it was this account's own",
    (UNREADABLE, "own"): "withdrawn by its owner, or hidden by Allowed AMIs, which could not be read (ec2:GetAllowed",
    ("disabled", "eks"): "withdrawn by its owner, AWS",
    ("audit-mode", "eks"): "withdrawn by its owner, AWS",
    ("enabled", "eks"): "hidden by Allowed AMIs or withdrawn by its owner, AWS",
    (UNREADABLE, "eks"): "withdrawn by its owner, AWS, or hidden by Allowed AMIs, which could not be read (ec2:GetAllo",
}


@pytest.mark.parametrize(("case", "fate"), FATES.items())
def test_it_tells_what_may_have_become_of_it(case: tuple[Any, str], fate: str) -> None:
    mode, whose = case
    found = judged(EKS_GROUP if whose == "eks" else OWN_TEMPLATE, ABSENT[0], allowed_images=mode)

    assert found.severity is Severity.CRITICAL
    assert f": {fate}" in found.reason or f", or {fate}" in found.reason
    asked = any("get-allowed-images-settings" in command for command in commands(found))
    assert asked is (mode == "enabled")


def test_a_release_of_eks_is_replaced_by_a_newer_one_and_an_image_of_ones_own_by_another() -> None:
    ours, eks = commands(judged(OWN_TEMPLATE, ABSENT[0])), commands(judged(EKS_GROUP, ABSENT[0]))

    assert any("--kubernetes-version 1.35" in command for command in eks)
    assert not any("--launch-template" in command or "recycle-bin" in command for command in eks)
    assert any("--launch-template" in command for command in ours)
    assert any(f"restore-image-from-recycle-bin --region eu-west-1 --image-id {GONE}" in command for command in ours)
    assert not any("--kubernetes-version" in command for command in ours)


def test_no_node_is_replaced_while_the_group_cannot_launch_another() -> None:
    template = template_use()
    configured = launch(image_ids=(GONE,), templates=(template,))
    found = commands(judged(self_managed(group={"launch": configured}), ABSENT[0]))
    several = launch(image_ids=(GONE,), templates=(template, template_use(id="lt-2")))

    assert not any("start-instance-refresh" in command for command in found)
    made = next(command for command in found if "create-launch-template-version" in command)
    assert f"--launch-template-id {template.id} --source-version 4 --launch-template-data ImageId=" in made
    assert any(
        f"update-auto-scaling-group --region eu-west-1 --auto-scaling-group-name batch --launch-template "
        f"LaunchTemplateId={template.id}," in command
        for command in found
    )
    assert not any(
        template.id in command for command in commands(judged(self_managed(group={"launch": several}), ABSENT[0]))
    )


# Not available


@pytest.mark.parametrize("state", ["pending", "invalid", "deregistered", "transient", "failed", "error", "disabled"])
def test_only_an_available_image_can_be_launched(state: str) -> None:
    found = launched(own_image(state=state))

    assert (found.status, found.severity) == (Status.FAILED, Severity.CRITICAL)
    assert f"is {state}: only an available image can be launched" in found.reason


@pytest.mark.parametrize(
    ("state", "command"), [("disabled", "enable-image"), ("deregistered", "restore-image-from-recycle-bin")]
)
def test_what_is_ones_own_can_be_brought_back(state: str, command: str) -> None:
    ours, foreign = own_image(state=state), own_image(state=state, owner_id="999999999999")

    assert any(command in each for each in commands(launched(ours)))
    assert not any(command in each for each in commands(launched(foreign)))


@pytest.mark.parametrize("one", [image(), own_image(), own_image(deprecated_at=days_ago(9)), own_image(allowed=True)])
@pytest.mark.parametrize("allowed", ["enabled", "audit-mode", "disabled", gap("ec2:GetAllowedImagesSettings")])
def test_an_image_that_is_seen_and_available_passes(one: Image, allowed: Any) -> None:  # noqa: ANN401  a mode or a gap
    found = launched(one, allowed_images=allowed)

    assert (found.status, found.due_at) == (Status.PASSED, None)
    assert "is available" in found.reason


# Allowed AMIs


@pytest.mark.parametrize(
    ("mode", "status", "severity"),
    [
        ("audit-mode", Status.FAILED, Severity.INFORMATIONAL),
        ("enabled", Status.FAILED, Severity.CRITICAL),
        ("disabled", Status.PASSED, Severity.CRITICAL),
        (gap("ec2:GetAllowedImagesSettings"), Status.UNKNOWN, Severity.CRITICAL),
    ],
)
def test_an_image_that_is_not_allowed(mode: Any, status: Status, severity: Severity) -> None:  # noqa: ANN401  a mode or a gap
    found = launched(image(allowed=False), allowed_images=mode)

    assert (found.status, found.severity) == (status, severity)
    asked = any("get-allowed-images-settings" in command for command in commands(found))
    assert asked is (status is Status.FAILED)


def test_a_worse_defect_of_the_same_image_counts() -> None:
    found = launched(image(allowed=False, state="disabled"), allowed_images="audit-mode")
    blind = launched(image(allowed=False, state="disabled"), allowed_images=gap("ec2:GetAllowedImagesSettings"))

    assert (found.severity, found.partial) == (Severity.CRITICAL, False)
    assert (blind.severity, blind.partial) == (Severity.CRITICAL, True)


# Windows


@pytest.mark.parametrize(
    ("age", "status"), [(timedelta(days=90) - MOMENT, Status.PASSED), (timedelta(days=90), Status.FAILED)]
)
@pytest.mark.parametrize("ami_type", ["WINDOWS_CORE_2022_x86_64", "CUSTOM"])
def test_a_windows_image_is_about_to_be_withdrawn(age: timedelta, status: Status, ami_type: str) -> None:
    windows = image(id="ami-0windows", name=WINDOWS, created_at=NOW - age)

    found = judged(launching(windows.id, ami_type=ami_type), windows, releases=NEWER)

    assert found.status is status
    if status is Status.FAILED:
        assert (found.severity, found.due_at) == (Severity.LOW, None)
        assert "AWS withdraws it at four months" in found.reason
        assert commands(found, "eksctl")
    else:
        assert found.due_at == NOW + MOMENT


def test_a_windows_image_that_is_still_recommended_has_nothing_newer_to_go_to() -> None:
    windows = image(id="ami-0windows", name=WINDOWS, created_at=days_ago(95))
    latest = history(recommended=release(95, image_id=windows.id))

    found = launched(windows, releases={WINDOWS_LINE: latest})

    assert (found.status, found.due_at) == (Status.PASSED, None)
    assert launched(windows, releases={WINDOWS_LINE: history(recommended=None)}).severity is Severity.LOW
    assert launched(windows, releases={}).status is Status.UNKNOWN


def test_a_windows_image_of_ones_own_stays() -> None:
    ours = own_image(name="our-windows", created_at=days_ago(300))

    assert (launched(ours).status, launched(ours).due_at) == (Status.PASSED, None)


def test_a_windows_name_of_another_owner_is_no_release_of_eks() -> None:
    releases = {WINDOWS_LINE: gap("ssm:GetParameters")}
    lookalike = own_image(name=WINDOWS, created_at=days_ago(300))

    assert launched(lookalike, releases=releases).status is Status.UNKNOWN
    assert launched(image(created_at=days_ago(300)), releases=releases).status is Status.PASSED


# Several images, several groups


def test_one_image_that_is_gone_is_enough() -> None:
    found = judged(launching(image().id, GONE), image(), ABSENT[0])

    assert (found.severity, found.partial) == (Severity.CRITICAL, False)
    assert found.reason.endswith("(the worst of 2 images)")


def test_a_failed_call_hides_no_failure() -> None:
    found = judged(launching(GONE, "ami-0unread", image().id), image(), ABSENT[0], gap(resource="ami-0unread"))

    assert (found.severity, found.partial) == (Severity.CRITICAL, True)
    assert found.reason.endswith("(the worst of 3 images, of which 1 could not be read: ami-0unread)")


def test_nothing_passes_beside_a_failed_call() -> None:
    found = judged(launching("ami-0unread", image().id), image(), gap(resource="ami-0unread"))

    assert found.status is Status.UNKNOWN


def test_an_unreadable_launch_is_unknown_and_hides_no_failure_of_another() -> None:
    unread = scaling_group("a", launch=gap("ec2:DescribeLaunchTemplateVersions", "lt-1", "RequestLimitExceeded: no"))
    failing = scaling_group("b", launch=launch(image_ids=(GONE,)))

    assert judged(managed(groups=(unread,))).status is Status.UNKNOWN
    assert judged(managed(groups=gap())).status is Status.UNKNOWN
    both = judged(managed(groups=(unread, failing)), ABSENT[0])
    assert (both.severity, both.partial) == (Severity.CRITICAL, True)


def test_a_template_that_is_gone_is_not_an_image_that_is_gone() -> None:
    gone = gap("ec2:DescribeLaunchTemplateVersions", "lt-1", "InvalidLaunchTemplateId.NotFound: no such template")

    assert judged(self_managed(group={"launch": gone})).status is Status.UNKNOWN


# What it does not judge


def test_a_group_that_is_parked_launches_nothing() -> None:
    parked = scaling_group("a", max_size=0, launch=launch(image_ids=(GONE,)))
    running = scaling_group("b")

    alone = judged(self_managed(group={"max_size": 0, "launch": launch(image_ids=(GONE,))}), ABSENT[0])
    both = judged(managed(groups=(parked, running)), ABSENT[0], image())

    assert alone.status is Status.NOT_APPLICABLE
    assert "may launch anything" in alone.reason
    assert both.status is Status.PASSED


def test_what_eks_says_itself_is_told_once() -> None:
    said = managed(
        health_issues=(HealthIssue(code="AmiIdNotFound", message="no"),),
        group={"launch": launch(image_ids=(GONE,))},
    )
    other = managed(
        health_issues=(HealthIssue(code="AccessDenied", message="no"),), group={"launch": launch(image_ids=(GONE,))}
    )
    of = snapshot(said, images={GONE: ABSENT[0]})
    both = [found for found in judge(of, (image_cannot_be_launched, node_group_unhealthy)) if found.status == "FAILED"]

    assert [found.check_id for found in both] == ["HEALTH001"]
    assert judged(said, ABSENT[0]).reason == "EKS says so itself (AmiIdNotFound): see HEALTH001"
    assert judged(other, ABSENT[0]).severity is Severity.CRITICAL


def test_a_pools_selection_is_not_visible() -> None:
    pool, auto = (
        finding(image_cannot_be_launched, node_pool()),
        finding(image_cannot_be_launched, node_pool(kind="auto-mode")),
    )

    assert (pool.status, pool.reason) == (Status.NOT_APPLICABLE, "which images the pool selects is not visible")
    assert (auto.status, auto.owner) == (Status.NOT_APPLICABLE, Owner.SHARED)


def test_a_group_that_is_not_there_yet_launches_nothing() -> None:
    found = judged(managed(groups=()))

    assert (found.status, found.reason) == (Status.NOT_APPLICABLE, "it has nothing to launch from yet")
