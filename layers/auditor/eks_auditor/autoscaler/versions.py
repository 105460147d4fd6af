"""What differs between the supported minors of Cluster Autoscaler, as data.

Compared: kubernetes/autoscaler at the newest patch release of each minor from 1.30 to 1.36 (1.30.7, 1.31.5, 1.32.7,
1.33.6, 1.34.5, 1.35.2, 1.36.1), folder ``cluster-autoscaler``: all of ``cloudprovider/aws``, ``config/const.go``,
``utils/taints``, ``utils/labels`` and ``simulator/node_info_utils.go``. In what a simulated node is made of, these and
no other differences were found; discovery, labels, resources, the options that AWS's part reads and the form of tags
are the same in all of them:

- 1.31 (#6482, ``aws_wrapper.go``, ``taintEksTranslator``): the effects of the node group API's taints are
  translated. Before, ``NO_SCHEDULE`` is taken as it stands, which Kubernetes does not know and so heeds not.
- 1.32 (``auto_scaling_groups.go``, ``buildAsgFromAWS``, commit 9075283923): the launch template of a mixed instances
  policy is not read where an override names a type. Before, it is, and one that is gone ends the refresh of all groups.
  No minor reads it there where the only override has requirements: ``getInstanceRequirementsFromMixedInstancesPolicy``.
- 1.35 (``config/const.go``): there is an option ``maxnodestartuptime``; AWS's part does not read it.

Also different, and of no effect here: the shipped list of instance types (``ec2_instance_types.go``), which is a mere
fallback for EC2's own; from 1.36 on, flags add prefixes of startup taints, and flags are not visible.
"""

from dataclasses import dataclass

from eks_auditor.autoscaler.settings import AutoscalerSettings
from eks_auditor.model.cluster import Cluster


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """What a minor does in its own way.

    Attributes:
        translates_effects: Whether it turns the node group API's taint effects into those of Kubernetes.
        reads_template_beside_types: Whether it reads a mixed instances policy's launch template even where an override
            names a type, so that one that is gone ends the refresh of all groups.
        options_of_other_clouds: Option names that it has, and that its part for AWS does not read.
    """

    translates_effects: bool = True
    reads_template_beside_types: bool = False
    options_of_other_clouds: frozenset[str] = frozenset({"maxnodeprovisiontime"})


BEHAVIOURS = {
    (1, 30): Behaviour(translates_effects=False, reads_template_beside_types=True),
    (1, 31): Behaviour(reads_template_beside_types=True),
    (1, 32): Behaviour(),
    (1, 35): Behaviour(options_of_other_clouds=frozenset({"maxnodeprovisiontime", "maxnodestartuptime"})),
}
"""By the minor that brought it, oldest first."""


def minor_of(settings: AutoscalerSettings, cluster: Cluster) -> str:
    """Return the autoscaler's minor, such as ``1.35``: what the settings say, else the cluster's own.

    Upstream recommends the autoscaler of the cluster's minor: ``cluster-autoscaler/README.md``, "Releases".
    """
    return settings.version or cluster.version


def behaviour_of(minor: str) -> Behaviour:
    """Return how a minor behaves; those older and newer than was compared behave as the oldest and the newest do.

    Raises:
        ValueError: If it is no minor such as ``1.35``.
    """
    try:
        major, number = (int(part) for part in minor.split("."))
    except ValueError:
        message = f"{minor!r} is no minor version of Cluster Autoscaler: write it as 1.35"
        raise ValueError(message) from None
    known = [behaviour for since, behaviour in BEHAVIOURS.items() if since <= (major, number)]
    return known[-1] if known else BEHAVIOURS[1, 30]
