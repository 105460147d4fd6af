"""EC2 images: who sees which, and what happens to deprecated, disabled and vanished ones."""

from collections.abc import Mapping
from datetime import datetime

from local_aws.errors import AwsError
from local_aws.images import Document
from local_aws.paging import Paging
from local_aws.services.call import Call
from local_aws.services.filters import Reader, member, select

_PAGING = Paging("MaxResults", "NextToken", None, 1, 1000, "InvalidParameterValue", "InvalidNextToken")
_FILTERS: Mapping[str, Reader] = {
    "architecture": member("Architecture"),
    "creation-date": member("CreationDate"),
    "description": member("Description"),
    "image-id": member("ImageId"),
    "image-type": member("ImageType"),
    "is-public": member("Public"),
    "name": member("Name"),
    "owner-alias": member("ImageOwnerAlias"),
    "owner-id": member("OwnerId"),
    "platform": member("Platform"),
    "root-device-type": member("RootDeviceType"),
    "source-image-id": member("SourceImageId"),
    "state": member("State"),
    "virtualization-type": member("VirtualizationType"),
}


def describe_images(call: Call) -> Document:
    """Describe images by id, owner and filter.

    One id that does not exist refuses the whole call. Others' deprecated images and all disabled ones are left out
    unless asked for.
    """
    images, wanted = call.state.every_image(), call.params.get("ImageIds")
    unknown = [identifier for identifier in wanted or [] if identifier not in images]
    if unknown:
        plural = f"ids '[{', '.join(unknown)}]' do" if len(unknown) > 1 else f"id '[{unknown[0]}]' does"
        message = f"The image {plural} not exist"
        raise AwsError(message, code="InvalidAMIID.NotFound")
    candidates = [images[identifier] for identifier in wanted] if wanted else list(images.values())
    owners = call.params.get("Owners")
    found = [image for image in candidates if (not owners or _owned(call, image, owners)) and _visible(call, image)]
    return call.page("Images", select(found, call.params.get("Filters"), _FILTERS), _PAGING)


def _owned(call: Call, image: Document, owners: list[str]) -> bool:
    names = {image["OwnerId"], image.get("ImageOwnerAlias")}
    if image["OwnerId"] == call.caller.account:
        names.add("self")
    return not names.isdisjoint(owners)


def _visible(call: Call, image: Document) -> bool:
    if image["State"] == "disabled":
        return bool(call.params.get("IncludeDisabled"))
    deprecated = image.get("DeprecationTime")
    if deprecated is None or call.params.get("IncludeDeprecated") or image["OwnerId"] == call.caller.account:
        return True
    return datetime.fromisoformat(deprecated) > call.now
