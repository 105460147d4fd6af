# ruff: noqa: INP001  Lambda loads this file by itself, out of no package
"""PublishTransitions: publishes what the ledger announces, one message for each outbox item."""

from eks_auditor.wiring.publish_transitions import handle

__all__ = ["handle"]
