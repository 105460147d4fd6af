"""The public parameters that fixes name: each holds one value, which Terraform and CloudFormation take as it is."""

import pytest

from eks_auditor.checks.ami import release_superseded
from eks_auditor.checks.images import image_deprecated
from eks_auditor.releases.families import line_of_ami_type, release_of
from tests.builders import days_ago, history, image, launch, managed, release, self_managed
from tests.checks.judged import commands, finding

LINUX_ROOT = "/eks/optimized-ami/1.35/amazon-linux-2023/x86_64/standard"
WINDOWS_ROOT = "/ami-windows-latest/Windows_Server-2022-English-Core-EKS_Optimized-1.35"


@pytest.mark.parametrize(
    ("ami_type", "spelt", "root", "release_leaf"),
    [
        ("AL2023_x86_64_STANDARD", "1.35.2-20261001", f"{LINUX_ROOT}/recommended", "/release_version"),
        ("BOTTLEROCKET_x86_64", "1.60.0-ea1afdd6", "/bottlerocket/aws-k8s-1.35/x86_64/latest", "/image_version"),
        ("WINDOWS_CORE_2022_x86_64", "1.35-2026.10.01", WINDOWS_ROOT, ""),
    ],
)
def test_the_fixes_name_parameters_that_hold_one_value(ami_type: str, spelt: str, root: str, release_leaf: str) -> None:
    """Windows has its release version in a document alone."""
    group = managed(ami_type=ami_type, release_version=spelt)
    line = line_of_ami_type(ami_type, "1.35")
    assert line is not None
    ours = release(40, version=release_of(line, spelt))

    found = finding(release_superseded, group, releases={str(line): history(recommended=ours, releases=(ours,))})

    assert found.evidence["parameter"] == f"/aws/service{root}/image_id"
    assert found.evidence["release_parameter"] == f"/aws/service{root}{release_leaf}"


def test_the_image_that_replaces_a_deprecated_one_is_in_a_leaf() -> None:
    old = image("20241001", deprecated_at=days_ago(1))
    group = self_managed(group={"launch": launch(image_ids=(old.id,))})

    found = finding(image_deprecated, group, images={old.id: old})

    parameter = f"/aws/service{LINUX_ROOT}/recommended/image_id"
    assert found.evidence["parameter"] == parameter
    assert any(f"--name {parameter} " in command for command in commands(found))
