import json

import botocore.session
import pytest
from botocore.model import StringShape
from hypothesis import given
from hypothesis import strategies as st

from eks_auditor.model.release import ReleaseLine
from eks_auditor.releases.families import (
    CUSTOM,
    UnmappedAmiTypeError,
    classify,
    family_pattern,
    line_of_ami_type,
    name_pattern,
    named,
    order,
    parameter_of,
    read_parameter,
    release_of,
)
from eks_auditor.releases.parameters import Recommended, Shape
from tests import builders

SSM = "/aws/service"
PARAMETERS = {
    "AL2_x86_64": f"{SSM}/eks/optimized-ami/1.32/amazon-linux-2/recommended",
    "AL2_x86_64_GPU": f"{SSM}/eks/optimized-ami/1.32/amazon-linux-2-gpu/recommended",
    "AL2_ARM_64": f"{SSM}/eks/optimized-ami/1.32/amazon-linux-2-arm64/recommended",
    "AL2023_x86_64_STANDARD": f"{SSM}/eks/optimized-ami/1.32/amazon-linux-2023/x86_64/standard/recommended",
    "AL2023_ARM_64_STANDARD": f"{SSM}/eks/optimized-ami/1.32/amazon-linux-2023/arm64/standard/recommended",
    "AL2023_x86_64_NEURON": f"{SSM}/eks/optimized-ami/1.32/amazon-linux-2023/x86_64/neuron/recommended",
    "AL2023_x86_64_NVIDIA": f"{SSM}/eks/optimized-ami/1.32/amazon-linux-2023/x86_64/nvidia/recommended",
    "AL2023_ARM_64_NVIDIA": f"{SSM}/eks/optimized-ami/1.32/amazon-linux-2023/arm64/nvidia/recommended",
    "BOTTLEROCKET_x86_64": f"{SSM}/bottlerocket/aws-k8s-1.32/x86_64/latest",
    "BOTTLEROCKET_ARM_64": f"{SSM}/bottlerocket/aws-k8s-1.32/arm64/latest",
    "BOTTLEROCKET_x86_64_FIPS": f"{SSM}/bottlerocket/aws-k8s-1.32-fips/x86_64/latest",
    "BOTTLEROCKET_ARM_64_FIPS": f"{SSM}/bottlerocket/aws-k8s-1.32-fips/arm64/latest",
    "BOTTLEROCKET_x86_64_NVIDIA": f"{SSM}/bottlerocket/aws-k8s-1.32-nvidia/x86_64/latest",
    "BOTTLEROCKET_ARM_64_NVIDIA": f"{SSM}/bottlerocket/aws-k8s-1.32-nvidia/arm64/latest",
    "BOTTLEROCKET_x86_64_NVIDIA_FIPS": f"{SSM}/bottlerocket/aws-k8s-1.32-nvidia-fips/x86_64/latest",
    "BOTTLEROCKET_ARM_64_NVIDIA_FIPS": f"{SSM}/bottlerocket/aws-k8s-1.32-nvidia-fips/arm64/latest",
    **{
        f"WINDOWS_{edition.upper()}_{year}_x86_64": (
            f"{SSM}/ami-windows-latest/Windows_Server-{year}-English-{edition}-EKS_Optimized-1.32"
        )
        for edition in ("Core", "Full")
        for year in (2019, 2022, 2025)
    },
}
NAMES = {
    "AL2_x86_64": "amazon-eks-node-1.32-v20251209",
    "AL2_x86_64_GPU": "amazon-eks-gpu-node-1.32-v20251209",
    "AL2_ARM_64": "amazon-eks-arm64-node-1.32-v20251209",
    "AL2023_x86_64_STANDARD": "amazon-eks-node-al2023-x86_64-standard-1.35-v20261118",
    "AL2023_ARM_64_NVIDIA": "amazon-eks-node-al2023-arm64-nvidia-1.35-v20261118",
    "BOTTLEROCKET_x86_64": "bottlerocket-aws-k8s-1.35-x86_64-v1.62.1-ea1afdd6",
    "BOTTLEROCKET_ARM_64_FIPS": "bottlerocket-aws-k8s-1.35-fips-aarch64-v1.62.1-ea1afdd6",
    "BOTTLEROCKET_ARM_64_NVIDIA_FIPS": "bottlerocket-aws-k8s-1.35-nvidia-fips-aarch64-v1.62.1-ea1afdd6",
    "WINDOWS_CORE_2022_x86_64": "Windows_Server-2022-English-Core-EKS_Optimized-1.35-2026.11.12",
    "WINDOWS_FULL_2025_x86_64": "Windows_Server-2025-English-Full-EKS_Optimized-1.35-2026.11.12",
}
VERSIONS = {"al2": "20251209", "al2023": "20261118", "bottlerocket": "1.62.1", "windows": "2026.11.12"}


def line(ami_type: str, minor: str = "1.35") -> ReleaseLine:
    found = line_of_ami_type(ami_type, minor)
    assert found is not None, ami_type
    return found


def matches(pattern: str, name: str) -> bool:
    """EC2's wildcards: only ``*`` is used here."""
    parts = pattern.split("*")
    place = len(parts[0])
    if not name.startswith(parts[0]) or not name.endswith(parts[-1]):
        return False
    for part in parts[1:]:
        place = name.find(part, place)
        if place < 0:
            return False
        place += len(part)
    return True


def test_every_ami_type_of_botocore_is_mapped_or_explicitly_without_releases() -> None:
    shape = botocore.session.get_session().get_service_model("eks").shape_for("AMITypes")
    assert isinstance(shape, StringShape)

    assert set(shape.enum) == {*PARAMETERS, CUSTOM}, "botocore grew or lost an AMI type: map it in releases/families.py"
    assert len({line(ami_type) for ami_type in PARAMETERS}) == len(PARAMETERS), "two types on one line"
    assert line_of_ami_type(CUSTOM, "1.35") is None


def test_an_ami_type_that_nobody_knows_is_named() -> None:
    with pytest.raises(UnmappedAmiTypeError, match="AL2029_x86_64_STANDARD"):
        line_of_ami_type("AL2029_x86_64_STANDARD", "1.35")


@pytest.mark.parametrize("ami_type", PARAMETERS)
def test_the_parameter_is_the_one_aws_documents(ami_type: str) -> None:
    parameter = parameter_of(line(ami_type, "1.32"))

    assert parameter.name == PARAMETERS[ami_type]
    if ami_type.startswith("BOTTLEROCKET"):
        assert parameter.shape is Shape.LEAVES
        assert parameter.names == (f"{parameter.name}/image_version", f"{parameter.name}/image_id")
        assert parameter.required == parameter.names
    elif ami_type.startswith("WINDOWS"):
        assert parameter.names == (parameter.name, f"{parameter.name}/image_id")
        assert parameter.required == (parameter.name,)
    else:
        assert parameter.names == parameter.required == (parameter.name,)


@pytest.mark.parametrize(
    ("ami_type", "leaf"),
    [
        ("AL2_x86_64", "/release_version"),
        ("AL2023_x86_64_STANDARD", "/release_version"),
        ("BOTTLEROCKET_x86_64", "/image_version"),
        ("WINDOWS_CORE_2022_x86_64", ""),
    ],
)
def test_a_fix_takes_parameters_that_hold_one_value(ami_type: str, leaf: str) -> None:
    parameter = parameter_of(line(ami_type))

    assert parameter.image == f"{parameter.name}/image_id"
    assert parameter.release == f"{parameter.name}{leaf}", "Windows has its release version in the document only"


@pytest.mark.parametrize(
    ("ami_type", "release_version", "version"),
    [
        ("AL2023_x86_64_STANDARD", "1.35.2-20261118", "20261118"),
        ("WINDOWS_CORE_2022_x86_64", "1.35-2026.11.12", "2026.11.12"),
    ],
)
def test_a_document_is_read(ami_type: str, release_version: str, version: str) -> None:
    of = line(ami_type)
    document = {"image_id": "ami-1", "image_name": "a-name", "release_version": release_version}

    told = read_parameter(of, {parameter_of(of).name: json.dumps(document)})

    assert told == Recommended(version=version, image_id="ami-1", image_name="a-name", apart=False)


@pytest.mark.parametrize("document", [{"image_id": "ami-1"}, {}])
@pytest.mark.parametrize("leaf", ["ami-1", None])
def test_the_document_of_windows_tells_the_image_or_a_leaf_does(document: dict[str, str], leaf: str | None) -> None:
    of = line("WINDOWS_CORE_2022_x86_64")
    parameter = parameter_of(of)
    values = {parameter.name: json.dumps({"release_version": "1.35-2026.11.12"} | document)}
    if leaf:
        values[parameter.image] = leaf

    if document or leaf:
        told = read_parameter(of, values)
        assert told == Recommended(version="2026.11.12", image_id="ami-1", image_name=None, apart=not document)
    else:
        with pytest.raises(ValueError, match="no JSON document with a release_version and an image_id"):
            read_parameter(of, values)


def test_the_document_of_windows_is_believed_before_its_leaf() -> None:
    of = line("WINDOWS_FULL_2025_x86_64")
    document = {"release_version": "1.35-2026.11.12", "image_id": "ami-1"}
    values = {parameter_of(of).name: json.dumps(document), parameter_of(of).image: "ami-2"}

    assert read_parameter(of, values).image_id == "ami-1"


def test_leaves_are_read() -> None:
    of = line("BOTTLEROCKET_ARM_64")
    root = parameter_of(of).name

    values = {f"{root}/image_id": "ami-1", f"{root}/image_version": "1.62.1-ea1afdd6"}

    assert read_parameter(of, values) == Recommended("1.62.1", "ami-1", None, apart=True)


@pytest.mark.parametrize("value", ["", "[]", "{}", "null", '{"image_id": "ami-1"}', '{"release_version": "1.35"}'])
def test_a_document_that_is_none_is_one_sentence(value: str) -> None:
    with pytest.raises(ValueError, match="recommended is no JSON document with a release_version and an image_id"):
        read_parameter(builders.LINE, {parameter_of(builders.LINE).name: value})


def test_a_missing_leaf_is_named() -> None:
    of = line("BOTTLEROCKET_x86_64")

    with pytest.raises(ValueError, match="latest/image_id"):
        read_parameter(of, {f"{parameter_of(of).name}/image_version": "1.62.1-ea1afdd6"})


@pytest.mark.parametrize("ami_type", NAMES)
def test_names_are_classified_and_found_by_the_patterns(ami_type: str) -> None:
    name = NAMES[ami_type]
    of = line(ami_type, "1.32" if ami_type.startswith("AL2_") else "1.35")

    assert classify(builders.image(name=name)) == (of, VERSIONS[of.family.split("-")[0]])
    assert matches(name_pattern(of), name)
    assert matches(family_pattern(of), name)


@pytest.mark.parametrize("ami_type", PARAMETERS)
def test_every_lines_names_lead_back_to_it(ami_type: str) -> None:
    of = line(ami_type)
    commit = "-ea1afdd6" if of.family == "bottlerocket" else ""
    version = VERSIONS[of.family.split("-")[0]]

    assert named(name_pattern(of).replace("*", f"{version}{commit}")) == (of, version)


@pytest.mark.parametrize("ami_type", NAMES)
def test_a_lines_pattern_finds_no_other_line(ami_type: str) -> None:
    others = [name for other, name in NAMES.items() if other != ami_type]

    assert not [name for name in others if matches(name_pattern(line(ami_type)), name)]


@pytest.mark.parametrize("ami_type", NAMES)
def test_a_familys_pattern_finds_no_other_family(ami_type: str) -> None:
    family = line(ami_type).family
    others = [name for other, name in NAMES.items() if line(other).family != family]

    assert not [name for name in others if matches(family_pattern(line(ami_type)), name)]


@pytest.mark.parametrize(
    "name",
    [
        "ami-of-our-own",
        "my-amazon-eks-node-al2023-x86_64-standard-1.35-v20261118",
        "amazon-eks-node-al2023-x86_64-standard-1.35-v20261118-hardened",
        "al2023-ami-2023.9.20261117.0-kernel-6.1-x86_64",
        "eks-auto-standard-1.35-x86_64-20261118",
        "",
    ],
)
def test_other_images_are_no_release(name: str) -> None:
    assert classify(builders.image(name=name)) is None


@pytest.mark.parametrize("owner_alias", [None, "self", "aws-marketplace"])
def test_a_name_alone_proves_nothing(owner_alias: str | None) -> None:
    assert classify(builders.image(owner_alias=owner_alias)) is None


def test_a_variant_that_aws_gave_up_is_still_a_line() -> None:
    of, _ = named("amazon-eks-node-al2023-x86_64-nvidia-560-1.30-v20241011") or pytest.fail("not classified")

    assert of == ReleaseLine("al2023", "nvidia-560", "x86_64", "1.30")


@pytest.mark.parametrize(
    ("ami_type", "malformed"),
    [
        ("AL2023_x86_64_STANDARD", "ami-0123456789"),
        ("AL2023_x86_64_STANDARD", "1.35-20261118"),
        ("AL2023_x86_64_STANDARD", ""),
        ("BOTTLEROCKET_x86_64", "1.62"),
        ("BOTTLEROCKET_x86_64", "1.62.0-b1"),
        ("BOTTLEROCKET_x86_64", "1.62.0-beta123"),
        ("BOTTLEROCKET_x86_64", "1.62.0-ea1afd"),
        ("BOTTLEROCKET_x86_64", "1.62.0-" + 41 * "a"),
        ("WINDOWS_CORE_2022_x86_64", "1.35.2-20261118"),
    ],
)
def test_a_malformed_release_version_is_one_sentence(ami_type: str, malformed: str) -> None:
    with pytest.raises(ValueError, match=f"'{malformed}' is not spelt like a release version of"):
        release_of(line(ami_type), malformed)


def test_versions_are_compared_as_numbers() -> None:
    rocket, windows, linux = line("BOTTLEROCKET_x86_64"), line("WINDOWS_CORE_2022_x86_64"), builders.LINE

    assert order(rocket, "1.9.2") < order(rocket, "1.62.1") < order(rocket, "1.62.10")
    assert order(rocket, "1.62.1-ffffffff") == order(rocket, "1.62.1-00000000") == order(rocket, "1.62.1")
    assert order(windows, "2026.09.30") < order(windows, "2026.10.01")
    assert order(linux, "20261118") < order(linux, "20261118-1") < order(linux, "20261119")


def test_a_version_of_another_family_is_not_compared() -> None:
    with pytest.raises(ValueError, match="not spelt like a version of al2023"):
        order(builders.LINE, "2026.11.12")


SEMVER = st.tuples(*[st.integers(0, 200)] * 3)


@given(SEMVER, SEMVER)
def test_bottlerockets_order_is_that_of_its_numbers(one: tuple[int, ...], other: tuple[int, ...]) -> None:
    of = line("BOTTLEROCKET_x86_64")
    first, second = (order(of, ".".join(map(str, numbers))) for numbers in (one, other))

    assert (first < second) == (one < other)
    assert (first == second) == (one == other)


@given(st.dates(), st.dates())
def test_the_order_of_days_is_the_calendars(one: object, other: object) -> None:
    first, second = (order(builders.LINE, f"{day:%Y%m%d}".rjust(8, "0")) for day in (one, other))

    assert (first < second) == (one < other)  # type: ignore[operator]  # two dates
