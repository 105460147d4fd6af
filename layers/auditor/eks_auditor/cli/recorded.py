"""Recorded snapshots in place of AWS."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from eks_auditor.cli.errors import UsageError
from eks_auditor.cli.reading import Reading
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.report.snapshot_file import SnapshotFileError, read_snapshot_file


def refuse_aws(*options: object) -> None:
    """Refuse what says where to read a cluster, given beside ``--from``.

    Args:
        *options: The values of ``--region``, ``--cluster`` and ``--profile``.

    Raises:
        UsageError: If any is given.
    """
    if any(options):
        message = "--from takes recorded snapshots and asks AWS nothing: leave out --region, --cluster and --profile"
        raise UsageError(message)


def read_files(paths: Sequence[Path]) -> Reading:
    """Read recorded snapshots.

    Raises:
        UsageError: If one is broken, or two are of the same cluster.
    """
    reading = Reading()
    for path in paths:
        try:
            snapshot = read_snapshot_file(path)
        except SnapshotFileError as error:
            raise UsageError(str(error)) from error
        arn = snapshot.cluster.id.arn
        if arn in reading.files:
            message = f"{reading.files[arn]} and {path} are snapshots of the same cluster {arn}: give one of them"
            raise UsageError(message)
        reading.files[arn] = path
        reading.snapshots.append(snapshot)
    return reading


@contextmanager
def sensible(snapshot: Snapshot, reading: Reading) -> Iterator[None]:
    """Hold a recorded snapshot responsible for what fails while it is judged.

    Raises:
        UsageError: If a file's values make no sense together, which the shape of the file does not tell.
    """
    try:
        yield
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        file = reading.files.get(snapshot.cluster.id.arn)
        if file is None:
            raise
        message = f"{file}: holds what cannot be judged: {error}; record it again with `eks-auditor snapshot`"
        raise UsageError(message) from error
