"""What Auto Scaling groups launch from: launch templates and their versions, launch configurations, profiles."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from local_aws.fleet_nodes import Versions
from local_aws.identity import digest
from local_aws.images import Document
from local_aws.place import Place
from local_aws.world import RegionState


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A launch template to be.

    Attributes:
        name: Its name.
        created: When.
        content: What its versions say.
        versions: Which there are.
        past: What some versions say otherwise.
    """

    name: str
    created: datetime
    content: Document
    versions: Versions = field(default_factory=Versions)
    past: Mapping[int, Document] = field(default_factory=dict)


def add_launch_template(place: Place, template: Template) -> Document:
    """Create a launch template and return what refers to the version in use."""
    identifier, versions = place.id("lt", template.name), template.versions
    shared = {
        "LaunchTemplateId": identifier,
        "LaunchTemplateName": template.name,
        "CreateTime": template.created,
        "CreatedBy": place.state.iam_arn("root"),
    }
    place.state.launch_templates[identifier] = {
        **shared,
        "DefaultVersionNumber": versions.default_number,
        "LatestVersionNumber": versions.latest_number,
        "Tags": [],
    }
    place.state.template_versions[identifier] = [
        {
            **shared,
            "VersionNumber": number,
            "DefaultVersion": number == versions.default_number,
            "LaunchTemplateData": template.content | template.past.get(number, {}),
        }
        for number in range(1, versions.latest_number + 1)
    ]
    return {"LaunchTemplateId": identifier, "LaunchTemplateName": template.name, "Version": str(versions.used)}


def delete_template(state: RegionState, specification: Document) -> None:
    """Delete a launch template under whoever uses it."""
    del state.launch_templates[specification["LaunchTemplateId"]]
    del state.template_versions[specification["LaunchTemplateId"]]


def add_version(state: RegionState, specification: Document, created: datetime, **changes: object) -> str:
    """Add a version like the latest one but for some of its content, make it the default, and return its number."""
    identifier = specification["LaunchTemplateId"]
    template, versions = state.launch_templates[identifier], state.template_versions[identifier]
    number = template["LatestVersionNumber"] + 1
    content = versions[-1]["LaunchTemplateData"] | changes
    fresh = {**versions[-1], "VersionNumber": number, "CreateTime": created, "LaunchTemplateData": content}
    template |= {"LatestVersionNumber": number, "DefaultVersionNumber": number}
    state.template_versions[identifier] = [
        {**version, "DefaultVersion": version is fresh} for version in [*versions, fresh]
    ]
    return str(number)


def delete_version(state: RegionState, specification: Document, number: int, now: datetime) -> None:
    """Delete a version; the default one cannot be deleted, so a newer one becomes that first."""
    identifier = specification["LaunchTemplateId"]
    if state.launch_templates[identifier]["DefaultVersionNumber"] == number:
        add_version(state, specification, now)
    versions = state.template_versions[identifier]
    state.template_versions[identifier] = [each for each in versions if each["VersionNumber"] != number]


def naming_the_missing(place: Place, capacity: str, content: Document, missing: Sequence[str]) -> Document:
    """Let a template's content name what nobody has any more."""
    named = dict(content)
    groups = list(named["SecurityGroupIds"])
    if "security-group" in missing:
        groups.append(place.id("sg", "gone", capacity))
        named["SecurityGroupIds"] = groups
    if "key-pair" in missing:
        named["KeyName"] = f"{capacity}-admin"
    if "placement-group" in missing:
        named["Placement"] = {"GroupName": f"{capacity}-rack"}
    if "subnet" in missing:
        del named["SecurityGroupIds"]  # a template has them either here or at its interfaces
        named["NetworkInterfaces"] = [
            {"DeviceIndex": 0, "SubnetId": place.id("subnet", "gone", capacity), "Groups": groups}
        ]
    return named


def add_instance_profile(state: RegionState, name: str, role: str, created: datetime) -> None:
    """Create an instance profile with its role."""
    policy = '{"Version":"2012-10-17","Statement":[]}'
    state.iam.instance_profiles[name] = {
        "Path": "/",
        "InstanceProfileName": name,
        "InstanceProfileId": "AIPA" + digest("profile", state.account, name)[:17].upper(),
        "Arn": state.iam_arn(f"instance-profile/{name}"),
        "CreateDate": created,
        "Roles": [
            {
                "Path": "/",
                "RoleName": role,
                "RoleId": "AROA" + digest("role", state.account, role)[:17].upper(),
                "Arn": state.iam_arn(f"role/{role}"),
                "CreateDate": created,
                "AssumeRolePolicyDocument": policy,
            }
        ],
    }


def add_launch_configuration(place: Place, name: str, created: datetime, content: Document) -> Document:
    """Create a launch configuration of a template's content, and return what refers to it."""
    place.state.launch_configurations[name] = {
        "LaunchConfigurationName": name,
        "LaunchConfigurationARN": place.state.arn(
            "autoscaling", f"launchConfiguration:{place.uuid('configuration', name)}:launchConfigurationName/{name}"
        ),
        "ImageId": content["ImageId"],
        "InstanceType": content["InstanceType"],
        "IamInstanceProfile": content["IamInstanceProfile"]["Name"],
        "SecurityGroups": content.get("SecurityGroupIds", []),
        "KeyName": content.get("KeyName", ""),
        "UserData": content.get("UserData", ""),
        "BlockDeviceMappings": [],
        "InstanceMonitoring": {"Enabled": True},
        "KernelId": "",
        "RamdiskId": "",
        "EbsOptimized": False,
        "CreatedTime": created,
    }
    return {"LaunchConfigurationName": name}
