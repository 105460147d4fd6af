"""What people say of the cluster's autoscaler, as AWS does not show its flags."""

import re
from dataclasses import dataclass
from typing import Literal

type Scales = Literal["auto", "cluster-autoscaler", "karpenter", "auto-mode", "none"]
SCALES: tuple[Scales, ...] = ("auto", "cluster-autoscaler", "karpenter", "auto-mode", "none")


_MINOR = re.compile(r"1\.[0-9]{1,2}")
_FLAG = "asg:tag="
_NAME = re.compile(r"--node-group-auto-discovery[=\s]")
_SEPARATOR = re.compile(r"""\s*,\s*|\s+(?=["']*asg:)""")
_MISTAKEN = re.compile(r"asg:tag=|\{(?!cluster\})")
"""What no tag holds: a second mark of the flag, and a placeholder that is none."""
_NO_KEY = re.compile(r"""|-.*|(asg|mig):.*|.*[\s"'<].*""", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoscalerSettings:
    """How Cluster Autoscaler is set up.

    Attributes:
        scales: What scales the clusters; ``auto`` weighs what AWS shows.
        version: The autoscaler's minor, such as ``1.34``; None for that of the cluster.
        discovery: What its ``--node-group-auto-discovery`` demands, each ``key`` or ``key=value``, with ``{cluster}``
            for the cluster's name; none for the keys of its documentation.
    """

    scales: Scales = "auto"
    version: str | None = None
    discovery: tuple[str, ...] = ()


AUTO = AutoscalerSettings()
"""Nothing is said of it."""


def scales_of(text: str) -> Scales:
    """Read what scales the clusters.

    Raises:
        ValueError: If it is none of :data:`SCALES`; the words follow the setting's name.
    """
    for known in SCALES:
        if text == known:
            return known
    *others, last = SCALES
    message = f"takes {', '.join(others)} or {last}, not {text!r}"
    raise ValueError(message)


def version_of(text: str) -> str | None:
    """Read the autoscaler's minor; None of an empty text: that of the cluster.

    Raises:
        ValueError: If it is none; the words follow the setting's name.
    """
    if text and not _MINOR.fullmatch(text):
        message = f"takes the autoscaler's minor such as 1.35, not {text!r}"
        raise ValueError(message)
    return text or None


def discovery_of(text: str) -> tuple[str, ...]:
    """Read tags as ``--node-group-auto-discovery`` lists them, with or without its name, ``asg:tag=`` and quotes.

    Of several flags the tags of all are demanded, as the autoscaler does.

    Raises:
        ValueError: If a tag has no key, or one that none can mean; the words follow the setting's name.
    """
    listed = _bare(_NAME.sub(" ", text))
    if not text.strip():
        return ()
    demanded = tuple(_bare(_bare(part).removeprefix(_FLAG)) for part in _SEPARATOR.split(listed))
    if any(_MISTAKEN.search(tag) or _NO_KEY.fullmatch(tag.partition("=")[0]) for tag in demanded):
        message = f"takes tags, each KEY or KEY=VALUE, with commas between them, not {text!r}"
        raise ValueError(message)
    return demanded


def _bare(text: str) -> str:
    return text.strip().strip("\"'").strip()


def settings_of(scales: str, version: str, discovery: str, *, names: tuple[str, str, str]) -> AutoscalerSettings:
    """Read the three settings, whose names the caller's users know.

    Raises:
        ValueError: If one makes no sense; the words begin with its name.
    """
    name = names[0]
    try:
        said = scales_of(scales)
        name = names[1]
        minor = version_of(version)
        name = names[2]
        return AutoscalerSettings(scales=said, version=minor, discovery=discovery_of(discovery))
    except ValueError as error:
        message = f"{name} {error}"
        raise ValueError(message) from None
