import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from eks_auditor.wiring.clock import make_clock, system_clock
from tests.builders import NOW


def test_without_a_file_the_machines_clock_counts() -> None:
    assert make_clock(None) is system_clock
    assert abs(datetime.now(UTC) - system_clock()) < timedelta(minutes=1)


def test_a_file_sets_the_clock_which_runs_on_from_when_it_was_written(tmp_path: Path) -> None:
    file = tmp_path / "clock"
    clock = make_clock(str(file))
    for instant in (NOW, NOW + timedelta(days=40), NOW - timedelta(days=40)):
        file.write_text(f"{instant.isoformat()}\n")
        hour_ago = datetime.now(UTC).timestamp() - 3600
        os.utime(file, (hour_ago, hour_ago))
        first, second = clock(), clock()
        assert timedelta(hours=1) <= first - instant < timedelta(hours=1, minutes=1)
        assert first <= second
        assert first.tzinfo is UTC
