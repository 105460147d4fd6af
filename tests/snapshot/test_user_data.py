import base64

import pytest

from eks_auditor.snapshot.templates import joined_clusters


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


NODE_CONFIG = """MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="//"

--//
Content-Type: application/node.eks.aws

apiVersion: node.eks.aws/v1alpha1
kind: NodeConfig
spec:
  cluster:
    name: shop
    apiServerEndpoint: https://example
  kubelet:
    flags: []
--//--
"""


@pytest.mark.parametrize(
    "text",
    [
        "#!/bin/bash\n/etc/eks/bootstrap.sh shop --kubelet-extra-args '--node-labels=a=b'\n",
        "#!/bin/bash\nset -ex\n/etc/eks/bootstrap.sh 'shop'\n",
        "/etc/eks/bootstrap.sh --apiserver-endpoint https://x --b64-cluster-ca Zm9v shop",
        "/etc/eks/bootstrap.sh \\\n  --kubelet-extra-args '--node-labels=a=b' \\\n  shop\n",
        NODE_CONFIG,
        '[settings.kubernetes]\napi-server = "https://x"\ncluster-name = "shop"\n',
        '<powershell>\n& $script -EKSClusterName shop -KubeletExtraArgs ""\n</powershell>',
        "<powershell>\n& $script -EKSClusterName 'shop'\n</powershell>",
    ],
)
def test_user_data_names_the_cluster_it_joins(text: str) -> None:
    assert "shop" in joined_clusters(encoded(text))


@pytest.mark.parametrize(
    "text",
    [
        "#!/bin/bash\necho welcome to the shop\n",
        "/etc/eks/bootstrap.sh shop-eu",
        "/etc/eks/bootstrap.sh ${CLUSTER}",
        "name: shop\n",
    ],
)
def test_a_mere_mention_is_not_joining(text: str) -> None:
    assert "shop" not in joined_clusters(encoded(text))


@pytest.mark.parametrize("broken", ["", "%%%", encoded("x")[:-1], base64.b64encode(b"\x1f\x8b\x00\xff").decode()])
def test_unreadable_user_data_names_nobody(broken: str) -> None:
    assert joined_clusters(broken) == frozenset()
