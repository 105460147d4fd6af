"""The audited AWS: EKS, Auto Scaling, EC2, IAM, SSM, Security Hub and STS as they answer for a described fleet.

    from local_aws import AuditedAws, load_fleet

    with AuditedAws(load_fleet(now=clock())) as aws:           # a free loopback port
        aws.url, aws.environment()                             # AWS_ENDPOINT_URL_EKS and so on
        aws.calls                                              # what was called, by whom, with which parameters
        aws.counts["eks:DescribeCluster", "eu-west-1"]         # how often
        aws.fail("eks", "DescribeNodegroup", "AccessDeniedException", "no", status=403, times=1)
        aws.nodegroup("shop", "checkout")["health"]["issues"].clear()
        aws.lose_zone("shop", "euw1-az1")                      # its nodes there are gone
        aws.fill_subnet("shop", "euw1-az2", free=3)            # and elsewhere there is no room
        aws.publish_release(ami_types=["AL2023_x86_64_STANDARD"])   # AWS recommends a new release now
        aws.findings("111111111111", "eu-west-1")              # as Security Hub holds them

State is documents shaped as AWS's APIs return them (`aws.region(account, region).groups[...]`); a test may change any.
`python -m local_aws.audited --port 4700` serves the shipped fleet by itself.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from threading import Thread
from typing import Any, Self

from local_aws import releasing
from local_aws.authorization import Authorizer
from local_aws.callers import Callers, Resolver
from local_aws.errors import AwsError
from local_aws.expansion import expand
from local_aws.fleet import Fleet
from local_aws.images import Document
from local_aws.network import Purpose, subnets_for
from local_aws.server import Dispatcher, Fault, RecordedCall, Server
from local_aws.world import Clock, Hub, RegionState, World, tags_of

ENDPOINTS = ("EKS", "EC2", "AUTO_SCALING", "IAM", "SSM", "SECURITYHUB", "STS")
"""The services as botocore spells them in `AWS_ENDPOINT_URL_<service>`."""


class AuditedAws:
    """A running local AWS; a context manager that starts and stops its server."""

    def __init__(  # noqa: PLR0913 - all but the fleet by name
        self,
        fleet: Fleet,
        *,
        port: int = 0,
        clock: Clock | None = None,
        resolver: Resolver | None = None,
        authorizer: Authorizer | None = None,
        page_size: int | None = None,
    ) -> None:
        """Expand the fleet. Without a clock, time stands still at the instant the fleet was loaded for.

        Keys that the resolver knows are authorized by the authorizer; without one, every caller may do everything.
        """
        self.clock: Clock = clock or (lambda: fleet.now)
        # A later `aws.clock = ...` must count too, hence not self.clock itself.
        self.world: World = expand(fleet, lambda: self.clock())  # noqa: PLW0108
        self._dispatcher = Dispatcher(self.world, Callers(resolver), page_size, authorizer=authorizer)
        self._server = Server(port, self._dispatcher, self._control())
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    def __enter__(self) -> Self:
        """Start to serve."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop, and free the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """Return the one address of all services."""
        return self._server.url

    def environment(self) -> dict[str, str]:
        """Return the variables that point AWS clients here."""
        return {f"AWS_ENDPOINT_URL_{service}": self.url for service in ENDPOINTS}

    @property
    def calls(self) -> list[RecordedCall]:
        """Return every call so far; clear it to begin anew."""
        return self._dispatcher.calls

    @property
    def counts(self) -> Counter[tuple[str, str]]:
        """Return how often each operation was called in each Region: `("eks:DescribeCluster", "eu-west-1")`."""
        return Counter((f"{call.service}:{call.operation}", call.region) for call in list(self.calls))

    @property
    def clusters_read(self) -> set[str]:
        """Return the names of the clusters that were described."""
        return {call.params["name"] for call in list(self.calls) if call.operation == "DescribeCluster"}

    @property
    def broken_answers(self) -> list[str]:
        """Return the answers that did not fit botocore's models: must be empty at the end of a test."""
        return self._dispatcher.broken_answers

    def fail(  # noqa: PLR0913 - a fault has that many sides
        self,
        service: str,
        operation: str,
        code: str,
        message: str = "injected by a test",
        *,
        status: int = 400,
        times: int | None = None,
        when: Callable[[Document], bool] = lambda _: True,
    ) -> None:
        """Answer calls of an operation with an error: the next `times`, or all, for which `when(params)` holds."""
        self._dispatcher.faults.append(
            Fault(service, operation, AwsError(message, code=code, status=status), times, when)
        )

    def mend(self) -> None:
        """Forget all injected faults."""
        self._dispatcher.faults.clear()

    def region(self, account: str, region: str) -> RegionState:
        """Return the state of one Region of one account."""
        return self.world.region(account, region)

    def findings(self, account: str, region: str) -> list[Document]:
        """Return what Security Hub holds there; nothing if it is not enabled."""
        hub = self.region(account, region).hub
        return list(hub.findings.values()) if hub else []

    def cluster(self, name: str) -> Document:
        """Return a cluster, wherever it is."""
        return self.world.home_of(name).clusters[name]

    def nodegroup(self, cluster: str, name: str) -> Document:
        """Return a node group."""
        return self.world.home_of(cluster).nodegroups[cluster][name]

    def group_of(self, cluster: str, name: str) -> Document:
        """Return the Auto Scaling group of a managed node group."""
        [reference] = self.nodegroup(cluster, name)["resources"]["autoScalingGroups"]
        return self.world.home_of(cluster).groups[reference["name"]]

    def repair_nodegroup(self, cluster: str, name: str) -> None:
        """Make a node group healthy: no issues, ACTIVE."""
        self.nodegroup(cluster, name).update(status="ACTIVE", health={"issues": []}, modifiedAt=self.clock())

    def break_nodegroup(self, cluster: str, name: str, code: str, message: str) -> None:
        """Make a node group unhealthy."""
        issue = {
            "code": code,
            "message": message,
            "resourceIds": [self.group_of(cluster, name)["AutoScalingGroupName"]],
        }
        self.nodegroup(cluster, name).update(status="DEGRADED", health={"issues": [issue]})

    def suspend_processes(self, cluster: str, name: str, processes: Sequence[str]) -> None:
        """Suspend processes of a managed node group's Auto Scaling group, as people do by hand."""
        group = self.group_of(cluster, name)
        kept = [each for each in group["SuspendedProcesses"] if each["ProcessName"] not in processes]
        reason = f"User suspended at {self.clock():%Y-%m-%dT%H:%M:%SZ}"
        group["SuspendedProcesses"] = kept + [{"ProcessName": each, "SuspensionReason": reason} for each in processes]

    def lose_zone(self, cluster: str, zone_id: str) -> list[str]:
        """Let all nodes of a cluster in a zone vanish, launch none elsewhere, and return their ids."""
        state, owned = self.world.home_of(cluster), f"kubernetes.io/cluster/{cluster}"
        lost = [
            identifier
            for identifier, instance in state.instances.items()
            if instance["Placement"]["AvailabilityZoneId"] == zone_id and owned in tags_of(instance)
        ]
        for identifier in lost:
            state.terminate(identifier)
        for group in state.groups.values():
            group["Instances"] = [each for each in group["Instances"] if each["InstanceId"] not in lost]
        return lost

    def subnet(self, cluster: str, zone_id: str, purpose: str = Purpose.PRIVATE) -> Document:
        """Return the subnet of a cluster's VPC in a zone, for a purpose: private, pods, control-plane or public.

        Raises:
            ValueError: If there is none.
        """
        state, vpc = self.world.home_of(cluster), self.cluster(cluster)["resourcesVpcConfig"]["vpcId"]
        for subnet in subnets_for(state, vpc, Purpose(purpose)).values():
            if subnet["AvailabilityZoneId"] == zone_id:
                return subnet
        message = f"the VPC of {cluster} has no {purpose} subnet in {zone_id}"
        raise ValueError(message)

    def fill_subnet(self, cluster: str, zone_id: str, free: int, purpose: str = Purpose.PRIVATE) -> None:
        """Leave so many addresses free in a subnet of a cluster's VPC; arguments and errors as of `subnet`."""
        self.subnet(cluster, zone_id, purpose)["AvailableIpAddressCount"] = free

    def delete_nodegroup(self, cluster: str, name: str) -> None:
        """Make a node group vanish with its nodes."""
        self.world.home_of(cluster).delete_nodegroup(cluster, name)

    def delete_cluster(self, name: str) -> None:
        """Make a cluster vanish with everything in it."""
        self.world.home_of(name).delete_cluster(name)

    def recreate_cluster(self, name: str) -> None:
        """Give a cluster a new life under its name: the same, but created now."""
        self.cluster(name)["createdAt"] = self.clock()

    def enable_security_hub(self, account: str, region: str) -> None:
        """Enable an empty hub, unless there is one."""
        state = self.region(account, region)
        state.hub = state.hub or Hub(enabled_at=self.clock())

    def disable_security_hub(self, account: str, region: str) -> None:
        """Disable a hub and lose its findings."""
        self.region(account, region).hub = None

    def publish_release(
        self,
        *,
        ami_types: Sequence[str],
        kubernetes: Sequence[str] | None = None,
        at: datetime | str | None = None,
        region: str | None = None,
    ) -> list[Document]:
        """Let AWS publish and recommend a new release of each line, in one Region or in all.

        Args:
            ami_types: As EKS names them.
            kubernetes: Minors; left out: all that there are releases for.
            at: The instant, as text in ISO 8601 with its zone; left out: now.
            region: Where; left out: everywhere.

        Returns:
            For every line and known Region: region, ami_type, kubernetes, release_version, image_id.

        Raises:
            ValueError: For an unknown AMI type or Region, and where there is a release of that day or a later one.
        """
        with self._dispatcher.lock:
            lines = releasing.Lines(ami_types, kubernetes)
            return releasing.publish_release(self.world, lines, self._instant(at), region)

    def roll_back(
        self,
        *,
        ami_types: Sequence[str],
        kubernetes: Sequence[str] | None = None,
        at: datetime | str | None = None,
        region: str | None = None,
        by: int = 1,
    ) -> list[Document]:
        """Let AWS recommend the release before the one it recommends now, or that many before it.

        Arguments, answer and errors are those of `publish_release`.
        """
        with self._dispatcher.lock:
            lines = releasing.Lines(ami_types, kubernetes)
            return releasing.roll_back(self.world, lines, self._instant(at), region, by=by)

    def withdraw_parameter(self, name: str, region: str | None = None) -> list[Document]:
        """Let a public parameter and all below it vanish, in one Region or in all, and return which did.

        Raises:
            ValueError: If there is none.
        """
        with self._dispatcher.lock:
            return releasing.withdraw_parameter(self.world, name, region)

    def _instant(self, at: datetime | str | None) -> datetime:
        instant = datetime.fromisoformat(at) if isinstance(at, str) else at or self.clock()
        if instant.tzinfo is None:
            message = f"{instant.isoformat()} has no time zone; write {instant.isoformat()}Z"
            raise ValueError(message)
        return instant.astimezone(UTC)

    def _control(self) -> dict[str, Callable[..., Any]]:
        offered = (
            self.break_nodegroup,
            self.delete_cluster,
            self.delete_nodegroup,
            self.disable_security_hub,
            self.enable_security_hub,
            self.fill_subnet,
            self.findings,
            self.lose_zone,
            self.publish_release,
            self.recreate_cluster,
            self.repair_nodegroup,
            self.roll_back,
            self.suspend_processes,
            self.withdraw_parameter,
        )
        return {function.__name__: function for function in offered}
