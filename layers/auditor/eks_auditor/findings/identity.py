"""What a finding is called in the world."""

import hashlib

from eks_auditor.model.capacity import FargateProfile, ManagedNodeGroup, NodePool, SelfManagedGroup, StandaloneNodes
from eks_auditor.model.cluster import Cluster, ClusterId
from eks_auditor.model.finding import Subject
from eks_auditor.policy.scope import Target
from eks_auditor.spread.addresses import Zone
from eks_auditor.spread.siblings import SiblingSet

PREFIX = "eks-auditor"
LIMIT = 512
"""Security Hub's longest finding id."""


def finding_id(cluster: ClusterId, check_id: str, subject: Subject) -> str:
    """Return the id: partition, account, Region, cluster, check and subject; a subject too long, by its SHA-256."""
    place = f"{PREFIX}/{cluster.partition}/{cluster.account}/{cluster.region}/{cluster.name}/{check_id}"
    whole = f"{place}/{subject.kind}/{subject.key}"
    if len(whole) <= LIMIT:
        return whole
    digest = hashlib.sha256(subject.key.encode()).hexdigest()
    return f"{place}/{subject.kind}/sha256:{digest}"


def subject_of(judged: object, cluster: Cluster) -> Subject:
    """Name what was judged.

    Raises:
        TypeError: If it is none of the kinds of subject.
    """
    match judged:
        case Cluster():
            return Subject(kind="cluster", key=judged.name, name=judged.name, arn=judged.id.arn)
        case SiblingSet():
            return Subject(
                kind="sibling-set", key=judged.key, name=judged.name, arn=f"{cluster.id.arn}/sibling-set/{judged.key}"
            )
        case Zone():
            return Subject(kind="zone", key=judged.id, name=judged.id, arn=f"{cluster.id.arn}/zone/{judged.id}")
        case ManagedNodeGroup() | SelfManagedGroup() | NodePool() | FargateProfile() | StandaloneNodes():
            return Subject(kind=judged.kind, key=judged.name, name=judged.name, arn=judged.arn)
    message = f"{type(judged).__name__} is no kind of subject"
    raise TypeError(message)


def target_of(judged: object, cluster: Cluster) -> Target:
    """Name what was judged as a policy's patterns know it: a capacity by its name, a sibling set by its members'."""
    match judged:
        case Cluster():
            return Target(cluster.id)
        case SiblingSet():
            return Target(cluster.id, tuple(member.name for member in judged.members))
    return Target(cluster.id, (subject_of(judged, cluster).key,))
