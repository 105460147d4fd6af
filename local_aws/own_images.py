"""Images that an account has built itself, or that others share with it."""

from datetime import datetime

from local_aws.errors import FleetError
from local_aws.fleet import EksRelease, Image, Region
from local_aws.identity import resource_id
from local_aws.images import Document, image_document, minute
from local_aws.place import find_release
from local_aws.world import RegionState, World


def add_images(world: World, state: RegionState, region: Region, now: datetime) -> None:
    """Create the images that a Region describes, and what it allows."""
    for name, image in region.images.items():
        identifier = _id(state, name)
        created = now - image.created
        owner = image.owner or state.account
        state.images[identifier] = {
            **image_document(identifier, name, owner, created, image.architecture),
            "Description": image.description,
            "State": image.state,
            "Tags": [{"Key": key, "Value": value} for key, value in image.tags.items()],
            **_source(world, state, region, name),
            **_scan(image, now),
            **({} if image.deprecated is None else {"DeprecationTime": minute(now - image.deprecated)}),
        }
    allowed = region.allowed_images
    if allowed.state != "disabled":
        criterion = {"ImageProviders": allowed.providers, "ImageNames": allowed.names}
        said = {key: value for key, value in criterion.items() if value}
        state.allowed_images |= {"State": allowed.state, "ImageCriteria": [said]}


def _id(state: RegionState, name: str) -> str:
    return resource_id("ami", state.account, state.region, name)


def _source(world: World, state: RegionState, region: Region, name: str) -> Document:
    """Say what an image was built from."""
    built_on, where = region.images[name].built_on, f"{state.account}.{state.region}.images.{name}"
    match built_on:
        case None:
            return {}
        case EksRelease():
            home = built_on.region or state.region
            line = (built_on.ami, built_on.kubernetes)
            release = find_release(world.public_region(home), world.fleet.now, where, line, built_on)
            return {"SourceImageId": release.image_id(home), "SourceImageRegion": home}
        case str():
            if built_on not in region.images:
                message = f"{where}: the Region describes no image {built_on!r}"
                raise FleetError(message)
            return {"SourceImageId": _id(state, built_on), "SourceImageRegion": state.region}


def _scan(image: Image, now: datetime) -> Document:
    """Say what Amazon Inspector found, if it looked."""
    if image.scanned is None:
        return {}
    worst = "critical" if image.critical_fix else "high" if image.high_fix else "low"
    found: Document = {"HighestFindingSeverityLabel": worst, "FindingScanDate": now - image.scanned}
    if image.critical_fix:
        found["CriticalFixAvailableSince"] = now - image.critical_fix
    if image.high_fix:
        found["HighFixAvailableSince"] = now - image.high_fix
    return {"ScanResults": found}
