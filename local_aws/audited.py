"""The command that serves a fleet by itself: `python -m local_aws.audited --port 4700 --fleet my-fleet.yaml`."""

import argparse
import signal
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from types import FrameType

from local_aws.audited_aws import AuditedAws
from local_aws.errors import FleetError
from local_aws.fleet import SHIPPED, load_fleet


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve a fleet until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(
        prog="python -m local_aws.audited", description="Serve the audited AWS of a described fleet."
    )
    parser.add_argument("--port", type=int, default=0, help="loopback port; 0 takes a free one")
    parser.add_argument("--fleet", type=Path, default=SHIPPED, help="YAML file that describes the fleet")
    chosen = parser.parse_args(arguments)
    try:
        fleet = load_fleet(chosen.fleet, now=_real_time())
    except FleetError as error:
        print(error, file=sys.stderr)  # noqa: T201 - this is a command
        return 2
    stop = Event()

    def stopped(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stopped)
    with AuditedAws(fleet, port=chosen.port, clock=_real_time) as aws:
        print(aws.url, flush=True)  # noqa: T201 - this is a command
        stop.wait()
    return 0


def _real_time() -> datetime:
    return datetime.now(UTC)


if __name__ == "__main__":
    sys.exit(main())
