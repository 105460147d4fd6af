"""What ``make demo`` runs, run: it ends well by itself, and it ends when it is told to."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from local_aws.building import ROOT

pytestmark = pytest.mark.e2e

DEMO = [sys.executable, "-m", "local_aws.demo"]


def processes_of(directory: Path) -> list[str]:
    """Return the processes whose environment names this scratch folder: a demo and all that it has started."""
    running = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            environment = (process / "environ").read_bytes()
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:  # it has ended meanwhile
            continue
        running += [command] if str(directory).encode() in environment else []
    return running


def environment(directory: Path) -> dict[str, str]:
    return {"PATH": "/usr/bin:/bin", "HOME": str(directory), "TMPDIR": str(directory)}


def test_the_demo_shows_findings_a_drill_exactly_one_resolution_and_a_release(tmp_path: Path) -> None:
    demo = subprocess.run(  # noqa: S603  our own
        DEMO, cwd=ROOT, env=environment(tmp_path), capture_output=True, text=True, check=False
    )
    assert demo.returncode == 0, demo.stdout + demo.stderr
    for shown in (
        *("active findings", "CAS003", "baseline", "exactly one thing", '"change": "resolved"', "ARCHIVED"),
        *("REGROWN TO", "blocked by max size", "At worst, without euw1-az1"),
        *("one notice", "are superseded"),
    ):
        assert shown in demo.stdout
    assert processes_of(tmp_path) == []


def test_ctrl_c_ends_the_demo_and_everything_it_started(tmp_path: Path) -> None:
    with subprocess.Popen(  # noqa: S603  our own
        DEMO, cwd=ROOT, env=environment(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as demo:
        assert demo.stdout
        said = ""
        while "The deployed schedule fires" not in said:
            line = demo.stdout.readline()
            assert line, said
            said += line
        assert len(processes_of(tmp_path)) > 1
        # As Ctrl-C or as a supervisor would end it; the first is ignored where tests run in a shell's background.
        demo.send_signal(signal.SIGTERM)
        said += demo.stdout.read()
    assert demo.returncode == 130, said
    assert processes_of(tmp_path) == []
