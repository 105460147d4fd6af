"""Transitions and their messages: healthy by default, each test states only how its own differ."""

import json
from datetime import datetime, timedelta
from typing import Any

from eks_auditor.findings.identity import finding_id
from eks_auditor.ledger.outbox import compact, compose
from eks_auditor.model.finding import Finding, Fix, Subject
from eks_auditor.model.history import Audit, Change, Transition, sequence_of
from eks_auditor.model.verdict import Owner, Severity, Status
from tests.builders import CLUSTER_ID, NOW

AUDIT_ID = "0123456789abcdef0123456789abcdef"
FIRST_SEEN = NOW - timedelta(days=3)


def days_later(days: float) -> datetime:
    """An instant after now."""
    return NOW + timedelta(days=days)


def subject(name: str = "web", kind: str = "managed", **deviations: Any) -> Subject:  # noqa: ANN401  any field of it
    """A managed node group."""
    usual = {
        "kind": kind,
        "key": name,
        "name": name,
        "arn": f"{CLUSTER_ID.arn.replace(':cluster/', ':nodegroup/')}/{name}/1",
    }
    return Subject(**usual | deviations)


def finding(about: Subject | None = None, **deviations: Any) -> Finding:  # noqa: ANN401  any field of it
    """A node group whose release is superseded."""
    about = about or subject()
    check_id = deviations.get("check_id", "AMI001")
    usual: dict[str, Any] = {
        "id": finding_id(CLUSTER_ID, check_id, about),
        "check_id": check_id,
        "status": Status.FAILED,
        "severity": Severity.MEDIUM,
        "owner": Owner.CUSTOMER,
        "subject": about,
        "title": "Node groups should run a current release",
        "reason": "superseded 34 days ago by 1.35.6-20261020",
        "evidence": {"superseded_days": 34, "release": "1.35.4-20260901"},
        "fix": (Fix(tool="aws", command=f"aws eks update-nodegroup-version --nodegroup-name {about.name}"),),
        "docs": "https://docs.aws.amazon.com/eks/latest/userguide/update-managed-node-group.html",
    }
    return Finding(**usual | deviations)


def transition(
    about: Finding | None = None,
    change: Change = Change.OPENED,
    *,
    taken_at: datetime = NOW,
    **deviations: Any,  # noqa: ANN401  any field of it
) -> Transition:
    """A finding that has just been opened."""
    about = about or finding()
    usual: dict[str, Any] = {
        "change_id": f"{about.id}#{sequence_of(taken_at)}"[-64:],
        "change": change,
        "sequence": sequence_of(taken_at),
        "finding": about,
        "first_seen": FIRST_SEEN,
    }
    return Transition(**usual | deviations)


def transitions(count: int, **deviations: Any) -> tuple[Transition, ...]:  # noqa: ANN401  any field of them
    """As many findings, each of another node group."""
    return tuple(transition(finding(subject(f"web-{number:03}")), **deviations) for number in range(count))


def audit(**deviations: Any) -> Audit:  # noqa: ANN401  any field of it
    """The audit that announces them."""
    usual: dict[str, Any] = {
        "audit_id": AUDIT_ID,
        "cluster": CLUSTER_ID,
        "created_at": NOW - timedelta(days=400),
        "taken_at": NOW,
        "findings": (),
        "checks": frozenset({"AMI001"}),
        "complete": {},
    }
    return Audit(**usual | deviations)


def bodies(*told: Transition, **deviations: Any) -> list[str]:  # noqa: ANN401  any field of the audit
    """The bodies of the messages, as the ledger composes them."""
    return [outbox.body for outbox, _ in compose(audit(**deviations), told, saved_at=NOW)]


def body(*told: Transition, **members: Any) -> str:  # noqa: ANN401  any member of the document
    """One body, with members of the document replaced."""
    document = json.loads(bodies(*(told or (transition(),)))[0])
    return compact(document | members)
