"""What time it is."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

type Clock = Callable[[], datetime]


def system_clock() -> datetime:
    """Return the machine's time, in UTC."""
    return datetime.now(UTC)


def make_clock(clock_file: str | None) -> Clock:
    """Return the clock to live by: the machine's, or a test's.

    Args:
        clock_file: For tests: a file that holds an instant (ISO 8601 with its offset). It is the time at which the file
            was written; the clock runs on from there, so that later things happen later. Read anew each time.
    """
    if clock_file is None:
        return system_clock
    path = Path(clock_file)

    def shifted_clock() -> datetime:
        shown = datetime.fromisoformat(path.read_text(encoding="utf-8").strip())
        written = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        return shown.astimezone(UTC) + (system_clock() - written)

    return shifted_clock
