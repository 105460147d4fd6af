"""Launches that Auto Scaling tried in vain, by zone, and what it says of them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Self

from eks_auditor.model.capacity import FailedLaunch, ScalingGroup
from eks_auditor.model.gap import known

WINDOW = timedelta(hours=24)
"""How long a failed launch counts: as long as :class:`~eks_auditor.model.capacity.FailedLaunch` tells of it."""

MESSAGE_SHOWN = 160

_CAUSES = {
    "image": (
        r"image id.* does not exist|AMI ID.* does not exist|InvalidAMIID",
        r"AMI \S+ is (?:pending|disabled)",
        r"not authorized for images?|AWS Marketplace product",
        r"architecture.* does not match the architecture",
    ),
    "role": (
        r"invalid IAM instance profile|iamInstanceProfile",
        r"not authorized to (?:perform|use launch template|launch instances)|UnauthorizedOperation",
        r"ServiceLinkedRoleCreationNotPermitted|permission to create the service-linked role",
    ),
    "key pair": (r"key pair.* does not exist|InvalidKeyPair",),
    "encryption key": (r"Client\.InternalError|InvalidKMSKey",),
    "quota": (
        r"(?<!Request)LimitExceeded|SpotInstanceCountExceeded",
        r"current (?:vCPU|instance) limit|your quota",
    ),
    "launch template": (
        r"valid fully-formed launch template|InvalidLaunchTemplate",
        r"security group.* does not exist|InvalidGroup\.NotFound|InvalidSecurityGroupID",
        r"placement groups? may not be used|InvalidPlacementGroup",
        r"subnet ID.* does not exist|InvalidSubnetID",
        r"requested configuration is currently not supported",
        r"invalid device name|for parameter virtualName is invalid|EBS block device mappings not supported",
    ),
}
"""What a configuration cause is called, and how Auto Scaling words it; it passes on EC2's own codes and sentences.

Sources: https://docs.aws.amazon.com/autoscaling/ec2/userguide/ts-as-instancelaunchfailure.html (a key for encrypted
volumes that the service-linked role may not use ends in ``Client.InternalError``), ``ts-as-ami.html``,
``ts-as-capacity.html`` and ``ts-as-launch-template.html`` there, and "Error codes for the EC2 API",
https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-error-codes.html. What those pages have beside, such as missing
capacity or a type that a zone does not offer, may mend itself or is told by other checks; ``RequestLimitExceeded`` is a
throttled call and no quota. The first cause that fits counts: the templates' sentence goes before any of the others.
"""

_FULL_SUBNET = re.compile(r"InsufficientFreeAddressesInSubnet|not enough free addresses in subnet", re.IGNORECASE)

_INTERRUPTED = "Server.SpotInstanceTermination"
"""Why a Spot Instance ended that EC2 took back while it started: an interruption like any other, and no failure."""

_SERVICES = {
    "vpc": re.compile(r"NetworkInterfaceLimitExceeded|network interfaces", re.IGNORECASE),
    "ebs": re.compile(r"volume|IOPS", re.IGNORECASE),
}
"""Service Quotas' codes of the services that have the quotas of what an instance takes beside itself.

Sources: https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html and
https://docs.aws.amazon.com/ebs/latest/userguide/ebs-resource-quotas.html
"""

_PATTERNS = {cause: re.compile("|".join(texts), re.IGNORECASE) for cause, texts in _CAUSES.items()}


@dataclass(frozen=True, slots=True)
class FailedIn:
    """The failed launches of one group in one zone.

    Attributes:
        group: The Auto Scaling group.
        zone_id: None where Auto Scaling names no zone.
        launches: All of the time looked back on, the last one last.
        window: How long that is.
    """

    group: ScalingGroup
    zone_id: str | None
    launches: tuple[FailedLaunch, ...]
    window: timedelta = WINDOW

    @property
    def last(self) -> FailedLaunch:
        """The last one."""
        return self.launches[-1]

    @property
    def message(self) -> str:
        """What Auto Scaling says of the last one, in one line that is not too long."""
        return " ".join(self.last.message.split())[:MESSAGE_SHOWN].rstrip(". ")

    def __str__(self) -> str:
        """Read like ``3 launches of batch failed in euw1-az1 in 24 hours, the last with: …``."""
        count = len(self.launches)
        place = f"in {self.zone_id}" if self.zone_id else "in no zone that is named"
        noun = "launch" if count == 1 else "launches"
        return f"{count} {noun} of {self.group.name} failed {place} in {self.hours}, the last with: {self.message}"

    @property
    def hours(self) -> str:
        """The time looked back on, in words."""
        number = self.window / timedelta(hours=1)
        return f"{number:g} hour{'' if number == 1 else 's'}"

    def within(self, window: timedelta, now: datetime) -> Self | None:
        """Return those of a shorter time; None where there are none."""
        launches = tuple(launch for launch in self.launches if launch.at > now - window)
        return replace(self, launches=launches, window=window) if launches else None

    def fewer_at(self, count: int) -> datetime:
        """When there are fewer than ``count`` of them, if no other follows."""
        return self.launches[-count].at + self.window


def failed_by_zone(group: ScalingGroup) -> tuple[FailedIn, ...]:
    """Return the failed launches of the last 24 hours, in order of zone, without Spot interruptions.

    Raises:
        UnreadableError: If they could not be read.
    """
    counting = (launch for launch in known(group.failed_launches) if _INTERRUPTED not in launch.message)
    failed = sorted(counting, key=lambda launch: (launch.at, launch.message))
    zones = sorted({launch.zone_id for launch in failed}, key=lambda zone: zone or "")
    return tuple(FailedIn(group, zone, _there(zone, failed)) for zone in zones)


def configuration_cause(message: str) -> str | None:
    """Return what of a group's own configuration a launch failed for, or None: such a cause does not mend itself."""
    return next((cause for cause, pattern in _PATTERNS.items() if pattern.search(message)), None)


def service_of_quota(message: str) -> str:
    """Return Service Quotas' code of the service whose quota a launch failed for, such as ``ec2``."""
    return next((service for service, pattern in _SERVICES.items() if pattern.search(message)), "ec2")


def lacks_addresses(message: str) -> bool:
    """Say whether a launch failed for want of free addresses: other instance types are no help, room in a subnet is."""
    return _FULL_SUBNET.search(message) is not None


def _there(zone: str | None, failed: Iterable[FailedLaunch]) -> tuple[FailedLaunch, ...]:
    return tuple(launch for launch in failed if launch.zone_id == zone)
