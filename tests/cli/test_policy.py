"""``eks-auditor policy check``, and what a policy does to the other commands."""

import json
from pathlib import Path
from typing import Any

import pytest

from eks_auditor.report.snapshot_file import write_snapshot
from tests import builders
from tests.cli.conftest import Command

VALID = """\
version: 1
checks: {ZONE009: off, AMI001: {low: 21d}}
rules: [{clusters: [dev-*], minimum_zones: 1}]
exemptions:
  - {checks: [AMI003], reason: Replaced in spring, owner: team-a, until: 2027-03-31}
  - {checks: [AMI003], reason: Was replaced, owner: team-a, until: 2026-03-31}
"""


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    file = tmp_path / "policy.yaml"
    file.write_text(VALID)
    return file


@pytest.fixture
def recorded(tmp_path: Path) -> str:
    """A cluster whose release is far behind."""
    file = tmp_path / "snapshot.json"
    old = builders.managed(release_version=builders.release_version(100))
    releases = {str(builders.LINE): builders.history(100, 90, 5)}
    file.write_text(write_snapshot(builders.snapshot(old, releases=releases)))
    return str(file)


def word(out: str, check_id: str = "AMI001") -> dict[str, Any]:
    [cluster] = json.loads(out)["clusters"]
    [found] = [each for each in cluster["findings"] if each["check_id"] == check_id]
    return dict(found)


class TestCheck:
    def test_a_valid_policy_says_what_it_does(self, command: Command, policy: Path) -> None:
        result = command("policy", "check", str(policy))
        assert (result.code, result.err) == (0, "")
        warning, summary = result.out.splitlines()
        assert warning.startswith(f"{policy}:6: warning: until was 2026-03-31: the exemption has ended")
        assert summary.startswith(f"{policy} is valid: version ")
        assert summary.endswith(
            "; switches ZONE009 off; changes thresholds of AMI001; 1 rule for some clusters or capacities; "
            "2 exemptions (1 of them ended)."
        )

    def test_it_names_what_is_set_everywhere(self, command: Command, policy: Path) -> None:
        policy.write_text("version: 1\nminimum_zones: 3\nautoscaler: none\ndiscovery: [a]\n")
        assert (
            "; sets autoscaler, discovery, minimum_zones; 0 exemptions." in command("policy", "check", str(policy)).out
        )

    def test_every_mistake_has_its_line(self, command: Command, policy: Path) -> None:
        policy.write_text(VALID.replace("ZONE009", "ZONE9").replace("2027-03-31", "soon"))
        result = command("policy", "check", str(policy))
        assert (result.code, result.err) == (2, "")
        lines = result.out.splitlines()
        assert lines[0] == f"{policy}:2: there is no check ZONE9; did you mean ZONE009?"
        assert lines[1].startswith(f"{policy}:5: until is 'soon', which is no day")

    @pytest.mark.parametrize("content", [None, b"\xff\xfe\x00"])
    def test_a_file_that_cannot_be_read(self, command: Command, tmp_path: Path, content: bytes | None) -> None:
        file = tmp_path / "other.yaml"
        if content is not None:
            file.write_bytes(content)
        result = command("policy", "check", str(file))
        assert (result.code, result.out) == (2, "")
        assert result.err.startswith(f"eks-auditor: {file} ") or str(file) in result.err
        assert len(result.err.splitlines()) == 1


class TestAudit:
    def test_thresholds_and_version(self, command: Command, policy: Path, recorded: str) -> None:
        policy.write_text("version: 1\nchecks: {AMI001: {high: 91d}}\n")
        before = word(command("audit", "--from", recorded, "--format", "json").out)
        after = word(command("audit", "--from", recorded, "--format", "json", "--policy", str(policy)).out)
        assert (before["severity"], after["severity"]) == ("HIGH", "MEDIUM")
        assert before["evidence"]["policy_version"] == "default"
        assert len(after["evidence"]["policy_version"]) == 12

    def test_what_is_accepted_fails_no_build(self, command: Command, policy: Path, recorded: str) -> None:
        policy.write_text(
            "version: 1\nexemptions: [{checks: [AMI001], reason: r, owner: o, until: 2026-12-31}]\n",
        )
        judged = ("audit", "--from", recorded, "--check", "AMI001", "--fail-on", "HIGH")
        assert command(*judged).code == 1
        result = command(*judged, "--policy", str(policy))
        assert result.code == 0
        assert "accepted until 2026-12-31 by o (policy): r" in result.out

    def test_an_invalid_policy_stops_before_anything_is_read(self, command: Command, policy: Path) -> None:
        policy.write_text("version: 1\ncheks: {}\nrules: 3\n")
        result = command("audit", "--policy", str(policy))
        assert (result.code, result.out) == (2, "")
        assert f"{policy}:2: unknown key cheks; did you mean checks?" in result.err
        assert f"{policy}:3: rules takes a list" in result.err
        assert "is not valid" in result.err.splitlines()[-1]

    @pytest.mark.parametrize(("options", "applies"), [((), False), (("--autoscaler", "cluster-autoscaler"), True)])
    def test_an_option_wins_over_the_policy(
        self, command: Command, policy: Path, recorded: str, options: tuple[str, ...], *, applies: bool
    ) -> None:
        policy.write_text("version: 1\nautoscaler: none\n")
        result = command("audit", "--from", recorded, "--format", "json", "--all", "--policy", str(policy), *options)
        assert (word(result.out, "CAS001")["status"] != "NOT_APPLICABLE") is applies

    def test_tags_that_cannot_be_understood_are_said(self, command: Command, tmp_path: Path) -> None:
        file = tmp_path / "tagged.json"
        tagged = builders.cluster(tags={"eks-auditor/exempt": "AMI001"})
        file.write_text(write_snapshot(builders.snapshot(cluster=tagged)))
        result = command("audit", "--from", str(file))
        assert "the tags of cluster shop accept nothing" in result.err
        assert result.code == 0


def test_a_template_is_of_the_autoscaler_that_the_policy_names(command: Command, policy: Path, recorded: str) -> None:
    policy.write_text("version: 1\nautoscaler_version: '1.30'\n")
    plain = command("template", "web", "--from", recorded, "--format", "json")
    named = command("template", "web", "--from", recorded, "--format", "json", "--policy", str(policy))
    asked = command("template", "web", "--from", recorded, "--format", "json", "--autoscaler-version", "1.30")
    assert (plain.code, named.code) == (0, 0)
    assert named.out == asked.out
