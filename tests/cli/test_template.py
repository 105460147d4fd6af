"""``eks-auditor template`` against the local AWS and on recorded snapshots."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from eks_auditor.report.snapshot_file import write_snapshot
from local_aws import AuditedAws
from tests import builders
from tests.cli.conftest import ACCOUNT, Command

SCHEMA = Path(__file__).parents[2] / "docs" / "schemas" / "template-1.json"
EKSCTL = "alpha.eksctl.io/nodegroup-name"
ZONED = {"zone_names": ("eu-west-1a",)}


def recorded(tmp_path: Path, *capacities: Any, **deviations: Any) -> str:  # noqa: ANN401  any capacity, any field
    file = tmp_path / "shop.json"
    file.write_text(write_snapshot(builders.snapshot(*capacities, **deviations)))
    return str(file)


def web(name: str = "web", **deviations: Any) -> Any:  # noqa: ANN401  any field of it
    return builders.managed(name, **{"group": ZONED} | deviations)


def test_a_group_of_a_cluster(command: Command, aws: AuditedAws) -> None:
    result = command("template", "promotions", "--cluster", "shop", "--format", "json")
    assert (result.code, result.err) == (0, "")
    document = json.loads(result.out)
    jsonschema.validate(document, json.loads(SCHEMA.read_text()))
    assert document["capacity"]["name"] == "promotions"
    assert {each["key"] for each in document["believed"]["node"]["labels"]} > {"nodegroup-name", "amiType"}
    assert not aws.broken_answers


def test_the_table_is_the_default_format(command: Command, aws: AuditedAws) -> None:
    result = command("template", "promotions", "--cluster", f"arn:aws:eks:eu-west-1:{ACCOUNT}:cluster/shop")
    assert result.code == 0
    assert result.out.startswith("promotions (managed) of shop in eu-west-1: the node that Cluster Autoscaler")
    assert "\x1b" not in result.out
    assert aws.calls


@pytest.mark.parametrize(
    "wanted", ["web", "eks-web-0a1b2c3d", "managed:web", "managed:eks-web-0a1b2c3d", "self-managed:batch", "jobs"]
)
def test_a_group_goes_by_its_names(command: Command, tmp_path: Path, wanted: str) -> None:
    own = builders.self_managed(group=ZONED | {"tags": builders.autoscaler_tags() | {EKSCTL: "jobs"}})
    result = command("template", wanted, "--from", recorded(tmp_path, web(), own), "--format", "json")
    assert (result.code, result.err) == (0, "")
    assert json.loads(result.out)["capacity"]["name"] == ("web" if "web" in wanted else "batch")


def test_a_name_of_two_groups_needs_its_kind(command: Command, tmp_path: Path) -> None:
    file = recorded(tmp_path, web(), builders.self_managed("web", group=ZONED))
    result = command("template", "web", "--from", file)
    assert (result.code, result.out) == (2, "")
    assert result.err == "eks-auditor: shop has several groups 'web': write managed:web or self-managed:web.\n"
    kinds = [
        json.loads(command("template", f"{kind}:web", "--from", file, "--format", "json").out)["capacity"]["kind"]
        for kind in ("managed", "self-managed")
    ]
    assert kinds == ["managed", "self-managed"]


def test_a_pool_of_the_same_name_is_no_group(command: Command, tmp_path: Path) -> None:
    file = recorded(tmp_path, web(), builders.node_pool("web"))
    assert command("template", "web", "--from", file).code == 0


@pytest.mark.parametrize(
    ("capacity", "words"),
    [
        (builders.node_pool("other"), "'other' is a node pool of Karpenter, which chooses each node by itself"),
        (builders.node_pool("other", kind="auto-mode"), "'other' is a node pool of EKS Auto Mode"),
        (builders.fargate("other"), "'other' is a Fargate profile"),
        (builders.standalone(name="other"), "'other' stands for nodes that no Auto Scaling group launches"),
    ],
)
def test_a_capacity_of_another_kind_says_why(command: Command, tmp_path: Path, capacity: Any, words: str) -> None:  # noqa: ANN401  of every kind
    result = command("template", "other", "--from", recorded(tmp_path, web(), capacity))
    assert (result.code, result.out) == (2, "")
    [sentence] = result.err.splitlines()
    assert words in sentence
    assert sentence.endswith("Cluster Autoscaler has no template for it.")


@pytest.mark.parametrize(
    ("capacities", "wanted", "words"),
    [
        ((web("frontend"), web("backend")), "frontent", "'frontent': the nearest is frontend."),
        ((web("frontend"), web("backend")), "zzz", "'zzz': its groups are backend, frontend."),
        (tuple(web(f"web-{number}") for number in range(9)), "zzz", "web-5 and 3 more."),
        ((builders.fargate(),), "zzz", "'zzz': it has no groups."),
        ((web("frontend"),), "self-managed:frontend", "'self-managed:frontend': the nearest is frontend."),
    ],
)
def test_a_wrong_name_is_answered_with_the_nearest(
    command: Command, tmp_path: Path, capacities: tuple[Any, ...], wanted: str, words: str
) -> None:
    result = command("template", wanted, "--from", recorded(tmp_path, *capacities))
    assert (result.code, result.out) == (2, "")
    [sentence] = result.err.splitlines()
    assert sentence.startswith("eks-auditor: shop has no node group and no Auto Scaling group ")
    assert sentence.endswith(words)


def test_a_name_may_be_out_of_sight(command: Command, tmp_path: Path) -> None:
    complete = {**builders.snapshot().complete, "managed": False}
    file = recorded(tmp_path, web("frontend"), complete=complete)
    assert "'zzz' that could be read: its groups are frontend" in command("template", "zzz", "--from", file).err
    hidden = recorded(tmp_path, builders.fargate(), complete=complete)
    result = command("template", "zzz", "--from", hidden)
    assert result.code == 3
    assert "nothing could be read: eks:ListNodegroups" in result.err


def test_a_name_cannot_instruct_the_terminal(command: Command, tmp_path: Path) -> None:
    result = command("template", "web\x1b[2", "--from", recorded(tmp_path, web("web\x1b[2J")))
    assert result.code == 2
    assert "\x1b" not in result.err


def test_a_group_that_is_not_made_yet(command: Command, tmp_path: Path) -> None:
    result = command("template", "web", "--from", recorded(tmp_path, web(groups=(), status="CREATING")))
    assert result.code == 2
    assert "'web' has no Auto Scaling group yet: run the command again" in result.err


def test_a_node_group_of_several_auto_scaling_groups(command: Command, tmp_path: Path) -> None:
    groups = tuple(builders.scaling_group(f"asg-{number}", zone_names=("eu-west-1a",)) for number in (1, 2))
    file = recorded(tmp_path, web(groups=groups))
    assert (
        "'web' has several Auto Scaling groups: name one of asg-1, asg-2"
        in command("template", "web", "--from", file).err
    )
    assert "Auto Scaling group asg-2," in command("template", "asg-2", "--from", file).out


def test_unreadable_user_data_leaves_the_other_side(command: Command, tmp_path: Path) -> None:
    unread = builders.gap("ec2:DescribeLaunchTemplateVersions", "lt-1", "NotDeclared: its user data is no text")
    own = builders.self_managed(group=ZONED, labels=unread, taints=unread)
    result = command("template", "batch", "--from", recorded(tmp_path, own))
    assert (result.code, result.err) == (0, "")
    assert "NotDeclared: its user data is no text" in " ".join(result.out.split())
    assert "m7i.large              unknown" in result.out


@pytest.mark.parametrize(
    "unread",
    [
        web(groups=builders.gap("autoscaling:DescribeAutoScalingGroups", "web", "AccessDenied: no")),
        web(group=ZONED | {"launch": builders.gap("ec2:DescribeLaunchTemplateVersions", "lt-1", "AccessDenied: no")}),
    ],
    ids=["group", "launch"],
)
def test_nothing_read_is_no_success(command: Command, tmp_path: Path, unread: Any) -> None:  # noqa: ANN401  a group
    result = command("template", "web", "--from", recorded(tmp_path, unread))
    assert (result.code, result.out) == (3, "")
    [sentence] = result.err.splitlines()
    assert sentence.startswith("eks-auditor: nothing could be read: ")
    assert "AccessDenied: no; allow " in sentence
    assert "more reads" not in sentence, "one read failed"


def test_the_minor_can_be_told(command: Command, tmp_path: Path) -> None:
    file = recorded(tmp_path, web())
    result = command("template", "web", "--from", file, "--autoscaler-version", "1.34", "--format", "json")
    assert json.loads(result.out)["autoscaler_version"] == "1.34"
    result = command("template", "web", "--from", file, "--format", "json")
    assert json.loads(result.out)["autoscaler_version"] == "1.35"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["web"], "name it with --cluster, or give a recorded snapshot with --from"),
        (["web", "--cluster", "shop", "--from", "shop.json"], "leave out --region, --cluster and --profile"),
        (["web", "--cluster", "shop", "--region", "all"], "a template is of one cluster: name its Region"),
        (["web", "--cluster", "shop", "--format", "asff"], "--format takes table or json, not 'asff'"),
        (["web", "--cluster", "shop", "--autoscaler-version", "v1.34"], "--autoscaler-version takes the autoscaler's"),
        (["web", "--cluster", "shop", "--output", "/no/such/folder/file.txt"], "in a folder that does not exist"),
        (["web", "--from", "no-such-file.json"], "no-such-file.json"),
    ],
)
def test_wrong_usage(command: Command, options: list[str], words: str) -> None:
    result = command("template", *options)
    assert (result.code, result.out) == (2, "")
    [sentence] = result.err.splitlines()
    assert words in sentence


def test_no_such_cluster(command: Command, aws: AuditedAws) -> None:
    result = command("template", "web", "--cluster", "shopp")
    assert (result.code, result.out) == (3, "")
    assert "there is no cluster 'shopp' in eu-west-1" in result.err
    assert aws.calls


def test_a_recorded_snapshot_gives_what_it_recorded(command: Command, aws: AuditedAws, tmp_path: Path) -> None:
    file = tmp_path / "shop.json"
    live = command("template", "training", "--cluster", "shop")
    command("snapshot", "--cluster", "shop", "--output", str(file))
    aws.calls.clear()
    assert command("template", "training", "--from", str(file)).out == live.out
    assert "training" in live.out
    assert aws.calls == []


def test_output_goes_to_a_file(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "template.txt"
    result = command("template", "web", "--from", recorded(tmp_path, web()), "--output", str(file))
    assert (result.code, result.out, result.err) == (0, "", "")
    assert file.read_text().startswith("web (managed) of shop in eu-west-1: ")


def test_a_file_whose_values_make_no_sense(command: Command, tmp_path: Path) -> None:
    file = recorded(tmp_path, web(), cluster=builders.cluster(version="latest"))
    result = command("template", "web", "--from", file)
    assert (result.code, result.out) == (2, "")
    assert f"{file}: holds what cannot be judged: 'latest' is no minor version" in result.err
