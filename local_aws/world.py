"""The state behind the answers: accounts, their Regions, and in each Region documents shaped as AWS's APIs return them.

Documents are plain dicts on purpose: a test may break or repair anything that an API shows.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from local_aws.errors import AwsError
from local_aws.fleet import Fleet, Role
from local_aws.geography import DEFAULT_REGIONS, partition_of
from local_aws.images import Document, Release

type Clock = Callable[[], datetime]


@dataclass(slots=True)
class PublicRegion:
    """What AWS itself publishes in a Region, the same for every account."""

    region: str
    releases: dict[tuple[str, str], list[Release]] = field(default_factory=dict)
    """(AMI type, minor) to its releases, oldest first."""
    recommended: dict[tuple[str, str], Release] = field(default_factory=dict)
    images: dict[str, Document] = field(default_factory=dict)
    parameters: dict[str, Document] = field(default_factory=dict)
    cluster_versions: list[Document] = field(default_factory=list)
    """As DescribeClusterVersions shows them, without the status, which depends on the time of the call."""


type Change = Callable[[PublicRegion], list[Document]]
"""Something that AWS changes in a Region, and what it did."""


@dataclass(slots=True)
class Iam:
    """What is the same in every Region of an account."""

    instance_profiles: dict[str, Document] = field(default_factory=dict)


def _allowing_all() -> Document:
    return {"State": "disabled", "ImageCriteria": [], "ManagedBy": "account"}


@dataclass(slots=True)
class Hub:
    """An enabled Security Hub."""

    enabled_at: datetime
    findings: dict[tuple[str, str], Document] = field(default_factory=dict)
    """(ProductArn, Id) to the finding."""


@dataclass(slots=True)
class RegionState:
    """One Region of one account: mappings from the name or id that AWS uses to the document that AWS returns."""

    account: str
    region: str
    public: PublicRegion
    iam: Iam = field(default_factory=Iam)
    zones: dict[str, str] = field(default_factory=dict)
    """Zone name to zone id."""
    not_offered: set[tuple[str, str]] = field(default_factory=set)
    """(instance type, zone id) beyond what AWS itself does not offer."""
    clusters: dict[str, Document] = field(default_factory=dict)
    nodegroups: dict[str, dict[str, Document]] = field(default_factory=lambda: defaultdict(dict))
    fargate_profiles: dict[str, dict[str, Document]] = field(default_factory=lambda: defaultdict(dict))
    pod_identities: dict[str, dict[str, Document]] = field(default_factory=lambda: defaultdict(dict))
    updates: dict[tuple[str, str | None], list[Document]] = field(default_factory=lambda: defaultdict(list))
    """(cluster, node group or None) to its updates."""
    groups: dict[str, Document] = field(default_factory=dict)
    activities: dict[str, list[Document]] = field(default_factory=lambda: defaultdict(list))
    refreshes: dict[str, list[Document]] = field(default_factory=lambda: defaultdict(list))
    policies: dict[str, list[Document]] = field(default_factory=lambda: defaultdict(list))
    scheduled_actions: dict[str, list[Document]] = field(default_factory=lambda: defaultdict(list))
    launch_configurations: dict[str, Document] = field(default_factory=dict)
    launch_templates: dict[str, Document] = field(default_factory=dict)
    template_versions: dict[str, list[Document]] = field(default_factory=lambda: defaultdict(list))
    instances: dict[str, Document] = field(default_factory=dict)
    subnets: dict[str, Document] = field(default_factory=dict)
    handed_out: Counter[str] = field(default_factory=Counter)
    """How many addresses of a subnet interfaces were given so far: the next ones are others."""
    route_tables: dict[str, Document] = field(default_factory=dict)
    nat_gateways: dict[str, Document] = field(default_factory=dict)
    images: dict[str, Document] = field(default_factory=dict)
    """Its own images, and those that others share with the account."""
    allowed_images: Document = field(default_factory=_allowing_all)
    """The setting Allowed AMIs, as GetAllowedImagesSettings shows it."""
    security_groups: dict[str, Document] = field(default_factory=dict)
    key_pairs: dict[str, Document] = field(default_factory=dict)
    """Name to key pair."""
    placement_groups: dict[str, Document] = field(default_factory=dict)
    capacity_reservations: dict[str, Document] = field(default_factory=dict)
    hub: Hub | None = None

    def arn(self, service: str, resource: str) -> str:
        """Return the ARN of a resource in this account and Region."""
        return f"arn:{partition_of(self.region)}:{service}:{self.region}:{self.account}:{resource}"

    def iam_arn(self, resource: str) -> str:
        """Return the ARN of an IAM resource of this account."""
        return f"arn:{partition_of(self.region)}:iam::{self.account}:{resource}"

    @property
    def product_arn(self) -> str:
        """Return the account's default product, the only one whose findings it may import here."""
        return self.arn("securityhub", f"product/{self.account}/default")

    def every_image(self) -> dict[str, Document]:
        """Return the images that the account can see: its own and the public ones."""
        return {**self.public.images, **self.images}

    def delete_nodegroup(self, cluster: str, name: str) -> None:
        """Make a node group vanish with its Auto Scaling groups, templates and nodes."""
        gone = self.nodegroups[cluster].pop(name)
        self.updates.pop((cluster, name), None)
        for group in gone["resources"]["autoScalingGroups"]:
            self.delete_group(group["name"])

    def terminate(self, instance_id: str) -> None:
        """Make an instance vanish, if it is there; its subnets have its addresses back."""
        for interface in self.instances.pop(instance_id, {}).get("NetworkInterfaces", []):
            self.subnets[interface["SubnetId"]]["AvailableIpAddressCount"] += addresses_of(interface)

    def delete_group(self, name: str) -> None:
        """Make an Auto Scaling group vanish with its launch template and instances."""
        gone = self.groups.pop(name)
        self.policies.pop(name, None)
        self.scheduled_actions.pop(name, None)
        for instance in gone["Instances"]:
            self.terminate(instance["InstanceId"])
        for specification in launch_specifications(gone):
            self.launch_templates.pop(specification["LaunchTemplateId"], None)
            self.template_versions.pop(specification["LaunchTemplateId"], None)
        self.launch_configurations.pop(gone.get("LaunchConfigurationName", ""), None)

    def delete_cluster(self, name: str) -> None:
        """Make a cluster vanish with everything that belongs to it."""
        del self.clusters[name]
        for nodegroup in list(self.nodegroups[name]):
            self.delete_nodegroup(name, nodegroup)
        owned = f"kubernetes.io/cluster/{name}"
        for group in [group for group, document in self.groups.items() if owned in tags_of(document)]:
            self.delete_group(group)
        for instance in [key for key, document in self.instances.items() if owned in tags_of(document)]:
            self.terminate(instance)
        for security_group in [key for key, document in self.security_groups.items() if owned in tags_of(document)]:
            del self.security_groups[security_group]
        for kind in (self.nodegroups, self.fargate_profiles, self.pod_identities):
            kind.pop(name, None)
        self.updates.pop((name, None), None)


def launch_specifications(group: Document) -> Iterator[Document]:
    """Yield the launch template specifications of an Auto Scaling group, those of its overrides last."""
    if "LaunchTemplate" in group:
        yield group["LaunchTemplate"]
    if "MixedInstancesPolicy" in group:
        template = group["MixedInstancesPolicy"]["LaunchTemplate"]
        yield template["LaunchTemplateSpecification"]
        for override in template["Overrides"]:
            if "LaunchTemplateSpecification" in override:
                yield override["LaunchTemplateSpecification"]


def addresses_of(interface: Document) -> int:
    """Return how many addresses of its subnet an interface holds; a prefix is a /28."""
    return len(interface["PrivateIpAddresses"]) + 16 * len(interface.get("Ipv4Prefixes", []))


def tags_of(document: Document) -> dict[str, str]:
    """Return the tags of an EC2 or Auto Scaling document."""
    return {tag["Key"]: tag["Value"] for tag in document.get("Tags", [])}


@dataclass(slots=True)
class World:
    """All accounts, and the clock by which the local AWS lives."""

    fleet: Fleet
    clock: Clock
    regions: dict[tuple[str, str], RegionState] = field(default_factory=dict)
    public: dict[str, PublicRegion] = field(default_factory=dict)
    iam: dict[str, Iam] = field(default_factory=lambda: defaultdict(Iam))
    publish: Callable[[str], PublicRegion] = PublicRegion
    """How to make a Region that nobody has asked for yet."""
    changes: list[Change] = field(default_factory=list)
    """What AWS has changed in every Region since, oldest first."""

    def enabled(self, account: str, region: str) -> bool:
        """Say whether calls to a Region are accepted from an account."""
        described = self.fleet.accounts.get(account)
        if described is None:
            return region in DEFAULT_REGIONS and partition_of(region) == "aws"
        chosen = {*described.opted_in, *described.regions}
        partitions = {partition_of(each) for each in chosen} or {"aws"}
        return region in DEFAULT_REGIONS | chosen and partition_of(region) in partitions

    def public_region(self, region: str) -> PublicRegion:
        """Return what AWS publishes in a Region."""
        if region not in self.public:
            self.public[region] = self.publish(region)
            for change in self.changes:
                change(self.public[region])
        return self.public[region]

    def change_public(self, change: Change, region: str | None) -> list[Document]:
        """Change what AWS publishes in one Region, or in all: those included that nobody has asked for yet."""
        if region is not None:
            return change(self.public_region(region))
        done = [document for public in self.public.values() for document in change(public)]
        self.changes.append(change)
        return done

    def region(self, account: str, region: str) -> RegionState:
        """Return the state of a Region; an account nobody described has an empty one."""
        key = (account, region)
        if key not in self.regions:
            self.regions[key] = RegionState(account, region, self.public_region(region), self.iam[account])
        return self.regions[key]

    def role(self, account: str, name: str) -> Role | None:
        """Return a role that may be assumed."""
        described = self.fleet.accounts.get(account)
        return described.roles.get(name) if described else None

    def home_of(self, cluster: str) -> RegionState:
        """Return the one Region that has a cluster of this name."""
        homes = [state for state in self.regions.values() if cluster in state.clusters]
        if len(homes) != 1:
            message = f"{len(homes)} Regions have a cluster named {cluster}."
            raise AwsError(message, code="ResourceNotFoundException", status=404)
        return homes[0]
