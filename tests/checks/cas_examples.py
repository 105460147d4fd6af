"""Snapshots on which the checks of Cluster Autoscaler say each word; see :mod:`tests.checks.examples`."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from eks_auditor.model.capacity import (
    Bounds,
    InstanceRequirements,
    Purchase,
    ScalingPolicy,
    ScheduledAction,
    Taint,
)
from eks_auditor.model.snapshot import Snapshot
from tests import builders as b
from tests.checks.example import Examples

GAP = b.gap()
TAINT = "k8s.io/cluster-autoscaler/node-template/taint/dedicated"


def _scaled(*capacities: Any, **deviations: Any) -> Snapshot:  # noqa: ANN401  any capacity, any field
    """A cluster with proof that the autoscaler runs."""
    proven = b.cluster(autoscaler_identity="kube-system/cluster-autoscaler")
    return b.snapshot(*capacities, **{"cluster": proven} | deviations)


def _scaled_in_zones(*labels: str, **deviations: Any) -> Snapshot:  # noqa: ANN401  any field
    """A group for each zone, with labels whose value is the zone's name, in a cluster that the autoscaler scales."""
    named = {zone: dict.fromkeys(labels, b.subnet(zone).zone_name) for zone in b.ZONES}
    return _scaled(*(b.managed(f"web-{zone}", zones=[zone], labels=named[zone]) for zone in b.ZONES), **deviations)


_OFFERED = {name: frozenset(b.ZONES) for name in ("m7i.large", "m6i.large", "m5.large")}
_WITHOUT_A_KEY = {key: value for key, value in b.eks_tags().items() if not key.endswith("/enabled")}
_DEDICATED = Taint(key="dedicated", value="", effect="NoSchedule")
_CLAIMED = b.eks_tags() | {"k8s.io/cluster-autoscaler/old": "owned"}
_OWNED = b.node(tags={"kubernetes.io/cluster/old": "owned"})
_FULL = {"max_size": 3, "wished_at": b.days_ago(0.1)}
_IDLE = {"max_size": 3}
_POLICY = ScalingPolicy(name="cpu", kind="TargetTrackingScaling")
_NIGHTLY = ScheduledAction(name="night", recurrence="0 20 * * *", desired=0)
_UNASKED = {"tags": {"kubernetes.io/cluster/shop": "owned"}}
_NARROW = b.launch(
    instance_types=("m7i.large",), templates=(b.template_use(),), purchase=Purchase(on_demand_percentage=0)
)
_BY_PRICE = replace(_NARROW, purchase=Purchase(on_demand_percentage=20, spot_strategy="lowest-price"))
_LOOSE = replace(
    _NARROW,
    instance_types=(),
    requirements=InstanceRequirements(
        vcpus=Bounds(least=2), memory_mib=Bounds(least=8192, greatest=8192), types=("m7i.large",)
    ),
)

CAS_EXAMPLES: Mapping[str, Examples] = {
    "CAS001": Examples(
        passed=_scaled(b.managed()),
        failed=(
            _scaled(b.managed(group={"tags": _WITHOUT_A_KEY})),
            _scaled(b.self_managed(group={"tags": _WITHOUT_A_KEY})),
        ),
        unknown=b.snapshot(cluster=b.cluster(autoscaler_identity=GAP)),
    ),
    "CAS003": Examples(
        passed=_scaled(b.managed()),
        failed=(
            _scaled(b.managed(group={"tags": _CLAIMED})),
            _scaled(b.self_managed(group={"tags": _CLAIMED})),
            _scaled(b.managed(nodes=(_OWNED,))),
        ),
        unknown=b.snapshot(cluster=b.cluster(autoscaler_identity=GAP)),
    ),
    "CAS004": Examples(
        passed=_scaled(b.managed()),
        failed=(
            _scaled(b.managed(group={"tags": b.eks_tags() | {TAINT: "NoSchedule"}}, taints=(_DEDICATED,))),
            _scaled(b.self_managed(group={"tags": b.autoscaler_tags() | {TAINT: "NoSchedule"}}, taints=(_DEDICATED,))),
            _scaled(b.self_managed(group={"tags": b.autoscaler_tags() | {TAINT: "NoSchedule"}})),
        ),
        unknown=b.snapshot(cluster=b.cluster(autoscaler_identity=GAP)),
    ),
    "CAS008": Examples(
        passed=_scaled(b.managed()),
        failed=(_scaled(b.managed(group=_FULL)), _scaled(b.self_managed(group=_FULL))),
        unknown=_scaled(b.managed(group=_FULL | {"wished_at": GAP, "scaled_at": GAP})),
    ),
    "CAS009": Examples(
        passed=_scaled(b.managed()),
        failed=(
            _scaled(b.managed(group={"policies": (_POLICY,)})),
            _scaled(b.self_managed(group={"scheduled": (_NIGHTLY,)})),
        ),
        unknown=_scaled(b.managed(group={"policies": GAP})),
    ),
    "CAS011": Examples(
        passed=_scaled(b.managed()),
        failed=(_scaled(b.managed(max_size=9)),),
        unknown=_scaled(b.managed(max_size=None)),
    ),
    "CAS012": Examples(
        passed=_scaled_in_zones(),
        failed=(_scaled_in_zones("zone"),),
        unknown=_scaled_in_zones(instance_types={"m7i.large": GAP}),
    ),
    "CAS014": Examples(
        passed=_scaled(
            b.managed(capacity_type="SPOT", group={"launch": b.launch(instance_types=tuple(_OFFERED))}),
            offered_zones=_OFFERED,
        ),
        failed=(
            _scaled(b.managed(capacity_type="SPOT")),
            *(
                _scaled(b.self_managed(group={"launch": launch, "policy": "types"}))
                for launch in (_NARROW, _BY_PRICE, _LOOSE)
            ),
            _scaled(b.self_managed(group={"launch": _NARROW})),
        ),
        unknown=_scaled(b.managed(capacity_type="SPOT", group={"launch": GAP})),
    ),
    "CAS015": Examples(
        passed=_scaled(b.managed()),
        failed=(b.snapshot(b.managed()), b.snapshot(b.self_managed(group=_UNASKED | _IDLE))),
        unknown=b.snapshot(cluster=b.cluster(autoscaler_identity=GAP)),
    ),
}
