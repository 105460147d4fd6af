"""Writes docs/permissions.md: `python -m tests.privilege.page`; `--check` tells if it is stale.

From the templates, from AWS's reference, and from the rows of `needs` that the end-to-end tests take away in turn.
"""

import sys
from collections.abc import Iterator, Sequence

from tests.privilege.grants import Grant, grants
from tests.privilege.needs import NEEDS, OPTIONAL, SERVICES
from tests.template.cloudformation import PSEUDO, ROOT

PAGE = ROOT / "docs" / "permissions.md"

TITLES = {
    "WatchReleasesRole": "The function WatchReleases",
    "PlanAuditsRole": "The function PlanAudits",
    "AuditClusterRole": "The function AuditCluster",
    "PublishTransitionsRole": "The function PublishTransitions",
    "ImportFindingsRole": "The function ImportFindings",
    "NotifySlackRole": "The function NotifySlack",
    "SendDigestRole": "The function SendDigest",
    "RuntimePolicy": "Every function",
    "SchedulerRole": "The schedules",
    "ReadRole": "In another account: the role that reads",
    "ImportRole": "In another account: the role that imports findings",
}
"""What a role or policy is of, in the order of the page."""

_HEAD = """\
<!-- Made from the templates and their tests by `python -m tests.privilege.page`. Change those, not this page. -->

# Permissions

Which role may do what, on what, and what needs it. Every statement stands in `template.yaml` or, for the roles of other
accounts, in `template-member.yaml`, with its reason above it.

What the tests show of this table: deployed with exactly these policies, every run named here is denied nothing; with
any one action taken out of its statement (`PutRolePolicy`, no new deployment), the run named in its row fails and names
it; with none, nothing works. No action has an asterisk in it, and `*` stands for a resource only where AWS's Service
Authorization Reference knows no resource of the action.

Rows marked † are what an AWS service does in the role's name, which the AWS that the tests run on does not ask for, or
about resources of yours that it does not have: these are held to AWS's documentation alone.
"""

_PLACES = {PSEUDO["AWS::Region"]: "REGION", PSEUDO["AWS::AccountId"]: "ACCOUNT"}


def render() -> str:
    """Return the page."""
    return "\n".join([_HEAD, *_sections(tuple(grants()))])


def _sections(granted: Sequence[Grant]) -> Iterator[str]:
    for carrier, title in TITLES.items():
        yield f"## {title}\n"
        yield "| action | resource | what needs it | statement |"
        yield "|---|---|---|---|"
        for grant in granted:
            if grant.carrier == carrier:
                yield from _rows(grant)
        yield ""


def _rows(grant: Grant) -> Iterator[str]:
    resources = "<br>".join(f"`{_readable(arn)}`" for arn in grant.resources)
    for action in grant.actions:
        yield f"| `{action}` | {resources} | {_why(grant, action)} | {grant.sid} |"


def _why(grant: Grant, action: str) -> str:
    of = (grant.carrier, grant.sid)
    if of in SERVICES:
        return f"† {SERVICES[of]}"
    if of in OPTIONAL:
        return f"† {OPTIONAL[of]}"
    [need] = [each for each in NEEDS if (each.role, each.sid, each.action) == (*of, action)]
    return f"{need.run}: {need.what}"


def _readable(arn: str) -> str:
    """Write what every deployment has its own of as a word."""
    for place, word in _PLACES.items():
        arn = arn.replace(place, word)
    return arn


def main(arguments: Sequence[str]) -> int:
    """Write the page, or with `--check` say whether it is as it would be written; 1 if not."""
    if "--check" not in arguments:
        PAGE.write_text(render())
        return 0
    if PAGE.exists() and PAGE.read_text() == render():
        return 0
    sys.stderr.write(f"{PAGE.relative_to(ROOT)} is stale: run python -m tests.privilege.page\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
