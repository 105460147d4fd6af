"""Throws broken user data at its parsers: ``python -m tests.userdata.fuzz [INPUTS] [SEED]``.

Examples of every form are changed by chance, always the same for one seed. For every input, only a ``Joining`` whose
contents are such as Kubernetes allows, or the one error that says so, may come out; of a sample of them the clusters
are asked for by themselves, and the memory that this took is measured. As often, a script is read whose labels and
taints were chosen first: these may come out of it, or the error, and no others.
"""

import base64
import gzip
import random
import re
import sys
import time
import tracemalloc
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from eks_auditor.model.capacity import Taint
from eks_auditor.userdata import Joining, UnreadableUserDataError, joined_clusters, read_user_data
from tests.userdata.calls import call
from tests.userdata.corpus import EXAMPLES, NODE, SCRIPT, encoded, mime

INPUTS, SEED = 100_000, 1
MOST_MEMORY = 16 * 1024 * 1024
LARGEST = 16 * 1024
SAMPLE = 10
TIMES = (1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 8, 8, 8, 60, 60, 60, 60, 4000)

FORMS = {"", "bootstrap.sh", "NodeConfig", "Bottlerocket settings", "EKSBootstrap.ps1"}
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_./-]{0,315}[A-Za-z0-9])?")
_VALUE = re.compile(r"([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?")
_CLUSTER = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,99}")

WORDS = (
    *("'", '"', "`", "\\", "$", "$(", "${", ")", "}", "{", "[", "]", "<<EOF", "EOF", "\n", "\r\n", "\0", "\t", "#"),
    *(":", "=", ",", "- ", "---\n", "&a ", "*a", "<<: ", "!!binary ", "!!python/object:os.system ", "| ", "> "),
    *(
        "--node-labels=",
        "--register-with-taints=",
        "--kubelet-extra-args ",
        "/etc/eks/bootstrap.sh ",
        "a=b:NoSchedule",
    ),
    *("apiVersion: node.eks.aws/v1alpha1\n", "kind: NodeConfig\n", "spec:\n", "registerWithTaints: ", "flags: "),
    *("[settings.kubernetes]\n", "settings.", "a.a.a.a.a.a", "'''", '"""', "1e999", "0x", "1979-05-27T07:32:00Z"),
    *("<powershell>", "</powershell>", "-EKSClusterName ", "-KubeletExtraArgs ", "<#", "#>", "@'\n", "`\n"),
    *("#cloud-config\n", "write_files:\n", "runcmd:\n", "encoding: gz+b64\n", "/etc/eksctl/kubelet.env"),
    *(
        "MIME-Version: 1.0\n",
        "Content-Type: multipart/mixed; boundary=x\n\n--x\n",
        "Content-Type: message/rfc822\n\n",
    ),
    *("Content-Transfer-Encoding: base64\n", "Content-Transfer-Encoding: quoted-printable\n", "--//\n", "--//--\n"),
    *("\ufeff", "\u2028", "\U0001f600", "charset=utf-7", "=?utf-8?b?//8=?="),
)
TOKENS = (*(word.encode() for word in WORDS), b"\xff", b"\x80", b"\x1f\x8b")

type Read = Callable[[str], Joining]
type Change = Callable[[random.Random, bytes], bytes]


@dataclass(slots=True)
class Outcome:
    """What came of a run.

    Attributes:
        inputs: How many were tried.
        readable: How many were read.
        speaking: How many of these spoke of a kubelet.
        peak: The most memory that a sampled input took, in bytes.
        calls: How many scripts of known labels were tried.
        understood: Out of how many of these the labels came.
        seconds: How long all inputs took.
        slowest: How long the slowest took.
    """

    inputs: int = 0
    readable: int = 0
    speaking: int = 0
    peak: int = 0
    calls: int = 0
    understood: int = 0
    seconds: float = 0
    slowest: float = 0


class FuzzError(Exception):
    """An input on which the parsers do what they must not; holds what is needed to see it again."""


def fuzz(inputs: int, seed: int, read: Read = read_user_data) -> Outcome:
    """Try so many inputs.

    Raises:
        FuzzError: At the first input that is not handled as it must be.
    """
    chance, calls, outcome = random.Random(seed), random.Random(seed), Outcome()  # noqa: S311  repeatable, not secret
    limit = sys.getrecursionlimit()
    for number in range(inputs):
        text = made(chance)
        try:
            _try(text, read, outcome)
            _require(sys.getrecursionlimit() == limit, "the recursion limit was changed")
        except Exception as error:
            message = f"input {number} of seed {seed}: {type(error).__name__}: {error}\n{text}"
            raise FuzzError(message) from error
        if number % SAMPLE == 0:
            _try_call(calls, read, outcome)
    return outcome


def made(chance: random.Random) -> str:
    """Make one input, in base64 as EC2 would return it."""
    data = _source(chance)
    for _ in range(chance.choice((0, 1, 1, 2, 3, 8))):
        data = chance.choice(CHANGES)(chance, data)[:LARGEST]
    for _ in range(chance.choice((0, 0, 0, 1, 1, 2))):
        data = chance.choice(WRAPPINGS)(chance, data)
    text = encoded(data)
    return text if chance.random() < 0.98 else _broken(chance, text)


def _try(text: str, read: Read, outcome: Outcome) -> None:
    began = time.perf_counter()
    clusters = _checked(text, read, outcome)
    took = time.perf_counter() - began
    outcome.seconds, outcome.slowest = outcome.seconds + took, max(outcome.slowest, took)
    if outcome.inputs % SAMPLE == 0:
        tracemalloc.start()
        found = joined_clusters(text)
        outcome.peak = max(outcome.peak, tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        _require(outcome.peak < MOST_MEMORY, "it took too much memory")
        _require(clusters is None or found == clusters, "it joins other clusters where labels are not asked for")
        _check_clusters(found)
    outcome.inputs += 1


def _try_call(chance: random.Random, read: Read, outcome: Outcome) -> None:
    made_up = call(chance)
    outcome.calls += 1
    try:
        joining = read(encoded(made_up.script))
    except UnreadableUserDataError:
        return
    outcome.understood += 1
    if (joining.form, joining.labels, joining.taints) != ("bootstrap.sh", made_up.labels, made_up.taints):
        message = f"other labels or taints than {made_up.labels} and {made_up.taints} out of\n{made_up.script}"
        raise FuzzError(message)


def _checked(text: str, read: Read, outcome: Outcome) -> frozenset[str] | None:
    """Return the clusters that are joined; None where it cannot be read."""
    try:
        joining = read(text)
    except UnreadableUserDataError as error:
        _require(error.__context__ is None and error.__cause__ is None, "the error has a cause, with user data in it")
        return None
    outcome.readable += 1
    outcome.speaking += bool(joining.form)
    _require(type(joining) is Joining and joining.form in FORMS, "no joining came out")
    _require(bool(joining.form) or joining == Joining(), "it says something in no form")
    _check_labels(joining.labels)
    for taint in joining.taints:
        _require(type(taint) is Taint, "a taint is none")
        _check_labels({taint.key: taint.value})
        _require(taint.effect in {"NoSchedule", "PreferNoSchedule", "NoExecute"}, "a taint's effect is none")
    _check_clusters(joining.clusters)
    return joining.clusters


def _check_labels(labels: Mapping[str, str]) -> None:
    for key, value in labels.items():
        _require(bool(_NAME.fullmatch(key) and _VALUE.fullmatch(value)), "a label is none")


def _check_clusters(clusters: frozenset[str]) -> None:
    _require(all(_CLUSTER.fullmatch(name) for name in clusters), "a cluster's name is none")


def _require(held: bool, problem: str) -> None:  # noqa: FBT001  an assertion that -O leaves alone
    if not held:
        raise AssertionError(problem)


# ---------------------------------------------------------------- what is done to an input


def _source(chance: random.Random) -> bytes:
    data = chance.choice(EXAMPLES).data
    plain = data.encode() if isinstance(data, str) else data
    return gzip.decompress(plain) if plain.startswith(b"\x1f\x8b") and chance.random() < 0.8 else plain


def _place(chance: random.Random, data: bytes) -> tuple[int, int]:
    start = chance.randrange(len(data) + 1)
    return start, min(len(data), start + chance.choice((1, 2, 8, 40, 400)))


def _flip(chance: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 4, 32))):
        if changed:
            changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _delete(chance: random.Random, data: bytes) -> bytes:
    start, end = _place(chance, data)
    return data[:start] + data[end:]


def _repeat(chance: random.Random, data: bytes) -> bytes:
    start, end = _place(chance, data)
    return data[:start] + data[start:end] * chance.choice(TIMES) + data[end:]


def _truncate(chance: random.Random, data: bytes) -> bytes:
    return data[: chance.randrange(len(data) + 1)]


def _insert(chance: random.Random, data: bytes) -> bytes:
    start, end = _place(chance, data)
    kept = data[start:] if chance.random() < 0.7 else data[end:]
    return data[:start] + chance.choice(TOKENS) * chance.choice(TIMES) + kept


def _splice(chance: random.Random, data: bytes) -> bytes:
    other = _source(chance)
    return data[: chance.randrange(len(data) + 1)] + other[chance.randrange(len(other) + 1) :]


def _swap_lines(chance: random.Random, data: bytes) -> bytes:
    lines = data.split(b"\n")
    one, other = chance.randrange(len(lines)), chance.randrange(len(lines))
    lines[one], lines[other] = lines[other], lines[one]
    return b"\n".join(lines)


def _nest(chance: random.Random, data: bytes) -> bytes:
    opening = chance.choice((b"[", b"{a: ", b"- ", b"$(", b'"$(', b"(", b"{ ", b"a.", b"`", b"@{", b"<!--"))
    start, _ = _place(chance, data)
    return data[:start] + opening * chance.choice(TIMES) + data[start:]


def _in_gzip(_: random.Random, data: bytes) -> bytes:
    return gzip.compress(data, compresslevel=1, mtime=0)


def _in_base64(_: random.Random, data: bytes) -> bytes:
    return base64.b64encode(data)


def _in_mime(chance: random.Random, data: bytes) -> bytes:
    headers = chance.choice((NODE, SCRIPT, "Content-Type: text/cloud-config", "Content-Type: text/plain", "X: y"))
    text = data.decode("latin-1")
    if chance.random() < 0.3:
        headers, text = f"{headers}\nContent-Transfer-Encoding: base64", encoded(data)
    return mime((headers, text), (SCRIPT, "#!/bin/bash"), boundary=chance.choice("xyz")).encode("latin-1")


def _broken(chance: random.Random, text: str) -> str:
    place = chance.randrange(len(text) + 1)
    return text[:place] + chance.choice(("=", "%", "\u00e9", "", "\n", "A")) + text[place + 1 :]


CHANGES: tuple[Change, ...] = (_flip, _delete, _repeat, _truncate, _insert, _insert, _splice, _swap_lines, _nest)
WRAPPINGS: tuple[Change, ...] = (_in_gzip, _in_base64, _in_mime, _in_mime)


def main(arguments: list[str]) -> None:
    """Fuzz as many inputs as the first argument says, from the seed that the second says, and print what came of it."""
    given = [int(argument) for argument in arguments]
    inputs, seed = [*given, *(INPUTS, SEED)[len(given) :]]
    outcome = fuzz(inputs, seed)
    mean = outcome.seconds / max(1, outcome.inputs)
    print(  # noqa: T201  a command
        f"fuzz: {outcome.inputs} inputs of user data, seed {seed}: {outcome.readable / outcome.inputs:.0%} readable, "
        f"{outcome.speaking / outcome.inputs:.0%} speak of a kubelet; at most {outcome.peak / 1024:.0f} KiB "
        f"of memory; the slowest took {outcome.slowest / mean:.0f} times the mean; "
        f"{outcome.understood} of {outcome.calls} calls of known labels understood"
    )


if __name__ == "__main__":
    main(sys.argv[1:])
