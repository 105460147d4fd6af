"""From what was asked for on the command line to snapshots: Regions, clusters, and what could not be read."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from eks_auditor.cli.errors import OTHER_ACCOUNT, NothingReadError, UsageError, in_a_sentence, unread
from eks_auditor.cli.options import ALL_REGIONS, cluster_named
from eks_auditor.cli.session import WORKERS, Access, default_region, open_access, open_session
from eks_auditor.model.cluster import ClusterId
from eks_auditor.model.gap import Gap
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.snapshot.listing import enabled_regions, list_clusters
from eks_auditor.snapshot.reader import ClusterGoneError, ClusterUnreadableError, Reader

FALLBACK_REGION = "us-east-1"
"""Asked which Regions are enabled, where ``--region all`` is given and no Region is configured."""

CLUSTERS_AT_ONCE = 8
"""A cluster's reads are a chain of round trips; its workers have room for more than one chain."""


@dataclass(slots=True)
class Reading:
    """What was read.

    Attributes:
        snapshots: One a cluster.
        gaps: Reads that failed and belong to none of these clusters.
        files: Where recorded snapshots come from, by the cluster's ARN.
        notes: What to say beside the result, such as a cluster asked for that evidently does not exist.
    """

    snapshots: list[Snapshot] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    files: dict[str, Path] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for: names to look for in each of the Regions (all clusters, for none), and ARNs."""

    names: tuple[str, ...]
    arns: tuple[ClusterId, ...]
    regions: tuple[str, ...]

    @classmethod
    def of(cls, regions: Sequence[str], clusters: Sequence[str]) -> "Wanted":
        """Sort the options.

        Raises:
            UsageError: If an ARN is not a cluster's, or ``all`` stands beside other Regions.
        """
        named = list(dict.fromkeys(map(cluster_named, clusters)))
        if ALL_REGIONS in regions and len(set(regions)) > 1:
            message = "--region all already is every Region: give it alone"
            raise UsageError(message)
        return cls(
            names=tuple(each for each in named if isinstance(each, str)),
            arns=tuple(each for each in named if isinstance(each, ClusterId)),
            regions=tuple(dict.fromkeys(regions)),
        )


def read_clusters(
    wanted: Wanted, *, profile: str | None, clock: Callable[[], datetime], show: Callable[[str], None]
) -> Reading:
    """Read every cluster asked for.

    What cannot be read is a gap, and the others are read all the same.

    Raises:
        NothingReadError: If nothing at all could be read; the sentence says why.
        UsageError: If the configuration or a Region's name is wrong.
    """
    access, regions = open_regions(wanted, profile)
    reading = Reading()
    targets = _targets(access, wanted, regions, reading, show)
    refused = len(reading.gaps)
    listed = not wanted.names and refused < len(regions)
    gone: list[ClusterId] = []
    for outcome in _read_each(access, targets, clock, show):
        match outcome:
            case Snapshot():
                reading.snapshots.append(outcome)
            case ClusterGoneError():
                gone.append(outcome.cluster)
            case ClusterUnreadableError():
                reading.gaps.append(outcome.gap)
    reading.notes += _absent(wanted, regions, gone, reading)
    _require_something(reading, nothing_to_read=listed and len(reading.gaps) == refused)
    return reading


def _read_each(
    access: Access, targets: Sequence[ClusterId], clock: Callable[[], datetime], show: Callable[[str], None]
) -> Iterator[Snapshot | ClusterGoneError | ClusterUnreadableError]:
    """Read some clusters at a time, and yield what became of each in their order."""
    reader = Reader(lambda _, region: access.clients(region), clock, WORKERS)
    started = clock()

    def read(target: ClusterId) -> Snapshot | ClusterGoneError | ClusterUnreadableError:
        try:
            return reader.read(target, not_before=started, checkpoint=_go_on)
        except (ClusterGoneError, ClusterUnreadableError) as error:
            return error

    pool = ThreadPoolExecutor(CLUSTERS_AT_ONCE, thread_name_prefix="cluster")
    try:
        outcomes = pool.map(read, targets)
        for number, target in enumerate(targets, start=1):
            show(f"Reading cluster {number} of {len(targets)}: {target.name} in {target.region}")
            yield next(outcomes)
    finally:
        # On Ctrl-C the clusters that wait are not read any more.
        pool.shutdown(cancel_futures=True)


def _go_on() -> None:
    """Let a reading go on: nothing but its own end limits a command's time."""


def open_regions(wanted: Wanted, profile: str | None) -> tuple[Access, tuple[str, ...]]:
    """Return the access, and the Regions in which to look for names or for everything.

    Raises:
        NothingReadError: If there are no credentials that AWS takes, or the Regions of ``all`` cannot be read.
        UsageError: If the configuration or a Region's name is wrong.
    """
    session = open_session(profile)
    if wanted.arns and not wanted.names:
        regions = tuple(dict.fromkeys(arn.region for arn in wanted.arns))
        return open_access(session, list(regions)), ()
    if wanted.regions != (ALL_REGIONS,):
        regions = wanted.regions or (default_region(session),)
        return open_access(session, list(regions)), regions
    access = open_access(session, [session.region_name or FALLBACK_REGION])
    enabled = enabled_regions(access.clients(session.region_name or FALLBACK_REGION))
    if isinstance(enabled, Gap):
        raise unread([enabled])
    return access, tuple(enabled)


def _targets(
    access: Access, wanted: Wanted, regions: Sequence[str], reading: Reading, show: Callable[[str], None]
) -> list[ClusterId]:
    targets: list[ClusterId] = []
    for region in regions:
        clients = access.clients(region)
        if wanted.names:
            targets += [clients.cluster(name) for name in wanted.names]
            continue
        show(f"Listing clusters in {region}")
        listed = list_clusters(clients)
        if isinstance(listed, Gap):
            reading.gaps.append(listed)
            reading.notes.append(in_a_sentence(listed))
        else:
            targets += listed
    for arn in wanted.arns:
        if arn.account == access.account:
            access.clients(arn.region)  # made here: making clients is not safe on several threads
            targets.append(arn)
        else:
            error = f"{OTHER_ACCOUNT}: these credentials are of account {access.account}"
            reading.gaps.append(Gap("eks:DescribeCluster", arn.arn, error))
    return list(dict.fromkeys(targets))


def _absent(wanted: Wanted, regions: Sequence[str], gone: list[ClusterId], reading: Reading) -> list[str]:
    """Word what evidently is not there: a name that no Region has, an ARN, a cluster deleted since it was listed."""
    found = {snapshot.cluster.id.name for snapshot in reading.snapshots}
    missing = {cluster.name for cluster in gone} - found
    looked = ", ".join(regions)
    absent = [f"there is no cluster {name!r} in {looked}" for name in wanted.names if name in missing]
    absent += [f"there is no cluster {arn.arn}" for arn in wanted.arns if arn in gone]
    if not (wanted.names or wanted.arns):
        absent += [f"cluster {each.name!r} in {each.region} was deleted while it was being read" for each in gone]
    return absent


def _require_something(reading: Reading, *, nothing_to_read: bool) -> None:
    """Let a command end well only if it read something, or if there evidently was nothing to read.

    Raises:
        NothingReadError: Otherwise.
    """
    if reading.snapshots or nothing_to_read:
        return
    if reading.gaps:
        raise unread(reading.gaps)
    message = f"{'; '.join(reading.notes)}: `aws eks list-clusters` lists those there are"
    raise NothingReadError(message)
