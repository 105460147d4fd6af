"""HEALTH: what AWS already knows."""

from dataclasses import replace

from eks_auditor.check import check
from eks_auditor.checks.node_group_issues import ISSUES, UNLISTED
from eks_auditor.model.capacity import HealthIssue, ManagedNodeGroup
from eks_auditor.model.verdict import Owner, Scalar, Severity, Verdict, failed, passed

SHOWN = 20
"""How many issues and resources are named; the numbers count all."""


@check(
    id="HEALTH001",
    title="Managed node groups should have no health issue",
    severity=Severity.HIGH,
    docs="https://docs.aws.amazon.com/eks/latest/userguide/troubleshooting.html",
)
def node_group_unhealthy(group: ManagedNodeGroup) -> Verdict:
    """Looks at the status of a node group and at the health issues that EKS reports of it.

    DEGRADED, CREATE_FAILED, DELETE_FAILED and any issue fail, whatever else goes on. Where EKS reports failures of its
    own alone (InternalFailure), it is MEDIUM and for AWS to mend.

    Why: EKS does not replace, add or update nodes of a group with such an issue, so the next failure of a node or the
    next rise of load meets a group that cannot answer.

    Fix:
    aws (managed): aws eks describe-nodegroup --region {region} --cluster-name {cluster} --nodegroup-name {name}
      --query nodegroup.health
    eksctl (managed): eksctl get nodegroup --region {region} --cluster {cluster} --name {name}
    guide (managed): {advice!s}
    terraform (managed): change what the messages name where it is declared; where the group has to be replaced, use
      create_before_destroy and node_group_name_prefix in aws_eks_node_group
    cloudformation (managed): change what the messages name where it is declared; a property of AWS::EKS::Nodegroup that
      needs replacement (subnets, role, instance types) makes a new group before the old one goes
    """
    issues = group.health_issues
    if not issues and not _broken(group.status):
        return passed(f"is {group.status}, and EKS reports no health issue")
    return replace(_unhealthy(group.status, issues), evidence=_facts(group.status, issues))


def _broken(status: str) -> bool:
    return status == "DEGRADED" or status.endswith("_FAILED")


def _unhealthy(status: str, issues: tuple[HealthIssue, ...]) -> Verdict:
    if not issues:
        return failed(f"is {status}, and EKS reports no health issue that tells why")
    told = "; ".join(_told(issue) for issue in issues[:SHOWN])
    more = f"; and {len(issues) - SHOWN} more" if len(issues) > SHOWN else ""
    count = f"{len(issues)} health issue{'s' if len(issues) > 1 else ''}"
    reason = f"is {status}, with {count}: {told}{more}"
    if {issue.code for issue in issues} == {"InternalFailure"}:
        return failed(reason, severity=Severity.MEDIUM, owner=Owner.AWS)
    return failed(reason)


def _told(issue: HealthIssue) -> str:
    return f"{issue.code} ({ISSUES.get(issue.code, UNLISTED).meaning}): {issue.message or 'no message'}"


def _facts(status: str, issues: tuple[HealthIssue, ...]) -> dict[str, Scalar]:
    codes = tuple(dict.fromkeys(issue.code for issue in issues))
    resources = tuple(dict.fromkeys(resource for issue in issues for resource in issue.resource_ids))
    facts: dict[str, Scalar] = {"status": status, "issues": len(issues)}
    if codes:
        facts |= {
            "codes": ", ".join(codes),
            "advice": "; ".join(dict.fromkeys(ISSUES.get(code, UNLISTED).fix for code in codes)),
        }
    if resources:
        facts |= {"resources": ", ".join(resources[:SHOWN]), "resource_count": len(resources)}
    return facts
