"""Whether a group's nodes run Windows: no pod can use nodes of both operating systems."""

from eks_auditor.model.capacity import UNRESOLVED, GroupCapacity, ManagedNodeGroup
from eks_auditor.model.gap import Gap
from eks_auditor.model.release import Image
from eks_auditor.model.snapshot import Snapshot

CUSTOM = "CUSTOM"
"""The AMI type of a managed group whose launch template names the image."""

WINDOWS_USER_DATA = "EKSBootstrap.ps1"
WINDOWS_IMAGE = "Windows_Server-"
"""How the names of AWS's Windows images begin."""


def runs_windows(capacity: GroupCapacity, snapshot: Snapshot) -> bool | Gap:
    """Tell whether a group is seen to launch Windows: by its AMI type, else its user data, else the name of its image.

    It is a gap where only an image could tell, and that could not be read. Which image a parameter of the account's own
    names, where the caller may not read that, is not known for good: such a one is taken for Linux, as nearly all are.
    """
    if isinstance(capacity, ManagedNodeGroup):
        if capacity.ami_type != CUSTOM:
            return capacity.ami_type.startswith("WINDOWS")
    elif capacity.declared_in:
        return capacity.declared_in == WINDOWS_USER_DATA
    groups = () if isinstance(capacity.groups, Gap) else capacity.groups
    launches = [group.launch for group in groups if not isinstance(group.launch, Gap)]
    named = (name for launch in launches for name in launch.image_ids if not name.startswith(UNRESOLVED))
    images = [snapshot.images.get(name) for name in named]
    if any(isinstance(image, Image) and image.name.startswith(WINDOWS_IMAGE) for image in images):
        return True
    return next((image for image in images if isinstance(image, Gap)), False)
