"""Runs the handlers of deployed functions in this process, with what each is deployed with: role, environment, name.

A Lambda would keep what it has read before and so not need every permission again; here each run begins anew.
"""

import importlib
import json
import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.loaders import create_loader

from eks_auditor.wiring import accounts
from local_aws.building import REGION
from local_aws.stage import Stage

LOADER = create_loader()
"""Of the services' models, which are the same in every run and slow to parse."""

DENIED = re.compile(r"not authorized to perform: ([a-z0-9]+:[A-Za-z0-9]+)")

MODULES = {
    "WatchReleases": "watch_releases",
    "PlanAudits": "plan_audits",
    "AuditCluster": "audit_cluster",
    "PublishTransitions": "publish_transitions",
    "ImportFindings": "import_findings",
    "NotifySlack": "notify_slack",
    "SendDigest": "send_digest",
}


@dataclass(frozen=True)
class Ran:
    """What a run said: its log lines, and the error it ended with, if any."""

    said: tuple[str, ...]
    answer: Any

    @property
    def denied(self) -> set[str]:
        """Return the actions that it says it may not do."""
        return {action for sentence in self.said for action in DENIED.findall(sentence)}


@dataclass(frozen=True)
class _Context:
    """Lambda's context, with time enough."""

    aws_request_id: str
    invoked_function_arn: str

    def get_remaining_time_in_millis(self) -> int:
        return 170_000


class _Listener(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        trace = record.exc_info[1] if record.exc_info else None
        self.said.append(f"{record.getMessage()} {trace or ''}")


def run(stage: Stage, function: str, event: Mapping[str, Any], **environment: str) -> Ran:
    """Run a function, by its logical id, on an event; its environment is what is deployed, but for what is given."""
    client = stage.deployment.client("lambda")
    config = client.get_function_configuration(FunctionName=stage.outputs[f"{function}Function"])
    wiring = importlib.import_module(f"eks_auditor.wiring.{MODULES[function]}")
    with _environment(stage, config, environment), _listening() as listener:
        wiring._build.cache_clear()  # noqa: SLF001  each run is a new container's first
        try:
            answer = wiring.handle(json.loads(json.dumps(event)), _Context("run", config["FunctionArn"]))
        except Exception as error:  # noqa: BLE001  Lambda would take any
            return Ran((*listener.said, str(error)), None)
        return Ran(tuple(listener.said), answer)


@contextmanager
def _environment(stage: Stage, config: Mapping[str, Any], changed: Mapping[str, str]) -> Iterator[None]:
    given = {
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ENDPOINT_URL": stage.deployment.endpoint,
        **stage.reached_by_functions(),
        **config["Environment"]["Variables"],
        **stage.deployment.policies.credentials_of(config["FunctionName"]),
        **changed,
    }
    with pytest.MonkeyPatch.context() as patched:
        for name, value in given.items():
            patched.setenv(name, value)
        patched.setattr(accounts, "create_loader", lambda: LOADER)
        yield


@contextmanager
def _listening() -> Iterator[_Listener]:
    listener, logger = _Listener(), logging.getLogger("eks-auditor")
    logger.addHandler(listener)
    try:
        yield listener
    finally:
        logger.removeHandler(listener)
