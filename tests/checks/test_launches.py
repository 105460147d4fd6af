"""AMI008 and AMI013: what groups launch from."""

from typing import Any

import pytest

from eks_auditor.checks.launches import SAID_BY_EKS, launch_names_what_is_gone, launch_template_drift
from eks_auditor.checks.node_group_issues import ISSUES
from eks_auditor.model.capacity import LAUNCH_TEMPLATE_GONE, HealthIssue, MissingReference
from eks_auditor.model.finding import Finding
from eks_auditor.model.verdict import Severity, Status
from tests.builders import gap, launch, managed, scaling_group, self_managed, template_use
from tests.checks.judged import commands, finding

GROUPS = pytest.mark.parametrize("group", [managed, self_managed])
UNREAD = gap("ec2:DescribeLaunchTemplates", "lt-1")


def drift(capacity: Any) -> Finding:  # noqa: ANN401  any capacity
    return finding(launch_template_drift, capacity)


def broken(capacity: Any) -> Finding:  # noqa: ANN401  any capacity
    return finding(launch_names_what_is_gone, capacity)


def launching(*templates: Any, **deviations: Any) -> Any:  # noqa: ANN401  templates, any field of a launch
    return self_managed(group={"launch": launch(templates=templates, **deviations)})


def with_template(**deviations: Any) -> Any:  # noqa: ANN401  any field of a template
    return managed(template=template_use(**deviations))


EITHER = pytest.mark.parametrize("build", [with_template, lambda **d: launching(template_use(**d))])


# AMI008


@EITHER
@pytest.mark.parametrize(
    ("version", "default", "status"),
    [
        ("4", "4", Status.PASSED),
        ("5", "4", Status.PASSED),
        ("3", "4", Status.FAILED),
        ("9", "10", Status.FAILED),
        ("10", "9", Status.PASSED),
    ],
)
def test_a_version_is_behind_its_default_by_number(build: Any, version: str, default: str, status: Status) -> None:  # noqa: ANN401  a builder
    found = drift(build(version=version, default_version=default))

    assert found.status is status
    assert f"version {version} of shop-nodes" in found.reason
    if status is Status.FAILED:
        assert found.severity is Severity.INFORMATIONAL
        assert f"behind the default version {default}" in found.reason


@EITHER
@pytest.mark.parametrize("default", [UNREAD, "$Default"])
def test_a_default_that_was_not_read_is_unknown(build: Any, default: Any) -> None:  # noqa: ANN401  a builder, a version or a gap
    found = drift(build(default_version=default))

    assert found.status is Status.UNKNOWN
    assert found.evidence["action"] == "ec2:DescribeLaunchTemplates"


def test_a_template_that_eks_made_is_not_judged() -> None:
    found = drift(managed(group={"launch": launch(templates=(template_use(version="1"),))}))

    assert found.status is Status.NOT_APPLICABLE


def test_a_managed_group_needs_no_auto_scaling_group_to_be_read() -> None:
    assert drift(managed(template=template_use(version="3"), groups=gap())).status is Status.FAILED


def test_one_template_behind_among_several_is_enough() -> None:
    found = drift(launching(template_use(), template_use(id="lt-2", name="spot", version="1")))

    assert found.severity is Severity.INFORMATIONAL
    assert "version 1 of spot (lt-2)" in found.reason


def test_one_template_unread_hides_no_failure_and_no_pass() -> None:
    unread = template_use(id="lt-2", default_version=UNREAD)

    assert drift(launching(template_use(version="3"), unread)).partial
    assert drift(launching(template_use(), unread)).status is Status.UNKNOWN


def test_a_launch_configuration_has_its_own_reason() -> None:
    found = drift(launching(configuration="batch-2019"))

    assert (found.status, found.severity) == (Status.FAILED, Severity.LOW)
    assert "launch configuration batch-2019" in found.reason
    assert any("describe-launch-configurations" in way and "batch-2019" in way for way in commands(found))
    assert not any("LaunchTemplateId=" in way for way in commands(found))


def test_a_launch_that_was_not_read_is_unknown() -> None:
    assert drift(self_managed(group={"launch": gap()})).status is Status.UNKNOWN


def test_a_launch_without_any_template_is_not_judged() -> None:
    assert drift(launching()).status is Status.NOT_APPLICABLE


def test_the_fix_is_to_take_the_default() -> None:
    behind = {"version": "3", "default_version": "4"}

    managed_ways = commands(drift(with_template(**behind)))
    ways = commands(drift(launching(template_use(**behind))))

    update = "aws eks update-nodegroup-version --region eu-west-1 --cluster-name shop --nodegroup-name web"
    assert managed_ways == [f"{update} --launch-template id={template_use().id},version=4"]
    assert any(f"--launch-template LaunchTemplateId={template_use().id},Version=4" in way for way in ways)


# AMI013


@GROUPS
def test_a_launch_whose_parts_exist_passes(group: Any) -> None:  # noqa: ANN401  a builder
    assert broken(group()).status is Status.PASSED


@GROUPS
@pytest.mark.parametrize("code", sorted(LAUNCH_TEMPLATE_GONE))
def test_a_template_or_version_that_is_gone_is_critical(group: Any, code: str) -> None:  # noqa: ANN401  a builder
    gone = gap("ec2:DescribeLaunchTemplateVersions", "lt-1:4", f"{code}: no such version")

    found = broken(group(group={"launch": gone}))

    assert (found.status, found.severity) == (Status.FAILED, Severity.CRITICAL)
    assert "does not exist" in found.reason
    assert "lt-1:4" in found.reason
    assert any("lt-1:4" in way for way in commands(found))


@GROUPS
@pytest.mark.parametrize(
    "error", ["UnauthorizedOperation: no", "RequestLimitExceeded: slow down", "InvalidLaunchTemplateId.Malformed: no"]
)
def test_a_template_that_was_not_read_is_unknown(group: Any, error: str) -> None:  # noqa: ANN401  a builder
    unread = gap("ec2:DescribeLaunchTemplateVersions", "lt-1:4", error)

    assert broken(group(group={"launch": unread})).status is Status.UNKNOWN


@GROUPS
@pytest.mark.parametrize("what", ["security group", "instance profile", "key pair", "subnet", "placement group"])
def test_whatever_is_missing_is_critical(group: Any, what: str) -> None:  # noqa: ANN401  a builder
    missing = (MissingReference(what=what, id="lost"), MissingReference(what="subnet", id="subnet-9"))

    found = broken(group(group={"launch": launch(templates=(template_use(),), missing=missing)}))

    assert found.severity is Severity.CRITICAL
    assert f"{what} lost, subnet subnet-9" in found.reason
    assert (found.evidence["missing"], found.evidence["missing_count"]) == (f"{what} lost, subnet subnet-9", 2)


def test_20_missing_things_are_named_and_all_are_counted() -> None:
    missing = tuple(MissingReference(what="subnet", id=f"subnet-{n}") for n in range(23))

    found = broken(self_managed(group={"launch": launch(missing=missing)}))

    assert found.evidence["missing_count"] == 23
    assert len(str(found.evidence["missing"]).split(", ")) == 20
    assert "and 3 more" in found.reason


@GROUPS
def test_whether_something_is_missing_must_be_known(group: Any) -> None:  # noqa: ANN401  a builder
    unread = gap("iam:GetInstanceProfile", "nodes")

    found = broken(group(group={"launch": launch(missing=unread)}))

    assert found.status is Status.UNKNOWN
    assert found.evidence["action"] == "iam:GetInstanceProfile"


def test_a_group_that_breaks_shows_beside_one_that_was_not_read() -> None:
    missing = launch(missing=(MissingReference(what="key pair", id="ops"),))
    groups = (scaling_group("one", launch=gap()), scaling_group("two", launch=missing))

    found = broken(managed(groups=groups))

    assert found.status is Status.FAILED
    assert found.partial
    assert found.evidence["group"] == "two"


@pytest.mark.parametrize("code", sorted(SAID_BY_EKS))
def test_what_eks_says_itself_is_left_to_health001(code: str) -> None:
    issue = HealthIssue(code=code, message="gone")
    missing = launch(missing=(MissingReference(what="security group", id="sg-1"),))

    found = broken(managed(health_issues=(issue,), group={"launch": missing}))

    assert found.status is Status.NOT_APPLICABLE
    assert code in found.reason
    assert "HEALTH001" in found.reason


def test_other_issues_of_a_group_explain_nothing() -> None:
    issue = HealthIssue(code="InsufficientFreeAddresses", message="full")
    missing = launch(missing=(MissingReference(what="key pair", id="ops"),))

    assert broken(managed(health_issues=(issue,), group={"launch": missing})).severity is Severity.CRITICAL


def test_the_codes_are_codes_of_eks() -> None:
    assert ISSUES.keys() >= SAID_BY_EKS


@GROUPS
def test_a_group_that_launches_nothing_is_not_judged(group: Any) -> None:  # noqa: ANN401  a builder
    parked = {"min_size": 0, "max_size": 0, "desired": 0, "instances": (), "launch": gap()}

    assert broken(group(group=parked)).status is Status.NOT_APPLICABLE
    assert broken(managed(groups=())).status is Status.NOT_APPLICABLE
    assert broken(managed(groups=gap())).status is Status.UNKNOWN


def test_a_managed_groups_own_template_is_corrected_and_never_the_copy_of_eks() -> None:
    own, copy = template_use(id="lt-own"), template_use(id="lt-copy")
    lost = launch(templates=(copy,), missing=(MissingReference(what="key pair", id="ops"),))

    with_own = commands(broken(managed(template=own, group={"launch": lost})))
    without = commands(broken(managed(group={"launch": lost})))

    assert any("--launch-template id=lt-own,version=NEW_VERSION" in way for way in with_own)
    assert not any("create-nodegroup" in way for way in with_own)
    assert any("create-nodegroup" in way for way in without)
    assert not any("lt-copy" in way for way in (*with_own, *without))


def test_a_self_managed_groups_fix_offers_both_ways() -> None:
    lost = launch(templates=(template_use(),), missing=(MissingReference(what="key pair", id="ops"),))

    found = broken(self_managed(group={"launch": lost}))

    assert [way.split(":")[0] for way in commands(found, "guide")] == ["migrate", "in place"]
    assert any("create-launch-template-version" in way and "--source-version 4" in way for way in commands(found))
