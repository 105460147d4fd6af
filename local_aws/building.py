"""Builds the stack with SAM, once for each state of its sources."""

import fcntl
import hashlib
import os
import platform
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / ".tools"
BUILDS = ROOT / ".aws-sam" / "local"
# What a build depends on; anything else may change without a new one.
SOURCES = ("template.yaml", "samconfig.toml", "functions", "layers/auditor")

REGION = "eu-west-1"
"""Where the stack is built for and deployed to."""


class DeploymentError(Exception):
    """What did not work, and what the command said."""


def architecture() -> str:
    """Return this machine's architecture as Lambda names it: what is built here must run here."""
    return {"aarch64": "arm64", "arm64": "arm64"}.get(platform.machine(), "x86_64")


def base_interpreter() -> str:
    """Return the Python that the project's environment was made from: it has pip and none of the project's packages."""
    return f"{sys.base_prefix}/bin/python3.13"


def run(command: list[str], environment: Mapping[str, str]) -> str:
    """Run a command of the project's tools; its output is shown only if it fails.

    Raises:
        DeploymentError: If it fails, with everything it said.
    """
    done = subprocess.run(  # noqa: S603 - the commands are written in this file
        command,
        cwd=ROOT,
        env=dict(environment),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    if done.returncode:
        message = f"{Path(command[0]).name} {command[1]} failed with exit code {done.returncode}:\n{done.stdout}"
        raise DeploymentError(message)
    return done.stdout


def fingerprint(arch: str) -> str:
    """Hash everything that a build depends on."""
    known = hashlib.sha256(arch.encode())
    for source in SOURCES:
        top = ROOT / source
        for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
            if path.is_file() and "__pycache__" not in path.parts:
                known.update(f"\x00{path.relative_to(ROOT)}\x00".encode())
                known.update(path.read_bytes())
    return known.hexdigest()


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock that other processes of this checkout respect."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def sam_build(arch: str) -> Path:
    """Build with SAM what has changed since the last build, and return the built template."""
    build = BUILDS / arch
    stamp = BUILDS / f"{arch}.sha256"
    with locked(BUILDS / f"{arch}.lock"):
        wanted = fingerprint(arch)
        if not stamp.exists() or stamp.read_text() != wanted:
            stamp.unlink(missing_ok=True)
            overrides = ["--parameter-overrides", f"Architecture={arch}"]
            environment = {**os.environ, **sam_environment(), "ARCH": arch, "PYTHON": base_interpreter()}
            run([f"{TOOLS}/sam/bin/sam", "build", "--build-dir", str(build), *overrides], environment)
            stamp.write_text(wanted)
    return build / "template.yaml"


def sam_environment() -> dict[str, str]:
    """Return what every command of SAM is given."""
    return {"SAM_CLI_TELEMETRY": "0", "AWS_DEFAULT_REGION": REGION}
