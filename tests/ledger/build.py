"""Audits of the cluster ``shop``, complete by default; each test states only how its own differs."""

from datetime import UTC, datetime, timedelta
from typing import Any

from eks_auditor.model.capacity import KINDS
from eks_auditor.model.cluster import ClusterId
from eks_auditor.model.finding import Finding, Fix, Subject
from eks_auditor.model.history import Audit, Head, Record, Running, State, sequence_of
from eks_auditor.model.verdict import Owner, Severity, Status

CLUSTER = ClusterId("aws", "111122223333", "eu-west-1", "shop")
START = datetime(2026, 11, 23, 12, tzinfo=UTC)
CREATED = START - timedelta(days=400)
CREATED_AGAIN = START + timedelta(seconds=1)


def at(minutes: float) -> datetime:
    """An instant after the first audit's."""
    return START + timedelta(minutes=minutes)


def finding(name: str = "web", *, check_id: str = "ZONE002", kind: str = "managed", **deviations: Any) -> Finding:  # noqa: ANN401  any field of it
    """A failure at HIGH of one check on one managed node group."""
    usual: dict[str, Any] = {
        "id": f"eks-auditor/aws/111122223333/eu-west-1/shop/{check_id}/{kind}/{name}",
        "check_id": check_id,
        "status": Status.FAILED,
        "severity": Severity.HIGH,
        "owner": Owner.CUSTOMER,
        "subject": Subject(kind=kind, key=name, name=name, arn=f"{CLUSTER.arn}/{kind}/{name}"),
        "title": "Node groups should launch in more than one zone",
        "reason": "launches in 1 zone",
        "evidence": {"zones": 1, "share": 0.5, "only": True, "zone": "euw1-az1"},
        "fix": (Fix(tool="aws", command=f"aws eks describe-nodegroup --nodegroup-name {name}"),),
        "docs": "https://docs.aws.amazon.com/eks/latest/best-practices/",
    }
    return Finding(**usual | deviations)


def passed(name: str = "web", **deviations: Any) -> Finding:  # noqa: ANN401  any field of it
    """PASSED on the same."""
    return finding(name, **{"status": Status.PASSED, "reason": "launches in 3 zones", "fix": ()} | deviations)


def unknown(name: str = "web", **deviations: Any) -> Finding:  # noqa: ANN401  any field of it
    """UNKNOWN on the same."""
    return finding(name, **{"status": Status.UNKNOWN, "reason": "could not be judged", "fix": ()} | deviations)


def not_applicable(name: str = "web", **deviations: Any) -> Finding:  # noqa: ANN401  any field of it
    """NOT_APPLICABLE on the same."""
    return finding(name, **{"status": Status.NOT_APPLICABLE, "reason": "has no nodes", "fix": ()} | deviations)


def settling(name: str = "web", **deviations: Any) -> Finding:  # noqa: ANN401  any field of it
    """Not judged while an update runs."""
    return not_applicable(name, **{"reason": "is updating", "settling": True} | deviations)


def audit(minutes: float = 0, *findings: Finding, **deviations: Any) -> Audit:  # noqa: ANN401  any field of it
    """A complete audit by ZONE002 and ZONE003."""
    usual: dict[str, Any] = {
        "audit_id": f"audit-{minutes}",
        "cluster": CLUSTER,
        "created_at": CREATED,
        "taken_at": at(minutes),
        "findings": findings,
        "checks": frozenset({"ZONE002", "ZONE003"}),
        "complete": dict.fromkeys(KINDS, True),
    }
    return Audit(**usual | deviations)


def deletion(minutes: float = 0) -> Audit:
    """An audit that found the cluster gone."""
    return audit(minutes, deleted=True, checks=frozenset(), complete={})


def untargeting(minutes: float = 0) -> Audit:
    """The last word on a cluster that is no longer a target."""
    return audit(minutes, untargeted=True, checks=frozenset(), complete={})


LINE = "al2023/standard/x86_64/1.35"


def running(name: str = "web", key: str = LINE, **deviations: Any) -> Running:  # noqa: ANN401  any field of it
    """A managed node group that runs the recommended release of a line."""
    usual: dict[str, Any] = {
        "key": key,
        "kind": "managed",
        "name": name,
        "version": "20261118",
        "superseded_since": None,
    }
    return Running(**usual | deviations)


def head(minutes: float = 0, **deviations: Any) -> Head:  # noqa: ANN401  any field of it
    """A cluster saved whole, with both checks' first runs behind it."""
    usual: dict[str, Any] = {
        "cluster": CLUSTER,
        "created_at": CREATED,
        "taken_at": at(minutes),
        "saved_at": at(minutes),
        "revision": 1,
        "checks": frozenset({"ZONE002", "ZONE003"}),
    }
    return Head(**usual | deviations)


ONE_OPEN = {("ZONE002", Severity.HIGH): 1}
"""What HEAD says of findings while :func:`finding` stands open."""


def record(of: Finding | None = None, minutes: float = 0, **deviations: Any) -> Record:  # noqa: ANN401  any field of it
    """An open finding as the ledger keeps it."""
    usual: dict[str, Any] = {
        "finding": of or finding(),
        "state": State.OPEN,
        "sequence": sequence_of(at(minutes)),
        "first_seen": at(minutes),
        "changed_at": at(minutes),
        "created_at": CREATED,
    }
    return Record(**usual | deviations)
