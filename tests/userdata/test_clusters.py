import base64

import pytest

from eks_auditor.userdata import UnreadableUserDataError, joined_clusters, read_user_data
from tests.userdata.corpus import NODE, NODE_CONFIG, SCRIPT, encoded, mime


@pytest.mark.parametrize(
    "text",
    [
        "#!/bin/bash\n/etc/eks/bootstrap.sh shop --kubelet-extra-args '--node-labels=a=b'\n",
        "#!/bin/bash\nset -ex\n/etc/eks/bootstrap.sh 'shop'\n",
        "/etc/eks/bootstrap.sh --apiserver-endpoint https://x --b64-cluster-ca Zm9v shop",
        "/etc/eks/bootstrap.sh \\\n  --kubelet-extra-args '--node-labels=a=b' \\\n  shop\n",
        "/etc/eks/bootstrap.sh shop --newer-flag --use-max-pods false",
        "if ! sudo /etc/eks/bootstrap.sh >/dev/null shop; then reboot; fi\n",
        mime((NODE, NODE_CONFIG)),
        NODE_CONFIG,
        '[settings.kubernetes]\napi-server = "https://x"\ncluster-name = "shop"\n',
        '<powershell>\n& $script -EKSClusterName shop -KubeletExtraArgs ""\n</powershell>',
        "<powershell>\n& $script -EKSClusterName 'shop'\n</powershell>",
        "<powershell>\r\n& $script -eksclustername:shop\r\n</powershell>",
    ],
)
def test_user_data_names_the_cluster_it_joins(text: str) -> None:
    assert joined_clusters(encoded(text)) == {"shop"}


@pytest.mark.parametrize(
    "text",
    [
        '#!/bin/bash\n/etc/eks/bootstrap.sh shop --kubelet-extra-args "--node-labels=zone=$(zone)"\n',
        "#!/bin/bash\n/etc/eks/bootstrap.sh shop --kubelet-extra-args='--node-labels=a=b'\n",
        "#!/bin/bash\nbash -c '/etc/eks/bootstrap.sh shop'\n",
        "#!/bin/bash\ncat > /opt/join <<'EOF'\n/etc/eks/bootstrap.sh shop\nEOF\nsh /opt/join\n",
        f"#!/bin/bash\ncat > /opt/config <<EOF\n{NODE_CONFIG}\nEOF\nnodeadm init -c file:///opt/config\n",
        mime((NODE, NODE_CONFIG.replace("team=data", "team=$DATA"))),
        NODE_CONFIG.replace("    config:", "    config: []\n    other:"),
        '[settings.kubernetes]\ncluster-name = "shop"\nnode-labels = 5\n',
        "<powershell>\n& $script -EKSClusterName shop @more\n</powershell>",
        "#cloud-config\nwrite_files:\n- content: |\n    /etc/eks/bootstrap.sh shop --kubelet-extra-args $EXTRA\n",
    ],
)
def test_the_cluster_is_named_though_labels_cannot_be_read(text: str) -> None:
    with pytest.raises(UnreadableUserDataError):
        read_user_data(encoded(text))
    assert joined_clusters(encoded(text)) == {"shop"}


@pytest.mark.parametrize(
    "text",
    [
        "#!/bin/bash\necho welcome to the shop\n",
        "#!/bin/bash\n# /etc/eks/bootstrap.sh shop\n",
        "#!/bin/bash\necho /etc/eks/bootstrap.sh shop\n",
        "/etc/eks/bootstrap.sh shop-eu",
        "/etc/eks/bootstrap.sh ${CLUSTER}",
        "/etc/eks/bootstrap.sh --newer-flag shop",
        "/etc/eks/bootstrap.sh shop$SUFFIX",
        '/etc/eks/bootstrap.sh "$(name shop)"',
        "name: shop\n",
    ],
)
def test_a_mere_mention_is_not_joining(text: str) -> None:
    assert "shop" not in joined_clusters(encoded(text))


@pytest.mark.parametrize(
    "broken", ["", "%%%", "\u00e9", encoded("x")[:-1], encoded(b"\x1f\x8b\x00\xff"), base64.b64encode(b"\xff").decode()]
)
def test_unreadable_user_data_names_nobody(broken: str) -> None:
    assert joined_clusters(broken) == frozenset()


def test_several_scripts_may_join_several_clusters() -> None:
    text = mime((SCRIPT, "/etc/eks/bootstrap.sh shop"), (SCRIPT, "/etc/eks/bootstrap.sh warehouse"))
    assert joined_clusters(encoded(text)) == {"shop", "warehouse"}
