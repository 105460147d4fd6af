"""The IAM actions that each function calls AWS with, put together from what stands beside the calls.

A test holds the template's policies against this. What Lambda itself does in a function's name (taking messages,
reading the stream, writing logs) is the template's own.
"""

from collections.abc import Mapping

from eks_auditor.ledger.digests import Digests
from eks_auditor.ledger.heads import Heads
from eks_auditor.ledger.pointers import Pointers
from eks_auditor.ledger.policies import Policies
from eks_auditor.ledger.quiet import Quiet
from eks_auditor.ledger.table import Ledger
from eks_auditor.sinks import digest_topic, security_hub, topic
from eks_auditor.snapshot import listing, pointers, reader
from eks_auditor.wiring import accounts, audit_queue, policy_source, release_bus, slack_channel, slack_queue

ACTIONS: Mapping[str, frozenset[str]] = {
    "WatchReleases": pointers.ACTIONS | Pointers.WATCH_ACTIONS | release_bus.ACTIONS | accounts.ACTIONS,
    "PlanAudits": listing.ACTIONS | Ledger.PLAN_ACTIONS | Heads.PLAN_ACTIONS | audit_queue.ACTIONS | accounts.ACTIONS,
    "AuditCluster": reader.ACTIONS
    | Ledger.AUDIT_ACTIONS
    | Pointers.AUDIT_ACTIONS
    | Policies.AUDIT_ACTIONS
    | policy_source.ACTIONS
    | accounts.ACTIONS,
    "PublishTransitions": Ledger.RELAY_ACTIONS | topic.ACTIONS,
    "ImportFindings": security_hub.ACTIONS | Ledger.IMPORT_ACTIONS | accounts.ACTIONS,
    "NotifySlack": slack_channel.ACTIONS | slack_queue.ACTIONS | Quiet.ACTIONS,
    "SendDigest": Digests.ACTIONS | digest_topic.ACTIONS,
}
"""By the function's logical id in the template; of AuditCluster with those for a policy, wherever that is deployed."""
