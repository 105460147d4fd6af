"""From a snapshot to findings, and from two audits to what changed: pure."""
