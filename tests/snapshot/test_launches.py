"""What an Auto Scaling group launches: all ways to name a template, a version, an image; what pins it to a zone."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from eks_auditor.model.capacity import LaunchConfig, TemplateUse, is_gone
from eks_auditor.model.gap import Gap
from tests.snapshot.bench import ACCOUNT, BATCH, REGION, Bench, ago, batch, group_of

PLACEMENT = "pg-0123456789abcdef0"
RECOMMENDED = "/aws/service/eks/optimized-ami/1.35/amazon-linux-2023/x86_64/standard/recommended/image_id"
"""The public parameter of the recommended image."""


def content(bench: Bench, version: int = 1) -> dict[str, Any]:
    """What its launch template says."""
    [versions] = bench.aws.region(ACCOUNT, REGION).template_versions.values()
    found: dict[str, Any] = versions[version - 1]["LaunchTemplateData"]
    return found


def add_version(bench: Bench, *, default: bool = False, **changes: object) -> None:
    state = bench.aws.region(ACCOUNT, REGION)
    [(template, versions)] = state.template_versions.items()
    number = len(versions) + 1
    for version in versions:
        version["DefaultVersion"] &= not default
    versions.append(
        {
            **versions[0],
            "VersionNumber": number,
            "CreateTime": versions[0]["CreateTime"] + timedelta(hours=number),
            "DefaultVersion": default,
            "LaunchTemplateData": {**content(bench), **changes},
        }
    )
    state.launch_templates[template]["LatestVersionNumber"] = number
    if default:
        state.launch_templates[template]["DefaultVersionNumber"] = number


def launch(bench: Bench) -> LaunchConfig:
    found = group_of(bench.read(), "batch").launch
    assert isinstance(found, LaunchConfig)
    return found


@pytest.mark.parametrize(
    ("version", "number", "image"),
    [
        ("1", "1", None),
        ("2", "2", "ami-2"),
        ("$Latest", "3", "ami-3"),
        ("$Default", "2", "ami-2"),
        (None, "2", "ami-2"),
    ],
)
def test_the_version_that_the_group_uses(
    bench: Callable[..., Any], version: str | None, number: str, image: str | None
) -> None:
    with bench(BATCH) as started:
        first = content(started)["ImageId"]
        add_version(started, default=True, ImageId="ami-2")
        add_version(started, ImageId="ami-3")
        template = batch(started)["LaunchTemplate"]
        del template["Version"]
        if version is not None:
            template["Version"] = version
        found = launch(started)
        assert found.image_ids == (image or first,)
        assert found.templates == (use(started, number, default_version="2"),)
        assert found.configuration is None


def use(bench: Bench, version: str, default_version: str | Gap = "1") -> TemplateUse:
    """The use of the one template that is there."""
    state = bench.aws.region(ACCOUNT, REGION)
    [template] = state.launch_templates.values()
    [versions] = state.template_versions.values()
    return TemplateUse(
        id=template["LaunchTemplateId"],
        name=template["LaunchTemplateName"],
        version=version,
        default_version=default_version,
        created_at=versions[int(version) - 1]["CreateTime"],
    )


def test_a_group_that_names_its_template_by_name(bench: Callable[..., Any]) -> None:
    with bench(BATCH) as started:
        template = batch(started)["LaunchTemplate"]
        del template["LaunchTemplateId"]
        template["LaunchTemplateName"] = use(started, "1").name
        assert launch(started).templates == (use(started, "1"),)


def test_only_what_the_version_does_not_say_is_asked_for(bench: Callable[..., Any]) -> None:
    with bench(BATCH) as started:
        launch(started)
        assert started.count("ec2:DescribeLaunchTemplates") == 0  # version 1 says that it is the default one


def test_a_default_version_that_cannot_be_read(bench: Callable[..., Any]) -> None:
    with bench(BATCH) as started:
        add_version(started, default=True)
        batch(started)["LaunchTemplate"]["Version"] = "1"
        started.aws.fail("ec2", "DescribeLaunchTemplates", "UnauthorizedOperation", "no", status=403)
        snapshot = started.read()
        [gap] = snapshot.gaps
        found = group_of(snapshot, "batch").launch
        assert isinstance(found, LaunchConfig)
        assert found.templates == (use(started, "1", default_version=gap),)
        assert found.image_ids
    assert (gap.action, gap.resource) == ("ec2:DescribeLaunchTemplates", found.templates[0].id)


@pytest.mark.parametrize(
    ("specification", "code"),
    [
        ({"LaunchTemplateId": "lt-0123456789abcdef0"}, "InvalidLaunchTemplateId.NotFound"),
        ({"LaunchTemplateName": "nowhere"}, "InvalidLaunchTemplateName.NotFoundException"),
        ({"Version": "99"}, "InvalidLaunchTemplateId.VersionNotFound"),
    ],
)
@pytest.mark.parametrize("by_override", [False, True])
def test_a_template_that_is_gone_can_be_told(
    bench: Callable[..., Any], specification: dict[str, str], code: str, *, by_override: bool
) -> None:
    with bench(BATCH) as started:
        whole = batch(started)["LaunchTemplate"]
        named = {"LaunchTemplateId", "LaunchTemplateName"}
        kept = {} if named & specification.keys() else {key: whole[key] for key in named & whole.keys()}
        gone = kept | {"Version": "1"} | specification
        if by_override:
            del batch(started)["LaunchTemplate"]
            overrides = [{"InstanceType": "m5.large"}, {"LaunchTemplateSpecification": gone}]
            policy = {"LaunchTemplateSpecification": whole, "Overrides": overrides}
            batch(started)["MixedInstancesPolicy"] = {"LaunchTemplate": policy}
        else:
            batch(started)["LaunchTemplate"] = gone
        found = group_of(started.read(), "batch").launch
    assert isinstance(found, Gap)
    assert found.error.startswith(f"{code}: ")
    assert is_gone(found)


def test_one_that_is_gone_is_told_before_one_that_may_not_be_read(bench: Callable[..., Any]) -> None:
    with bench(BATCH) as started:
        whole = batch(started).pop("LaunchTemplate")
        overrides = [{"InstanceType": "m5.large"}, {"LaunchTemplateSpecification": {**whole, "Version": "99"}}]
        policy = {"LaunchTemplateSpecification": whole, "Overrides": overrides}
        batch(started)["MixedInstancesPolicy"] = {"LaunchTemplate": policy}
        started.aws.fail(
            "ec2", "DescribeLaunchTemplateVersions", "UnauthorizedOperation", when=lambda p: p["Versions"] == ["1"]
        )
        found = group_of(started.read(), "batch").launch
    assert isinstance(found, Gap)
    assert is_gone(found)


@pytest.mark.parametrize(
    ("error", "gone"),
    [
        ("InvalidLaunchTemplateId.NotFoundException: other spelling", True),
        ("InvalidLaunchTemplateName.NotFound: other spelling", True),
        ("InvalidLaunchTemplateId.Malformed: no", False),
        ("UnauthorizedOperation: InvalidLaunchTemplateId.NotFound", False),
        ("UnexpectedAnswer: the answer has no 'version 1'", False),
    ],
)
def test_what_says_that_a_template_is_gone(error: str, *, gone: bool) -> None:
    assert is_gone(Gap("ec2:DescribeLaunchTemplateVersions", "lt-1:1", error)) is gone


def test_an_image_that_a_parameter_names_is_resolved(bench: Callable[..., Any]) -> None:
    with bench(BATCH) as started:
        image = content(started)["ImageId"]
        content(started)["ImageId"] = f"resolve:ssm:{RECOMMENDED}"
        assert launch(started).image_ids == (image,)


@pytest.mark.parametrize("refusal", ["UnauthorizedOperation", "InvalidParameterValue"])
def test_an_image_whose_parameter_cannot_be_resolved_costs_nothing_else(
    bench: Callable[..., Any], refusal: str
) -> None:
    with bench(BATCH) as started:
        content(started)["ImageId"] = "resolve:ssm:/our/image"
        started.aws.fail(
            "ec2", "DescribeLaunchTemplateVersions", refusal, when=lambda params: params["ResolveAlias"] is True
        )
        snapshot = started.read()
        found = group_of(snapshot, "batch").launch
        assert isinstance(found, LaunchConfig)
        assert found.image_ids == ("resolve:ssm:/our/image",)
        assert found.instance_types == (content(started)["InstanceType"],)
        assert found.templates == (use(started, "1"),)
    assert [gap.resource for gap in snapshot.gaps] == ["/our/image"]


@pytest.mark.parametrize(
    ("name", "refusal", "error"),
    [
        ("/our/image", None, "ParameterNotFound: it does not exist"),
        ("/our/image:7", None, "ParameterNotFound: it does not exist"),
        ("/our/image", "AccessDeniedException", "AccessDeniedException: "),
        (RECOMMENDED, None, "NotResolved: EC2 does not resolve it to an image"),
    ],
)
def test_why_a_parameter_was_not_resolved_is_told(
    bench: Callable[..., Any], name: str, refusal: str | None, error: str
) -> None:
    with bench(BATCH) as started:
        content(started)["ImageId"] = f"resolve:ssm:{name}"
        started.aws.fail(
            "ec2", "DescribeLaunchTemplateVersions", "InvalidParameterValue", when=lambda params: params["ResolveAlias"]
        )
        if refusal:
            started.aws.fail("ssm", "GetParameters", refusal, when=lambda params: params["Names"] == [name])
        found = started.read().images[f"resolve:ssm:{name}"]
    assert isinstance(found, Gap)
    assert (found.action, found.resource) == ("ssm:GetParameters", name)
    assert found.error.startswith(error)


def test_a_throttled_template_is_not_asked_for_in_another_way(bench: Callable[..., Any]) -> None:
    with bench(BATCH) as started:
        started.aws.fail("ec2", "DescribeLaunchTemplateVersions", "RequestLimitExceeded", status=503)
        assert isinstance(group_of(started.read(), "batch").launch, Gap)
        assert started.count("ec2:DescribeLaunchTemplateVersions") == 1


def test_overrides_bring_types_images_and_templates_of_their_own(bench: Callable[..., Any]) -> None:
    with bench(BATCH) as started:
        first = content(started)["ImageId"]
        add_version(started, ImageId="ami-2", InstanceType="r5.large")
        specification = batch(started).pop("LaunchTemplate")
        second = {**specification, "Version": "2"}
        batch(started)["MixedInstancesPolicy"] = {
            "LaunchTemplate": {
                "LaunchTemplateSpecification": specification,
                "Overrides": [
                    {"InstanceType": "m5.large"},
                    {"InstanceType": "m5a.large", "ImageId": "ami-9"},
                    {"LaunchTemplateSpecification": second, "ImageId": "ami-8"},
                    {"LaunchTemplateSpecification": second},
                    {"InstanceType": "c5.large"},
                ],
            }
        }
        found = launch(started)
        assert found.templates == (use(started, "1"), use(started, "2"))
    assert found.image_ids == (first, "ami-9", "ami-8", "ami-2")
    assert found.instance_types == ("m5.large", "m5a.large", "r5.large", "c5.large")


def test_instance_requirements_name_no_types(bench: Callable[..., Any]) -> None:
    with bench(BATCH) as started:
        requirements = {"VCpuCount": {"Min": 2}, "MemoryMiB": {"Min": 4096}}
        content(started)["InstanceRequirements"] = requirements
        del content(started)["InstanceType"]
        assert launch(started).instance_types == ()


def test_overrides_that_choose_by_requirements(bench: Callable[..., Any]) -> None:
    with bench(BATCH) as started:
        requirements = {"VCpuCount": {"Min": 2}, "MemoryMiB": {"Min": 4096}}
        policy = {"LaunchTemplateSpecification": batch(started).pop("LaunchTemplate")}
        policy["Overrides"] = [{"InstanceRequirements": requirements}]
        batch(started)["MixedInstancesPolicy"] = {"LaunchTemplate": policy}
        assert launch(started).instance_types == ()  # the template's own type does not count


@pytest.mark.parametrize(
    ("changes", "pin"),
    [
        ({"InstanceMarketOptions": {"MarketType": "capacity-block"}}, "a Capacity Block"),
        (
            {"CapacityReservationSpecification": {"CapacityReservationTarget": {"CapacityReservationId": "cr-1"}}},
            "a targeted capacity reservation",
        ),
        ({"Placement": {"GroupName": "tight"}}, "a cluster placement group"),
        ({"Placement": {"GroupId": PLACEMENT}}, "a cluster placement group"),
        ({"NetworkInterfaces": [{"DeviceIndex": 0, "InterfaceType": "efa"}]}, "EFA"),
        ({"NetworkInterfaces": [{"DeviceIndex": 1, "InterfaceType": "efa-only"}]}, "EFA"),
        ({"Placement": {"GroupName": "nowhere"}}, "a placement group whose strategy could not be read"),
    ],
)
def test_what_pins_a_group_to_a_zone(bench: Callable[..., Any], changes: dict[str, Any], pin: str) -> None:
    with bench(BATCH) as started:
        started.aws.region(ACCOUNT, REGION).placement_groups[PLACEMENT] = placement(PLACEMENT, "tight", "cluster")
        content(started).update(changes)
        assert launch(started).pins == (pin,)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"Placement": {"GroupName": "loose"}},
        {"CapacityReservationSpecification": {"CapacityReservationPreference": "open"}},
        {"InstanceMarketOptions": {"MarketType": "spot"}},
    ],
)
def test_what_does_not(bench: Callable[..., Any], changes: dict[str, Any]) -> None:
    with bench(BATCH) as started:
        started.aws.region(ACCOUNT, REGION).placement_groups[PLACEMENT] = placement(PLACEMENT, "loose", "spread")
        content(started).update(changes)
        assert launch(started).pins == ()


def placement(identifier: str, name: str, strategy: str) -> dict[str, Any]:
    return {"GroupId": identifier, "GroupName": name, "Strategy": strategy, "State": "available"}


def test_a_launch_configuration(bench: Callable[..., Any]) -> None:
    with bench(BATCH) as started:
        del batch(started)["LaunchTemplate"]
        batch(started)["LaunchConfigurationName"] = "old-way"
        assert isinstance(group_of(started.read(), "batch").launch, Gap)  # it does not exist
        started.aws.region(ACCOUNT, REGION).launch_configurations["old-way"] = {
            "LaunchConfigurationName": "old-way",
            "ImageId": "ami-1",
            "InstanceType": "m5.large",
            "UserData": "c2VjcmV0",
            "CreatedTime": ago(days=900),
        }
        batch(started)["PlacementGroup"] = "tight"
        started.aws.region(ACCOUNT, REGION).placement_groups[PLACEMENT] = placement(PLACEMENT, "tight", "cluster")
        assert launch(started) == LaunchConfig(
            image_ids=("ami-1",),
            instance_types=("m5.large",),
            pins=("a cluster placement group",),
            configuration="old-way",
        )
