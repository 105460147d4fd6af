"""Tells the forms of user data apart, and reads each."""

import re
from collections.abc import Iterator

from eks_auditor.userdata.bootstrap import bootstrapped, read_script, refuse_declarations
from eks_auditor.userdata.bottlerocket import read_settings
from eks_auditor.userdata.cloud_config import read_cloud_config
from eks_auditor.userdata.encoding import Part, Room, parts
from eks_auditor.userdata.joining import Joining, UnreadableUserDataError, named, together
from eks_auditor.userdata.nodeadm import GROUP, MEDIA_TYPE, cluster_name, read_node_configs
from eks_auditor.userdata.windows import read_powershell

_POWERSHELL = re.compile(r"<powershell>|-EKSClusterName\b", re.IGNORECASE)
_SETTINGS = re.compile(r"^[ \t]*(?:\[{1,2}[ \t]*)?['\"]?settings['\"]?[ \t]*[.\]=]", re.MULTILINE)
_SHEBANG = re.compile(r"#![ \t]*/\S*(?:/|/env[ \t]+)(?:ba|da|z|k)?sh\b")
_FOREIGN = ("#!", "#include", "#upstart-job", "#part-handler", "#cloud-config-archive", "## template:")
_CLOUD_CONFIG = re.compile(r"#cloud-config[ \t]*(?:\n|$)")

# How scripts and files inside user data say which cluster a node joins, where no parser sees it.
_NAME = r"['\"]?([0-9A-Za-z][0-9A-Za-z_-]{0,99})"
_NAMING = (
    re.compile(rf"^[ \t]*['\"]?cluster-name['\"]?[ \t]*=[ \t]*{_NAME}['\"]", re.MULTILINE),
    re.compile(rf"-EKSClusterName[ \t]+{_NAME}", re.IGNORECASE),
)
_NODE_CONFIG_LINE = re.compile(rf"\s*(kind:\s*NodeConfig\b|cluster:\s*$|name:\s*{_NAME})")


def read_user_data(encoded: str) -> Joining:
    """Return how a node with this user data joins.

    Args:
        encoded: Base64, as EC2 returns it; empty for none.

    Returns:
        What it says; a :class:`Joining` with nothing in it where it says nothing of a kubelet.

    Raises:
        UnreadableUserDataError: If any of it that matters cannot be understood: never half of the labels. The error
            has no cause and no context, for these would carry user data.
    """
    try:
        return _read(parts(encoded))
    except UnreadableUserDataError as error:
        problem = error.problem
    except RecursionError:
        problem = "it is nested too deep"
    raise UnreadableUserDataError(problem)


def joined_clusters(encoded: str) -> frozenset[str]:
    """Return the names of the clusters that user data joins, as far as any can be made out; never raises.

    Where labels or taints cannot be read, names are looked for wherever a script or file could hold them.
    """
    try:
        found = parts(encoded)
    except UnreadableUserDataError:
        return frozenset()
    try:
        return _read(found).clusters
    except (UnreadableUserDataError, RecursionError):
        return frozenset(name for part in found for name in _names(part))


def _read(found: list[Part]) -> Joining:
    node_configs = [part.text for part in found if _is_node_config(part)]
    room = Room()
    joinings = [_read_part(part, room) for part in found if not _is_node_config(part)]
    if node_configs:
        joinings.append(read_node_configs(node_configs))
    return together([joining for joining in joinings if joining is not None]) or Joining()


def _is_node_config(part: Part) -> bool:
    if part.media_type:
        return part.media_type == MEDIA_TYPE
    text = part.text.lstrip()
    return GROUP in text and not text.startswith(("#!", "#cloud-"))


def _read_part(part: Part, room: Room) -> Joining | None:
    """Read a part as what its first line says, as cloud-init and EC2Launch do; all parts have one room for files."""
    text = part.text.lstrip()
    if _CLOUD_CONFIG.match(text) or part.media_type == "text/cloud-config":
        return read_cloud_config(text, room)
    if _POWERSHELL.search(text):
        return read_powershell(_between_tags(text))
    if not part.media_type and not text.startswith("#!") and _SETTINGS.search(text):
        return read_settings(text)
    if text.startswith(_FOREIGN) and not _SHEBANG.match(text):
        refuse_declarations(text)
        return None
    return read_script(text)


def _between_tags(text: str) -> str:
    lower = text.lower()
    start = lower.find("<powershell>")
    end = lower.find("</powershell>", start)
    return text[start + len("<powershell>") if start >= 0 else 0 : end if end >= 0 else len(text)]


def _names(part: Part) -> Iterator[str]:
    if _is_node_config(part):
        yield from cluster_name(part.text)
    yield from bootstrapped(part.text)
    for pattern in _NAMING:
        for name in pattern.findall(part.text):
            yield from named(name)
    yield from _written_node_configs(part.text)


def _written_node_configs(text: str) -> Iterator[str]:
    """Yield the cluster's name of each NodeConfig that a script writes: the first name below its ``cluster:``."""
    awaited = "kind:"
    for line in text.split("\n"):
        match = _NODE_CONFIG_LINE.match(line)
        if match is None or not match[1].startswith(awaited):
            continue
        if awaited == "name:":
            yield from named(match[2])
        awaited = {"kind:": "cluster:", "cluster:": "name:", "name:": "kind:"}[awaited]
