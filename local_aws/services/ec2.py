"""EC2: instances, launch templates, Regions; `ec2_*` beside this has the rest."""

from collections.abc import Mapping

from local_aws.errors import AwsError
from local_aws.geography import DEFAULT_REGIONS, OPT_IN_REGIONS, dns_suffix, partition_of
from local_aws.identity import resource_id
from local_aws.images import Document
from local_aws.paging import Paging
from local_aws.services import ec2_images, ec2_network, ec2_references, ec2_requirements, ec2_types
from local_aws.services.call import Call, Operation
from local_aws.services.filters import Reader, by_id, member, select

_INSTANCE_FILTERS: Mapping[str, Reader] = {
    "architecture": member("Architecture"),
    "availability-zone": member("Placement", "AvailabilityZone"),
    "availability-zone-id": member("Placement", "AvailabilityZoneId"),
    "image-id": member("ImageId"),
    "instance-id": member("InstanceId"),
    "instance-lifecycle": member("InstanceLifecycle"),
    "instance-state-name": member("State", "Name"),
    "instance-type": member("InstanceType"),
    "subnet-id": member("SubnetId"),
    "vpc-id": member("VpcId"),
}
_TEMPLATE_FILTERS: Mapping[str, Reader] = {
    "create-time": member("CreateTime"),
    "launch-template-name": member("LaunchTemplateName"),
}
_VERSION_FILTERS: Mapping[str, Reader] = {
    "image-id": member("LaunchTemplateData", "ImageId"),
    "instance-type": member("LaunchTemplateData", "InstanceType"),
    "is-default-version": member("DefaultVersion"),
}
_REGION_FILTERS: Mapping[str, Reader] = {
    "region-name": member("RegionName"),
    "opt-in-status": member("OptInStatus"),
    "endpoint": member("Endpoint"),
}


def paging(default: int | None, least: int, most: int) -> Paging:
    """Return how EC2 pages."""
    return Paging("MaxResults", "NextToken", default, least, most, "InvalidParameterValue", "InvalidNextToken")


def describe_instances(call: Call) -> Document:
    """Describe instances by id or filter, each in a reservation of its own."""
    found = by_id(call, "InstanceIds", call.state.instances, "InvalidInstanceID.NotFound", "instance ID")
    found = select(found, call.params.get("Filters"), _INSTANCE_FILTERS)
    reservations = [
        {
            "ReservationId": resource_id("r", instance["InstanceId"]),
            "OwnerId": call.state.account,
            "Instances": [instance],
        }
        for instance in found
    ]
    return call.page("Reservations", reservations, paging(None, 5, 1000))


def describe_launch_templates(call: Call) -> Document:
    """Describe launch templates by id, name or filter."""
    ids, names = call.params.get("LaunchTemplateIds"), call.params.get("LaunchTemplateNames")
    found = list(call.state.launch_templates.values())
    if ids or names:
        found = [_template(call, identifier, None) for identifier in dict.fromkeys(ids or [])]
        found += [_template(call, None, name) for name in dict.fromkeys(names or [])]
    return call.page(
        "LaunchTemplates", select(found, call.params.get("Filters"), _TEMPLATE_FILTERS), paging(None, 1, 200)
    )


def describe_launch_template_versions(call: Call) -> Document:
    """Describe versions of one template by number, `$Latest` or `$Default`, or those two of every template."""
    identifier, name = call.params.get("LaunchTemplateId"), call.params.get("LaunchTemplateName")
    wanted = call.params.get("Versions")
    if identifier is None and name is None:
        if not wanted or not set(wanted) <= {"$Latest", "$Default"}:
            message = "A launch template ID or name, or the versions $Latest or $Default, must be specified"
            raise AwsError(message, code="MissingParameter")
        templates = list(call.state.launch_templates.values())
    else:
        templates = [_template(call, identifier, name)]
    found = [version for template in templates for version in _versions(call, template, wanted)]
    if call.params.get("ResolveAlias"):
        found = [_resolved(call, version) for version in found]
    return call.page(
        "LaunchTemplateVersions", select(found, call.params.get("Filters"), _VERSION_FILTERS), paging(None, 1, 200)
    )


def _template(call: Call, identifier: str | None, name: str | None) -> Document:
    for template in call.state.launch_templates.values():
        if template["LaunchTemplateId"] == identifier or (
            identifier is None and template["LaunchTemplateName"] == name
        ):
            return template
    if identifier is not None:
        message = f"The specified launch template, with template ID {identifier}, does not exist."
        raise AwsError(message, code="InvalidLaunchTemplateId.NotFound")
    message = f"The specified launch template, with template name {name}, does not exist."
    raise AwsError(message, code="InvalidLaunchTemplateName.NotFoundException")


def _versions(call: Call, template: Document, wanted: list[str] | None) -> list[Document]:
    aliases = {"$Latest": template["LatestVersionNumber"], "$Default": template["DefaultVersionNumber"]}
    versions = {
        version["VersionNumber"]: version for version in call.state.template_versions[template["LaunchTemplateId"]]
    }
    found = []
    for number in [aliases.get(each, each) for each in wanted] if wanted else sorted(versions, reverse=True):
        if int(number) not in versions:
            identifier = template["LaunchTemplateId"]
            message = f"Could not find the specified version {number} for the launch template with ID {identifier}."
            raise AwsError(message, code="InvalidLaunchTemplateId.VersionNotFound")
        found.append(versions[int(number)])
    return found


def _resolved(call: Call, version: Document) -> Document:
    """Replace an image given as `resolve:ssm:<parameter>` by the image that the parameter names."""
    image = version["LaunchTemplateData"].get("ImageId", "")
    if not image.startswith("resolve:ssm:"):
        return version
    parameter = call.state.public.parameters.get(image.removeprefix("resolve:ssm:"))
    if parameter is None:
        message = f"The parameter of {image} does not exist."
        raise AwsError(message, code="InvalidParameterValue")
    return {**version, "LaunchTemplateData": {**version["LaunchTemplateData"], "ImageId": parameter["Value"]}}


def describe_regions(call: Call) -> Document:
    """Describe the Regions that are enabled for the account, or all of them."""
    everything, names = call.params.get("AllRegions"), call.params.get("RegionNames")
    found = []
    partition = partition_of(call.state.region)
    for name in sorted(name for name in DEFAULT_REGIONS | OPT_IN_REGIONS if partition_of(name) == partition):
        enabled = call.world.enabled(call.state.account, name)
        status = "opt-in-not-required" if name in DEFAULT_REGIONS else "opted-in" if enabled else "not-opted-in"
        if (enabled or everything) and (not names or name in names):
            found.append({"RegionName": name, "Endpoint": f"ec2.{name}.{dns_suffix(name)}", "OptInStatus": status})
    return {"Regions": select(found, call.params.get("Filters"), _REGION_FILTERS)}


OPERATIONS: Mapping[str, Operation] = {
    "DescribeInstances": describe_instances,
    "DescribeSubnets": ec2_network.describe_subnets,
    "DescribeRouteTables": ec2_network.describe_route_tables,
    "DescribeNatGateways": ec2_network.describe_nat_gateways,
    "DescribeLaunchTemplates": describe_launch_templates,
    "DescribeLaunchTemplateVersions": describe_launch_template_versions,
    "DescribeRegions": describe_regions,
    "DescribeCapacityReservations": ec2_types.describe_capacity_reservations,
    "DescribeImages": ec2_images.describe_images,
    "GetImageAncestry": ec2_images.get_image_ancestry,
    "GetAllowedImagesSettings": ec2_images.get_allowed_images_settings,
    "DescribeSecurityGroups": ec2_references.describe_security_groups,
    "DescribeKeyPairs": ec2_references.describe_key_pairs,
    "DescribePlacementGroups": ec2_references.describe_placement_groups,
    "DescribeInstanceTypes": ec2_types.describe_instance_types,
    "DescribeInstanceTypeOfferings": ec2_types.describe_instance_type_offerings,
    "GetInstanceTypesFromInstanceRequirements": ec2_requirements.get_instance_types_from_instance_requirements,
}
