"""User data of every form, and what it says: examples for tests of the parsers, and what the fuzzer starts from."""

import base64
import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from eks_auditor.model.capacity import Taint

GPU = Taint(key="nvidia.com/gpu", value="true", effect="NoSchedule")
BATCH = Taint(key="batch", value="", effect="NoExecute")


@dataclass(frozen=True, slots=True)
class Example:
    """A text of user data, before base64, and what is read out of it."""

    name: str
    data: str | bytes
    form: str
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: tuple[Taint, ...] = ()
    clusters: frozenset[str] = frozenset({"shop"})

    @property
    def encoded(self) -> str:
        return encoded(self.data)


def encoded(data: str | bytes) -> str:
    return base64.b64encode(data if isinstance(data, bytes) else data.encode()).decode()


def mime(*parts: tuple[str, str], boundary: str = "//") -> str:
    """Join parts, each its headers and its content, as Terraform's and eksctl's tools do."""
    body = "".join(f"--{boundary}\n{headers}\n\n{content}\n" for headers, content in parts)
    return f'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="{boundary}"\n\n{body}--{boundary}--\n'


NODE = "Content-Type: application/node.eks.aws"
SCRIPT = 'Content-Type: text/x-shellscript; charset="us-ascii"'
BASE64 = "Content-Transfer-Encoding: base64"

NODE_CONFIG = """---
apiVersion: node.eks.aws/v1alpha1
kind: NodeConfig
spec:
  cluster:
    name: shop
    apiServerEndpoint: https://0123.gr7.eu-west-1.eks.amazonaws.com
    certificateAuthority: Y2VydGlmaWNhdGU=
    cidr: 10.100.0.0/16
  kubelet:
    config:
      maxPods: 58
      clusterDNS: [10.100.0.10]
    flags:
      - --node-labels=team=data,tier=
      - "--register-with-taints=nvidia.com/gpu=true:NoSchedule,batch:NoExecute"
"""
CONFIGURED_TAINTS = """apiVersion: node.eks.aws/v1alpha1
kind: NodeConfig
spec:
  kubelet:
    config:
      registerWithTaints:
        - key: batch
          effect: NoExecute
    flags: [--node-labels=team=web --node-labels zone=b]
"""
NODE_CONFIG_JSON = json.dumps(
    {
        "apiVersion": "node.eks.aws/v1alpha1",
        "kind": "NodeConfig",
        "spec": {"cluster": {"name": "shop"}, "kubelet": {"flags": ["--node-labels", "a=b"]}},
    }
)
BOOTSTRAP = """#!/bin/bash
set -ex
# joins: /etc/eks/bootstrap.sh warehouse --kubelet-extra-args '--node-labels=not=this'
B64_CLUSTER_CA=Y2VydGlmaWNhdGU=
/etc/eks/bootstrap.sh shop \\
  --kubelet-extra-args '--node-labels=team=data,tier= --register-with-taints=nvidia.com/gpu=true:NoSchedule --v=3' \\
  --b64-cluster-ca $B64_CLUSTER_CA --apiserver-endpoint "https://$(hostname)" \\
  --use-max-pods false 2>&1 > /var/log/join.log
/opt/aws/bin/cfn-signal --exit-code $? --stack nodes
"""
BOTTLEROCKET = """# settings of our own
[settings.kubernetes]
"cluster-name" = "shop"
api-server = "https://0123.gr7.eu-west-1.eks.amazonaws.com"
cluster-certificate = "Y2VydGlmaWNhdGU="
cluster-dns-ip = ["10.100.0.10", "169.254.20.10"]

[settings.kubernetes.node-labels]
team = "data"
"example.com/tier" = ""

[settings.kubernetes.node-taints]
"nvidia.com/gpu" = ["true:NoSchedule"]
batch = ":NoExecute"

[settings.host-containers.admin]
enabled = false
"""
WINDOWS = """<powershell>
# a comment with an -EKSClusterName warehouse in it
[string]$EKSBinDir = "$env:ProgramFiles\\Amazon\\EKS"
[string]$EKSBootstrapScriptFile = "$EKSBinDir\\Start-EKSBootstrap.ps1"
& $EKSBootstrapScriptFile -EKSClusterName shop -Base64ClusterCA $ca `
  -KubeletExtraArgs "--node-labels=team=data --register-with-taints=nvidia.com/gpu=true:NoSchedule" 3>&1 4>&1 5>&1 6>&1
$LastError = if ($?) { 0 } else { $Error[0].Exception.HResult }
</powershell>
"""
CLOUD_CONFIG = """#cloud-config
packages: [jq]
write_files:
  - path: /opt/join.sh
    permissions: "0755"
    encoding: b64
    content: {script}
runcmd:
  - [sleep, 5]
  - [/opt/join.sh]
""".format(script=encoded("#!/bin/sh\n/etc/eks/bootstrap.sh shop --kubelet-extra-args --node-labels=team=data\n"))

# As eksctl lays out its files, with scripts of fewer words: what is read is the environment file.
EKSCTL = """#cloud-config
packages: null
write_files:
- path: /etc/eksctl/kubelet-extra.json
  content: '{"registerWithTaints":[{"key":"batch","value":"","effect":"NoExecute"}]}'
- path: /etc/eksctl/kubelet.env
  content: |-
    CLUSTER_NAME=shop
    NODE_LABELS=alpha.eksctl.io/cluster-name=shop,alpha.eksctl.io/nodegroup-name=ng,team=data
    NODE_TAINTS=
    B64_CLUSTER_CA=Y2VydGlmaWNhdGU=
- path: /var/lib/cloud/scripts/eksctl/bootstrap.al2.sh
  content: |
    #!/bin/bash
    source /var/lib/cloud/scripts/eksctl/bootstrap.helper.sh
    /etc/eks/bootstrap.sh "${CLUSTER_NAME}" --kubelet-extra-args "${KUBELET_EXTRA_ARGS}" ${CLUSTER_ID:+--cluster-id x}
- path: /var/lib/cloud/scripts/eksctl/bootstrap.helper.sh
  content: |
    #!/bin/bash
    NODE_LABELS="${NODE_LABELS},node-lifecycle=${INSTANCE_LIFECYCLE}"
runcmd:
- - /bin/bash
  - -c
  - echo before
- - /var/lib/cloud/scripts/eksctl/bootstrap.al2.sh
"""
EKSCTL_LABELS = {"alpha.eksctl.io/cluster-name": "shop", "alpha.eksctl.io/nodegroup-name": "ng", "team": "data"}
EKSCTL_BEFORE_2021 = """#cloud-config
write_files:
- path: /etc/systemd/system/kubelet.service.d/10-eksclt.al2.conf
  content: |
    [Service]
    ExecStart=/usr/bin/kubelet --node-labels=${NODE_LABELS} --register-with-taints=${NODE_TAINTS}
- {path: /etc/eksctl/metadata.env, content: "AWS_DEFAULT_REGION=eu-west-1\\nAWS_EKS_CLUSTER_NAME=shop"}
- {path: /etc/eksctl/kubelet.env, content: "NODE_LABELS=team=data\\nNODE_TAINTS=batch=:NoExecute"}
runcmd:
- [/var/lib/cloud/scripts/eksctl/bootstrap.al2.sh]
"""
EKSCTL_OVERRIDDEN = EKSCTL.replace("- - /var/lib/cloud/scripts/eksctl/bootstrap.al2.sh\n", "").replace(
    "  - echo before\n",
    """  - |
    source /var/lib/cloud/scripts/eksctl/bootstrap.helper.sh
    /etc/eks/bootstrap.sh ${CLUSTER_NAME} --kubelet-extra-args "--node-labels=${NODE_LABELS},own=yes"
""",
)

MAILED = f"From nobody Mon Jan  1 00:00:00 2024\n{mime((SCRIPT, BOOTSTRAP))}"
DOCUMENTED = """#!/bin/bash
cat > /opt/readme <<\\EOF
It's joined by hand, to no 'cluster.
EOF
cat > /opt/motd <<END-OF
	END-OF
END-OF
/etc/eks/bootstrap.sh shop --kubelet-extra-args --node-labels=team=data
"""
UNKNOWN_FLAG = "/etc/eks/bootstrap.sh shop --newer-flag --kubelet-extra-args --node-labels=team=data"
KUBECTL = f"{BOOTSTRAP}kubectl get nodes --selector team=data\n# kubectl label node\necho label\n"
DATA, TEAM = {"team": "data", "tier": ""}, {"team": "data"}
EXAMPLES = (
    Example("bootstrap.sh", BOOTSTRAP, "bootstrap.sh", DATA, (GPU,)),
    Example("bootstrap.sh in MIME", mime((SCRIPT, BOOTSTRAP)), "bootstrap.sh", DATA, (GPU,)),
    Example("gzip", gzip.compress(BOOTSTRAP.encode(), mtime=0), "bootstrap.sh", DATA, (GPU,)),
    Example("MIME behind a mailbox's line", MAILED, "bootstrap.sh", DATA, (GPU,)),
    Example(
        "MIME behind another header",
        f"Date: today,\n tomorrow\n{mime((NODE, NODE_CONFIG))}",
        "NodeConfig",
        DATA,
        (GPU, BATCH),
    ),
    Example("MIME behind a byte order mark", f"\ufeff{mime((NODE, NODE_CONFIG))}", "NodeConfig", DATA, (GPU, BATCH)),
    Example("here-documents with words of their own", DOCUMENTED, "bootstrap.sh", TEAM),
    Example("a flag that the script does not know", UNKNOWN_FLAG, "bootstrap.sh", TEAM),
    Example("kubectl that labels no node", KUBECTL, "bootstrap.sh", DATA, (GPU,)),
    Example("CRLF", BOOTSTRAP.replace("\n", "\r\n"), "bootstrap.sh", DATA, (GPU,)),
    Example("NodeConfig", NODE_CONFIG, "NodeConfig", DATA, (GPU, BATCH)),
    Example("NodeConfig in JSON", NODE_CONFIG_JSON, "NodeConfig", {"a": "b"}),
    Example(
        "NodeConfigs and a script",
        mime((NODE, NODE_CONFIG), (NODE, CONFIGURED_TAINTS), (SCRIPT, "#!/bin/bash\necho done")),
        "NodeConfig",
        {"team": "web", "tier": "", "zone": "b"},
        (GPU, BATCH),
    ),
    Example(
        "taints of a configuration",
        CONFIGURED_TAINTS,
        "NodeConfig",
        {"team": "web", "zone": "b"},
        (BATCH,),
        frozenset(),
    ),
    Example(
        "NodeConfig in base64 in MIME",
        mime((f"{NODE}\n{BASE64}", encoded(NODE_CONFIG))),
        "NodeConfig",
        DATA,
        (GPU, BATCH),
    ),
    Example(
        "NodeConfig in quoted-printable",
        mime((f"{NODE}\nContent-Transfer-Encoding: quoted-printable", NODE_CONFIG.replace("=", "=3D"))),
        "NodeConfig",
        DATA,
        (GPU, BATCH),
    ),
    Example(
        "NodeConfig in base64 of gzip, which only nodeadm undoes",
        mime((NODE, encoded(gzip.compress(NODE_CONFIG.encode(), mtime=0)))),
        "NodeConfig",
        DATA,
        (GPU, BATCH),
    ),
    Example("Bottlerocket", BOTTLEROCKET, "Bottlerocket settings", {**TEAM, "example.com/tier": ""}, (GPU, BATCH)),
    Example("Windows", WINDOWS, "EKSBootstrap.ps1", TEAM, (GPU,)),
    Example("cloud-config", CLOUD_CONFIG, "bootstrap.sh", TEAM),
    Example("eksctl", gzip.compress(EKSCTL.encode(), mtime=0), "bootstrap.sh", EKSCTL_LABELS, (BATCH,)),
    Example("eksctl before 0.45", EKSCTL_BEFORE_2021, "bootstrap.sh", TEAM, (BATCH,)),
    Example("eksctl, overridden", EKSCTL_OVERRIDDEN, "bootstrap.sh", {**EKSCTL_LABELS, "own": "yes"}),
)
