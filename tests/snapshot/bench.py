"""A reader on the local AWS, whose one account and clock every test may bend."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
from botocore.config import Config

from eks_auditor.model.capacity import AnyCapacity, ManagedNodeGroup, ScalingGroup
from eks_auditor.model.cluster import ClusterId
from eks_auditor.model.gap import Gap
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.snapshot.clients import Clients
from eks_auditor.snapshot.reader import Reader
from local_aws import AuditedAws

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ACCOUNT, REGION = "111111111111", "eu-west-1"
BATCH: dict[str, Any] = {"self_managed": {"batch": {}}}
"""A cluster with one self-managed group."""

NOWHERE = "http://127.0.0.1:1"
"""Where nobody listens."""

# One attempt: what a test injects is what the reader sees.
_CONFIG = Config(retries={"total_max_attempts": 1}, max_pool_connections=16, user_agent="test")


@dataclass
class Bench:
    """A local AWS, a clock that a test may move, and a reader of it."""

    aws: AuditedAws
    session: boto3.Session
    now: datetime = NOW
    made: dict[tuple[str, str], Clients] = field(default_factory=dict)
    unreachable: set[tuple[str, str]] = field(default_factory=set)
    """Services and Regions to which there is no way."""

    def __post_init__(self) -> None:
        self.start_anew()

    def start_anew(self, **options: Any) -> None:  # noqa: ANN401  the reader's own
        """Forget what was read: another process, as it were."""
        self.reader = Reader(self.clients, lambda: self.now, **options)

    def clients(self, account: str = ACCOUNT, region: str = REGION) -> Clients:
        if (account, region) not in self.made:
            self.made[account, region] = Clients(
                eks=self._client("eks", account, region),
                autoscaling=self._client("autoscaling", account, region),
                ec2=self._client("ec2", account, region),
                ssm=self._client("ssm", account, region),
                iam=self._client("iam", account, region),
                account=account,
                region=region,
                partition="aws",
            )
        return self.made[account, region]

    def _client(self, service: Any, account: str, region: str) -> Any:  # noqa: ANN401  typed by the service's name
        return self.session.client(
            service,
            region_name=region,
            endpoint_url=NOWHERE if (service, region) in self.unreachable else self.aws.url,
            aws_access_key_id=account,
            aws_secret_access_key="test",  # noqa: S106  the local AWS takes any
            config=_CONFIG,
        )

    def read(
        self,
        name: str = "shop",
        *,
        account: str = ACCOUNT,
        region: str = REGION,
        not_before: datetime | None = None,
        checkpoint: Callable[[], None] = lambda: None,
    ) -> Snapshot:
        asked = self.now if not_before is None else not_before
        return self.reader.read(ClusterId("aws", account, region, name), not_before=asked, checkpoint=checkpoint)

    @property
    def operations(self) -> set[str]:
        return {f"{call.service}:{call.operation}" for call in self.aws.calls}

    def count(self, operation: str) -> int:
        return sum(f"{call.service}:{call.operation}" == operation for call in self.aws.calls)


def by_name(snapshot: Snapshot) -> dict[str, Any]:
    """Capacities by name; an Auto Scaling group that eksctl made, by the name eksctl was given."""
    return {_short(capacity): capacity for capacity in snapshot.capacities}


def _short(capacity: AnyCapacity) -> str:
    _, found, rest = capacity.name.partition("-nodegroup-")
    return rest.partition("-NodeGroup-")[0] if found else capacity.name


def group_of(snapshot: Snapshot, name: str) -> ScalingGroup:
    """The one Auto Scaling group of a capacity."""
    groups = by_name(snapshot)[name].groups
    assert not isinstance(groups, Gap)
    [group] = groups
    assert isinstance(group, ScalingGroup)
    return group


def batch(bench: Bench) -> dict[str, Any]:
    """The Auto Scaling group of the one self-managed group ``batch``, to be changed."""
    [group] = bench.aws.region(ACCOUNT, REGION).groups.values()
    return group


def managed(snapshot: Snapshot) -> dict[str, ManagedNodeGroup]:
    """Managed node groups by name."""
    return {each.name: each for each in snapshot.capacities if isinstance(each, ManagedNodeGroup)}


def ago(**age: float) -> datetime:
    """An instant before now."""
    return NOW - timedelta(**age)
