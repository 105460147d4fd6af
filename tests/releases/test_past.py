"""The shipped table of past releases: what it holds, how old it is, and how it is made."""

import importlib.util
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from eks_auditor.model.release import ReleaseLine
from eks_auditor.releases.families import day_of, order
from eks_auditor.releases.past import RENEW_AFTER, TABLE, Source, abandoned, is_listed, past_releases, sources
from tools import past_releases as made

AL2023 = ReleaseLine("al2023", "standard", "x86_64", "1.35")
AL2 = ReleaseLine("al2", "standard", "x86_64", "1.22")
ROCKET = ReleaseLine("bottlerocket", "nvidia", "arm64", "1.31")
WINDOWS = ReleaseLine("windows-2022", "core", "x86_64", "1.31")

RENEWAL = {made.LINUX: "LINUX", made.BOTTLEROCKET: "BOTTLEROCKET", made.WINDOWS: "WINDOWS"}


@pytest.mark.parametrize("url", RENEWAL)
def test_the_table_is_not_too_old(url: str) -> None:
    """Skips, and so is counted and told, where it is: a checkout must not turn red by the calendar alone."""
    [source] = {source for source in sources().values() if source.url == url}
    today = datetime.now(UTC).date()

    if source.is_stale(today):
        families = ", ".join(family for family, each in sources().items() if each == source)
        pytest.skip(
            f"the past releases of {families} are as of {source.as_of}, {source.age(today).days} days ago: get {url} "
            f"and run make releases {RENEWAL[url]}=path/to/it"
        )

    assert source.age(today) <= RENEW_AFTER


@pytest.mark.parametrize(("days", "stale"), [(0, False), (119, False), (120, False), (121, True), (700, True)])
def test_the_table_is_stale_after_120_days(days: int, stale: bool) -> None:  # noqa: FBT001  what is expected
    source = Source(url="u", as_of=date(2026, 7, 14))
    today = source.as_of + timedelta(days=days)

    assert source.age(today).days == days
    assert source.is_stale(today) is stale


def test_every_family_has_a_source_that_is_a_public_file() -> None:
    assert sources().keys() == {"al2", "al2023", "bottlerocket", "windows-2019", "windows-2022"}
    assert {source.url for source in sources().values()} == set(RENEWAL)


def test_a_release_has_exactly_the_lines_that_its_source_names() -> None:
    def has(version: str, line: ReleaseLine) -> bool:
        return version in {release.version for release in past_releases(line)}

    arm_nvidia = ReleaseLine("al2023", "nvidia", "arm64", "1.32")
    assert has("20260610", AL2023)
    assert not has("20260505", ReleaseLine("al2023", "standard", "x86_64", "1.36")), "1.36 came with 20260610"
    assert has("20250403", arm_nvidia)
    assert not has("20250317", arm_nvidia), "GPUs on arm64 came with 20250403"
    assert has("20250317", ReleaseLine("al2023", "nvidia", "x86_64", "1.32"))
    assert not has("20260714", AL2)
    assert has("1.26.1", ROCKET)
    assert has("2024.11.12", WINDOWS)
    assert not has("2024.08.13", WINDOWS), "1.31 came with 2024.09.10"


@pytest.mark.parametrize(
    ("line", "withdrawn"),
    [
        (AL2023, {(20260128,), (20260311,)}),
        (AL2, {(20220513,), (20221027,), (20230211,)}),
        (ReleaseLine("al2023", "standard", "x86_64", "1.36"), set()),
        (ROCKET, set()),
        (WINDOWS, set()),
    ],
)
def test_abandoned_and_recalled_releases_are_told(line: ReleaseLine, withdrawn: set[tuple[int, ...]]) -> None:
    assert abandoned(line) == withdrawn


@pytest.mark.parametrize("line", [AL2023, AL2, ROCKET, WINDOWS])
def test_releases_are_in_order_once_each_and_no_newer_than_their_source(line: ReleaseLine) -> None:
    releases = past_releases(line)
    places = [order(line, release.version) for release in releases]

    assert places == sorted(set(places))
    assert max(release.published_at for release in releases).date() <= sources()[line.family].as_of
    for release in releases:
        assert release.published_at.date() == (day_of(line, release.version) or release.published_at.date())


def test_a_line_is_listed_where_the_source_names_it_and_not_where_it_names_none() -> None:
    assert is_listed(AL2023)
    assert is_listed(WINDOWS)
    assert not is_listed(ReleaseLine("al2023", "standard", "x86_64", "1.99"))
    assert past_releases(ROCKET)
    assert not is_listed(ROCKET), "Bottlerocket's changelog names no variants and no minors"
    assert not is_listed(ReleaseLine("windows-2025", "core", "x86_64", "1.35"))


def test_nothing_is_known_of_a_family_that_no_source_tells_of() -> None:
    assert past_releases(ReleaseLine("windows-2025", "core", "x86_64", "1.35")) == ()


LINUX = """# Changelog
# AMI Release v20260129
<td>amazon-eks-node-al2023-x86_64-standard-1.35-v20260129</td>
<td>amazon-eks-node-al2023-arm64-nvidia-1.34-v20260129</td>
* amazon-eks-gpu-node-1.32-v20260129
amazon-eks-node-al2023-x86_64-standard-1.33-v20260120 is another release's.
---
# [ABANDONED] AMI Release v20260128
> in favor of v20260129
<td>amazon-eks-node-al2023-x86_64-standard-1.35-v20260128</td>
### [Recalled] AMI Release v20230211
* amazon-eks-arm64-node-1.25-v20230211
### AMI Release v20180101
* eks-1.10-v20180101
"""


def line(family: str, variant: str, architecture: str, minor: str) -> ReleaseLine:
    return ReleaseLine(family, variant, architecture, minor)


def test_the_changelog_of_amazon_linux_is_read() -> None:
    assert list(made.linux_releases(LINUX)) == [
        made.Found("al2", "20260129", frozenset({line("al2", "gpu", "x86_64", "1.32")})),
        made.Found(
            "al2023",
            "20260129",
            frozenset(
                {line("al2023", "standard", "x86_64", "1.35"), line("al2023", "nvidia", "arm64", "1.34")},
            ),
        ),
        made.Found("al2023", "20260128", frozenset({line("al2023", "standard", "x86_64", "1.35")}), abandoned=True),
        made.Found("al2", "20230211", frozenset({line("al2", "standard", "arm64", "1.25")}), abandoned=True),
    ]


def test_the_changelog_of_bottlerocket_is_read_as_it_was_spelt_over_the_years() -> None:
    changelog = "# v1.26.1 (2024-10-24)\n\n# v1.15.1 (2023-10-9)\n# v 1.12.0 (2023-01-24)\n## v9.9.9 (2024-10-24)\n"

    assert list(made.bottlerocket_releases(changelog)) == [
        made.Found("bottlerocket", "1.26.1", day=date(2024, 10, 24)),
        made.Found("bottlerocket", "1.15.1", day=date(2023, 10, 9)),
        made.Found("bottlerocket", "1.12.0", day=date(2023, 1, 24)),
    ]


def test_the_page_of_windows_versions_is_read() -> None:
    page = """== Amazon EKS optimized [.noloc]`Windows` Server 2022 Core AMI
|`1.31-2024.11.12`
|`1.31.1`
|`1.28-2023-09.27`
|`11.27-2023.05.18`
== Amazon EKS optimized [.noloc]`Windows` Server 2022 Full AMI
|`1.31-2024.11.12`
"""

    assert list(made.windows_releases(page)) == [
        made.Found(
            "windows-2022",
            "2024.11.12",
            frozenset(line("windows-2022", edition, "x86_64", "1.31") for edition in ("core", "full")),
        ),
        made.Found("windows-2022", "2023.09.27", frozenset({line("windows-2022", "core", "x86_64", "1.28")})),
    ]


def test_a_source_is_as_of_its_newest_release_in_all_of_its_families() -> None:
    table = made.families("u", made.linux_releases(LINUX))

    assert {family: of["as_of"] for family, of in table.items()} == {"al2": "2026-01-29", "al2023": "2026-01-29"}
    assert table["al2023"]["releases"] == [
        {"version": "20260129", "lines": {"nvidia/arm64": "1.34", "standard/x86_64": "1.35"}},
        {"version": "20260128", "abandoned": True, "lines": {"standard/x86_64": "1.35"}},
    ]


def test_a_file_that_is_another_one_is_refused() -> None:
    with pytest.raises(made.SourceError, match="it names no release the way"):
        made.families(made.WINDOWS, made.windows_releases(LINUX))


def test_the_table_is_what_the_tool_writes() -> None:
    """So that a renewal changes only what is new, and nobody edits it by hand."""
    text = TABLE.read_text(encoding="utf-8")

    assert made.text(made.read(text)) == text


def test_the_layer_carries_the_table(tmp_path: Path) -> None:
    layer = Path(__file__).resolve().parents[2] / "layers" / "auditor"
    spec = importlib.util.spec_from_file_location("finish", layer / "finish.py")
    assert spec is not None
    assert spec.loader is not None
    finish = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(finish)

    finish.add_package(layer / "eks_auditor", tmp_path)

    assert (tmp_path / TABLE.relative_to(layer)).read_bytes() == TABLE.read_bytes()
