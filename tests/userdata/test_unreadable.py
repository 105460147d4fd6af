"""What cannot be understood is refused as a whole: half of the labels would be a false alarm."""

import pytest

from eks_auditor.userdata import UnreadableUserDataError, read_user_data
from tests.userdata.corpus import BOOTSTRAP, BOTTLEROCKET, EKSCTL, NODE, NODE_CONFIG, SCRIPT, encoded, mime

BARE = "/etc/eks/bootstrap.sh"
CALL = f"{BARE} shop --kubelet-extra-args"
KUBERNETES = '[settings.kubernetes]\ncluster-name = "shop"\n'


def problem(text: str | bytes) -> str:
    with pytest.raises(UnreadableUserDataError) as refused:
        read_user_data(encoded(text))
    return str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        f"{CALL} $EXTRA",
        f'{CALL} "--node-labels=lifecycle=$(curl http://169.254.169.254/latest/meta-data/instance-life-cycle)"',
        f"{CALL} --node-labels=a=b,zone=${{ZONE}}",
        f"{CALL} `labels`",
        f'{CALL} "--v=2 $MORE --node-labels=a=b"',
        f"{BARE} shop $ARGUMENTS",
        f'{BARE} shop "$@"',
        f"{BARE} $ARGUMENTS",
        f'{BARE} "$@"',
        f'{BARE} "${{ARGUMENTS[@]}}"',
        f"{BARE} ${{ARGUMENTS}} shop",
        f'{BARE} "$ARGUMENTS" shop',
        f"{BARE} $ARGUMENTS --use-max-pods false",
        f"{BARE} $(aws ssm get-parameter --name /join --query Parameter.Value --output text)",
        f'join() {{\n  {BARE} "$@"\n}}\n. /opt/join.env\njoin shop $MORE\n',
        f"#cloud-config\nruncmd:\n- . /opt/join.env\n- {BARE} $ARGUMENTS\n",
        f"#cloud-config\nruncmd: [[bash, -c, '{BARE} \"$@\"', join, shop]]\n",
        mime((SCRIPT, f"{CALL} '--node-labels=a=b'\n{CALL} $X")),
        "<powershell>\n& $s -EKSClusterName shop -KubeletExtraArgs $labels\n</powershell>",
        '<powershell>\n& $s -EKSClusterName shop -KubeletExtraArgs "--node-labels=a=$b"\n</powershell>',
        "<powershell>\n& $s -EKSClusterName shop @more\n</powershell>",
        "<powershell>\n& $s -EKSClusterName shop -KubeletExtraArgs (Get-SSMParameter -Name /k).Value\n</powershell>",
        "<powershell>\n& $s -EKSClusterName shop -KubeletExtraArgs:(Get-Content C:\\args.txt)\n</powershell>",
        "<powershell>\n& $s -EKSClusterName shop -KubeletExtraArgs ('--max-pods={0}' -f 10)\n</powershell>",
        "#cloud-config\nruncmd: [[/etc/eks/bootstrap.sh, shop, --kubelet-extra-args, 5]]\n",
    ],
)
def test_what_only_the_instance_knows(text: str) -> None:
    assert "only the instance knows" in problem(text)


@pytest.mark.parametrize(
    "text",
    [
        "#!/bin/bash\nexport KUBELET_EXTRA_ARGS='--node-labels=a=b'\n/etc/eks/bootstrap.sh shop\n",
        f'export KUBELET_EXTRA_ARGS="$(aws ssm get-parameter --name /kubelet)"\n{BARE} shop\n',
        f'{BARE} shop\necho "KUBELET_EXTRA_ARGS=$MORE" >> /etc/sysconfig/kubelet\n',
        f"cat > /etc/systemd/kubelet.service.d/40.conf <<EOF\nEnvironment=KUBELET_EXTRA_ARGS=$X\nEOF\n{BARE} shop\n",
        f"sed -i 's/KUBELET_EXTRA_ARGS=$2/KUBELET_EXTRA_ARGS=$3/' {BARE}\n{BARE} shop\n",
        f"{BARE} shop\nkubectl --kubeconfig /var/lib/kubelet/kubeconfig label node $(hostname) team=data\n",
        f"{BARE} shop\nkubectl \\\n  taint node $(hostname) dedicated=gpu:NoSchedule\n",
        f"{BARE} shop\nbash -c 'kubectl \\\n  taint node x a=b:NoSchedule'\n",
        mime((NODE, NODE_CONFIG), (SCRIPT, "kubectl taint node $(hostname) gpu=true:NoSchedule")),
        mime((NODE, NODE_CONFIG), (SCRIPT, "sed -i s/team=data/team=web/ /etc/eks/kubelet/environment")),
        mime((NODE, NODE_CONFIG), (SCRIPT, 'echo "NODEADM_KUBELET_ARGS=$X" > /opt/environment')),
        mime((NODE, NODE_CONFIG), (SCRIPT, "aws s3 cp s3://x/50.conf /etc/kubernetes/kubelet/config.json.d/")),
        f"#cloud-config\nwrite_files:\n- content: --node-labels=a=b\n- content: {BARE} shop\n",
        f"#cloud-config\nwrite_files:\n- {{path: x, content: NODE_LABELS=a=b}}\n- {{path: x, content: {BARE} shop}}\n",
        BOTTLEROCKET
        + "[settings.bootstrap-commands.x]\ncommands = [['apiclient', 'set', 'kubernetes.node-labels.c=d']]\n",
        BOTTLEROCKET
        + f"[settings.bootstrap-containers.x]\nuser-data = '{encoded('apiclient set kubernetes.node-labels.c=d')}'\n",
        "#!/bin/bash\nNODE_LABELS=a=b\n/etc/eks/bootstrap.sh shop\n",
        "#!/bin/bash\nsed -i s/x/--register-with-taints=a:NoSchedule/ /etc/eks/bootstrap.sh\n",
        "#!/bin/bash\ncat <<EOF >/etc/eks/nodeadm.d/10.yaml\nspec: {}\nEOF\n",
        "/etc/eks/bootstrap.sh shop --node-labels=a=b\n",
        "/etc/eks/bootstrap.sh shop --kubelet-extra-args='--node-labels=a=b'\n",
        "/etc/eks/bootstrap.sh shop --use-max-pods '--node-labels=a=b'\n",
        f"cat <<\\EOF\n{BARE} warehouse --kubelet-extra-args --node-labels=a=b\nEOF\n{BARE} shop\n",
        "#!/bin/bash\nX=$(/etc/eks/bootstrap.sh shop)\n",
        "#!/bin/bash\nbash -c '/etc/eks/bootstrap.sh shop'\n",
        "#!/usr/bin/env python3\nprint('--node-labels=a=b')\n",
        "## template: jinja\n#cloud-config\nruncmd: ['/etc/eks/bootstrap.sh shop --kubelet-extra-args {{ x }}']\n",
        "<powershell>\n$p = @{ EKSClusterName = 'x'; KubeletExtraArgs = '--node-labels=a=b' }\n& $s @p\n</powershell>",
        EKSCTL.replace(
            "  - echo before\n", "  - echo 'KUBELET_EXTRA_ARGS=--node-labels=a=b' > /etc/sysconfig/kubelet\n"
        ),
        EKSCTL.replace("- - /var/lib/cloud/scripts/eksctl/bootstrap.al2.sh\n", ""),
    ],
)
def test_ways_to_kubelet_that_are_not_known(text: str) -> None:
    assert "understood" in problem(text) or "another script" in problem(text)


@pytest.mark.parametrize(
    "command",
    [
        "sed -i 's/team=data/team=web/' /etc/eksctl/kubelet.env",
        "echo $X >> /etc/eksctl/kubelet.env",
        "sed -i s/NODE_LABELS/LABELS/ /var/lib/cloud/scripts/eksctl/bootstrap.helper.sh",
    ],
)
def test_commands_that_may_change_what_eksctl_wrote(command: str) -> None:
    text = EKSCTL.replace("echo before", command)
    assert text != EKSCTL
    assert "names a file of eksctl's" in problem(text)


def test_a_file_of_eksctls_that_is_written_twice() -> None:
    more = "- {path: /etc/eksctl/kubelet.env, append: true, content: 'NODE_LABELS=a=b'}\nruncmd:\n"
    assert "more than once" in problem(EKSCTL.replace("runcmd:\n", more))


@pytest.mark.parametrize(
    "text",
    [
        NODE_CONFIG.replace("v1alpha1", "v1beta1"),
        NODE_CONFIG.replace("kind: NodeConfig", "kind: Nodes"),
        NODE_CONFIG.replace("name: shop", "name: [shop]"),
        NODE_CONFIG.replace("- --node-labels=team=data,tier=", "- 5"),
        NODE_CONFIG.replace("    flags:\n", "    flags: &flags\n") + "      - *flags\n",
        NODE_CONFIG.replace("  kubelet:", "\tkubelet:"),
        NODE_CONFIG.replace("team=data", "team=$DATA"),
        mime((NODE, "- no mapping")),
        mime((NODE, NODE_CONFIG), (NODE, "spec: {}")),
        NODE_CONFIG.replace("maxPods: 58", "registerWithTaints: [{key: a, value: true, effect: NoSchedule}]"),
        NODE_CONFIG.replace("maxPods: 58", "registerWithTaints: [{key: a, effect: Never}]"),
        NODE_CONFIG.replace("maxPods: 58", "registerWithTaints: a"),
        KUBERNETES + "node-labels = 5\n",
        KUBERNETES + "[settings.kubernetes.node-labels]\na.b = 'c'\n",
        KUBERNETES + "[settings.kubernetes.node-labels]\na = 5\n",
        KUBERNETES + "[settings.kubernetes.node-taints]\na = 'NoSchedule'\n",
        KUBERNETES + "[settings.kubernetes.node-taints]\na = ['b:NoSchedule', 5]\n",
        KUBERNETES + "[settings.kubernetes.node-taints]\na = 'b:NoSchedule,c=d:NoExecute'\n",
        KUBERNETES + "[settings.bootstrap-containers.x]\nuser-data = 5\n",
        KUBERNETES + "[settings.bootstrap-containers.x]\nuser-data = 'no base64!'\n",
        KUBERNETES + "max-pods = \n",
        KUBERNETES + f"max-pods = {'9' * 5000}\n",
        "[settings]\nkubernetes = 5\n",
        "#cloud-config\nruncmd: [\n",
        f"{CALL} '--node-labels=a=b'\n/etc/eks/bootstrap.sh shop\n",
        mime((NODE, NODE_CONFIG), (SCRIPT, BOOTSTRAP.replace("data", "web"))),
    ],
)
def test_what_is_wrong_or_contradicts_itself(text: str) -> None:
    assert problem(text).startswith("the user data cannot be read: ")


@pytest.mark.parametrize(
    "text",
    [
        f'{BARE} "$CLUSTER"',
        f'{BARE} "$1" --b64-cluster-ca $CA --apiserver-endpoint "$ENDPOINT"',
        f'{BARE} "$(name)" --use-max-pods false',
    ],
)
def test_a_name_in_double_quotes_is_one_word_and_hides_no_labels(text: str) -> None:
    found = read_user_data(encoded(text))
    assert (found.form, found.labels, found.taints, found.clusters) == ("bootstrap.sh", {}, (), frozenset())


@pytest.mark.parametrize("name", ["$CLUSTER", '"$CLUSTER"', "shop-$STAGE"])
def test_labels_are_told_where_only_the_name_is_not(name: str) -> None:
    for call in (
        f"{BARE} {name} --kubelet-extra-args --node-labels=a=b",
        f"{CALL.replace('shop', '')} --node-labels=a=b {name}",
    ):
        assert read_user_data(encoded(call)).labels == {"a": "b"}


def test_the_same_twice_is_no_contradiction() -> None:
    call = "/etc/eks/bootstrap.sh shop --kubelet-extra-args --node-labels=a=b"
    found = read_user_data(encoded(f"if true; then {call}; else {call} --use-max-pods false; fi"))
    assert found.labels == {"a": "b"}
