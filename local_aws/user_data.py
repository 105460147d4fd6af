"""User data by which nodes join: nodeadm on Amazon Linux 2023, bootstrap.sh on Amazon Linux 2, TOML on Bottlerocket."""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from local_aws.images import Family

PLANTED_SECRET = "hunter2-planted-in-user-data"  # noqa: S105  it opens nothing: tests look for it in what was written
"""The password in the user data of groups that the fleet describes with `secret: true`."""


@dataclass(frozen=True, slots=True)
class Joining:
    """What a node must be told to join its cluster."""

    cluster: str
    endpoint: str
    authority: str
    labels: dict[str, str]
    taints: list[str]
    secret: bool = False
    """Whether it is told a password as well, for whatever its owners do with it."""


def form_of(family: Family) -> str:
    """Return the form in which an operating system wants to be told."""
    return _FORMS.get(family, "NodeConfig")


def user_data(form: str, joining: Joining) -> str:
    """Return the user data as a launch template holds it, in base64."""
    return base64.b64encode(_WRITERS[form](joining).encode()).decode()


def _kubelet_flags(joining: Joining) -> list[str]:
    labels = ",".join(f"{key}={value}" for key, value in joining.labels.items())
    return [
        *([f"--node-labels={labels}"] if labels else []),
        *([f"--register-with-taints={','.join(joining.taints)}"] if joining.taints else []),
    ]


def _nodeadm(joining: Joining) -> str:
    flags = "".join(f'\n      - "{flag}"' for flag in _kubelet_flags(joining)) or " []"
    script = f"""--//
Content-Type: text/x-shellscript; charset="us-ascii"

#!/bin/bash
{_export()}
"""
    return f"""MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="//"

{script if joining.secret else ""}--//
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
    told = f"{_export()}\n" if joining.secret else ""
    join = f"/etc/eks/bootstrap.sh {joining.cluster} --kubelet-extra-args '{arguments}'"
    return f"#!/bin/bash\nset -o errexit\n{told}{join}\n"


def _export() -> str:
    return f"export DATABASE_PASSWORD={PLANTED_SECRET}"


def _powershell(joining: Joining) -> str:
    arguments = " ".join(_kubelet_flags(joining))
    script = r"C:\Program Files\Amazon\EKS\Start-EKSBootstrap.ps1"
    told = f"$env:DATABASE_PASSWORD = '{PLANTED_SECRET}'\n" if joining.secret else ""
    join = f'& "{script}" -EKSClusterName {joining.cluster} -KubeletExtraArgs "{arguments}"'
    return f"<powershell>\n{told}{join}\n</powershell>\n"


def _toml(joining: Joining) -> str:
    proxy = ["[settings.network]", f'https-proxy = "http://nodes:{PLANTED_SECRET}@proxy.acme.example:3128"']
    lines = [
        *(proxy if joining.secret else []),
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


_FORMS: Mapping[Family, str] = {
    Family.AL2: "bootstrap.sh",
    Family.BOTTLEROCKET: "Bottlerocket",
    Family.WINDOWS: "PowerShell",
}
_WRITERS: Mapping[str, Callable[[Joining], str]] = {
    "bootstrap.sh": _bootstrap,
    "NodeConfig": _nodeadm,
    "Bottlerocket": _toml,
    "PowerShell": _powershell,
}
