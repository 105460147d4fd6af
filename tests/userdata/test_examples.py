import pytest

from eks_auditor.userdata import Joining, joined_clusters, read_user_data
from tests.userdata.corpus import EXAMPLES, SCRIPT, Example, encoded, mime


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_labels_taints_and_cluster_are_read(example: Example) -> None:
    assert read_user_data(example.encoded) == Joining(
        clusters=example.clusters, labels=example.labels, taints=example.taints, form=example.form
    )


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_the_cluster_is_found_where_labels_are_not_asked_for(example: Example) -> None:
    assert joined_clusters(example.encoded) == example.clusters


@pytest.mark.parametrize(
    "silent",
    [
        "",
        "#!/bin/bash\necho welcome to the shop\nsystemctl restart kubelet\n",
        mime((SCRIPT, "export USE_MAX_PODS=false\n")),
        "#cloud-config\npackages: [jq]\nruncmd: [[systemctl, restart, kubelet]]\n",
        "#cloud-config\n",
        "#!/usr/bin/env python3\nprint('hello')\n",
        "#include\nhttps://example.com/userdata\n",
        "<powershell>\nWrite-Host 'hello'\n</powershell>",
        '[settings.kernel]\nlockdown = "integrity"\n',
        "sed -i 's/x/y/' /etc/eks/bootstrap.sh\nif [ -f /etc/eks/bootstrap.sh ]; then cat /etc/eks/bootstrap.sh; fi",
        "(",
        "\0",
    ],
)
def test_user_data_without_a_kubelet_says_nothing(silent: str) -> None:
    assert read_user_data(encoded(silent)) == Joining()
    assert joined_clusters(encoded(silent)) == frozenset()
