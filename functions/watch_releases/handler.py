# ruff: noqa: INP001  Lambda loads this file by itself, out of no package
"""WatchReleases: announces each change of a release that AWS recommends, as an event on the stack's bus."""

from eks_auditor.wiring.watch_releases import handle

__all__ = ["handle"]
