"""Calls of bootstrap.sh whose labels and taints are known, for they are chosen first: what may be read out of them."""

import random
from collections.abc import Mapping
from dataclasses import dataclass

from eks_auditor.model.capacity import Taint

_LABELS = (("team", "data"), ("tier", ""), ("example.com/pool", "a-1"), ("zone", "b"))
_TAINTS = (("nvidia.com/gpu", "true", "NoSchedule"), ("batch", "", "NoExecute"))

# What stands before a call, and after it. None of it changes what the call is given.
_BEFORE = (
    *("", "set -ex\n", "# it's\n", 'echo "don\'t" > /dev/null\n', "(( 1 << 2 ))\n", "Z=$(echo ')' \"'\")\n", "sudo "),
    *("cat <<EOF\nit's \"x\nEOF\n", "cat <<-'EOF'\n\tit's\n\tEOF\n", "cat <<\\EOF\nit's\nEOF\n", "cat <<E-F\n'\nE-F\n"),
    *('cat <<EOF\nEOF \n\tEOF\n$(echo "it\'s)")\nEOF\n', "W=${A:-'x'}\n", "[[ a == a ]] && ", "A=(1 2 '3')\n"),
    *('true <<< "it\'s"\n', "echo a#b\n", "true;#'\n", "x=`echo \\`echo a\\``\n", 'echo "${A:-"}"}"\n'),
)
_AFTER = ("", " 2>&1", " > /dev/null", " || true", " &", "; echo $?", " | tee -a /var/log/join.log", " # it's")
_MORE = ("", " --use-max-pods false", ' --b64-cluster-ca "$CA"', " --b64-cluster-ca $CA", ' --cluster-id "$(id)"')


@dataclass(frozen=True, slots=True)
class Call:
    """A script, and the labels and taints with which its node registers."""

    script: str
    labels: Mapping[str, str]
    taints: tuple[Taint, ...]


def call(chance: random.Random) -> Call:
    """Make a script that calls bootstrap.sh once."""
    labels = dict(chance.sample(_LABELS, chance.randrange(len(_LABELS) + 1)))
    taints = chance.sample(_TAINTS, chance.randrange(len(_TAINTS) + 1))
    first, line = _given(chance, _flags(labels, taints))
    script = first + _in_function(chance, chance.choice(_BEFORE), line + chance.choice(_AFTER))
    return Call(
        f"#!/bin/bash\n{script}\n",
        labels,
        tuple(Taint(key=key, value=value, effect=effect) for key, value, effect in taints),
    )


def _flags(labels: Mapping[str, str], taints: list[tuple[str, str, str]]) -> str:
    pairs = ",".join(f"{key}={value}" for key, value in labels.items())
    specs = ",".join(f"{key}={value}:{effect}" for key, value, effect in taints)
    flags = [f"--node-labels={pairs}" if pairs else "", f"--register-with-taints={specs}" if specs else ""]
    return " ".join(flag for flag in flags if flag)


def _given(chance: random.Random, flags: str) -> tuple[str, str]:
    """Return what is said before the call, and the call: its arguments placed in one of the ways that shells have."""
    name = chance.choice(("shop", "'shop'", '"shop"', '"$CLUSTER"', "$CLUSTER", "sh\\\nop"))
    more, extra = chance.choice(_MORE), "--kubelet-extra-args"
    quoted = chance.choice(
        (f"'{flags}'", f'"{flags}"', f"'{flags[:9]}'\"{flags[9:]}\"", flags.replace(" ", "\\ ") or "''")
    )
    told = f" {extra} {quoted}" if flags or chance.random() < 0.5 else ""
    elsewhere, hidden = (
        ". /etc/join.env\n",
        chance.choice(("$MORE", '"$@"', '"${MORE[@]}"', "${MORE}", "$(cat /etc/join)")),
    )
    return chance.choice(
        (
            ("", f"/etc/eks/bootstrap.sh {name}{told}{more}"),
            ("", f"/etc/eks/bootstrap.sh{more}{told} {name}"),
            ("", f"/etc/eks/bootstrap.sh \\\n {told} \\\n {name}{more}"),
            (f"EXTRA={quoted}\n", f'/etc/eks/bootstrap.sh {name} {extra} "$EXTRA"{more}'),
            (f"ALL='shop {extra}={flags}'\n", f"/etc/eks/bootstrap.sh $ALL{more}"),
            (f"export KUBELET_EXTRA_ARGS={quoted}\n", f"/etc/eks/bootstrap.sh {name}{more}"),
            ('join() { /etc/eks/bootstrap.sh "$@"; }\n', f"join shop{told}{more}"),
            # What is sourced holds the flags: nobody who reads the script can know them.
            (elsewhere, f'/etc/eks/bootstrap.sh {name} {extra} "$EXTRA"{more}'),
            (elsewhere, f"/etc/eks/bootstrap.sh {hidden}{more}"),
            (elsewhere, f"/etc/eks/bootstrap.sh {name}{more} {hidden}"),
            (elsewhere, f"join() {{ /etc/eks/bootstrap.sh {hidden}{more}; }}; join"),
            (f'{elsewhere}export KUBELET_EXTRA_ARGS="$EXTRA"\n', f"/etc/eks/bootstrap.sh {name}{more}"),
        )
    )


def _in_function(chance: random.Random, before: str, line: str) -> str:
    """Place a call plainly, in a function or in a condition."""
    return chance.choice(
        (
            before + line,
            before + line,
            f"join_node() {{\n{before}{line}\n}}\njoin_node",
            f"if [ -f /etc/join ]; then\n{before}{line}\nfi",
        )
    )
