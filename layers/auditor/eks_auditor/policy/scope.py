"""Which clusters and capacities a rule or an exemption is about."""

from dataclasses import dataclass
from fnmatch import fnmatchcase

from eks_auditor.model.cluster import ClusterId


@dataclass(frozen=True, slots=True)
class Target:
    """What a policy is asked about.

    Attributes:
        cluster: Where.
        names: Of a capacity its name, of a sibling set its members' names, of a zone its id; none of a cluster.
    """

    cluster: ClusterId
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Scope:
    """What a rule holds for: shell patterns (``*``, ``?``, ``[abc]``), compared as they are written.

    Attributes:
        clusters: Of a cluster's name, or of its ARN where they begin with ``arn:``; None for every cluster.
        capacities: Of a capacity's name; None for every subject, the cluster itself among them.
    """

    clusters: tuple[str, ...] | None = None
    capacities: tuple[str, ...] | None = None

    @property
    def everywhere(self) -> bool:
        """Whether it leaves nothing out."""
        return self.clusters is None and self.capacities is None

    def holds_for(self, target: Target) -> bool:
        """Tell whether a target is meant; a sibling set only where all of its members are."""
        return self.holds_in(target.cluster) and self._holds_of(target.names)

    def holds_in(self, cluster: ClusterId) -> bool:
        """Tell whether a cluster is meant, or something in it."""
        return self.clusters is None or any(_fits(cluster, pattern) for pattern in self.clusters)

    def _holds_of(self, names: tuple[str, ...]) -> bool:
        if self.capacities is None:
            return True
        return bool(names) and all(any(fnmatchcase(name, each) for each in self.capacities) for name in names)


def _fits(cluster: ClusterId, pattern: str) -> bool:
    return fnmatchcase(cluster.arn if pattern.startswith("arn:") else cluster.name, pattern)


EVERYWHERE = Scope()
"""Every cluster, and all that is in it."""
