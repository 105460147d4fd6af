"""EC2 images: who sees which, what became of deprecated, disabled and vanished ones, and what they descend from."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from fnmatch import fnmatchcase

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
    "image-allowed": member("ImageAllowed"),
    "image-id": member("ImageId"),
    "image-type": member("ImageType"),
    "is-public": member("Public"),
    "name": member("Name"),
    "owner-alias": member("ImageOwnerAlias"),
    "owner-id": member("OwnerId"),
    "platform": member("Platform"),
    "root-device-type": member("RootDeviceType"),
    "source-image-id": member("SourceImageId"),
    "source-image-region": member("SourceImageRegion"),
    "state": member("State"),
    "virtualization-type": member("VirtualizationType"),
}


def describe_images(call: Call) -> Document:
    """Describe images by id, owner and filter.

    One id that does not exist refuses the whole call. What the caller may not see is left out without a word: others'
    private and disabled images, those that Allowed AMIs hides, and, unless asked for, others' deprecated ones and
    one's own disabled ones.
    """
    images, wanted = call.state.every_image(), call.params.get("ImageIds")
    unknown = [identifier for identifier in wanted or [] if not _exists(call, images.get(identifier))]
    if unknown:
        raise _not_found(unknown)
    candidates = [images[identifier] for identifier in wanted] if wanted else list(images.values())
    owners = call.params.get("Owners")
    found = [_judged(call, each) for each in candidates if (not owners or _owned(call, each, owners))]
    found = [each for each in found if _visible(call, each)]
    return call.page("Images", select(found, call.params.get("Filters"), _FILTERS), _PAGING)


def get_image_ancestry(call: Call) -> Document:
    """Trace an image to its root: the image itself first, then the image each was made from, wherever that is.

    Images that are gone stay in the chain, with what EC2 remembers of them.
    """
    image = call.state.every_image().get(call.params["ImageId"])
    if image is None or not _visible(call, _judged(call, image), asked_for=True):
        raise _not_found([call.params["ImageId"]])
    return {"ImageAncestryEntries": list(_ancestry(call, image))}


def _ancestry(call: Call, image: Document | None) -> Iterator[Document]:
    while image is not None:
        kept = ("ImageId", "ImageOwnerAlias", "SourceImageId", "SourceImageRegion")
        created = datetime.fromisoformat(image["CreationDate"])
        yield {"CreationDate": created, **{name: image[name] for name in kept if name in image}}
        region = image.get("SourceImageRegion", call.state.region)
        image = call.world.region(call.state.account, region).every_image().get(image.get("SourceImageId", ""))


def get_allowed_images_settings(call: Call) -> Document:
    """Return the setting Allowed AMIs."""
    return call.state.allowed_images


def _not_found(ids: list[str]) -> AwsError:
    plural = f"ids '[{', '.join(ids)}]' do" if len(ids) > 1 else f"id '[{ids[0]}]' does"
    message = f"The image {plural} not exist"
    return AwsError(message, code="InvalidAMIID.NotFound")


def _exists(call: Call, image: Document | None) -> bool:
    """Say whether EC2 knows an id: a deregistered image's as long as an instance was launched from it."""
    if image is None or image["State"] != "deregistered":
        return image is not None
    return any(instance["ImageId"] == image["ImageId"] for instance in call.state.instances.values())


def _owned(call: Call, image: Document, owners: list[str]) -> bool:
    names = {image["OwnerId"], image.get("ImageOwnerAlias")}
    if _own(call, image):
        names.add("self")
    return not names.isdisjoint(owners)


def _own(call: Call, image: Document) -> bool:
    return bool(image["OwnerId"] == call.caller.account)


def _judged(call: Call, image: Document) -> Document:
    """Add what Allowed AMIs thinks of an image, once it is asked."""
    setting = call.state.allowed_images
    if setting["State"] == "disabled":
        return image
    allowed = _own(call, image) or any(_meets(call, image, each) for each in setting["ImageCriteria"])
    return {**image, "ImageAllowed": allowed}


def _meets(call: Call, image: Document, criterion: Document) -> bool:
    """Say whether an image meets everything that a criterion demands."""
    providers, names = criterion.get("ImageProviders"), criterion.get("ImageNames")
    if providers and {image["OwnerId"], image.get("ImageOwnerAlias", "none")}.isdisjoint(providers):
        return False
    if names and not any(fnmatchcase(image["Name"], pattern) for pattern in names):
        return False
    oldest = criterion.get("CreationDateCondition", {}).get("MaximumDaysSinceCreated")
    return oldest is None or call.now - datetime.fromisoformat(image["CreationDate"]) <= timedelta(days=oldest)


def _visible(call: Call, image: Document, *, asked_for: bool = False) -> bool:
    """Say whether the caller sees an image; `asked_for`: whether that is enough for one that lists leave out."""
    own = _own(call, image)
    shared = image["Public"] or image["ImageId"] in call.state.images
    if image["State"] == "deregistered" or not (own or shared):
        return False
    if call.state.allowed_images["State"] == "enabled" and not image["ImageAllowed"]:
        return False
    if image["State"] == "disabled":
        return own and (asked_for or bool(call.params.get("IncludeDisabled")))
    deprecated = image.get("DeprecationTime")
    if own or deprecated is None or asked_for or call.params.get("IncludeDeprecated"):
        return True
    return datetime.fromisoformat(deprecated) > call.now
