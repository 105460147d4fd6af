"""Nothing that the command line writes tells what user data holds beside labels, taints and the cluster's name."""

import base64
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from eks_auditor.cli.app import run
from local_aws import AuditedAws, load_fleet
from local_aws.user_data import PLANTED_SECRET
from tests.local_aws.conftest import ACCOUNT, NOW, REGION, fleet_of
from tests.local_aws.planted import leaks, planted, spellings

FORMS = ("bootstrap.sh", "NodeConfig", "Bottlerocket", "PowerShell")
GROUPS = {
    f"{form.lower().replace('.', '-')}{kind}": {
        "joins_by": form,
        "secret": True,
        "labels": {"tier": "web"},
        "min": 0,
        "launch_configuration": bool(kind),
    }
    for form in FORMS
    for kind in ("", "-lc")
}

MIME = (
    'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="//"\n\n--//\nContent-Type: application/node.eks.aws\n'
)
JOIN = "/etc/eks/bootstrap.sh shop --kubelet-extra-args"
SETTINGS = '[settings.kubernetes]\ncluster-name = "shop"\n'
BROKEN = {
    "a flag without its quote": f"#!/bin/bash\n{JOIN} '--x={PLANTED_SECRET}\n",
    "a label that is none": f"{JOIN} '--node-labels={PLANTED_SECRET}=='\n",
    "a label that is too long": f"{JOIN} '--node-labels=a={PLANTED_SECRET * 5}'\n",
    "a taint that is none": f"{JOIN} '--register-with-taints={PLANTED_SECRET}'\n",
    "words of a program": f"/etc/eks/bootstrap.sh $(decrypt {PLANTED_SECRET}) --kubelet-extra-args $ARGS\n",
    "a NodeConfig that is no YAML": f"{MIME}\nkind: NodeConfig\nspec: {{password: {PLANTED_SECRET}, [\n--//--\n",
    "a NodeConfig of the wrong shape": (
        f"{MIME}\napiVersion: node.eks.aws/v1alpha1\nkind: NodeConfig\nspec:\n  cluster: {{name: shop}}\n"
        f"  kubelet: {{flags: {PLANTED_SECRET}}}\n--//--\n"
    ),
    "settings that are no TOML": f"{SETTINGS}password = {PLANTED_SECRET}\n",
    "settings of the wrong shape": f'{SETTINGS}node-labels = "{PLANTED_SECRET}"\n',
    "a boundary": f'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="{PLANTED_SECRET}"\n\nx\n',
    "PowerShell that does not end": f"<powershell>\n-EKSClusterName shop -KubeletExtraArgs '{PLANTED_SECRET}\n",
    "no text at all": f"\x1f\x8b\x08{PLANTED_SECRET}\x00\xff",
}
"""User data that is refused somewhere or misunderstood; what is said of it must not quote it."""

type Written = Callable[[AuditedAws], list[str]]


@pytest.fixture
def written(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> Written:
    """All that audits, snapshots and templates of the cluster write: files, both outputs, logs."""
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "no-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "no-credentials"))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCOUNT)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "any will do")
    monkeypatch.setenv("AWS_REGION", REGION)
    caplog.set_level(logging.INFO)

    def write(aws: AuditedAws) -> list[str]:
        for name, value in aws.environment().items():
            monkeypatch.setenv(name, value)
        snapshots = [str(tmp_path / "plain.json"), str(tmp_path / "redacted.json")]
        commands = [
            *(["audit", "--format", form, "--all", "--output", str(tmp_path / form)] for form in ("table", "json")),
            ["audit", "--format", "asff"],
            ["snapshot", "--cluster", "shop", "--output", snapshots[0]],
            ["snapshot", "--cluster", "shop", "--redact", "--output", snapshots[1]],
            *(["audit", "--all", "--from", snapshot] for snapshot in snapshots),
            *(
                ["template", group["AutoScalingGroupName"], "--from", snapshots[0], "--format", form]
                for group in aws.region(ACCOUNT, REGION).groups.values()
                for form in ("table", "json")
            ),
        ]
        codes = {run(command, clock=lambda: NOW) for command in commands}
        assert codes <= {0, 3}  # 3: nothing could be read of an unreadable group's template
        outputs = capfd.readouterr()
        files = [path.read_text() for path in tmp_path.iterdir()]
        assert len(files) == 4
        return [*files, outputs.out, outputs.err, caplog.text]

    return write


def test_the_search_finds_the_password_in_any_spelling() -> None:
    for before in ("", "a", "ab", "abc"):
        text = f"{before}{PLANTED_SECRET}{before}"
        assert leaks([text])
        assert leaks([base64.b64encode(text.encode()).decode()])
    assert min(map(len, spellings())) > 20
    assert leaks(["DATABASE_PASSWORD", "aHVudGVy"]) == []


def test_what_is_read_of_user_data_is_written_and_the_password_beside_it_is_not(written: Written) -> None:
    with AuditedAws(load_fleet(fleet_of(clusters={"shop": {"self_managed": GROUPS}}), now=NOW)) as aws:
        assert len(planted(aws)) == len(GROUPS)
        texts = written(aws)
    assert any('"tier": "web"' in text for text in texts)
    assert leaks(texts) == []


def test_what_cannot_be_read_of_user_data_is_not_quoted(written: Written) -> None:
    groups: dict[str, dict[str, Any]] = {f"web-{number}": {"min": 0, "desired": 0} for number in range(len(BROKEN))}
    with AuditedAws(load_fleet(fleet_of(clusters={"shop": {"self_managed": groups}}), now=NOW)) as aws:
        templates = aws.region(ACCOUNT, REGION).template_versions.values()
        for versions, text in zip(templates, BROKEN.values(), strict=True):
            content = base64.b64encode(text.encode("latin-1")).decode()
            versions[-1]["LaunchTemplateData"]["UserData"] = content
        assert len(planted(aws)) == len(BROKEN)
        texts = written(aws)
    assert all(any(name in text for text in texts) for name in groups)
    assert leaks(texts) == []
