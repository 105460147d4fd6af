"""What the ledger remembers of a cluster, and what changed between two audits of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from eks_auditor.model.capacity import Kind
from eks_auditor.model.cluster import ClusterId
from eks_auditor.model.coming import Coming
from eks_auditor.model.finding import Finding
from eks_auditor.model.verdict import Severity

DEFAULT_POLICY = "default"
"""The version of the policy that says nothing."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class State(StrEnum):
    """Where a finding stands. Findings that never failed have no state: they are not kept."""

    OPEN = "OPEN"
    EXEMPT = "EXEMPT"
    RESOLVED = "RESOLVED"
    WITHDRAWN = "WITHDRAWN"


class Change(StrEnum):
    """What happened to a finding; ``refreshed`` alone is no transition: the hub is told an open finding again."""

    OPENED = "opened"
    REOPENED = "reopened"
    WORSE = "worse"
    BETTER = "better"
    EXEMPTED = "exempted"
    RESOLVED = "resolved"
    WITHDRAWN = "withdrawn"
    REFRESHED = "refreshed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The cluster's own item: its unit of order.

    Attributes:
        cluster: Whose.
        created_at: The cluster's creation; another one is another life.
        taken_at: Of the newest audit accepted.
        saved_at: When that audit was saved whole; None while parts are missing or a retryable gap is left.
        revision: Grows by one with every write: what a writer loaded is what it must still find.
        checks: Those that have been judged here at least once, in an audit saved whole.
        sightings: Finding ids seen failing once and waiting for a second sighting, with the first one's instant.
        due_at: When time alone changes a verdict.
        deleted: Whether the cluster is gone, or no longer a target: sweeps forget it.
        autoscaler_seen_at: When an audit last saw Cluster Autoscaler at work in it, and none has seen Karpenter's
            instances since; None if none did.
        karpenter_seen_at: When an audit last saw Karpenter's instances; None if none did.
        policy: The version of the policy that the last audit saved whole was judged by.
        policy_since: The first audit saved whole that was; None where it is that of the cluster's first audit.
        open: How many findings stand open, by check and severity, as of the last audit that got to its end.
        gaps: The actions that AWS did not answer in that audit, each with the instant of the first audit in a row that
            it did not.
        coming: What time alone makes worse within 30 days, the earliest first; at most 50.
        coming_left: How many subjects more have something coming, later than all of these.
    """

    cluster: ClusterId
    created_at: datetime
    taken_at: datetime
    saved_at: datetime | None = None
    revision: int = 0
    checks: frozenset[str] = frozenset()
    sightings: Mapping[str, datetime] = field(default_factory=dict)
    due_at: datetime | None = None
    deleted: bool = False
    autoscaler_seen_at: datetime | None = None
    karpenter_seen_at: datetime | None = None
    policy: str = DEFAULT_POLICY
    policy_since: datetime | None = None
    open: Mapping[tuple[str, Severity], int] = field(default_factory=dict)
    gaps: Mapping[str, datetime] = field(default_factory=dict)
    coming: tuple[Coming, ...] = ()
    coming_left: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A finding as the ledger keeps it.

    Attributes:
        finding: Its last evidenced word.
        state: Where it stands.
        sequence: Of its last transition; see :func:`sequence_of`.
        first_seen: When it first failed in this life of the cluster.
        changed_at: When it came into this state and rung.
        created_at: The cluster's creation, as when this was found: the life of the cluster that it belongs to.
        hub_at: The ``UpdatedAt`` that Security Hub last took from us for this state; None if it took none.
    """

    finding: Finding
    state: State
    sequence: int
    first_seen: datetime
    changed_at: datetime
    created_at: datetime
    hub_at: datetime | None = None

    @property
    def fails(self) -> bool:
        """Whether its last evidenced word is a failure, accepted or not."""
        return self.state in (State.OPEN, State.EXEMPT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """One change of one finding, as it is told.

    Attributes:
        change_id: Unique, and the same each time this change is told.
        change: What happened.
        sequence: Orders the changes of one finding.
        finding: The word now.
        first_seen: When it first failed.
        previous: The rung before, for an open finding.
        baseline: Found by the first audit of a cluster or the first run of a check on it.
        by_policy: Found by the first audit under another policy: told to people as one summary.
        quiet: Of a finding that people accept before and after: told to no person.
    """

    change_id: str
    change: Change
    sequence: int
    finding: Finding
    first_seen: datetime
    previous: Severity | None = None
    baseline: bool = False
    by_policy: bool = False
    quiet: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """What one capacity runs, as events name it.

    Attributes:
        key: A release line as text; for an image of other makers its id, or ``imagebuilder/<account>/<image name>``.
        kind: The capacity's kind.
        name: The capacity's name.
        version: The oldest release of that line that it runs; None for images of other makers.
        superseded_since: Since when a newer one has been recommended; None while none is.
        own_image: Whether it runs that release in an image of its own, which was built on it.
        since_known: Whether ``superseded_since`` says it all: not where the release's history could not be read, and
            not where older releases are out of sight, so that it may have been earlier.
        judged_from: Of a Karpenter pool, when AMI001 begins to judge the first of its nodes that run that release; None
            of everything else, which is judged at once.
        first_rung: How long that release may be superseded before a finding opens, where the policy says so; None where
            it says nothing.
        off: Whether the policy switches the check off that would open it.
    """

    key: str
    kind: Kind
    name: str
    version: str | None
    superseded_since: datetime | None
    own_image: bool = False
    judged_from: datetime | None = None
    since_known: bool = True
    first_rung: timedelta | None = None
    off: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What one audit of one cluster found out, before anything is compared.

    Attributes:
        audit_id: Follows it through logs, messages and findings.
        cluster: Whose.
        created_at: The cluster's creation.
        taken_at: The snapshot's instant.
        findings: Every verdict, PASSED, UNKNOWN and NOT_APPLICABLE included.
        checks: The checks that were judged.
        complete: Per kind of capacity: whether what is absent is gone.
        sets_whole: Whether a sibling set that is absent is gone: no group can have dropped out of its set unseen.
        zones_whole: Whether a zone that is absent is one that nothing launches nodes in now.
        retryable: Whether a gap is left that reading again may fill.
        running: What its capacities run.
        unread: The capacities, by kind and name, that may run something else as well: some of it could not be read.
        deleted: Whether the cluster is evidently gone; then there are no findings.
        untargeted: Whether nobody wants it audited any more; then there are no findings either.
        autoscaler_seen_at: Its own instant if it saw Cluster Autoscaler at work.
        karpenter_seen_at: Its own instant if it saw Karpenter's instances.
        undeclared: Groups whose user data does not tell their labels: the set that one of them was in may live on.
        policy: The version of the policy that it judged by.
        notes: What to tell of tags that accept a risk and cannot be understood, a sentence each.
        gaps: The actions that AWS refused or failed to answer at least once.
    """

    audit_id: str
    cluster: ClusterId
    created_at: datetime
    taken_at: datetime
    findings: tuple[Finding, ...]
    checks: frozenset[str]
    complete: Mapping[Kind, bool]
    sets_whole: bool = True
    zones_whole: bool = True
    retryable: bool = False
    running: tuple[Running, ...] = ()
    unread: frozenset[tuple[Kind, str]] = frozenset()
    deleted: bool = False
    untargeted: bool = False
    autoscaler_seen_at: datetime | None = None
    karpenter_seen_at: datetime | None = None
    undeclared: frozenset[str] = frozenset()
    policy: str = DEFAULT_POLICY
    notes: tuple[str, ...] = ()
    gaps: frozenset[str] = frozenset()

    @property
    def ended(self) -> bool:
        """Whether this is the last word on the cluster."""
        return self.deleted or self.untargeted


def sequence_of(taken_at: datetime) -> int:
    """Return the sequence of a transition found at ``taken_at``: microseconds since 1970.

    The fence lets a cluster's ``taken_at`` only grow, so this orders a finding's transitions even across a table
    that was lost or restored, where a counter would begin again.
    """
    return (taken_at - _EPOCH) // timedelta(microseconds=1)
