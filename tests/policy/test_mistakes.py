"""Every mistake in a policy is told, each with its line and what to do."""

import json
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eks_auditor.checks import CATALOGUE
from eks_auditor.policy.document import policy_schema
from eks_auditor.policy.mistakes import Mistake, PolicyError
from eks_auditor.policy.reading import read_policy
from eks_auditor.policy.yaml_text import LARGEST
from tests.golden.compare import matches
from tests.policy.build import NOW, mistakes, policy, warnings

EXEMPTION = """\
version: 1
exemptions:
  - checks: [AMI001]
    reason: Replaced in spring
    owner: team-a
    until: {until}
"""

ONE_MISTAKE = {
    "no YAML": ("version: 1\nchecks: [", 3, "this is no YAML"),
    "a list": ("- 1\n", 1, "a policy begins with `version: 1`"),
    "nothing": ("", 1, "a policy begins with `version: 1`"),
    "two documents": ("version: 1\n---\nversion: 1\n", 2, "this is no YAML"),
    "an alias": ("version: 1\nchecks: &a {}\nrules: [*a]\n", 3, "*a is a YAML alias; write out"),
    "a tag": ("version: 1\nautoscaler: !Ref Autoscaler\n", 2, "!Ref is a YAML tag, and a policy has none; write"),
    "a tag of YAML's own": ("version: 1\nchecks: {AMI001: !!bool maybe}\n", 2, "!!bool is a YAML tag"),
    "half of a character": ("version: 1\nautoscaler: \ud800\n", 2, "this is no text"),
    "a name that YAML reads as off": (
        "version: 1\nrules:\n  - clusters: [dev, no]\n",
        3,
        "not off, which YAML reads as no text; put it in quotes",
    ),
    "a name that YAML reads as a number": (
        "version: 1\nrules: [{capacities: [42]}]\n",
        2,
        "not 42, which YAML reads as no text; put it in quotes",
    ),
    "a number of more digits than Python reads": (
        f"version: 1\nminimum_zones: {'9' * 5000}\n",
        2,
        f"minimum_zones takes a whole number, not '{'9' * 59}…",
    ),
    "a threshold of any length": (
        f"version: 1\nchecks: {{AMI001: {{low: {'9' * 5000}}}}}\n",
        2,
        f"a share such as 20%, not '{'9' * 59}…",
    ),
    "a number that is another one in YAML 1.1": (
        "version: 1\nminimum_zones: 03\n",
        2,
        "minimum_zones takes a whole number, not '03'",
    ),
    "deep": (f"version: 1\nchecks: {'[' * 40}{']' * 40}\n", 2, "nested more than 10 deep"),
    "another version": ("version: 2\n", 1, "version takes 1: this release of eks-auditor reads no other, not 2"),
    "no version": ("minimum_zones: 3\n", 1, "version is missing"),
    "an unknown key with a near one": ("version: 1\ncheks: {}\n", 2, "unknown key cheks; did you mean checks?"),
    "an unknown key": ("version: 1\nthresholds: {}\n", 2, "unknown key thresholds; known here are autoscaler,"),
    "a key twice": (
        "version: 1\nminimum_zones: 2\nminimum_zones: 3\n",
        3,
        "minimum_zones is here and in line 2, of which YAML drops one; put them together",
    ),
    "an unknown check": ("version: 1\nchecks:\n  AMI01: off\n", 3, "there is no check AMI01; did you mean AMI001?"),
    "a check that is neither": ("version: 1\nchecks:\n  AMI003: maybe\n", 3, "AMI003 takes on, off or thresholds"),
    "a threshold that there is not": (
        "version: 1\nchecks:\n  AMI001: {critical: 3d}\n",
        3,
        "AMI001 has no threshold critical; it has low, medium, high",
    ),
    "a threshold of a check without": (
        "version: 1\nchecks:\n  AMI003:\n    low: 3d\n",
        4,
        "AMI003 has no threshold low; it has none: write on or off",
    ),
    "a threshold of another form": (
        "version: 1\nchecks:\n  AMI001:\n    low: 14\n",
        4,
        "low of AMI001 takes a duration such as 14d, 36h or 30m, not '14'",
    ),
    "a threshold out of bounds": (
        "version: 1\nminimum_zones: 7\n",
        2,
        "minimum_zones takes at least 1 and at most 6, not 7",
    ),
    "a ladder out of order": (
        "version: 1\nchecks:\n  AMI001:\n    low: 45d\n",
        4,
        "low of AMI001 is 45d and medium is 30d, which is the wrong order; set both (the defaults are 14d and 30d)",
    ),
    "a ladder out of order on top of what holds everywhere": (
        "version: 1\nchecks:\n  AMI001: {medium: 20d}\nrules:\n  - checks:\n      AMI001: {low: 25d}\n",
        6,
        "low of AMI001 is 25d and medium is 20d",
    ),
    "an autoscaler": ("version: 1\nautoscaler: karpentr\n", 2, "autoscaler takes auto, cluster-autoscaler,"),
    "an autoscaler's version": ("version: 1\nautoscaler_version: v1.35\n", 2, "autoscaler_version takes the"),
    "a discovery tag": ("version: 1\ndiscovery:\n  - a\n  - b,c\n", 4, "discovery has a comma in 'b,c'"),
    "an empty list": ("version: 1\nrules:\n  - clusters: []\n", 3, "clusters takes a list of patterns"),
    "a pattern that no cluster meets": (
        "version: 1\nrules:\n  - clusters:\n      - a*\n      - prod/*\n    minimum_zones: 1\n",
        5,
        "no cluster has a name or an ARN like 'prod/*'",
    ),
    "an ARN of something else": (
        "version: 1\nrules:\n  - clusters: ['arn:aws:iam::111122223333:role/x']\n    minimum_zones: 1\n",
        3,
        "no cluster has a name or an ARN like",
    ),
    "a rule of capacities for a cluster's check": (
        "version: 1\nrules:\n  - capacities: [gpu]\n    checks:\n      ZONE001: off\n",
        5,
        "ZONE001 judges clusters, which nothing with capacities means",
    ),
    "a setting of clusters for capacities": (
        "version: 1\nrules:\n  - capacities: [gpu]\n    autoscaler: none\n",
        4,
        "autoscaler is of whole clusters; say it in a rule without capacities",
    ),
    "an exemption that can accept nothing": (
        EXEMPTION.format(until="2027-01-01").replace("AMI001]", "ZONE001]\n    capacities: [gpu]"),
        3,
        "ZONE001 judges clusters, which nothing with capacities means",
    ),
    "an exemption without an owner": (
        EXEMPTION.format(until="2027-01-01").replace("    owner: team-a\n", ""),
        3,
        "owner is missing; it takes a text",
    ),
    "an exemption without an end": (
        EXEMPTION.replace("    until: {until}\n", ""),
        3,
        "until is missing; it takes a day, such as 2027-03-31",
    ),
    "an end that is no day": (EXEMPTION.format(until="2027-02-30"), 6, "until is '2027-02-30', which is no day"),
    "an end that is a week": (EXEMPTION.format(until="2027-W01"), 6, "until is '2027-W01', which is no day"),
    "an end with an hour": (EXEMPTION.format(until="2027-01-01T00:00:00Z"), 6, "00Z', which is no day"),
    "a reason of spaces": (
        EXEMPTION.format(until="2027-01-01").replace("Replaced in spring", "'  '"),
        4,
        "reason takes a text, not nothing",
    ),
    "an end too far away": (EXEMPTION.format(until="2027-11-25"), 6, "more than 366 days ahead"),
    "a severity": (EXEMPTION.format(until="2027-01-01\n    severity: high"), 7, "severity takes INFORMATIONAL, LOW,"),
    "what tags may": ("version: 1\nexemptions_by_tag: {critical: perhaps}\n", 2, "critical takes true or false"),
}


@pytest.mark.parametrize("name", ONE_MISTAKE)
def test_a_mistake_is_told_with_its_line(name: str) -> None:
    text, line, begin = ONE_MISTAKE[name]
    [(found, sentence)] = mistakes(text)
    assert (found, begin in sentence, sentence.endswith(".")) == (line, True, False), sentence


def test_a_day_a_year_ahead_is_near_enough() -> None:
    assert mistakes(EXEMPTION.format(until="2027-11-24")) == []


MANY = """\
version: 1
cheks: {}
minimum_zones: nine
checks:
  AMI01: off
  AMI003: maybe
rules:
  - cluster: [a]
    checks:
      AMI001: {low: 45d}
  - 5
exemptions:
  - checks: [AMI9]
    until: 2020-01-01
    reason: [1]
  - owner: me
"""


def test_every_mistake_is_told_of_shape_and_of_meaning() -> None:
    assert [line for line, _ in mistakes(MANY)] == [2, 3, 5, 6, 8, 10, 11, 13, 13, 15, 16, 16, 16]


def test_too_large_a_policy_is_not_even_read() -> None:
    [(line, sentence)] = mistakes(f"version: 1\n# {'x' * LARGEST}\n")
    assert (line, f"{LARGEST} are the most" in sentence) == (1, True)


def test_an_exemption_that_has_ended_is_a_warning() -> None:
    [warning] = warnings(EXEMPTION.format(until="2026-11-22").removeprefix("version: 1\n"))
    assert (warning.line, warning.warning) == (6, True)
    assert warning.sentence == "until was 2026-11-22: the exemption has ended; remove it, or renew it"
    assert warnings(EXEMPTION.format(until="2026-11-23").removeprefix("version: 1\n")) == ()


@pytest.mark.parametrize(("rule", "warned"), [("", True), ("rules: [{clusters: [a], checks: {AMI001: on}}]\n", False)])
def test_an_exemption_from_what_is_off_is_a_warning(rule: str, *, warned: bool) -> None:
    text = EXEMPTION.format(until="2027-01-01").removeprefix("version: 1\n")
    found = warnings(f"checks: {{AMI001: off}}\n{rule}{text}")
    assert [each.sentence for each in found] == (
        ["AMI001 is off, so this accepts nothing of it; remove the one or the other"] if warned else []
    )


def test_a_rule_that_says_nothing_is_a_warning() -> None:
    [warning] = warnings("rules:\n  - clusters: [a]\n  - clusters: [b]\n    minimum_zones: 1\n")
    assert (warning.line, warning.sentence) == (
        3,
        "this rule says nothing; give it checks or another setting, or remove it",
    )


@pytest.mark.parametrize(("written", "judged"), [("off", False), ("'off'", False), ("on", True), ("'on'", True)])
def test_on_and_off_may_stand_in_quotes_as_json_has_them(written: str, *, judged: bool) -> None:
    assert policy(f"checks: {{AMI001: {written}}}\n").rules[0].switches == {"AMI001": judged}


def test_a_reason_is_one_line_however_it_is_written() -> None:
    reason = ">\n      Replaced\n      in spring\n"
    text = EXEMPTION.format(until="2027-01-01").replace("Replaced in spring\n", reason)
    assert policy(text.removeprefix("version: 1\n")).exemptions[0].exemption.reason == "Replaced in spring"


def test_of_thousands_of_mistakes_each_is_told_once() -> None:
    found = mistakes(f"version: 1\nrules: [{'1, ' * 20_000}]\n")
    assert len(found) == 20_000


def test_numbers_keep_how_they_are_written() -> None:
    assert policy("autoscaler_version: 1.30\n").rules[0].autoscaler_version == "1.30"


@given(st.text(max_size=200) | st.text(alphabet=" \n-:[]{}*&!|>'\"abAMI01,?#%", max_size=80))
def test_whatever_the_text_it_is_a_policy_or_told_to_be_none(text: str) -> None:
    found: tuple[Mistake, ...] = (Mistake(1, "it is a policy", warning=True),)
    try:
        read_policy(text, checks=CATALOGUE, now=NOW)
    except PolicyError as error:
        found = error.mistakes
    assert found
    assert all(1 <= each.line <= len(text) + 1 for each in found)


class TestSchema:
    schema = policy_schema()
    FILE = Path(__file__).parents[2] / "docs" / "schemas" / "policy-1.json"

    def test_the_published_one_is_fresh(self) -> None:
        text = json.dumps(self.schema, indent=2) + "\n"
        assert matches(text, self.FILE), "UPDATE_GOLDENS=1 pytest tests/policy writes it anew"

    def test_it_is_one(self) -> None:
        jsonschema.Draft202012Validator.check_schema(self.schema)
        assert self.schema["additionalProperties"] is False

    def test_it_takes_what_is_taken_and_refuses_an_unknown_key(self) -> None:
        valid = {
            "version": 1,
            # Editors read YAML 1.2, in which off is a text.
            "checks": {"AMI001": {"low": "21d"}, "AMI003": False, "AMI004": "off"},
            "exemptions": [{"checks": ["AMI001"], "reason": "r", "owner": "o", "until": "2027-01-01"}],
        }
        jsonschema.validate(valid, self.schema)
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(valid | {"cheks": {}}, self.schema)
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(json.loads(json.dumps(valid).replace("AMI001", "AMI1")), self.schema)
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(json.loads(json.dumps(valid).replace('"off"', '"of"')), self.schema)
