# ruff: noqa: INP001  Lambda loads this file by itself, out of no package
"""ImportFindings: imports transitions into Security Hub, in the cluster's account and Region."""

from eks_auditor.wiring.import_findings import handle

__all__ = ["handle"]
