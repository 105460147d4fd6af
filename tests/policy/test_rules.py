"""What a policy says of a target: in its rules' order, the later one wins."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eks_auditor.autoscaler.settings import AUTO, AutoscalerSettings
from eks_auditor.model.cluster import ClusterId
from eks_auditor.model.verdict import Severity
from eks_auditor.policy.rules import Policy, Rule
from eks_auditor.policy.scope import Scope, Target
from tests.policy.build import CHECKS, SHOP, policy, target

AMI001, _, ZONE001, _ = CHECKS

LAYERED = """
checks:
  AMI001: {low: 21d}
  ZONE002: off
minimum_zones: 3
autoscaler: cluster-autoscaler
rules:
  - clusters: [dev-*]
    checks: {AMI001: off, ZONE002: on}
    minimum_zones: 1
    autoscaler: none
  - clusters: [dev-gpu]
    capacities: [gpu-*, neuron]
    checks: {AMI001: {medium: 40d}}
"""


def low(of: Policy, *names: str, cluster: str = "shop") -> timedelta:
    return of.thresholds("AMI001", AMI001.thresholds, target(*names, cluster=cluster)).time("low")


def test_what_holds_everywhere_is_on_top_of_the_defaults() -> None:
    found = policy(LAYERED).thresholds("AMI001", AMI001.thresholds, target("web"))
    assert (found.time("low"), found.time("medium")) == (timedelta(days=21), timedelta(days=30))
    assert not policy(LAYERED).judges("ZONE002", target("web"))


@pytest.mark.parametrize(("cluster", "rules"), [("shop", 1), ("dev-web", 2), ("dev-gpu", 3)])
def test_within_a_cluster_it_says_the_same_by_the_rules_for_it_alone(cluster: str, rules: int) -> None:
    whole = policy(LAYERED)
    within = whole.within(target(cluster=cluster).cluster)
    assert (len(within.rules), within.version) == (rules, whole.version)
    for names in ((), ("gpu-a",), ("web",)):
        asked = target(*names, cluster=cluster)
        assert within.judges("AMI001", asked) is whole.judges("AMI001", asked)
        assert low(within, *names, cluster=cluster) == low(whole, *names, cluster=cluster)


@pytest.mark.parametrize(
    ("names", "cluster", "judged"),
    [
        (("web",), "shop", True),
        (("web",), "dev-gpu", False),
        (("gpu-a",), "dev-gpu", True),
        (("gpu-a",), "dev-web", False),
        (("gpu-a", "neuron"), "dev-gpu", True),
        (("gpu-a", "web"), "dev-gpu", False),
        ((), "dev-gpu", False),
    ],
)
def test_a_later_rule_wins_where_it_holds(names: tuple[str, ...], cluster: str, *, judged: bool) -> None:
    assert policy(LAYERED).judges("AMI001", target(*names, cluster=cluster)) is judged


def test_thresholds_switch_a_check_on() -> None:
    assert policy("rules: [{checks: {AMI001: off}}, {checks: {AMI001: {low: 1d}}}]").judges("AMI001", target("web"))


def test_the_fewest_zones_are_a_setting_and_the_threshold_of_whoever_declares_it() -> None:
    def fewest(text: str, cluster: str) -> int:
        return policy(text).thresholds("ZONE001", ZONE001.thresholds, target(cluster=cluster)).number("minimum_zones")

    assert (fewest(LAYERED, "shop"), fewest(LAYERED, "dev-web")) == (3, 1)
    assert fewest("minimum_zones: 3\nchecks: {ZONE001: {minimum_zones: 4}}", "shop") == 4
    # Of other checks it is no number.
    assert "minimum_zones" not in policy(LAYERED).thresholds("AMI001", AMI001.thresholds, target("web")).values


def test_the_autoscaler_is_said_for_each_cluster() -> None:
    said = AutoscalerSettings(scales="karpenter", version="1.33", discovery=("a",))
    assert Policy.DEFAULT.autoscaler(SHOP, said) == said
    found = policy(f"{LAYERED}discovery: [b, 'c={{cluster}}']\nautoscaler_version: '1.35'\n")
    assert found.autoscaler(SHOP, said) == AutoscalerSettings(
        scales="cluster-autoscaler", version="1.35", discovery=("b", "c={cluster}")
    )
    dev = ClusterId(SHOP.partition, SHOP.account, SHOP.region, "dev-web")
    assert found.autoscaler(dev, AUTO).scales == "none"


@pytest.mark.parametrize(
    ("pattern", "means"),
    [
        ("shop", True),
        ("sh?p", True),
        ("SHOP", False),
        ("shop-*", False),
        ("arn:aws:eks:eu-west-1:111122223333:cluster/shop", True),
        ("arn:*:eks:*:111122223333:cluster/s*", True),
        ("arn:*:eks:*:444455556666:*", False),
    ],
)
def test_clusters_are_meant_by_name_or_arn(pattern: str, *, means: bool) -> None:
    assert Scope(clusters=("nothing", pattern)).holds_in(SHOP) is means


EXEMPTIONS = """
exemptions:
  - checks: [AMI001, ZONE002]
    clusters: [shop]
    capacities: [web]
    reason: Replaced in spring
    owner: team-a
    until: 2027-03-31
    severity: MEDIUM
  - checks: [AMI001]
    reason: Everywhere
    owner: team-b
    until: 2027-01-01
"""


def test_exemptions_hold_for_their_checks_and_targets() -> None:
    found = policy(EXEMPTIONS)
    assert [each.owner for each in found.exemptions_of("AMI001", target("web"))] == ["team-a", "team-b"]
    assert [each.owner for each in found.exemptions_of("AMI001", target("db"))] == ["team-b"]
    assert [each.owner for each in found.exemptions_of("ZONE002", target("web"))] == ["team-a"]
    assert found.exemptions_of("ZONE001", target()) == ()
    first, second = found.exemptions_of("AMI001", target("web"))
    assert (first.severity, second.severity) == (Severity.MEDIUM, Severity.CRITICAL)
    assert first.ends_at.isoformat() == "2027-04-01T00:00:00+00:00"


def test_the_version_is_of_the_content_alone() -> None:
    version = policy(LAYERED).version
    assert policy(f"# a comment\n{LAYERED}\n\n").version == version
    assert policy(LAYERED.replace("{AMI001: off, ZONE002: on}", "{ZONE002: on, AMI001: off}")).version == version
    assert policy(LAYERED.replace("21d", "22d")).version != version
    assert len(version) == 12
    assert policy("").version == policy("checks: {}\nrules: []\n").version == Policy.DEFAULT.version == "default"


SCOPES = st.builds(
    Scope,
    clusters=st.none() | st.lists(st.sampled_from(["shop", "dev-*", "*"]), min_size=1, max_size=2).map(tuple),
    capacities=st.none() | st.lists(st.sampled_from(["web", "gpu-*", "*"]), min_size=1, max_size=2).map(tuple),
)
LIMITS = st.dictionaries(st.sampled_from(["low", "medium"]), st.integers(0, 99).map(lambda n: timedelta(days=n)))
RULES = st.lists(
    st.builds(
        lambda scope, on, limits: Rule(scope=scope, switches={"AMI001": on}, limits={"AMI001": limits}),
        SCOPES,
        st.booleans(),
        LIMITS,
    ),
    max_size=6,
).map(tuple)
TARGETS = st.sampled_from([target("web"), target("gpu-a", cluster="dev-a"), target("web", "gpu-a"), target()])


@given(RULES, TARGETS)
def test_of_all_rules_the_last_one_that_says_something_decides(rules: tuple[Rule, ...], about: Target) -> None:
    holding = [rule for rule in rules if rule.scope.holds_for(about)]
    found = Policy(rules=rules)
    expected = {
        name: ([threshold.default] + [r.limits["AMI001"][name] for r in holding if name in r.limits["AMI001"]])[-1]
        for name, threshold in AMI001.thresholds.items()
    }
    assert found.thresholds("AMI001", AMI001.thresholds, about).values == expected
    assert found.judges("AMI001", about) is (holding[-1].switches["AMI001"] if holding else True)


@given(RULES, RULES, TARGETS)
def test_rules_that_mean_others_change_nothing(rules: tuple[Rule, ...], more: tuple[Rule, ...], about: Target) -> None:
    others = tuple(rule for rule in more if not rule.scope.holds_for(about))
    one, both = Policy(rules=rules), Policy(rules=(*rules, *others))
    assert one.thresholds("AMI001", AMI001.thresholds, about) == both.thresholds("AMI001", AMI001.thresholds, about)
    assert one.judges("AMI001", about) == both.judges("AMI001", about)
