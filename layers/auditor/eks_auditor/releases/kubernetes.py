"""Kubernetes minors: how far apart they are and may be."""

from eks_auditor.model.gap import Gap, UnreadableError


def minors_behind(minor: str, control_plane: str) -> int:
    """Return how many minors a kubelet is behind its control plane; negative if it is newer.

    Raises:
        UnreadableError: If either is not spelt like ``1.35``, or they differ in their major version.
    """
    (major, ours), (other, theirs) = _parts(minor), _parts(control_plane)
    if major != other:
        raise UnreadableError(Gap("eks:DescribeCluster", control_plane, f"its major version is not that of {minor}"))
    return theirs - ours


def skew_limit(control_plane: str) -> int:
    """Return how many minors a kubelet may be behind a control plane.

    Source: 3 from Kubernetes 1.28 on, 2 before (EKS Best Practices Guide, cluster upgrades).

    Raises:
        UnreadableError: If it is not spelt like ``1.35``.
    """
    return 3 if _parts(control_plane) >= (1, 28) else 2


def next_minor(minor: str) -> str:
    """Return the minor that follows: a control plane is updated one minor at a time.

    Raises:
        UnreadableError: If it is not spelt like ``1.35``.
    """
    major, number = _parts(minor)
    return f"{major}.{number + 1}"


def _parts(minor: str) -> tuple[int, int]:
    try:
        major, number = minor.split(".")
        return int(major), int(number)
    except ValueError as error:
        unreadable = Gap("eks:DescribeCluster", minor, "this is no Kubernetes minor such as 1.35")
        raise UnreadableError(unreadable) from error
