"""User data by which nodes join: nodeadm on Amazon Linux 2023, bootstrap.sh on Amazon Linux 2, TOML on Bottlerocket."""

import base64
from dataclasses import dataclass

from local_aws.images import Family


@dataclass(frozen=True, slots=True)
class Joining:
    """What a node must be told to join its cluster."""

    cluster: str
    endpoint: str
    authority: str
    labels: dict[str, str]
    taints: list[str]


def user_data(family: Family, joining: Joining) -> str:
    """Return the user data as a launch template holds it, in base64."""
    writers = {Family.AL2: _bootstrap, Family.BOTTLEROCKET: _toml, Family.WINDOWS: _powershell}
    return base64.b64encode(writers.get(family, _nodeadm)(joining).encode()).decode()


def _kubelet_flags(joining: Joining) -> list[str]:
    labels = ",".join(f"{key}={value}" for key, value in joining.labels.items())
    return [
        *([f"--node-labels={labels}"] if labels else []),
        *([f"--register-with-taints={','.join(joining.taints)}"] if joining.taints else []),
    ]


def _nodeadm(joining: Joining) -> str:
    flags = "".join(f'\n      - "{flag}"' for flag in _kubelet_flags(joining)) or " []"
    return f"""MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="//"

--//
Content-Type: application/node.eks.aws

apiVersion: node.eks.aws/v1alpha1
kind: NodeConfig
spec:
  cluster:
    name: {joining.cluster}
    apiServerEndpoint: {joining.endpoint}
    certificateAuthority: {joining.authority}
    cidr: 172.20.0.0/16
  kubelet:
    flags:{flags}

--//--
"""


def _bootstrap(joining: Joining) -> str:
    arguments = " ".join(_kubelet_flags(joining))
    return f"#!/bin/bash\nset -o errexit\n/etc/eks/bootstrap.sh {joining.cluster} --kubelet-extra-args '{arguments}'\n"


def _powershell(joining: Joining) -> str:
    arguments = " ".join(_kubelet_flags(joining))
    script = r"C:\Program Files\Amazon\EKS\Start-EKSBootstrap.ps1"
    return (
        f'<powershell>\n& "{script}" -EKSClusterName {joining.cluster} -KubeletExtraArgs "{arguments}"\n</powershell>\n'
    )


def _toml(joining: Joining) -> str:
    lines = [
        "[settings.kubernetes]",
        f'cluster-name = "{joining.cluster}"',
        f'api-server = "{joining.endpoint}"',
        f'cluster-certificate = "{joining.authority}"',
        "[settings.kubernetes.node-labels]",
        *(f'"{key}" = "{value}"' for key, value in joining.labels.items()),
        "[settings.kubernetes.node-taints]",
    ]
    for taint in joining.taints:
        pair, effect = taint.rsplit(":", 1)
        key, _, value = pair.partition("=")
        lines.append(f'"{key}" = ["{value}:{effect}"]')
    return "\n".join(lines) + "\n"
