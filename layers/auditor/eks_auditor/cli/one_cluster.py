"""The one cluster that a command is about, from AWS or from a recorded snapshot."""

from pathlib import Path

from eks_auditor.cli.errors import UsageError
from eks_auditor.cli.options import ALL_REGIONS, Clock
from eks_auditor.cli.output import progress
from eks_auditor.cli.reading import Reading, Wanted, read_clusters
from eks_auditor.cli.recorded import read_files, refuse_aws


def read_one(  # noqa: PLR0913  one parameter an option
    what: str, *, cluster: str | None, region: str | None, profile: str | None, recorded: Path | None, clock: Clock
) -> Reading:
    """Read one cluster, or the recorded snapshot of one; the result has one snapshot.

    Args:
        what: What is made of it, as a sentence begins with it: "a drill".
        cluster: The value of ``--cluster``.
        region: The value of ``--region``.
        profile: The value of ``--profile``.
        recorded: The value of ``--from``.
        clock: The time.

    Raises:
        NothingReadError: If the cluster could not be read.
        UsageError: If none or several are given, or the snapshot is broken.
    """
    if recorded:
        refuse_aws(region, cluster, profile)
        return read_files([recorded])
    if cluster is None:
        message = "no cluster is given: name it with --cluster, or give a recorded snapshot with --from"
        raise UsageError(message)
    if region == ALL_REGIONS:
        message = f"{what} is of one cluster: name its Region, or give its ARN"
        raise UsageError(message)
    wanted = Wanted.of([region] if region else [], [cluster])
    with progress() as show:
        return read_clusters(wanted, profile=profile, clock=clock, show=show)
