"""Looking for the password that groups' user data holds, in whatever was written."""

import base64
from collections.abc import Iterable, Iterator

from local_aws import AuditedAws
from local_aws.user_data import PLANTED_SECRET


def spellings() -> set[str]:
    """The password as it stands, and what of it stays the same in base64 wherever it begins."""
    plain = PLANTED_SECRET.encode()
    found = {PLANTED_SECRET}
    for shift in range(3):
        encoded = base64.b64encode(b"x" * shift + plain).decode()
        # Four characters stand for three bytes: those that the password shares with its neighbours tell nothing.
        found.add(encoded[4 if shift else 0 : 4 * ((shift + len(plain)) // 3)])
    return found


def leaks(texts: Iterable[str]) -> list[str]:
    """Return the neighbourhood of each place that tells the password."""
    return [
        text[max(0, text.index(spelling) - 60) : text.index(spelling) + 10]
        for text in texts
        for spelling in sorted(spellings())
        if spelling in text
    ]


def planted(aws: AuditedAws) -> list[str]:
    """Return all user data, in base64, that holds the password: without any, nothing is shown by not finding it."""
    return [found for found in _user_data(aws) if PLANTED_SECRET.encode() in base64.b64decode(found)]


def _user_data(aws: AuditedAws) -> Iterator[str]:
    for state in aws.world.regions.values():
        for versions in state.template_versions.values():
            yield from (each["LaunchTemplateData"].get("UserData", "") for each in versions)
        yield from (each["UserData"] for each in state.launch_configurations.values())
