"""The checks. Each is one line here; a check that is not here is not run, and a test finds it."""

from eks_auditor.check import Check
from eks_auditor.checks import ami, autoscaler, health, images, launches, nodes, zones

CATALOGUE: tuple[Check, ...] = (
    ami.release_superseded,
    nodes.nodes_left_behind,
    ami.image_family_retired,
    ami.kubelet_skew,
    images.custom_image_on_old_release,
    images.image_cannot_be_launched,
    images.image_deprecated,
    launches.launch_template_drift,
    nodes.long_lived_nodes,
    launches.update_failed_or_stuck,
    images.image_with_fixable_vulnerabilities,
    launches.launch_names_what_is_gone,
    zones.data_plane_in_too_few_zones,
    zones.group_pinned_to_one_zone,
    zones.nodes_unevenly_spread,
    autoscaler.not_discoverable,
    autoscaler.claimed_by_another_cluster,
    autoscaler.taint_tag_ignored,
    health.node_group_unhealthy,
)
