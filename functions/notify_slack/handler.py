# ruff: noqa: INP001  Lambda loads this file by itself, out of no package
"""NotifySlack: shows people in Slack what changed."""

from eks_auditor.wiring.notify_slack import handle

__all__ = ["handle"]
