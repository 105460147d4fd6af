"""A fleet in which an audit of one cluster makes every call that audits make, and finds fault with much of it."""

from typing import Any

from local_aws import load_fleet
from local_aws.expansion import expand
from local_aws.world import World
from tests.builders import NOW

ACCOUNT, OTHER_ACCOUNT, REGION = "111111111111", "222222222222", "eu-west-1"
CLUSTER = "shop"

_BUILT = "EKS-optimized Kubernetes node based on Amazon Linux 2023, (k8s: 1.35.4, containerd: 2.1.*), hardened by ACME"

_NODE_GROUPS: dict[str, Any] = {
    "general": {"superseded": "61d"},
    "sessions": {
        "labels": {"workload": "carts"},
        "zones": ["b"],
        "tags": {"k8s.io/cluster-autoscaler/legacy": "owned"},
    },
    "catalogue": {
        "labels": {"workload": "products"},
        "types": ["m6a.large"],
        "desired": 4,
        "spread": {"a": 2, "b": 2, "c": 0},
        "failed_launches": {"c": "We currently do not have sufficient m6a.large capacity in the zone you requested."},
    },
    "checkout": {
        "labels": {"workload": "purchases"},
        "status": "DEGRADED",
        "health": [{"code": "NodeCreationFailure", "message": "Instances failed to join the kubernetes cluster"}],
    },
    "pottery": {"labels": {"workload": "kiln"}, "ami": "CUSTOM", "image": "acme-frozen", "kubernetes": "1.34"},
    "carpentry": {"labels": {"workload": "lathe"}, "ami": "CUSTOM", "image": "acme-recalled"},
    "painting": {
        "labels": {"workload": "easel"},
        "launch_template": "acme-painting",
        "versions": {"used": 1, "default": 3},
    },
    "smithy": {
        "labels": {"workload": "anvil"},
        "max": 3,
        "asked_for": ["5h"],
        "updates": [
            {"status": "Successful", "started": "40d"},
            {"status": "Failed", "started": "20h", "error": "PodEvictionFailure"},
        ],
    },
    "stamping": {
        "labels": {"workload": "badges"},
        "zones": ["b"],
        "types": ["c6i.large"],
        "launch_template": "acme-stamping",
        "reservation": "stamping",
    },
}
_SELF_MANAGED: dict[str, Any] = {
    "masonry": {
        "labels": {"workload": "chisel"},
        "missing": ["security-group", "key-pair", "instance-profile", "placement-group"],
        "policies": {"cpu": {"type": "target-tracking"}},
        "schedules": {"evening": {"recurrence": "0 19 * * *", "desired": 1}},
    },
    "berries": {
        "labels": {"workload": "punnets"},
        "spot": True,
        "types": ["m6i.large", "m5.xlarge"],
        "mixed": {"requirements": {"vcpus": [2, 4], "memory_mib": [8192, 16384], "accelerators": [0, 0]}},
    },
    "bygone": {"labels": {"workload": "ledgers"}, "launch_configuration": True},
    "aside": {"labels": {"workload": "spare"}, "min": 0, "desired": 0, "discovery": False},
}
_CLUSTER: dict[str, Any] = {
    "version": "1.35",
    "updated": "50d",
    "cluster_autoscaler": True,
    "node_groups": _NODE_GROUPS,
    "self_managed": _SELF_MANAGED,
    "pools": {"burst": {"scaler": "karpenter", "superseded": "61d", "launched": "40d"}},
    "fargate": {"nightly": {"zones": ["a"]}},
}
_REGION: dict[str, Any] = {
    "not_offered": {"m6a.large": ["c"]},
    "reservations": {"stamping": {"zone": "b", "type": "c6i.large", "ends_in": "3d"}},
    "egress": ["b"],
    "images": {
        "acme-frozen": {
            "created": "55d",
            "built_on": {"kubernetes": "1.34", "release": "61d"},
            "description": _BUILT.replace("1.35", "1.34"),
        },
        "acme-recalled": {
            "created": "16d",
            "built_on": {"kubernetes": "1.35", "release": "20d"},
            "state": "disabled",
            "description": _BUILT,
        },
    },
    "clusters": {
        CLUSTER: _CLUSTER,
        "legacy": {"version": "1.35", "fargate": {"default": {}}},
        "annex": {"node_groups": {"tools": {}}},
    },
}


def world() -> World:
    """Return the fleet as a world in which time stands still."""
    described = {
        "accounts": {
            ACCOUNT: {"regions": {REGION: _REGION}},
            OTHER_ACCOUNT: {
                "roles": {name: {"trusts": [ACCOUNT]} for name in ("eks-auditor-read", "eks-auditor-import")},
                "regions": {REGION: {"clusters": {"sandbox": {"node_groups": {"tools": {}}}}}},
            },
        }
    }
    return expand(load_fleet(described, now=NOW), lambda: NOW)
