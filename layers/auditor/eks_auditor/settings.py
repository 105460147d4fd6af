"""The deployed functions' settings: the only reader of the environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass


class SettingsError(Exception):
    """A setting that is missing or wrong, in one sentence that says which and what it takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a function is told by its environment; each function is given what it needs and no more.

    Attributes:
        stack: The stack's name, the one dimension of every metric.
        ledger_table: The ledger's table.
        topic_arn: Where transitions are published.
        audit_queue_url: Where audits are asked for.
        audit_bus: The name of the stack's own bus, where releases are announced.
        targets: Comma-separated ``region`` or ``account/region``; empty for this account and Region.
        security_hub: Whether Security Hub is told.
        read_role: The role to read another account with.
        import_role: The role to import findings into another account's Security Hub with.
        autoscaler: What scales the clusters, or ``auto``.
        autoscaler_version: Cluster Autoscaler's minor; empty for that of each cluster.
        autoscaler_discovery: The tags that it discovers groups by; empty for those of its documentation.
        team_tag: The key of the tag that says whose a resource is.
        slack_secret: The ARN of the secret that says how to reach Slack.
        slack_queue_url: What Slack is to be told waits there.
        slack_failures_url: What Slack cannot be told is kept there.
        slack_window: How many seconds a first message opens a window for, in which others wait to be told together.
        digest: How often the digest is sent: ``daily`` or ``weekly``.
        digest_topic_arn: Where it is published.
        policy_parameter: The SSM parameter that holds the policy; empty for none.
        policy_bucket: The bucket of the object that holds it; empty for none.
        policy_key: That object's key.
        clock_file: For tests: a file that holds the time (ISO 8601), read instead of the machine's clock.
    """

    stack: str
    ledger_table: str
    topic_arn: str
    audit_queue_url: str
    audit_bus: str
    targets: tuple[str, ...]
    security_hub: bool
    read_role: str
    import_role: str
    autoscaler: str
    autoscaler_version: str
    autoscaler_discovery: str
    team_tag: str
    slack_secret: str
    slack_queue_url: str
    slack_failures_url: str
    slack_window: int
    digest: str
    digest_topic_arn: str
    policy_parameter: str
    policy_bucket: str
    policy_key: str
    clock_file: str | None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """Read them.

        Raises:
            SettingsError: If ``SECURITY_HUB`` is neither ``enabled`` nor ``disabled``.
        """
        hub = environment.get("SECURITY_HUB", "enabled")
        if hub not in ("enabled", "disabled"):
            message = f"SECURITY_HUB is {hub!r}; it takes 'enabled' or 'disabled'"
            raise SettingsError(message)
        return cls(
            stack=environment.get("STACK_NAME", "local"),
            ledger_table=environment.get("LEDGER_TABLE", ""),
            topic_arn=environment.get("TOPIC_ARN", ""),
            audit_queue_url=environment.get("AUDIT_QUEUE_URL", ""),
            audit_bus=environment.get("AUDIT_BUS", ""),
            targets=tuple(target for part in environment.get("TARGETS", "").split(",") if (target := part.strip())),
            security_hub=hub == "enabled",
            read_role=environment.get("READ_ROLE_NAME", ""),
            import_role=environment.get("IMPORT_ROLE_NAME", ""),
            autoscaler=environment.get("AUTOSCALER", "auto"),
            autoscaler_version=environment.get("AUTOSCALER_VERSION", ""),
            autoscaler_discovery=environment.get("AUTOSCALER_DISCOVERY", ""),
            team_tag=environment.get("TEAM_TAG", "team"),
            slack_secret=environment.get("SLACK_SECRET", ""),
            slack_queue_url=environment.get("SLACK_QUEUE_URL", ""),
            slack_failures_url=environment.get("SLACK_FAILURES_URL", ""),
            slack_window=int(environment.get("SLACK_WINDOW_SECONDS", "60")),
            digest=environment.get("DIGEST", "weekly"),
            digest_topic_arn=environment.get("DIGEST_TOPIC_ARN", ""),
            policy_parameter=environment.get("POLICY_PARAMETER", ""),
            policy_bucket=environment.get("POLICY_BUCKET", ""),
            policy_key=environment.get("POLICY_KEY", ""),
            clock_file=environment.get("EKS_AUDITOR_TEST_CLOCK"),
        )
