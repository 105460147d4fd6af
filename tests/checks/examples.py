"""For every check of the catalogue, snapshots on which it says PASSED, FAILED and UNKNOWN.

Under FAILED there is one for each of its fixes, so that every command of the catalogue is rendered by some test.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

from eks_auditor.model.capacity import HealthIssue, MissingReference, UpdateError
from eks_auditor.model.release import Image
from eks_auditor.model.snapshot import Snapshot
from tests import builders as b
from tests.checks.cas_examples import CAS_EXAMPLES
from tests.checks.cas_group_examples import CAS_GROUP_EXAMPLES
from tests.checks.example import Examples

GAP = b.gap()
HEALTHY = b.snapshot()
OLD = b.version(100)
OWN = b.image("20261001", owner_alias=None, name="ours", description="k8s: 1.31.2")
AL2 = b.image("20251209", name="amazon-eks-node-1.32-v20251209")
LATER = b.kubernetes_versions()[-1:]
BUILT = b.own_image()
GONE = {BUILT.id: b.gap(resource=BUILT.id, error="InvalidAMIID.NotFound: no such image")}


def _launching(image_id: str) -> dict[str, Any]:
    return {"launch": b.launch(image_ids=(image_id,))}


def _late(capacity: Any) -> Snapshot:  # noqa: ANN401  any capacity
    releases = {str(b.LINE): b.history(100, 70, 5)}
    return b.snapshot(capacity, releases=releases, images={b.image_id(OLD): b.image(OLD)})


def _retired(capacity: Any, **deviations: Any) -> Snapshot:  # noqa: ANN401  any capacity, any field
    return b.snapshot(capacity, **{"versions": LATER} | deviations)


def _launched(build: Any, one: Image, **deviations: Any) -> Snapshot:  # noqa: ANN401  a builder, any field
    """A group that launches this image."""
    group = build(group=_launching(one.id))
    return b.snapshot(group, **{"images": {one.id: one}} | deviations)


def _of_each_kind(one: Image, **deviations: Any) -> tuple[Snapshot, ...]:  # noqa: ANN401  any field
    """This image in a managed group of EKS's, in one with a template of one's own, in a self-managed one and a pool."""
    pool = b.node_pool(nodes=(b.node(image_id=one.id),))
    return (
        _launched(b.managed, one, **deviations),
        _launched(partial(b.managed, ami_type="CUSTOM"), one, **deviations),
        _launched(b.self_managed, one, **deviations),
        b.snapshot(pool, **{"images": {one.id: one}} | deviations),
    )


_ONE_ZONE = b.ZONES[:1]
_SKEWED = {"instances": b.instances([b.ZONES[0]] * 6), "desired": 6}
_STOPPED = _SKEWED | {"suspended": frozenset({"AZRebalance", "Launch"})}

_SHORT: dict[str, Any] = {"subnets": tuple(b.subnet(zone, free_addresses=4) for zone in b.ZONES)}
_PODS_APART = tuple(
    b.node(
        zone_id=zone,
        interfaces=(b.interface(zone, subnet_id="subnet-of-nodes", addresses=1), b.interface(zone, primary=False)),
    )
    for zone in b.ZONES
)
_LARGE = (b.node(interfaces=(b.interface(addresses=60),)),)

_LEFT: dict[str, Any] = {"nodes": (b.node(image_id=b.image_id(OLD)),)}
_CUSTOM: dict[str, Any] = {"ami_type": "CUSTOM", "template": b.template_use()}
_BEHIND = b.template_use(version="3")
_LONG_LIVED: dict[str, Any] = {"nodes": (b.node(launched_at=b.days_ago(100)),)}
_MISSING: dict[str, Any] = {
    "launch": b.launch(templates=(b.template_use(),), missing=(MissingReference(what="key pair", id="ops"),))
}
_TEMPLATE_GONE: dict[str, Any] = {
    "launch": b.gap(
        "ec2:DescribeLaunchTemplateVersions", "lt-1:4", "InvalidLaunchTemplateId.NotFound: no such template"
    )
}

_FULL = tuple(b.subnet(zone, free_addresses=0) for zone in b.ZONES)


def _bound(build: Any) -> tuple[Any, ...]:  # noqa: ANN401  a builder, and its product
    """A group for each zone that cannot grow."""
    return tuple(build(f"web-{zone[-1]}", zones=[zone], size=1, group={"max_size": 1}) for zone in b.ZONES)


def _updated(status: str, code: str | None = None, **deviations: Any) -> Snapshot:  # noqa: ANN401  any field
    """A managed group whose newest update has this status, and this error."""
    errors = (UpdateError(code=code, message="no", resource_ids=("i-1",)),) if code else ()
    return b.snapshot(b.managed(updates=(b.nodegroup_update(status=status, errors=errors),), **deviations))


_TWO_ZONES = {"m7i.large": frozenset(b.ZONES[:2])}
_SOON = b.days_ago(-3)
_RESERVED: dict[str, Any] = {"launch": b.launch(reservations=(b.reservation().id,))}


def _failing(message: str) -> dict[str, Any]:
    """A group that lacks a node, for its launch failed in a zone."""
    failed = b.failed_launch(b.ZONES[2], message=message)
    return {"desired": 4, "failed_launches": (failed,), "launch": b.launch(templates=(b.template_use(),))}


def _reserved(**deviations: Any) -> Snapshot:  # noqa: ANN401  any field
    """A group that launches into this capacity reservation."""
    reserved = b.reservation(**deviations)
    return b.snapshot(b.managed(group=_RESERVED), reservations={reserved.id: reserved})


EXAMPLES: Mapping[str, Examples] = {
    "AMI001": Examples(
        passed=HEALTHY,
        failed=(
            _late(b.managed(release_version=b.release_version(100))),
            _late(b.managed(ami_type="CUSTOM", group=_launching(b.image_id(OLD)))),
            _late(b.self_managed(group=_launching(b.image_id(OLD)))),
            _late(b.node_pool(nodes=(b.node(image_id=b.image_id(OLD), launched_at=b.days_ago(30)),))),
        ),
        unknown=b.snapshot(releases={}),
    ),
    "AMI002": Examples(
        passed=HEALTHY,
        failed=(
            b.snapshot(b.managed(**_LEFT)),
            b.snapshot(b.managed(**_LEFT, **_CUSTOM)),
            b.snapshot(b.self_managed(**_LEFT)),
        ),
        unknown=b.snapshot(b.managed(groups=GAP)),
    ),
    "AMI003": Examples(
        passed=HEALTHY,
        failed=(
            _retired(b.managed()),
            _retired(b.managed(), cluster=b.cluster(version="1.36")),
            _retired(b.managed(ami_type="AL2_x86_64", version="1.32", release_version="1.32.9-20251209")),
            _retired(b.self_managed()),
            _retired(b.self_managed(group=_launching(AL2.id)), images={AL2.id: AL2}),
            _retired(b.node_pool()),
        ),
        unknown=b.snapshot(releases={}),
    ),
    "AMI004": Examples(
        passed=HEALTHY,
        failed=(
            b.snapshot(b.managed(version="1.32")),
            b.snapshot(b.managed(ami_type="AL2_x86_64", version="1.32")),
            b.snapshot(b.managed(version="1.36")),
            b.snapshot(b.managed(ami_type="CUSTOM", group=_launching(OWN.id)), images={OWN.id: OWN}),
            b.snapshot(b.self_managed(group=_launching(OWN.id)), images={OWN.id: OWN}),
            b.snapshot(b.node_pool(nodes=(b.node(image_id=OWN.id),)), images={OWN.id: OWN}),
        ),
        unknown=b.snapshot(b.managed(version=None)),
    ),
    "AMI005": Examples(
        passed=_launched(b.self_managed, BUILT, ancestors={BUILT.id: (b.ancestor(),)}),
        failed=_of_each_kind(
            BUILT, ancestors={BUILT.id: (b.ancestor(b.image(OLD)),)}, releases={str(b.LINE): b.history(100, 70, 5)}
        )[1:],
        unknown=_launched(b.self_managed, BUILT),
    ),
    "AMI006": Examples(
        passed=HEALTHY,
        failed=(
            *_of_each_kind(BUILT, images=GONE, allowed_images="enabled")[:3],
            _launched(b.self_managed, b.own_image(state="disabled")),
            b.snapshot(
                b.self_managed(group={"launch": b.launch(image_ids=(BUILT.id,), templates=(b.template_use(),))}),
                images=GONE,
            ),
        ),
        unknown=b.snapshot(images={}),
    ),
    "AMI007": Examples(
        passed=HEALTHY,
        failed=_of_each_kind(b.image(OLD, deprecated_at=b.days_ago(1))),
        unknown=b.snapshot(images={}),
    ),
    "AMI008": Examples(
        passed=b.snapshot(b.managed(template=b.template_use())),
        failed=(
            b.snapshot(b.managed(template=_BEHIND)),
            b.snapshot(b.self_managed(group={"launch": b.launch(templates=(_BEHIND,))})),
            b.snapshot(b.self_managed(group={"launch": b.launch(configuration="old")})),
        ),
        unknown=b.snapshot(b.managed(template=b.template_use(default_version=GAP))),
    ),
    "AMI009": Examples(
        passed=HEALTHY,
        failed=(
            b.snapshot(b.managed(**_LONG_LIVED)),
            b.snapshot(b.self_managed(**_LONG_LIVED)),
            b.snapshot(b.node_pool(**_LONG_LIVED)),
            b.snapshot(b.node_pool(kind="auto-mode", **_LONG_LIVED)),
            b.snapshot(b.standalone(**_LONG_LIVED)),
        ),
        unknown=b.snapshot(b.managed(groups=GAP)),
    ),
    "AMI010": Examples(
        passed=b.snapshot(b.managed(updates=(b.nodegroup_update(),))),
        failed=(
            _updated("Failed", "NodeCreationFailure"),
            _updated("Failed", "NodeCreationFailure", **_CUSTOM),
            _updated("Failed", "PodEvictionFailure"),
            _updated("Failed", "PodEvictionFailure", **_CUSTOM),
            _updated("Cancelled"),
            _updated("InProgress"),
        ),
        unknown=b.snapshot(b.managed(updates=GAP)),
    ),
    "AMI011": Examples(
        passed=_launched(b.self_managed, b.own_image(scan=b.scan())),
        failed=_of_each_kind(b.own_image(scan=b.scan(high_fix_since=b.days_ago(20)))),
        unknown=b.snapshot(images={}),
    ),
    "AMI013": Examples(
        passed=HEALTHY,
        failed=(
            b.snapshot(b.managed(group=_TEMPLATE_GONE)),
            b.snapshot(b.managed(group=_MISSING)),
            b.snapshot(b.managed(group=_MISSING, template=b.template_use())),
            b.snapshot(b.self_managed(group=_TEMPLATE_GONE)),
            b.snapshot(b.self_managed(group=_MISSING)),
        ),
        unknown=b.snapshot(b.managed(groups=GAP)),
    ),
    "ZONE001": Examples(
        passed=HEALTHY,
        failed=(b.snapshot(b.managed(zones=_ONE_ZONE)), b.snapshot(b.fargate(subnets=(b.subnet(),)))),
        unknown=b.snapshot(b.managed(groups=GAP)),
    ),
    "ZONE002": Examples(
        passed=HEALTHY,
        failed=(b.snapshot(b.managed(zones=_ONE_ZONE)), b.snapshot(b.self_managed(zones=_ONE_ZONE))),
        unknown=b.snapshot(b.managed(group={"subnets": GAP})),
    ),
    "ZONE003": Examples(
        passed=HEALTHY,
        failed=(
            b.snapshot(b.managed(group=_SKEWED)),
            b.snapshot(b.managed(group=_STOPPED)),
            b.snapshot(b.managed(group=_SKEWED), b.managed("api", group=_SKEWED)),
            b.snapshot(b.node_pool(nodes=tuple(b.node(n) for n in range(4)))),
        ),
        unknown=b.snapshot(b.self_managed(labels=GAP)),
    ),
    "ZONE004": Examples(
        passed=HEALTHY,
        failed=(
            b.snapshot(*_bound(b.managed)),
            b.snapshot(*_bound(b.self_managed)),
            b.snapshot(b.managed(group=_SKEWED)),
            b.snapshot(b.managed(group=_STOPPED)),
            b.snapshot(b.managed(group={"subnets": _FULL})),
            b.snapshot(offered_zones={"m7i.large": frozenset(b.ZONES[:1])}),
            b.snapshot(b.node_pool(), vpc_subnets=_FULL),
        ),
        unknown=b.snapshot(b.self_managed(labels=GAP)),
    ),
    "ZONE005": Examples(
        passed=HEALTHY,
        failed=(
            b.snapshot(b.managed(), offered_zones=_TWO_ZONES),
            b.snapshot(b.self_managed(), offered_zones=_TWO_ZONES),
        ),
        unknown=b.snapshot(offered_zones={}),
    ),
    "ZONE006": Examples(
        passed=HEALTHY,
        failed=(
            b.snapshot(b.managed(group=_SHORT)),
            b.snapshot(b.self_managed(group=_SHORT)),
            b.snapshot(b.node_pool(), vpc_subnets=_SHORT["subnets"]),
            b.snapshot(b.managed(nodes=_PODS_APART), vpc_subnets=_SHORT["subnets"]),
            b.snapshot(b.managed(group=_SHORT, nodes=_LARGE)),
        ),
        unknown=b.snapshot(b.managed(nodes=()), instance_types={}),
    ),
    "ZONE007": Examples(
        passed=HEALTHY,
        failed=(b.snapshot(b.managed(size=1)), b.snapshot(b.self_managed(size=2, group={"max_size": 2}))),
        unknown=b.snapshot(b.self_managed(size=1, labels=GAP)),
    ),
    "ZONE008": Examples(
        passed=HEALTHY,
        failed=(
            b.snapshot(b.managed(group={"suspended": frozenset({"AZRebalance"})})),
            b.snapshot(b.self_managed(group={"suspended": frozenset({"Launch", "Terminate"})})),
        ),
        unknown=b.snapshot(b.managed(groups=GAP)),
    ),
    "ZONE009": Examples(
        passed=b.snapshot(cluster=b.cluster(zonal_shift=True)),
        failed=(HEALTHY,),
        unknown=b.snapshot(b.managed(groups=GAP)),
    ),
    "ZONE010": Examples(
        passed=HEALTHY,
        failed=(
            b.snapshot(vpc_subnets=_SHORT["subnets"]),
            b.snapshot(vpc_subnets=(b.subnet(), *_SHORT["subnets"][1:])),
        ),
        unknown=b.snapshot(vpc_subnets=GAP),
    ),
    "ZONE011": Examples(
        passed=b.snapshot(b.fargate()),
        failed=(b.snapshot(b.fargate(subnets=(b.subnet(),))),),
        unknown=b.snapshot(b.fargate(subnets=GAP)),
    ),
    "ZONE012": Examples(
        passed=HEALTHY,
        failed=(
            *(
                b.snapshot(b.managed(group=_failing(message)))
                for message in (
                    "InsufficientInstanceCapacity",
                    "VcpuLimitExceeded",
                    "Client.InternalError: Client error on launch",
                    "The key pair 'ops' does not exist",
                )
            ),
        ),
        unknown=b.snapshot(b.managed(group={"failed_launches": GAP})),
    ),
    "ZONE013": Examples(
        passed=HEALTHY,
        failed=tuple(
            b.snapshot(egress={f"subnet-{zone}": b.egress(private=private) for zone in b.ZONES})
            for private in (False, True)
        ),
        unknown=b.snapshot(egress={"subnet-euw1-az1": GAP}),
    ),
    "ZONE014": Examples(
        passed=_reserved(),
        failed=(_reserved(ends_at=_SOON), _reserved(ends_at=_SOON, capacity_block=True), _reserved(state="cancelled")),
        unknown=b.snapshot(b.managed(group=_RESERVED)),
    ),
    **CAS_EXAMPLES,
    **CAS_GROUP_EXAMPLES,
    "HEALTH001": Examples(
        passed=HEALTHY,
        failed=(b.snapshot(b.managed(health_issues=(HealthIssue(code="AccessDenied", message="no"),))),),
        # All it looks at comes with the node group itself: without that there is no subject.
        unknown=None,
    ),
}
