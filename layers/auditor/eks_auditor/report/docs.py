"""Writes docs/checks.md from the catalogue: ``python -m eks_auditor.report.docs``; ``--check`` tells if it is stale."""

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from eks_auditor.check import Check, FixTemplate
from eks_auditor.checks import CATALOGUE
from eks_auditor.model.capacity import FargateProfile, ManagedNodeGroup, NodePool, SelfManagedGroup, StandaloneNodes
from eks_auditor.model.cluster import Cluster
from eks_auditor.policy.thresholds import written
from eks_auditor.spread.addresses import Zone
from eks_auditor.spread.siblings import SiblingSet

PAGE = Path("docs/checks.md")
"""Below the repository's root, where the command is run."""

SUBJECTS = {
    Cluster: "the cluster",
    ManagedNodeGroup: "managed node groups",
    SelfManagedGroup: "self-managed Auto Scaling groups",
    NodePool: "node pools of Karpenter and Auto Mode",
    FargateProfile: "Fargate profiles",
    StandaloneNodes: "nodes that belong to no group",
    SiblingSet: "sibling sets",
    Zone: "Availability Zones that nodes are launched in",
}

OWNERS = {
    "customer": "you",
    "aws": "AWS",
    "shared": "you and AWS",
}

_COMMANDS = frozenset({"aws", "eksctl", "kubectl", "helm"})

_HEAD = """\
<!-- Made from the checks by `python -m eks_auditor.report.docs`. Change the checks, not this page. -->

# The checks

Each check judges every subject of its kinds in a cluster, and says one of four words:

| word | meaning |
|---|---|
| `PASSED` | it was read, and it is as it should be |
| `FAILED` | it was read, and it is not; the reason names the numbers, and the finding brings the commands below |
| `UNKNOWN` | something that is needed could not be read; the reason names the call and its error |
| `NOT_APPLICABLE` | there is nothing to judge, or not now: an update runs, or another finding names the cause |

A severity below is what a failure has unless the text names rungs. "To be mended by" tells who must act after AWS's
shared responsibility model, unless a verdict says otherwise. In commands, `{name}` is the subject, `{cluster}`,
`{region}` and `{version}` are the cluster's, other words in braces come from the finding's evidence, and words in
capitals are yours to choose. A line whose evidence is missing is left out of the finding.
"""


def render(catalogue: Iterable[Check]) -> str:
    """Return the page."""
    checks = tuple(catalogue)
    lines = [_HEAD, "| check | rule | severity |", "|---|---|---|"]
    lines += [f"| [{check.id}](#{check.id.lower()}) | {check.title} | {check.severity.name} |" for check in checks]
    for check in checks:
        lines += ["", *_section(check)]
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page, or with ``--check`` compare it; return the exit code.

    Exit codes: 0 written or fresh; 1 stale; 2 there is no ``docs`` folder here.
    """
    parser = argparse.ArgumentParser(prog="python -m eks_auditor.report.docs", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, and fail if the page is stale")
    check: bool = parser.parse_args(arguments).check
    if not PAGE.parent.is_dir():
        sys.stderr.write(f"There is no folder {PAGE.parent} here; run this in the root of the repository.\n")
        return 2
    page = render(CATALOGUE)
    if not check:
        PAGE.write_text(page, encoding="utf-8")
        return 0
    if PAGE.is_file() and PAGE.read_text(encoding="utf-8") == page:
        return 0
    sys.stderr.write(f"{PAGE} is not what the checks say now; run python -m eks_auditor.report.docs and commit it.\n")
    return 1


def _section(check: Check) -> Iterator[str]:
    yield f"## {check.id}"
    yield f"\n**{check.title}**"
    yield f"\n{check.what}"
    yield f"\n*Why:* {check.why}"
    yield f"\n- Severity: {check.severity.name}"
    yield f"- To be mended by: {OWNERS[check.owner]}"
    yield f"- Judges: {', '.join(SUBJECTS[subject] for subject in check.subjects)}"
    if check.thresholds:
        yield f"- Thresholds, which a [policy](policy.md) may change: {'; '.join(_thresholds(check))}"
    if check.reports_only:
        yield "- Told: in reports of the command line only, neither by messages nor in Security Hub"
    yield f"- Rests on: <{check.docs}>"
    yield "\nTo mend it:\n"
    yield from (_fix(fix) for fix in check.fixes)


def _thresholds(check: Check) -> Iterator[str]:
    return (
        f"`{name}`: `{written(threshold.default)}`, {threshold.what}" for name, threshold in check.thresholds.items()
    )


def _fix(fix: FixTemplate) -> str:
    tool = fix.tool if fix.kind is None else f"{fix.tool}, {fix.kind}"
    text = f"`{fix.template}`" if fix.tool in _COMMANDS else fix.template
    return f"- {tool}: {text}"


if __name__ == "__main__":
    sys.exit(main())
