"""kubelet's own grammar of --node-labels and --register-with-taints."""

import pytest

from eks_auditor.model.capacity import Taint
from eks_auditor.userdata import UnreadableUserDataError
from eks_auditor.userdata.kubelet import UNTOLD, parse_taints, registration


@pytest.mark.parametrize(
    ("line", "labels"),
    [
        ("", {}),
        ("--v=2", {}),
        ("--node-labels=a=b", {"a": "b"}),
        ("--node-labels a=b", {"a": "b"}),
        ("--node_labels=a=b", {"a": "b"}),
        ("--node-labels=", {}),
        ("--node-labels=,a=b,,c=d,", {"a": "b", "c": "d"}),
        ("--node-labels=a", {"a": ""}),
        ("--node-labels=a=", {"a": ""}),
        ("--node-labels='a = b , c=d'", {"a": "b", "c": "d"}),
        ("--node-labels=a=b,a=c", {"a": "c"}),
        ("--node-labels=a=b,c=d --v=2 --node-labels=a=e", {"a": "e", "c": "d"}),
        ('--node-labels="a=b"', {"a": "b"}),
        ("--node-labels=node.kubernetes.io/lifecycle=spot", {"node.kubernetes.io/lifecycle": "spot"}),
        ("--node-labels=x.node.kubernetes.io/y=z", {"x.node.kubernetes.io/y": "z"}),
        ("--node-labels=kubernetes.io/os=linux", {"kubernetes.io/os": "linux"}),
        ("--node-labels=k8s.amazonaws.com/accelerator=gpu", {"k8s.amazonaws.com/accelerator": "gpu"}),
        (f"--max-pods={UNTOLD} --node-labels=a=b", {"a": "b"}),
    ],
)
def test_labels(line: str, labels: dict[str, str]) -> None:
    assert registration(line).labels == labels


@pytest.mark.parametrize(
    "line",
    [
        "--node-labels",
        "--node-labels=a=b=c",
        "--node-labels==b",
        "--node-labels=a b=c",
        "--node-labels a=b c=d",
        "a=b",
        "--node-labels='a=b c'",
        "--node-labels=-a=b",
        "--node-labels=a/b/c=d",
        "--node-labels=A.com/b=c",
        f"--node-labels={'a' * 64}=b",
        f"--node-labels=a={'b' * 64}",
        f"--node-labels={'a.' * 127}b/c=d",
        "--node-labels=node-role.kubernetes.io/worker=true",
        "--node-labels=k8s.io/a=b",
        f"--node-labels=a={UNTOLD}",
        f"--node-labels={UNTOLD}",
        f"--node-labels {UNTOLD}",
        f"{UNTOLD} --node-labels=a=b",
        f"--{UNTOLD}=a=b",
        "--node-labels='a=b",
        "--node-labels=a=b\n--v=2",
        "--node-labels=a=b\n",
    ],
)
def test_labels_that_kubelet_refuses_or_that_nobody_can_know(line: str) -> None:
    with pytest.raises(UnreadableUserDataError):
        registration(line)


@pytest.mark.parametrize(
    ("value", "taints"),
    [
        ("", ()),
        ("a=b:NoSchedule", (("a", "b", "NoSchedule"),)),
        ("a:NoExecute", (("a", "", "NoExecute"),)),
        ("a=:PreferNoSchedule", (("a", "", "PreferNoSchedule"),)),
        ("a:NoExecute,a:NoSchedule", (("a", "", "NoExecute"), ("a", "", "NoSchedule"))),
        ("x.io/a=b:NoSchedule,c-", (("x.io/a", "b", "NoSchedule"),)),
    ],
)
def test_taints(value: str, taints: tuple[tuple[str, str, str], ...]) -> None:
    assert parse_taints(value) == tuple(Taint(key=key, value=text, effect=effect) for key, text, effect in taints)


@pytest.mark.parametrize(
    "value",
    [
        "a",
        "a=b",
        "a=b:",
        "a=b:noschedule",
        "a=b:NoSchedule:NoExecute",
        "a=b=c:NoSchedule",
        ":NoSchedule",
        "a:NoSchedule,",
        "a=b:NoSchedule,a=c:NoSchedule",
        "a b:NoSchedule",
    ],
)
def test_taints_that_kubelet_refuses(value: str) -> None:
    with pytest.raises(UnreadableUserDataError):
        parse_taints(value)


def test_a_repeated_flag_of_taints_replaces_and_an_empty_one_is_not_a_missing_one() -> None:
    assert registration("--register-with-taints=a:NoSchedule --register-with-taints=b:NoSchedule").taints == (
        Taint(key="b", value="", effect="NoSchedule"),
    )
    assert registration("--register-with-taints=").taints == ()
    assert registration("--v=2").taints is None
