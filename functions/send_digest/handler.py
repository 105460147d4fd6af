# ruff: noqa: INP001  Lambda loads this file by itself, out of no package
"""SendDigest: publishes how the fleet stands, once a day or a week."""

from eks_auditor.wiring.send_digest import handle

__all__ = ["handle"]
