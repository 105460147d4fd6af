"""What a check is: one function over one typed subject, with one declaration of what people need to know."""

import inspect
import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from string import Formatter
from types import UnionType
from typing import Any, TypeAliasType, get_args, get_type_hints, override

from eks_auditor.autoscaler.scaler import Scaler
from eks_auditor.model.capacity import FargateProfile, ManagedNodeGroup, NodePool, SelfManagedGroup, StandaloneNodes
from eks_auditor.model.cluster import Cluster
from eks_auditor.model.finding import Fix
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.model.verdict import Owner, Severity, Verdict
from eks_auditor.policy.thresholds import Threshold, Thresholds
from eks_auditor.spread.addresses import Zone
from eks_auditor.spread.drill import Drill
from eks_auditor.spread.siblings import SiblingSet, Spread

SUBJECT_TYPES = frozenset(
    {ManagedNodeGroup, SelfManagedGroup, NodePool, FargateProfile, StandaloneNodes, Cluster, SiblingSet, Zone}
)
CONTEXT_TYPES = frozenset({Cluster, Snapshot, Spread, Drill, Scaler, Thresholds})

_ID = re.compile(r"(AMI|ZONE|CAS|HEALTH|UPG)\d{3}")
_FIX = re.compile(r"(?P<tool>[a-z]+)(?: \((?P<kind>[a-z-]+)\))?: (?P<template>.+)")


class _Quoting(Formatter):
    """Fills in values quoted for a shell, and with ``!s`` as they are."""

    @override
    def convert_field(self, value: object, conversion: str | None) -> str:
        text = _printable(str(value))
        return text if conversion == "s" else shlex.quote(text)


_QUOTING = _Quoting()


@dataclass(frozen=True, slots=True)
class FixTemplate:
    """One line of a check's ``Fix`` section: ``tool: …`` or ``tool (kind of subject): …``.

    Attributes:
        tool: ``aws``, ``eksctl``, ``terraform`` and so on.
        kind: The kind of subject it is for; None for all.
        template: A command with ``{placeholders}``: the subject's and cluster's names and the verdict's evidence.
    """

    tool: str
    kind: str | None
    template: str

    def render(self, kind: str, values: Mapping[str, object]) -> Fix | None:
        """Fill it in, every value quoted for a shell; None where it is not for this kind or a value is missing.

        Names and tags are other people's input: quoting is what keeps a pasted command from running them. Only
        ``{placeholder!s}`` is filled in as it is: for sentences of our own.
        """
        if self.kind not in (None, kind):
            return None
        wanted = {name for _, name, _, _ in Formatter().parse(self.template) if name}
        if not wanted <= values.keys():
            return None
        return Fix(tool=self.tool, command=_QUOTING.vformat(self.template, (), values))


@dataclass(frozen=True, slots=True)
class Check:
    """A check's declaration; docs, Security Hub, chat and the command line all render this.

    Attributes:
        id: Tells the family and never changes.
        title: The rule, in a sentence without a full stop.
        severity: The default rung.
        docs: The paragraph of AWS's guide or documentation that it rests on.
        owner: Who must act, unless a verdict says otherwise.
        subjects: The types it judges.
        what: The docstring's first paragraph.
        why: Its rationale.
        fixes: Its ways to mend.
        judge: The function: subject and context by type, to a verdict.
        reports_only: Whether the reports of the command line alone tell it: the ledger, the topic and Security Hub
            never hear of it.
        thresholds: The numbers it compares with, by name: a policy may say others.
    """

    id: str
    title: str
    severity: Severity
    docs: str
    owner: Owner
    subjects: tuple[type, ...]
    what: str
    why: str
    fixes: tuple[FixTemplate, ...]
    judge: Callable[..., Verdict]
    context: tuple[type, ...]
    reports_only: bool = False
    thresholds: Mapping[str, Threshold] = field(default_factory=dict, hash=False)

    def __call__(self, subject: object, context: Mapping[type, object]) -> Verdict:
        """Judge one subject; ``context`` holds one value of each of :data:`CONTEXT_TYPES`.

        Without thresholds in it the check judges by its defaults.
        """
        given = {Thresholds: Thresholds.of(self.thresholds), **context}
        return self.judge(subject, *(given[kind] for kind in self.context))


def check(  # noqa: PLR0913  a declaration's parts, all by name
    *,
    id: str,
    title: str,
    severity: Severity,
    docs: str,
    owner: Owner = Owner.CUSTOMER,
    reports_only: bool = False,
    thresholds: Mapping[str, Threshold] | None = None,
) -> Callable[[Callable[..., Verdict]], Check]:
    """Declare a check over the type of its function's first parameter.

    Raises:
        TypeError: At import, if a section is missing, a parameter's type is none that can be judged or given, or
            thresholds are declared and not taken, or taken and not declared.
    """

    def declare(judge: Callable[..., Verdict]) -> Check:
        if not _ID.fullmatch(id):
            message = f"{id} is no check id: a family (AMI, ZONE, CAS, HEALTH, UPG) and three digits"
            raise TypeError(message)
        subjects, context = _parameters(judge, id)
        if bool(thresholds) is not (Thresholds in context):
            message = f"{id}: a check that declares thresholds takes a parameter of type Thresholds, and no other does"
            raise TypeError(message)
        what, why, fixes = _sections(inspect.getdoc(judge) or "", id)
        return Check(
            id=id,
            title=title,
            severity=severity,
            docs=docs,
            owner=owner,
            subjects=subjects,
            what=what,
            why=why,
            fixes=fixes,
            judge=judge,
            context=context,
            reports_only=reports_only,
            thresholds=thresholds or {},
        )

    return declare


def _parameters(judge: Callable[..., Verdict], check_id: str) -> tuple[tuple[type, ...], tuple[type, ...]]:
    hints = get_type_hints(judge)
    if hints.pop("return", None) is not Verdict or not hints:
        message = f"{check_id}: a check takes a subject and returns a Verdict"
        raise TypeError(message)
    first, *rest = hints.values()
    subjects = _members(first)
    if not set(subjects) <= SUBJECT_TYPES or not set(rest) <= CONTEXT_TYPES:
        message = f"{check_id}: judges {subjects} with {rest}; known are {SUBJECT_TYPES} with {CONTEXT_TYPES}"
        raise TypeError(message)
    return subjects, tuple(rest)


def _members(hint: Any) -> tuple[type, ...]:  # noqa: ANN401  a type expression has no type of its own
    if isinstance(hint, TypeAliasType):
        return _members(hint.__value__)
    if isinstance(hint, UnionType):
        return tuple(member for part in get_args(hint) for member in _members(part))
    return (hint,)


def _sections(docstring: str, check_id: str) -> tuple[str, str, tuple[FixTemplate, ...]]:
    what, why_mark, rest = docstring.partition("\n\nWhy: ")
    why, fix_mark, fixes = rest.partition("\n\nFix:\n")
    if not (what.strip() and why_mark and fix_mark):
        message = f"{check_id}: its docstring needs a first paragraph, a 'Why: …' paragraph and a 'Fix:' list"
        raise TypeError(message)
    return " ".join(what.split()), " ".join(why.split()), tuple(_fix(line, check_id) for line in _items(fixes))


def _items(text: str) -> list[str]:
    """Split an indented list into its items; a deeper indented line goes on with the item before it."""
    items: list[str] = []
    for line in inspect.cleandoc(text).splitlines():
        if line.startswith(" ") and items:
            items[-1] += " " + line.strip()
        elif line.strip():
            items.append(line.strip())
    return items


def _fix(line: str, check_id: str) -> FixTemplate:
    match = _FIX.fullmatch(line)
    if match is None:
        message = f"{check_id}: {line!r} is no fix; write 'tool: command' or 'tool (kind): command'"
        raise TypeError(message)
    return FixTemplate(match["tool"], match["kind"], match["template"])


def _printable(text: str) -> str:
    """Drop control characters: a line break in a name must not start a second command line."""
    return "".join(character for character in text if character.isprintable())
