"""The layer by itself: what it carries works on the architecture it is built for, and nothing else is needed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from eks_auditor.wiring.permissions import ACTIONS
from local_aws.building import architecture, base_interpreter
from tests.template.cloudformation import ROOT

LAYER = ROOT / "layers" / "auditor"
MOST_BYTES = 50_000_000
OTHER = {"arm64": "x86_64", "x86_64": "arm64"}

SERVICES = tuple(sorted({action.partition(":")[0] for actions in ACTIONS.values() for action in actions}))
USE = f"""
import sys
sys.path.insert(0, sys.argv[1])
import boto3, pydantic, yaml, aws_lambda_powertools, aws_lambda_powertools.utilities.batch
import eks_auditor, eks_auditor.userdata
for module in (boto3, pydantic, yaml, aws_lambda_powertools, eks_auditor):
    assert module.__file__.startswith(sys.argv[1]), module.__file__
session = boto3.Session("key", "secret", region_name="eu-west-1")
for service in {SERVICES!r}:
    print(session.client(service).meta.endpoint_url)
"""


def build(arch: str, artifacts: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "ARCH": arch, "ARTIFACTS_DIR": str(artifacts), "PYTHON": base_interpreter()}
    return run("make", "--no-print-directory", "-C", str(LAYER), "build-AuditorLayer", environment=environment)


def run(*command: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, env=environment, text=True, capture_output=True, check=False)  # noqa: S603 - written here


@pytest.fixture(scope="module")
def layers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    built = {arch: tmp_path_factory.mktemp(arch) for arch in OTHER}
    for arch, artifacts in built.items():
        done = build(arch, artifacts)
        assert done.returncode == 0, done.stdout + done.stderr
        assert f"layer: {arch}, " in done.stderr
    return built


def test_a_clean_interpreter_can_use_it(layers: dict[str, Path]) -> None:
    done = run(base_interpreter(), "-I", "-S", "-c", USE, str(layers[architecture()] / "python"))
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == len(SERVICES)


@pytest.mark.parametrize("arch", sorted(OTHER))
def test_it_is_small_and_compiled_and_carries_no_command_line(layers: dict[str, Path], arch: str) -> None:
    site = layers[arch] / "python"
    assert sum(path.stat().st_size for path in layers[arch].rglob("*") if path.is_file()) < MOST_BYTES
    assert (site / "eks_auditor" / "__pycache__" / "__init__.cpython-313.pyc").exists()
    for unwanted in ("typer", "rich", "eks_auditor/cli", "botocore/data/cloudfront"):
        assert not (site / unwanted).exists(), unwanted
    assert {path.name for path in (site / "botocore" / "data").iterdir() if path.is_dir()} == set(SERVICES)
    assert list((layers[arch] / "licenses").glob("boto3-*/LICENSE"))


@pytest.mark.parametrize("arch", sorted(OTHER))
def test_the_build_fails_on_a_shared_object_of_another_architecture(layers: dict[str, Path], arch: str) -> None:
    [planted] = layers[OTHER[arch]].rglob("_pydantic_core*.so")
    [own] = layers[arch].rglob("_pydantic_core*.so")
    check = [
        sys.executable,
        "-c",
        "import finish, pathlib, sys; finish.prove_architecture(pathlib.Path(sys.argv[1]), sys.argv[2])",
    ]
    environment = {**os.environ, "PYTHONPATH": str(LAYER)}
    assert run(*check, str(own.parent), arch, environment=environment).returncode == 0
    failed = run(*check, str(planted.parent), arch, environment=environment)
    assert failed.returncode == 1
    assert f"{planted.name} is not built for {arch}" in failed.stderr


def test_the_build_refuses_an_architecture_it_does_not_know(tmp_path: Path) -> None:
    refused = build("sparc", tmp_path)
    assert refused.returncode != 0
    assert 'ARCH is "sparc"; it takes arm64 or x86_64' in refused.stderr
