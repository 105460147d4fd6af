"""Finishes a built layer: adds the package, leaves out what no function uses, proves the architecture, compiles.

Runs with whatever Python builds the layer (3.9 or later) and its standard library.
"""

import argparse
import compileall
import py_compile
import re
import shutil
import struct
import sys
from pathlib import Path

# e_machine of an ELF file, by the name Lambda gives the architecture.
E_MACHINE = {"arm64": 183, "x86_64": 62}
E_MACHINE_OFFSET = 18

# The services that a function talks to; the others make nine tenths of botocore's size.
SERVICES = frozenset(
    [
        "autoscaling",
        "dynamodb",
        "ec2",
        "eks",
        "events",
        "iam",
        "s3",
        "secretsmanager",
        "securityhub",
        "sns",
        "sqs",
        "ssm",
        "sts",
    ]
)

# Needs typer and rich, which the layer does not carry.
COMMAND_LINE = "cli"


class BuildError(Exception):
    """Why the layer cannot be used, in one sentence."""


def add_package(package: Path, site: Path) -> None:
    """Copy the package into the layer, without its command line."""
    shutil.copytree(package, site / package.name, ignore=shutil.ignore_patterns("__pycache__", COMMAND_LINE))


def trim(site: Path, licenses: Path) -> None:
    """Leave out what no function uses; the licenses are kept, beside the code."""
    for data in (site / "botocore" / "data").iterdir():
        if data.is_dir() and data.name not in SERVICES:
            shutil.rmtree(data)
    for unused in [*site.glob("botocore/data/*/*/examples-1.json*"), site / "boto3" / "examples", site / "bin"]:
        if unused.is_dir():
            shutil.rmtree(unused)
        elif unused.exists():
            unused.unlink()
    for tests in [path for path in site.rglob("tests") if path.is_dir()]:
        shutil.rmtree(tests)
    for info in site.glob("*.dist-info"):
        for text in sorted(info.rglob("*")):
            if text.is_file() and re.match(r"(?i)(licen[sc]e|notice|copying)", text.name):
                kept = licenses / info.name[: -len(".dist-info")]
                kept.mkdir(parents=True, exist_ok=True)
                shutil.copy(text, kept)
        shutil.rmtree(info)


def prove_architecture(site: Path, arch: str) -> None:
    """Read the architecture out of every shared object.

    Raises:
        BuildError: If one is of another architecture, or is no ELF file.
    """
    for path in sorted(site.rglob("*.so*")):
        head = path.read_bytes()[: E_MACHINE_OFFSET + 2]
        if not head.startswith(b"\x7fELF") or struct.unpack_from("<H", head, E_MACHINE_OFFSET)[0] != E_MACHINE[arch]:
            message = f"{path.relative_to(site)} is not built for {arch}: Lambda could not load it"
            raise BuildError(message)


def compile_code(site: Path) -> str:
    """Compile, if this is the runtime's Python; hashes instead of times, because a zip file keeps no exact times."""
    if sys.version_info[:2] != (3, 13):
        return "not compiled, which costs cold starts: put python3.13 on the PATH to have it compiled"
    compileall.compile_dir(
        site,
        quiet=1,
        stripdir=str(site),
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
    )
    return "compiled"


def main() -> None:
    """Finish the layer, and say what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("artifacts", type=Path)
    parser.add_argument("--arch", choices=sorted(E_MACHINE), required=True)
    parser.add_argument("--package", type=Path, required=True)
    arguments = parser.parse_args()
    site = arguments.artifacts / "python"
    try:
        add_package(arguments.package, site)
        trim(site, arguments.artifacts / "licenses")
        prove_architecture(site, arguments.arch)
    except BuildError as error:
        sys.exit(f"layer: {error}")
    compiled = compile_code(site)
    size = sum(path.stat().st_size for path in arguments.artifacts.rglob("*") if path.is_file())
    print(f"layer: {arguments.arch}, {size / 1e6:.1f} MB, {compiled}", file=sys.stderr)  # noqa: T201


if __name__ == "__main__":
    main()
