"""The checks. Each is one line here; a check that is not here is not run, and a test finds it."""

from eks_auditor.check import Check
from eks_auditor.checks import ami, autoscaler, health, zones

CATALOGUE: tuple[Check, ...] = (
    ami.release_superseded,
    ami.image_family_retired,
    ami.kubelet_skew,
    zones.data_plane_in_too_few_zones,
    zones.group_pinned_to_one_zone,
    zones.nodes_unevenly_spread,
    autoscaler.not_discoverable,
    autoscaler.claimed_by_another_cluster,
    autoscaler.taint_tag_ignored,
    health.node_group_unhealthy,
)
