# ruff: noqa: INP001  Lambda loads this file by itself, out of no package
"""PlanAudits: turns an event into one message for each cluster to audit."""

from eks_auditor.wiring.plan_audits import handle

__all__ = ["handle"]
