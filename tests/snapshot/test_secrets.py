"""A secret in user data is in nothing that is written: no snapshot, no finding, no report, no line of a log."""

import base64
import gzip
import logging
from collections.abc import Callable
from dataclasses import fields
from typing import Any

import pytest

from eks_auditor.checks import CATALOGUE
from eks_auditor.findings.judge import audit_of, judge
from eks_auditor.model.capacity import SelfManagedGroup
from eks_auditor.model.gap import Gap
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.report.asff_document import render_asff
from eks_auditor.report.audited import AuditedCluster, report_of
from eks_auditor.report.json_document import render_json
from eks_auditor.report.redaction import redacted
from eks_auditor.report.snapshot_file import read_snapshot, write_snapshot
from eks_auditor.report.table import render_table
from tests.snapshot.bench import ACCOUNT, BATCH, NOW, REGION, Bench, ago, batch, by_name

SECRET = "hunter2-correct-horse"  # noqa: S105  planted
JOINS = "/etc/eks/bootstrap.sh shop --kubelet-extra-args '--node-labels=tier=web'"
NODE_CONFIG = """apiVersion: node.eks.aws/v1alpha1
kind: NodeConfig
spec:
  cluster:
    name: shop
  kubelet:
    flags: ["--node-labels=tier=web"]
"""
MIME = """MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="//"

--//
Content-Type: application/node.eks.aws

{node_config}
--//
Content-Type: text/x-shellscript

#!/bin/bash
echo {secret} > /etc/token

--//--
"""
READABLE = {
    "a comment in a NodeConfig": NODE_CONFIG.replace("spec:", f"# token: {SECRET}\nspec:"),
    "another part of a MIME message": MIME.format(node_config=NODE_CONFIG, secret=SECRET),
    "an environment file": f"#!/bin/bash\ncat > /etc/app.env <<EOF\nPASSWORD={SECRET}\nEOF\n{JOINS}\n",
    "an argument of bootstrap.sh": f'#!/bin/bash\n{JOINS} --docker-config-json \'{{"auth": "{SECRET}"}}\'\n',
    "a setting of Bottlerocket": f'[settings.kubernetes]\ncluster-name = "shop"\n[settings.kubernetes.node-labels]\n'
    f'tier = "web"\n[settings.host-containers.admin]\nuser-data = "{SECRET}"\n',
}
SILENT = {"a script that joins nothing": f"#!/bin/bash\necho {SECRET}\n"}
UNREADABLE = {
    "a NodeConfig that is no YAML": f"{NODE_CONFIG}\n  - [{SECRET}: {{\n",
    "settings that are no TOML": f'[settings.kubernetes]\ncluster-name = "shop"\n= {SECRET}\n',
    "labels by a variable": f'#!/bin/bash\nLABELS={SECRET}\n{JOINS} --kubelet-extra-args "--node-labels=$LABELS"\n',
    "a taint that is none": f"#!/bin/bash\n{JOINS.replace('tier=web', f'tier=web --register-with-taints={SECRET}')}\n",
    "quotes that never close": f"#!/bin/bash\n/etc/eks/bootstrap.sh shop --kubelet-extra-args '{SECRET}\n",
}


def plant(bench: Bench, user_data: str) -> None:
    [versions] = bench.aws.region(ACCOUNT, REGION).template_versions.values()
    versions[0]["LaunchTemplateData"]["UserData"] = user_data


def plant_in_configuration(bench: Bench, user_data: str) -> None:
    del batch(bench)["LaunchTemplate"]
    batch(bench)["LaunchConfigurationName"] = "old-way"
    bench.aws.region(ACCOUNT, REGION).launch_configurations["old-way"] = {
        "LaunchConfigurationName": "old-way",
        "ImageId": "ami-1",
        "InstanceType": "m5.large",
        "CreatedTime": ago(days=900),
        "UserData": user_data,
    }


def written(snapshot: Snapshot) -> str:
    """Everything that a command line or a function would write of a snapshot."""
    report = report_of([AuditedCluster(snapshot=snapshot, findings=judge(snapshot, CATALOGUE))], gaps=(), started=NOW)
    return "\n".join(
        [
            write_snapshot(snapshot),
            write_snapshot(redacted(snapshot)),
            render_json(report, show_all=True),
            render_asff(report),
            render_table(report, show_all=True),
            repr(audit_of(snapshot, CATALOGUE, "an-audit")),
            repr(snapshot),
        ]
    )


def remembered(bench: Bench) -> str:
    """Everything that the reader keeps for the audits to come."""
    cache = vars(bench.reader)["_cache"]
    return "\n".join(repr(vars(getattr(cache, field.name))) for field in fields(cache))


def forms(secret: str) -> tuple[str, ...]:
    """How a secret may be written: as it is, and as somebody encoded or quoted it."""
    return secret, base64.b64encode(secret.encode()).decode().rstrip("="), secret.encode().hex()


@pytest.mark.parametrize("where", [plant, plant_in_configuration])
@pytest.mark.parametrize(
    "text", [*READABLE.values(), *SILENT.values(), *UNREADABLE.values()], ids=[*READABLE, *SILENT, *UNREADABLE]
)
def test_a_secret_in_user_data_goes_nowhere(
    bench: Callable[..., Any], caplog: pytest.LogCaptureFixture, where: Callable[[Bench, str], None], text: str
) -> None:
    caplog.set_level(logging.DEBUG, logger="eks_auditor")
    assert SECRET in text, "nothing is planted"
    with bench(BATCH) as started:
        encoded = base64.b64encode(text.encode()).decode()
        where(started, encoded)
        snapshot = started.read()
        cached = remembered(started)
    found = by_name(snapshot)["batch"]
    assert isinstance(found, SelfManagedGroup)
    assert isinstance(found.labels, Gap) is (text not in READABLE.values())
    if not isinstance(found.labels, Gap):
        assert found.labels == {"tier": "web"}
    everything = written(snapshot) + cached + caplog.text
    assert all(word in everything for word in ("batch", "m5.large" if where is plant_in_configuration else "m6i.large"))
    assert not [form for form in forms(SECRET) if form in everything]
    assert encoded not in everything
    assert read_snapshot(write_snapshot(snapshot), source="s.json") == snapshot


def test_one_that_is_compressed_goes_nowhere(bench: Callable[..., Any]) -> None:
    text = READABLE["another part of a MIME message"]
    with bench(BATCH) as started:
        plant(started, base64.b64encode(gzip.compress(text.encode())).decode())
        snapshot = started.read()
    found = by_name(snapshot)["batch"]
    assert found.labels == {"tier": "web"}
    assert SECRET not in written(snapshot)


def test_a_template_whose_group_is_nobodys_leaves_nothing_in_memory(bench: Callable[..., Any]) -> None:
    with bench(BATCH) as started:
        group = batch(started)
        group |= {"Tags": [], "Instances": [], "DesiredCapacity": 0, "MinSize": 0}
        started.aws.region(ACCOUNT, REGION).instances.clear()
        plant(started, base64.b64encode(READABLE["an environment file"].encode()).decode())
        snapshot = started.read()
        assert started.count("ec2:DescribeLaunchTemplateVersions") == 2, "to learn whose it is, and what it launches"
        kept = remembered(started)
    assert "shop" in kept, "which cluster it joins"
    assert SECRET not in written(snapshot) + kept
    assert [each.declared_in for each in snapshot.capacities if isinstance(each, SelfManagedGroup)] == ["bootstrap.sh"]
