"""What holds for every check of the catalogue."""

import importlib
import pkgutil
import re
import shlex
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from string import Formatter
from typing import Any

import pytest

from eks_auditor import checks
from eks_auditor.check import Check
from eks_auditor.checks import CATALOGUE
from eks_auditor.findings.judge import judge
from eks_auditor.model.capacity import Capacity, ManagedNodeGroup, NodePool, SelfManagedGroup, StandaloneNodes
from eks_auditor.model.finding import Finding
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.model.verdict import Status
from tests.builders import CLUSTER_ID
from tests.checks.examples import EXAMPLES

FAMILIES = ("AMI", "ZONE", "CAS", "HEALTH", "UPG")
KNOWN = {"name", "cluster", "region", "version"}
"""What a fix may name without any verdict's evidence: see eks_auditor.findings.judge."""

COMMANDS = {"aws", "eksctl", "kubectl", "helm"}
"""Tools whose fixes are pasted into a shell; the others are sentences."""

LONGEST_TITLE = 256
"""Security Hub's."""

every_check = pytest.mark.parametrize("check", CATALOGUE, ids=lambda check: check.id)


def placeholders(template: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(template) if name}


def findings(check: Check, snapshot: Snapshot, status: Status) -> list[Finding]:
    return [found for found in judge(snapshot, (check,)) if found.status is status]


def failures(check: Check) -> Iterator[Finding]:
    for snapshot in EXAMPLES[check.id].failed:
        yield from findings(check, snapshot, Status.FAILED)


def test_every_check_is_in_the_catalogue() -> None:
    modules = [
        importlib.import_module(f"{checks.__name__}.{module.name}") for module in pkgutil.iter_modules(checks.__path__)
    ]
    declared = {
        id(value): value.id for module in modules for value in vars(module).values() if isinstance(value, Check)
    }

    assert sorted(declared.values()) == sorted(check.id for check in CATALOGUE)


def test_ids_are_unique_and_in_order() -> None:
    ids = [check.id for check in CATALOGUE]

    assert len(set(ids)) == len(ids)
    assert ids == sorted(ids, key=lambda i: (FAMILIES.index(i.rstrip("0123456789")), i))


@every_check
def test_a_title_is_one_sentence_that_fits(check: Check) -> None:
    assert len(check.title) <= LONGEST_TITLE
    assert check.title[0].isupper()
    assert not check.title.endswith(".")
    assert " should " in check.title, "a title is a rule"


@every_check
def test_words_are_whole_sentences(check: Check) -> None:
    assert check.what.endswith(".")
    assert check.why.endswith(".")
    assert check.docs.startswith("https://docs.aws.amazon.com/")


@every_check
def test_every_kind_it_judges_has_an_aws_command(check: Check) -> None:
    kinds = {
        kind
        for subject in check.subjects
        for kind in {ManagedNodeGroup: ("managed",), SelfManagedGroup: ("self-managed",)}.get(subject, ())
    }

    aws = {fix.kind for fix in check.fixes if fix.tool == "aws"}
    assert aws
    assert None in aws or kinds <= aws


@every_check
def test_fixes_are_for_kinds_that_it_judges(check: Check) -> None:
    kinds = {
        "managed": ManagedNodeGroup,
        "self-managed": SelfManagedGroup,
        "karpenter": NodePool,
        "auto-mode": NodePool,
        "standalone": StandaloneNodes,
    }

    assert all(fix.kind is None or kinds[fix.kind] in check.subjects for fix in check.fixes)


@every_check
def test_it_has_examples_of_every_word(check: Check) -> None:
    examples = EXAMPLES[check.id]

    assert findings(check, examples.passed, Status.PASSED)
    assert all(findings(check, snapshot, Status.FAILED) for snapshot in examples.failed)
    assert examples.unknown is None or findings(check, examples.unknown, Status.UNKNOWN)


@every_check
def test_a_failure_tells_how_to_mend_it(check: Check) -> None:
    for found in failures(check):
        assert found.fix, found.reason
        assert [fix for fix in found.fix if fix.tool in {"aws", "kubectl"}], found.reason


@every_check
def test_every_placeholder_is_filled_by_some_failure(check: Check) -> None:
    evidence = {key for found in failures(check) for key in found.evidence}

    wanted = {name for fix in check.fixes for name in placeholders(fix.template)}
    assert wanted <= KNOWN | evidence, f"{check.id}: no failure fills {sorted(wanted - KNOWN - evidence)}"


@every_check
def test_every_fix_is_rendered_by_some_failure(check: Check) -> None:
    rendered = [(found.subject.kind, fix) for found in failures(check) for fix in found.fix]

    for template in check.fixes:
        text = re.escape(re.sub(r"\{\w+(!s)?\}", "\0", template.template)).replace("\0", ".+")
        assert any(
            fix.tool == template.tool and template.kind in (None, kind) and re.fullmatch(text, fix.command)
            for kind, fix in rendered
        ), template


@every_check
def test_a_reason_is_words_that_go_on_and_no_evidence_is_nested(check: Check) -> None:
    for found in failures(check):
        assert found.reason
        assert not found.reason.endswith(".")
        assert all(isinstance(value, str | int | float | bool) for value in found.evidence.values())


HOSTILE = [
    "a; rm -rf /",
    "$(reboot)",
    "`reboot`",
    "it's",
    'a"b',
    "a\nreboot",
    "a && reboot #",
    "--force",
    "{cluster}",
]


def renamed(value: Any, old: str, new: str) -> Any:  # noqa: ANN401  anything a snapshot holds
    """Replace a word in every text of a snapshot."""
    match value:
        case str():
            return value.replace(old, new)
        case tuple():
            return tuple(renamed(part, old, new) for part in value)
        case frozenset():
            return frozenset(renamed(part, old, new) for part in value)
        case dict():
            return {renamed(key, old, new): renamed(part, old, new) for key, part in value.items()}
        case _ if is_dataclass(value) and not isinstance(value, type):
            return replace(value, **{f.name: renamed(getattr(value, f.name), old, new) for f in fields(value)})
        case _:
            return value


def named(snapshot: Snapshot, name: str) -> Snapshot:
    """Give every capacity, its groups and the cluster a hostile name."""
    hostile = snapshot
    for capacity in snapshot.capacities:
        hostile = renamed(hostile, capacity.name, name) if isinstance(capacity, Capacity) else hostile
    return replace(hostile, cluster=replace(hostile.cluster, id=replace(CLUSTER_ID, name=name)))


@every_check
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_stays_one_word_of_the_command(check: Check, name: str) -> None:
    printable = "".join(character for character in name if character.isprintable())
    pasted = 0

    for snapshot in EXAMPLES[check.id].failed:
        for found in findings(check, named(snapshot, name), Status.FAILED):
            values = {**found.evidence, "name": name, "cluster": name, "region": "eu-west-1", "version": "1.35"}
            for template in check.fixes:
                fix = template.render(found.subject.kind, values)
                if fix is None or fix.tool not in COMMANDS:
                    continue
                assert "\n" not in fix.command
                words = shlex.split(fix.command, comments=True)
                plain = template.template.split(" # ")[0]
                assert len(words) == len(shlex.split(plain)), fix.command
                if "{name}" in plain:
                    assert any(printable in word for word in words), fix.command
                pasted += 1
    assert pasted, "no command was rendered"
