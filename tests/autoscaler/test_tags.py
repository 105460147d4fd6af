import pytest
from hypothesis import given
from hypothesis import strategies as st

from eks_auditor.autoscaler.tags import (
    EFFECTS,
    TAINT,
    claims,
    demands,
    discovery_keys,
    has_template_tags,
    ignored_taints,
    owners,
    parse_taint,
)
from eks_auditor.model.capacity import Taint
from tests.builders import gap

CA = "k8s.io/cluster-autoscaler"
ANY_TAGS = st.dictionaries(
    st.text()
    | st.builds("".join, st.lists(st.sampled_from([CA, "/", TAINT, "enabled", "kubernetes.io/cluster/", "x"]))),
    st.text() | st.builds(":".join, st.lists(st.sampled_from(["owned", *EFFECTS, "", "NO_SCHEDULE"]))),
)


@pytest.mark.parametrize(
    ("value", "parsed"),
    [
        ("v:NoSchedule", ("v", "NoSchedule")),
        ("v:NoExecute", ("v", "NoExecute")),
        ("v:PreferNoSchedule", ("v", "PreferNoSchedule")),
        (":NoSchedule", ("", "NoSchedule")),
        ("v:NoScheduleX", ("v", "NoScheduleX")),
        ("v:NoSchedule ", ("v", "NoSchedule ")),
        ("a:b:NoSchedule", ("a", "b:NoSchedule")),
        ("a\nb:NoSchedule", ("a\nb", "NoSchedule")),
        ("NoSchedule", None),
        ("true", None),
        ("true:NO_SCHEDULE", None),
        ("v: NoSchedule", None),
        ("v:noschedule", None),
        ("ghRunners", None),
        ("", None),
        (":", None),
    ],
)
def test_taints_are_parsed_as_the_autoscaler_parses(value: str, parsed: tuple[str, str] | None) -> None:
    assert parse_taint(value) == parsed


@pytest.mark.parametrize(
    ("value", "problem", "mended"),
    [
        ("NoSchedule", "dropped silently", "VALUE:NoSchedule"),
        ("NO_EXECUTE", "dropped silently", "VALUE:NoExecute"),
        ("true", "dropped silently", "true:NoSchedule"),
        ("true:NO_SCHEDULE", "dropped silently", "true:NoSchedule"),
        ("v:prefer-no-schedule", "dropped silently", "v:PreferNoSchedule"),
        ("", "dropped silently", "VALUE:NoSchedule"),
        ("v:NoScheduleX", "'NoScheduleX'", "v:NoSchedule"),
        ("a:b:NoSchedule", "'b:NoSchedule'", "ab:NoSchedule"),
    ],
)
def test_an_ignored_taint_says_why_and_what_may_be_meant_where_nothing_tells(
    value: str, problem: str, mended: str
) -> None:
    (ignored,) = ignored_taints({f"{TAINT}dedicated": value}, gap())
    assert problem in ignored.problem
    assert ignored.mended == mended


def test_no_value_is_right_where_the_nodes_have_no_such_taint() -> None:
    other = Taint(key="other", value="", effect="NoSchedule")
    (ignored,) = ignored_taints({f"{TAINT}dedicated": "NoSchedule"}, (other,))
    assert ignored.mended is None


def test_of_two_taints_of_a_key_one_that_keeps_pods_off_is_meant() -> None:
    soft, hard = (Taint(key="dedicated", value="x", effect=effect) for effect in ("PreferNoSchedule", "NoSchedule"))
    for declared in ((soft, hard), (hard, soft)):
        (ignored,) = ignored_taints({f"{TAINT}dedicated": "x"}, declared)
        assert ignored.mended == "x:NoSchedule"


@pytest.mark.parametrize("key", ["node.cilium.io/agent-not-ready", "startup-taint.cluster-autoscaler.kubernetes.io/x"])
def test_it_is_well_that_the_tag_of_a_taint_that_passes_comes_to_nothing(key: str) -> None:
    assert ignored_taints({TAINT + key: "true"}, (Taint(key=key, value="true", effect="NoExecute"),)) == ()


@pytest.mark.parametrize("value", ["v:NoSchedule", ":NoSchedule", "v:NoExecute", "v:PreferNoSchedule"])
def test_a_valid_taint_is_not_blamed(value: str) -> None:
    assert ignored_taints({f"{TAINT}dedicated": value}) == ()


def test_a_taint_without_a_key_names_none() -> None:
    (ignored,) = ignored_taints({TAINT: "v:NoSchedule"})
    assert (ignored.problem, ignored.mended) == ("names no taint", None)


def test_the_nodes_own_taint_tells_how_the_tag_was_meant() -> None:
    declared = (Taint(key="dedicated", value="runners", effect="NoExecute"),)
    assert ignored_taints({f"{TAINT}dedicated": "runners"}, declared)[0].mended == "runners:NoExecute"


def test_discovery_keys() -> None:
    assert discovery_keys("shop") == (f"{CA}/enabled", f"{CA}/shop")
    assert discovery_keys("disabled") == (f"{CA}/enabled", f"{CA}/disabled")
    assert discovery_keys("enabled") == (f"{CA}/enabled",)


@pytest.mark.parametrize(
    ("tags", "others"),
    [
        ({f"{CA}/enabled": "true", f"{CA}/shop": "owned"}, ()),
        ({f"{CA}/enabled": "true", f"{CA}/shop": "owned", f"{CA}/bar": "", f"{CA}/abc": "no"}, ("abc", "bar")),
        ({f"{CA}/enabled": "false", f"{CA}/other": "owned"}, ("other",)),
        ({f"{CA}/other": "owned"}, ()),
        ({f"{CA}/enabled": "", f"{CA}/disabled": "true"}, ()),
        ({f"{CA}/enabled": "", f"{CA}/node-template/label/other": "x"}, ()),
        ({f"{CA}/enabled": "", f"{CA}/other/": "x", f"{CA}/": "x", f"{CA}/a b": "x", f"{CA}/a.b": "x"}, ()),
        ({f"{CA}/enabled": "", f"x{CA}/other": "x"}, ()),
    ],
)
def test_claims(tags: dict[str, str], others: tuple[str, ...]) -> None:
    assert claims(tags, "shop") == others


@pytest.mark.parametrize(("value", "others"), [("owned", ("other",)), ("shared", ()), ("", ())])
def test_owners(value: str, others: tuple[str, ...]) -> None:
    assert owners({"kubernetes.io/cluster/shop": "owned", "kubernetes.io/cluster/other": value}, "shop") == others


@given(ANY_TAGS)
def test_no_tags_break_it_and_what_it_mends_is_mended(tags: dict[str, str]) -> None:
    claims(tags, "shop")
    owners(tags, "shop")
    ignored = ignored_taints(tags, gap())
    assert not ignored or has_template_tags(tags)
    for taint in ignored:
        parsed = parse_taint(taint.mended or ":NoSchedule")
        assert parsed is not None
        assert parsed[1] in EFFECTS


@pytest.mark.parametrize(
    ("discovery", "demanded"),
    [
        ((), {f"{CA}/enabled": None, f"{CA}/shop": None}),
        (("tag", "anothertag"), {"tag": None, "anothertag": None}),
        (("label=value", "anothertag"), {"label": "value", "anothertag": None}),
        (("my:label=value", "my:otherlabel=othervalue"), {"my:label": "value", "my:otherlabel": "othervalue"}),
        (("kubernetes.io/cluster/{cluster}=owned",), {"kubernetes.io/cluster/shop": "owned"}),
        (("a=b=c", "empty=", "{x}"), {"a": "b=c", "empty": None, "{x}": None}),
        (("twice=1", "twice"), {"twice": None}),
    ],
)
def test_discovery_demands_all_that_it_names(discovery: tuple[str, ...], demanded: dict[str, str | None]) -> None:
    """The first rows are upstream's TestParseASGAutoDiscoverySpecs."""
    assert dict(demands(discovery, "shop")) == demanded
