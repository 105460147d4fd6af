# ruff: noqa: INP001  Lambda loads this file by itself, out of no package
"""AuditCluster: reads one cluster, judges it, and saves what changed together with its announcement."""

from eks_auditor.wiring.audit_cluster import handle

__all__ = ["handle"]
