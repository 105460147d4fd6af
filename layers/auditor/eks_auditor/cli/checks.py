"""``eks-auditor checks``."""

import json
import textwrap
from typing import Annotated, Any

import typer

from eks_auditor.check import Check, FixTemplate
from eks_auditor.checks import CATALOGUE
from eks_auditor.cli.options import STDOUT, ListFormat, check_named, list_form
from eks_auditor.cli.output import PLAIN_WIDTH, write


def checks(
    check_id: Annotated[str | None, typer.Argument(help="Show this check whole.", metavar="[ID]")] = None,
    form: Annotated[
        ListFormat, typer.Option("--format", help="How to print it.", parser=list_form, metavar="table|json")
    ] = ListFormat.TABLE,
) -> None:
    """List the checks, or show one: what it looks for, why, and how to mend it."""
    if check_id is None:
        text = _json([_document(check) for check in CATALOGUE]) if form is ListFormat.JSON else _list()
    else:
        check = check_named(check_id)
        text = _json(_document(check)) if form is ListFormat.JSON else _whole(check)
    write(text, STDOUT)


def _document(check: Check) -> dict[str, Any]:
    return {
        "id": check.id,
        "title": check.title,
        "severity": check.severity.name,
        "owner": check.owner.value,
        "what": check.what,
        "why": check.why,
        "fix": [{"tool": fix.tool, "kind": fix.kind, "command": _shown(fix)} for fix in check.fixes],
        "docs": check.docs,
    }


def _shown(fix: FixTemplate) -> str:
    """Return a fix as people read it: how its values are filled in is no concern of theirs."""
    return fix.template.replace("!s}", "}")


def _json(document: object) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _list() -> str:
    ids = max(len(check.id) for check in CATALOGUE)
    rungs = max(len(check.severity.name) for check in CATALOGUE)
    lines = [f"{check.id:<{ids}}  {check.severity.name:<{rungs}}  {check.title}" for check in CATALOGUE]
    return "\n".join(lines) + "\n"


def _whole(check: Check) -> str:
    paragraphs = [
        f"{check.id}  {check.severity.name}  {check.title}",
        textwrap.fill(check.what, PLAIN_WIDTH),
        textwrap.fill(f"Why: {check.why}", PLAIN_WIDTH),
        "\n".join(
            ["Fix:", *(f"  {fix.tool}{f' ({fix.kind})' if fix.kind else ''}: {_shown(fix)}" for fix in check.fixes)]
        ),
        f"Who must act: {check.owner.value}",
        *(["Told: in reports of the command line only"] if check.reports_only else []),
        f"Docs: {check.docs}",
    ]
    return "\n\n".join(paragraphs) + "\n"
