"""Secrets in user data do not leave it: not in what is returned, nor in what is raised and what hangs on that."""

import gzip
import traceback

import pytest

from eks_auditor.userdata import UnreadableUserDataError, read_user_data
from tests.userdata.corpus import EXAMPLES, NODE, SCRIPT, Example, encoded, mime

SECRET = "hunter2-" + "0f1e2d3c"

PLANTED = (
    f"#!/bin/bash\nX={SECRET}\n/etc/eks/bootstrap.sh shop --kubelet-extra-args '--node-labels=a=b --x={SECRET}'\n",
    f"#!/bin/bash\n/etc/eks/bootstrap.sh shop --kubelet-extra-args '--node-labels=a={SECRET}!'\n",
    f'#!/bin/bash\n/etc/eks/bootstrap.sh shop --kubelet-extra-args "--node-labels=a=$X --x=\'{SECRET}"\n',
    f"#!/bin/bash\n/etc/eks/bootstrap.sh shop --kubelet-extra-args '--register-with-taints={SECRET}'\n",
    f"#!/bin/bash\necho '{SECRET}' | tee node-labels\n",
    f"apiVersion: node.eks.aws/v1alpha1\nkind: NodeConfig\nspec: {SECRET}\n",
    f"apiVersion: node.eks.aws/v1alpha1\nkind: NodeConfig\nspec: [{SECRET}\n",
    f"apiVersion: node.eks.aws/v1alpha1\nkind: NodeConfig\nspec: {{kubelet: {{flags: [{{a: {SECRET}}}]}}}}\n",
    f"[settings.kubernetes]\nnode-labels = '{SECRET}\n",
    f"[settings.kubernetes.node-labels]\na = {{ password = '{SECRET}' }}\n",
    f"<powershell>\n$p = '{SECRET}'\n& $s -EKSClusterName shop -KubeletExtraArgs '--node-labels=$p {SECRET}'\n",
    f"#cloud-config\nusers: [{{passwd: {SECRET}}}]\nruncmd: [[{SECRET}, *x]]\n",
    f"#cloud-config\nwrite_files: [{{content: '{SECRET}', encoding: b64}}]\n",
    mime((SCRIPT, f"export TOKEN={SECRET}"), (NODE, f"{SECRET}: [")),
    b"\x1f\x8b" + SECRET.encode(),
    gzip.compress(SECRET.encode(), mtime=0)[:-9],
)


@pytest.mark.parametrize("data", PLANTED)
def test_nothing_that_comes_out_holds_a_secret(data: str | bytes) -> None:
    with pytest.raises(Exception, match=r"\S") as caught:  # what is returned is raised, to look at both
        raise ValueError(repr(read_user_data(encoded(data))))
    error = caught.value
    assert isinstance(error, (UnreadableUserDataError, ValueError))
    assert error.__cause__ is None
    assert error.__context__ is None
    assert SECRET not in "".join((str(error), repr(error), repr(vars(error)), repr(error.args)))
    assert SECRET not in "".join(traceback.format_exception(error))


@pytest.mark.parametrize("data", ["!" + SECRET, encoded(SECRET)[:-3]])
def test_what_is_no_base64_is_not_quoted(data: str) -> None:
    with pytest.raises(UnreadableUserDataError) as caught:
        read_user_data(data)
    assert caught.value.__context__ is None
    assert data not in str(caught.value)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_what_is_read_is_all_that_is_kept(example: Example) -> None:
    assert "certificate" not in repr(read_user_data(example.encoded)).lower()
