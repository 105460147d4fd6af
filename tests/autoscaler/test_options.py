import pytest

from eks_auditor.autoscaler.options import OPTIONS, ignored_options, ignored_resources
from eks_auditor.autoscaler.tags import OPTION, RESOURCE

MINOR = "1.35"


@pytest.mark.parametrize("value", ["1", "500m", "1.5Gi", "1e3", "0"])
def test_a_quantity_that_kubernetes_reads_is_not_blamed(value: str) -> None:
    assert ignored_resources({f"{RESOURCE}example.com/fuse": value, "Name": "not a quantity"}) == ()


@pytest.mark.parametrize(
    ("value", "mended"),
    [
        ("10 Gi", "10Gi"),
        ("10GiB", "10Gi"),
        ("20GB", "20G"),
        ("20gb", "20G"),
        ("100mb", "100M"),
        ("8gi", "8Gi"),
        ("16g", "16G"),
        ("1K", "1k"),
        ("1ki", "1Ki"),
        (" 1", "1"),
        ('"2"', "2"),
        ("1.5 GiB", "1.5Gi"),
        ("", None),
        ("true", None),
        ("GG", None),
        ("one", None),
        ("4 cores", None),
        ("1,5Gi", None),
    ],
)
def test_one_that_it_refuses_says_what_may_be_meant(value: str, mended: str | None) -> None:
    (ignored,) = ignored_resources({f"{RESOURCE}memory": value})
    assert (ignored.key, ignored.value, ignored.mended) == (f"{RESOURCE}memory", value, mended)
    assert ignored.problem == "is dropped silently, for Kubernetes reads a quantity such as 1, 500m or 10Gi"


@pytest.mark.parametrize(
    ("value", "mended"),
    [
        ("500 m", "500m"),
        ("2 M", "2M"),
        (" 4 ", "4"),
        ("16gb", "16G"),
        ("16gib", "16Gi"),
        ("5g", None),
        ("500 milli", None),
    ],
)
@pytest.mark.parametrize("name", ["cpu", "example.com/fuse"])
def test_of_what_is_not_counted_in_bytes_no_such_unit_is_guessed(name: str, value: str, mended: str | None) -> None:
    (ignored,) = ignored_resources({RESOURCE + name: value})
    assert ignored.mended == mended


def test_a_resource_without_a_name_is_none() -> None:
    (ignored,) = ignored_resources({RESOURCE: "1"})
    assert (ignored.problem, ignored.mended) == ("is dropped silently, for its key names no resource", None)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("scaledownutilizationthreshold", "0.5"),
        ("scaledowngpuutilizationthreshold", "1_0"),
        ("scaledownunneededtime", "1h30m"),
        ("scaledownunreadytime", "-5m"),
        ("ignoredaemonsetsutilization", "T"),
    ],
)
def test_an_option_that_the_autoscaler_reads_is_not_blamed(name: str, value: str) -> None:
    """As upstream's TestGetAsgOptions, and as Go reads."""
    assert ignored_options({OPTION + name: value, "Name": "x"}, MINOR) == ()


@pytest.mark.parametrize(
    ("name", "value", "mended"),
    [
        ("scaledownutilizationthreshold", "not-a-float", None),
        ("scaledownutilizationthreshold", "50%", "0.5"),
        ("scaledowngpuutilizationthreshold", "0,5", "0.5"),
        ("scaledownutilizationthreshold", "", None),
        ("scaledownunneededtime", "not-a-duration", None),
        ("scaledownunneededtime", "10 minutes", "10m"),
        ("scaledownunneededtime", "10min", "10m"),
        ("scaledownunneededtime", "10M", "10m"),
        ("scaledownunneededtime", "1 hour", "1h"),
        ("scaledownunneededtime", "30 secs", "30s"),
        ("scaledownunneededtime", "1d", "24h"),
        ("scaledownunneededtime", "1.5 days", "36h"),
        ("scaledownunreadytime", "600", None),
        ("ignoredaemonsetsutilization", "not-a-bool", None),
        ("ignoredaemonsetsutilization", "yes", "true"),
        ("ignoredaemonsetsutilization", "fALSE", "false"),
    ],
)
def test_a_value_that_it_drops_says_what_may_be_meant(name: str, value: str, mended: str | None) -> None:
    (ignored,) = ignored_options({OPTION + name: value}, MINOR)
    assert (ignored.value, ignored.mended) == (value, mended)
    assert ignored.problem == f"is dropped, for {name} is {OPTIONS[name].what}"


@pytest.mark.parametrize(
    ("name", "minor", "problem"),
    [
        ("notyetspecified", "1.35", "the autoscaler knows no option 'notyetspecified'"),
        ("ScaleDownUnreadyTime", "1.35", "the autoscaler knows 'ScaleDownUnreadyTime' as scaledownunreadytime only"),
        ("scale-down-unneeded-time", "1.35", "as scaledownunneededtime only"),
        ("maxnodeprovisiontime", "1.30", "the autoscaler does not read maxnodeprovisiontime from tags on AWS"),
        ("maxnodestartuptime", "1.34", "the autoscaler knows no option 'maxnodestartuptime'"),
        ("maxnodestartuptime", "1.35", "the autoscaler does not read maxnodestartuptime from tags on AWS"),
        ("", "1.35", "the autoscaler knows no option ''"),
        (f"{OPTION}scaledownunreadytime", "1.35", "the autoscaler knows no option"),
    ],
)
def test_a_name_that_it_does_not_know_cannot_be_mended_by_a_value(name: str, minor: str, problem: str) -> None:
    (ignored,) = ignored_options({OPTION + name: "10m"}, minor)
    assert problem in ignored.problem
    assert ignored.mended is None


def test_ignored_tags_are_by_key() -> None:
    tags = {f"{OPTION}z": "1", f"{OPTION}a": "1", f"{RESOURCE}z": "x", f"{RESOURCE}a": "x"}
    assert [tag.key for tag in ignored_options(tags, MINOR)] == [f"{OPTION}a", f"{OPTION}z"]
    assert [tag.key for tag in ignored_resources(tags)] == [f"{RESOURCE}a", f"{RESOURCE}z"]
