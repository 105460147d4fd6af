"""Both nodes of a group as a document and as a table: what differs, what mends it, and what could not be read."""

import json
import re
import shlex
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from eks_auditor.autoscaler.compare import Difference
from eks_auditor.autoscaler.node_template import NodeTemplate, Source
from eks_auditor.autoscaler.settings import AUTO, AutoscalerSettings
from eks_auditor.autoscaler.tags import LABEL, OPTION, RESOURCE, TAINT
from eks_auditor.model.capacity import ManagedNodeGroup, SelfManagedGroup, Taint
from eks_auditor.model.gap import Gap
from eks_auditor.report.compared_template import MOST_TAGS, ComparedTemplate
from eks_auditor.report.template import render_template_json, template_document
from eks_auditor.report.template_table import render_template_table
from tests.builders import autoscaler_tags, cluster, eks_tags, gap, launch, managed, self_managed, snapshot
from tests.report.test_tag_formats import added

SCHEMA = Path(__file__).parents[2] / "docs" / "schemas" / "template-1.json"
HOSTILE = "v\x1b[2J\x1b]0;owned\x07\u202e\n! team [bold]${x} %{y} '\"\\ $${z}"
DEDICATED = Taint(key="dedicated", value="gpu", effect="NoSchedule")
UNREAD = gap("ec2:DescribeLaunchTemplateVersions", "lt-1", "NotDeclared: the user data is of no known form")


def batch(*, tags: dict[str, str] | None = None, **deviations: Any) -> SelfManagedGroup:  # noqa: ANN401  any field
    """A group that may be empty, and is; ``tags`` are those beside what makes it discoverable."""
    group = {"min_size": 0, "zone_names": ("eu-west-1a",), "tags": autoscaler_tags() | (tags or {})}
    return self_managed(size=0, **{"group": group | deviations.pop("group", {})} | deviations)


def web(**deviations: Any) -> ManagedNodeGroup:  # noqa: ANN401  any field of it
    group = {"min_size": 0, "zone_names": ("eu-west-1a",), "tags": eks_tags()}
    return managed(size=0, **{"group": group | deviations.pop("group", {})} | deviations)


def compared(
    capacity: ManagedNodeGroup | SelfManagedGroup,
    settings: AutoscalerSettings = AUTO,
    **deviations: Any,  # noqa: ANN401  any field of the snapshot
) -> ComparedTemplate:
    assert not isinstance(capacity.groups, Gap)
    return ComparedTemplate.of(snapshot(capacity, **deviations), capacity, capacity.groups[0], settings)


def table(capacity: ManagedNodeGroup | SelfManagedGroup, **deviations: Any) -> str:  # noqa: ANN401  any field
    return render_template_table(compared(capacity, **deviations))


def rows(text: str) -> dict[str, list[str]]:
    """Return the cells of every row of one line, by its name; the mark first."""
    found = (re.fullmatch(r"([!~ ]) (\S+) {2,}(\S.*?) {2,}(\S.*)", line) for line in text.splitlines())
    return {match[2]: [match[1], match[3], match[4]] for match in found if match}


# The table


def test_what_differs_is_marked_and_the_rest_is_not() -> None:
    text = table(batch(tags={LABEL + "team": "old"}, labels={"team": "new", "tier": "gold"}, taints=(DEDICATED,)))
    assert rows(text)["team"] == ["!", "old (tag)", "new (user data)"]
    assert rows(text)["tier"] == ["!", "-", "gold (user data)"]
    assert rows(text)["cpu"] == [" ", "2 (type)", "2 (type)"]
    assert rows(text)["memory"] == [" ", "8Gi (type)", "8Gi (type)"]
    assert "! misleads the autoscaler: label team, label tier, taint dedicated." in text
    assert text.endswith("The autoscaler is misled by 3 differences. Read at 2026-11-23T12:00:00Z.\n")


def test_what_is_no_difference_is_told_apart_with_its_reason() -> None:
    text = table(web(labels={"team": "shop"}))
    assert rows(text)["team"] == [" ", "shop (EKS)", "shop (EKS)"]
    assert rows(text)["nodegroup-name"] == ["~", "web (EKS's tag)", "-"]
    assert rows(text)["pods"] == [" ", "110 (generic)", "-"], "what a node holds is not known"
    assert not any(mark == "!" for mark, *_ in rows(text).values())
    flat = " ".join(text.split())
    assert "~ is no difference, for the autoscaler makes it up for itself, and no node has it: label amiType" in flat
    assert "The autoscaler expects what comes up." in text
    assert "aws autoscaling" not in text


@pytest.mark.parametrize(
    ("difference", "words"),
    [
        (("label", "nodegroup-name", "web", None), "makes it up for itself"),
        (("label", "eks.amazonaws.com/nodegroup-image", None, "ami-1"), "EKS or eksctl sets it"),
        (("label", "node.kubernetes.io/instance-type", "a", "b"), "the kubelet sets it"),
        (("label", "nvidia.com/gpu.count", "1", None), "a controller sets it"),
        (("label", "topology.ebs.csi.aws.com/zone", "a", "b"), "differs from node to node"),
        (("label", "k8s.amazonaws.com/eniConfig", None, "b"), "differs from node to node"),
        (("taint", "node.cilium.io/agent-not-ready", None, "true:NoExecute"), "loses it once it is ready"),
        (("taint", "dedicated", None, "gpu:PreferNoSchedule"), "keeps no pod off"),
        (("resource", "vendor.com/fpga", "1", None), "is not visible"),
        (("resource", "cpu", "1", "2"), "what the system keeps"),
        (("resource", "aws.amazon.com/neuroncore", None, "2"), "one tag of Neuron is enough"),
        (("resource", "nvidia.com/gpu", "4", "1"), "taken at its word"),
    ],
)
def test_every_reason_why_something_is_no_difference(difference: tuple[Any, ...], words: str) -> None:
    kind, name, believed, real = difference
    none = Difference(kind=kind, name=name, believed=believed, real=real, counts=False)
    whole = compared(batch())
    assert words in str(whole.why_none(none))
    assert whole.why_none(replace(none, counts=True)) is None


def test_taints_of_one_key_stand_in_one_row() -> None:
    both = (DEDICATED, replace(DEDICATED, effect="NoExecute"))
    text = table(web(taints=both))
    assert "gpu:NoSchedule," in text
    assert text.count("  dedicated ") == 1


def test_options_that_are_read_and_tags_that_come_to_nothing() -> None:
    tags = {
        OPTION + "scaledownunneededtime": "30m",
        OPTION + "scaledownutilizationthreshold": "40%",
        RESOURCE + "ephemeral-storage": "100GB",
        TAINT + "dedicated": "NoSchedule",
    }
    flat = " ".join(table(batch(tags=tags, taints=(DEDICATED,))).split())
    assert "Scaling options that its tags set scaledownunneededtime 30m Tags that come to nothing" in flat
    assert f"{TAINT}dedicated of the Auto Scaling group is NoSchedule: it is dropped silently" in flat
    assert "gpu:NoSchedule would work" in flat
    assert '"40%": it is dropped' in flat


def test_a_node_groups_own_tags_are_read_too() -> None:
    flat = " ".join(table(web(tags={RESOURCE + "fpga": "one", RESOURCE + "vendor.com/fpga": "2"})).split())
    assert f"{RESOURCE}fpga of the node group is one: it is dropped silently" in flat
    assert "~ vendor.com/fpga 2 (group's tag) -" in flat


def test_a_real_node_that_could_not_be_read_is_unknown_and_the_other_is_shown() -> None:
    text = table(batch(tags={LABEL + "team": "web"}, labels=UNREAD, taints=UNREAD))
    assert rows(text)["team"] == [" ", "web (tag)", "unknown"]
    assert rows(text)["cpu"] == [" ", "2 (type)", "unknown"]
    flat = " ".join(text.split())
    assert "The node that comes up is not known: ec2:DescribeLaunchTemplateVersions on lt-1: NotDeclared: the" in flat
    assert "What differs is not known." in flat
    assert "aws autoscaling" not in text


def test_an_expected_node_that_could_not_be_read() -> None:
    whole = compared(batch(labels={"team": "web"}))
    text = render_template_table(replace(whole, believed=UNREAD, differences=()))
    assert rows(text)["team"] == [" ", "unknown", "web (user data)"]
    assert "The node that it expects is not known" in text


def test_it_fits_80_columns_but_for_what_is_pasted() -> None:
    long = {"example.com/" + "x" * 60: "y" * 63}
    text = table(batch(labels=long, taints=(replace(DEDICATED, key="k" * 70, value="v" * 63),)))
    shown, _, pasted = text.partition("To mend")
    assert max(len(line) for line in shown.splitlines()) <= 80
    assert "y" * 63 in pasted
    assert f"{LABEL}example.com/{'x' * 60}" in pasted, "a broken command could not be pasted"


def test_other_peoples_words_can_neither_forge_nor_colour_output() -> None:
    tags = {LABEL + "team": HOSTILE, LABEL + HOSTILE: "x", TAINT + HOSTILE: HOSTILE, OPTION + HOSTILE: HOSTILE}
    taints = (replace(DEDICATED, key=HOSTILE, value=HOSTILE),)
    capacity = batch(tags=tags, labels={HOSTILE: HOSTILE, "team": "web"}, taints=taints, name=HOSTILE)
    for text in (
        table(capacity, cluster=cluster(version=HOSTILE, autoscaler_identity=HOSTILE), settings=MINOR),
        table(replace(capacity, labels=gap(HOSTILE, HOSTILE, HOSTILE)), settings=MINOR),
    ):
        assert all(character.isprintable() for character in text.replace("\n", ""))
        assert [line for line in text.splitlines() if line.startswith("! team")] in ([], [rowed(text, "team")])
        assert "[bold]" in text, "a tag is no markup"


MINOR = AutoscalerSettings(version="1.35")


def rowed(text: str, name: str) -> str:
    [line] = [line for line in text.splitlines() if re.match(rf"[!~ ] {name} ", line)]
    return line


def test_colours_are_for_terminals() -> None:
    whole = compared(batch(labels={"team": "web"}))
    assert "\x1b[" in render_template_table(whole, colour=True)
    assert "\x1b" not in render_template_table(whole)


# What mends


def test_the_tags_to_add_are_told_to_every_tool() -> None:
    whole = compared(batch(labels={"team": "web"}, taints=(DEDICATED,)))
    tags = {LABEL + "team": "web", TAINT + "dedicated": "gpu:NoSchedule"}
    assert whole.tags_to_add == tags
    [command] = whole.commands()
    assert added(command) == tags
    assert yaml.safe_load(whole.eksctl()) == {"propagateASGTags": False, "tags": tags}
    assert f'"{TAINT}dedicated" = "gpu:NoSchedule"' in whole.terraform()
    text = render_template_table(whole)
    assert f"\n{command}\n" in text
    assert f"\n{whole.terraform()}\n" in text
    assert f"\n{whole.eksctl()}\n" in text


def test_a_managed_groups_taint_without_a_value_needs_a_tag() -> None:
    whole = compared(web(taints=(replace(DEDICATED, value="", has_value=False),)))
    assert whole.tags_to_add == {TAINT + "dedicated": ":NoSchedule"}
    assert yaml.safe_load(whole.eksctl())["propagateASGTags"] is True


def test_a_tag_that_promises_what_no_node_has_is_taken_away() -> None:
    tags = {LABEL + "tier": "gold", f"x/{LABEL}tier": "old", TAINT + "tier": "a:NoSchedule", "tier": "gold"}
    whole = compared(batch(tags=tags))
    assert list(whole.tags_to_remove) == [LABEL + "tier", TAINT + "tier", f"x/{LABEL}tier"]
    [command] = whole.commands()
    words = shlex.split(command)
    assert words[:3] == ["aws", "autoscaling", "delete-tags"]
    assert [each["Key"] for each in json.loads(words[-1])] == list(whole.tags_to_remove)
    assert whole.terraform() == whole.eksctl() == ""


def test_what_no_tag_mends_is_said() -> None:
    whole = compared(web(taints=(replace(DEDICATED, key="k" * 120, value="", has_value=False),)))
    assert [each.name for each in whole.beyond_tags] == ["k" * 120]
    assert "No tag of the group mends: taint kkk" in " ".join(render_template_table(whole).split())
    assert compared(batch(labels={"team": "web"})).beyond_tags == ()


def test_one_tag_is_enough_for_two_taints_of_a_key() -> None:
    """Before 1.31, neither of them is understood."""
    taints = (DEDICATED, replace(DEDICATED, effect="NoExecute"))
    whole = compared(web(taints=taints), AutoscalerSettings(version="1.30"))
    assert whole.tags_to_add == {TAINT + "dedicated": "gpu:NoExecute"}
    assert whole.beyond_tags == ()
    assert render_template_table(whole).count("taint dedicated") == 1


def test_a_tag_whose_taint_no_node_has_is_not_mended_by_a_value() -> None:
    shown = " ".join(table(batch(tags={TAINT + "old": "NoSchedule"})).split())
    assert "it is dropped silently, for it is not <value>:<effect> " in shown
    assert "would work" not in shown


# Notes

CILIUM = Taint(key="node.cilium.io/agent-not-ready", value="true", effect="NoExecute")


@pytest.mark.parametrize("tagged", [batch(tags={TAINT + CILIUM.key: "true:NoExecute"}), web(taints=(CILIUM,))])
def test_a_taint_that_the_autoscaler_takes_to_stay(tagged: ManagedNodeGroup | SelfManagedGroup) -> None:
    """Both kinds tell of it; a tag is better taken away, a node group's own taint is the guide's way."""
    whole = compared(tagged)
    assert any(f"takes {CILIUM.key} to stay on the node, unless its --startup-taint" in note for note in whole.notes)
    assert list(whole.tags_to_remove) == [key for key in whole.group.tags if CILIUM.key in key]
    assert whole.tags_to_add == {}


def test_nodes_in_service_are_the_autoscalers_model() -> None:
    three = self_managed(group={"zone_names": ("eu-west-1a",)})
    assert "3 of its nodes are in service: while one is ready" in " ".join(table(three).split())
    assert "in service: while" not in " ".join(table(batch()).split())


def test_what_a_node_group_tells_needs_a_permission() -> None:
    assert "only if its role may call eks:DescribeNodegroup" in " ".join(table(web()).split())
    assert "eks:DescribeNodegroup" not in table(batch())


def test_a_cluster_that_nothing_shows_to_be_scaled_by_it() -> None:
    said = "nothing says that Cluster Autoscaler scales this cluster"
    assert said in compared(web()).notes
    assert said not in compared(batch()).notes, "discovery tags of one's own are an intent"


def test_a_group_has_room_for_so_many_tags() -> None:
    full = {f"tag-{number}": "" for number in range(MOST_TAGS - len(autoscaler_tags()))}
    assert not any("are the most" in note for note in compared(batch(tags=full)).notes)
    assert "it would have 51 tags, and 50 are the most" in compared(batch(tags=full, labels={"team": "web"})).notes


def test_the_minor_is_the_clusters_unless_it_is_told() -> None:
    assert compared(batch()).minor == "1.35"
    taint = (replace(DEDICATED, value="x"),)
    old = compared(web(taints=taint), AutoscalerSettings(version="1.30"))
    assert old.minor == "1.30"
    assert [each.believed for each in old.counting] == ["x:NO_SCHEDULE"]
    assert compared(web(taints=taint)).counting == ()


# The document


@pytest.mark.parametrize(
    "capacity",
    [
        web(),
        batch(labels={"team": "web"}, taints=(DEDICATED,), tags={LABEL + "tier": "x", RESOURCE + "y": "1GB"}),
        batch(labels=UNREAD),
        batch(group={"launch": launch(instance_types=("x9.large",))}),
    ],
    ids=["managed", "different", "undeclared", "unknown"],
)
def test_every_document_follows_the_schema(capacity: ManagedNodeGroup | SelfManagedGroup) -> None:
    text = render_template_json(compared(capacity))
    jsonschema.validate(json.loads(text), json.loads(SCHEMA.read_text()))


def test_the_document_has_what_the_table_has() -> None:
    tags = {
        LABEL + "tier": "gold",
        RESOURCE + "y": "1GB",
        RESOURCE + "vendor.com/fpga": "1",
        OPTION + "scaledownunreadytime": "5m",
    }
    document = template_document(compared(batch(tags=tags, labels={"team": "web"})))
    expected, actual = document["believed"]["node"], document["real"]["node"]
    assert expected is not None
    assert actual is not None
    assert {"key": "tier", "value": "gold", "source": "Auto Scaling group's tag"} in expected["labels"]
    assert {"key": "team", "value": "web", "source": "user data"} in actual["labels"]
    assert {"name": "memory", "quantity": "8589934592", "source": "instance type"} in actual["resources"]
    assert [(each["name"], each["counts"], each["why_none"] is None) for each in document["differences"]] == [
        ("team", True, True),
        ("tier", True, True),
        ("vendor.com/fpga", False, False),
    ]
    assert document["options"] == {"scaledownunreadytime": "5m"}
    assert [(each["of"], each["value"], each["mended"]) for each in document["ignored_tags"]] == [
        ("Auto Scaling group", "1GB", "1G")
    ]
    assert document["mending"]["add"] == {LABEL + "team": "web"}
    assert document["mending"]["remove"] == [LABEL + "tier"]
    assert len(document["mending"]["aws"]) == 2


def test_a_gap_stands_in_the_documents_side() -> None:
    document = template_document(compared(batch(labels=UNREAD)))
    assert document["real"] == {
        "node": None,
        "gap": {"action": UNREAD.action, "resource": UNREAD.resource, "error": UNREAD.error},
    }
    assert document["believed"]["gap"] is None
    assert document["differences"] == []


@pytest.mark.parametrize(
    ("amount", "shown"),
    [("0", "0"), ("1024", "1Ki"), ("1025", "1025"), ("17179869184", "16Gi"), ("100000000000", "100G"), ("0.5", "0.5")],
)
def test_bytes_are_told_with_the_suffix_that_rounds_nothing(amount: str, shown: str) -> None:
    node = NodeTemplate(
        labels={}, taints=(), resources={"memory": Decimal(amount)}, sources={"resource:memory": Source.TAG}
    )
    text = render_template_table(replace(compared(batch()), believed=node))
    assert rows(text)["memory"][1] == f"{shown} (tag)"
