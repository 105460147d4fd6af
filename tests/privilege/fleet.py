"""The smallest fleet in which every call is made that any function may make, in its own account and in another."""

from typing import Any

from local_aws.building import REGION
from local_aws.deployment import ACCOUNT

MEMBER = "222222222222"
ELSEWHERE = "eu-central-1"
"""A Region in which only the other account has a cluster: what AWS recommends there is read with its role."""

CLUSTER, VISITED = "everything", "everything-there"
"""The cluster of the functions' own account, and the same in the other one."""
POLICY = "/eks-auditor/policy"
"""The parameter that holds the policy."""

SPARE = "spare"
"""A node group that may vanish."""


def _cluster() -> dict[str, Any]:
    return {
        "version": "1.35",
        "node_groups": {
            "web": {
                "launch_template": "acme-web",
                "superseded": "9d",
                "updates": [
                    {"status": "Failed", "started": "20h", "error": "PodEvictionFailure", "message": "gave up"},
                ],
            },
            "golden": {"ami": "CUSTOM", "image": "acme-golden"},
            SPARE: {"ami": "BOTTLEROCKET_x86_64"},
        },
        "self_managed": {
            "mixed": {
                "spot": True,
                "types": ["m6i.large", "m5.xlarge"],
                "mixed": {"requirements": {"vcpus": [2, 4], "memory_mib": [8192, 16384]}},
            },
            "old": {"launch_configuration": True, "missing": ["key-pair"]},
            "placed": {"missing": ["placement-group"]},
            "reserved": {"zones": ["a"], "types": ["c6i.large"], "reservation": "stamping"},
        },
        "fargate": {"default": {}},
    }


def _region(cluster: str) -> dict[str, Any]:
    return {
        "reservations": {"stamping": {"zone": "a", "type": "c6i.large"}},
        "images": {"acme-golden": {"created": "18d", "built_on": {"kubernetes": "1.35", "release": "20d"}}},
        "clusters": {cluster: _cluster()},
    }


FLEET = {
    "accounts": {
        ACCOUNT: {"regions": {REGION: _region(CLUSTER)}},
        MEMBER: {"regions": {REGION: _region(VISITED), ELSEWHERE: {"clusters": {"far": {"node_groups": {"web": {}}}}}}},
    }
}
