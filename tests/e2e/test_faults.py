"""The main faults between the deployed functions and AWS: put there by microburst, as the clients' own errors."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

import pytest

from local_aws.deployment import free_port
from local_aws.stage import Stage
from tests.e2e.conftest import SECONDS, Witness, arn

pytestmark = pytest.mark.e2e

CLUSTER = "parked"
OPENED = [("opened", "HEALTH001", "web")]
SERVICES = ("EKS", "EC2", "AUTO_SCALING", "IAM", "SSM")


class Burst:
    """microburst, in the way of one function's calls."""

    def __init__(self, upstream: str) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        port = self.url.rpartition(":")[2]
        self._process = subprocess.Popen(  # noqa: S603  what is run is all here
            [sys.executable, "-m", "microburst", "--upstream", upstream, "--port", port, "--host", "127.0.0.1"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + SECONDS
        while not self._is_up():
            assert time.monotonic() < deadline, "microburst does not answer"
            time.sleep(0.1)

    def _is_up(self) -> bool:
        try:
            self._ask("GET", "health")
        except URLError:
            return False
        return True

    def fail(self, **rule: Any) -> None:  # noqa: ANN401  any member of a rule
        self._ask("POST", "rules", [rule])

    def mend(self) -> None:
        self._ask("POST", "rules", [])
        self._ask("DELETE", "fired")

    @property
    def fired(self) -> list[dict[str, Any]]:
        told = self._ask("GET", "fired")
        return list(told if isinstance(told, list) else told["fired"])

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait()

    def _ask(self, method: str, what: str, body: object = None) -> Any:  # noqa: ANN401  any JSON
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = Request(f"{self.url}/_microburst/{what}", data, headers, method=method)  # noqa: S310  a loopback URL
        with urlopen(request, timeout=10) as answer:  # noqa: S310  likewise
            return json.loads(answer.read() or b"null")


@pytest.fixture(scope="module")
def burst(stage: Stage, first_pass: object) -> Iterator[Burst]:
    """Let AuditCluster reach AWS through microburst, and its messages return soon."""
    assert first_pass
    functions = stage.deployment.client("lambda")
    name = stage.outputs["AuditClusterFunction"]
    told = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    started = Burst(stage.audited.url)
    through = {f"AWS_ENDPOINT_URL_{service}": started.url for service in SERVICES}
    functions.update_function_configuration(FunctionName=name, Environment={"Variables": {**told, **through}})
    try:
        with returning_after(stage, seconds=10):
            yield started
    finally:
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": told})
        started.stop()


@contextmanager
def returning_after(stage: Stage, *, seconds: int) -> Iterator[None]:
    """Let a message that was not done with come again after so long; work that takes longer is done twice."""
    sqs, queue = stage.deployment.client("sqs"), stage.deployment.stack_resources()["AuditQueue"]
    waits = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["VisibilityTimeout"])["Attributes"]
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": str(seconds)})
    try:
        yield
    finally:
        sqs.set_queue_attributes(QueueUrl=queue, Attributes=waits)


@pytest.fixture
def broken(stage: Stage, burst: Burst, witness: Witness) -> Iterator[Stage]:
    """A cluster with an open finding, that any fault might close."""
    burst.mend()
    stage.audited.break_nodegroup(CLUSTER, "web", "NodeCreationFailure", "Instances failed to join")
    asked = audited(stage)
    assert witness.told(CLUSTER, asked)[0][1:] == OPENED[0][1:]
    yield stage
    burst.mend()
    stage.audited.repair_nodegroup(CLUSTER, "web")
    asked = audited(stage)
    assert witness.told(CLUSTER, asked) == [("resolved", "HEALTH001", "web")]


def audited(stage: Stage) -> datetime:
    asked = stage.request_audit(arn(CLUSTER))
    stage.settle(asked, seconds=SECONDS, clusters=[arn(CLUSTER)])
    return asked


def said(stage: Stage, text: str) -> bool:
    """Whether a line about the cluster has a text: a message that is returned is told after the audit's own lines."""
    about = arn(CLUSTER)
    lines = (line for line in stage.deployment.logs() if "message" in line)
    return any(text in line["message"] and about in (line.get("cluster"), *line["message"].split()) for line in lines)


@pytest.mark.parametrize(
    "fault",
    [
        {"error": {"code": "ThrottlingException", "status": 429}},
        {"error": {"code": "ServerException", "status": 500}},
        {"reset": True},
    ],
    ids=["throttled", "5xx", "reset"],
)
def test_a_fault_that_passes_is_never_heard_of(
    broken: Stage, burst: Burst, witness: Witness, fault: dict[str, Any]
) -> None:
    burst.fail(service="eks", operation="DescribeCluster", times=1, **fault)
    asked = audited(broken)
    assert witness.told(CLUSTER, asked) == []
    assert len(burst.fired) == 1
    assert not said(broken, "eks:DescribeCluster")


@pytest.mark.parametrize(
    ("operation", "error"),
    [
        ("ListNodegroups", {"code": "AccessDeniedException", "status": 403}),
        ("ListFargateProfiles", {"code": "ResourceNotFoundException", "status": 404}),
    ],
    ids=["denied", "vanished"],
)
def test_what_another_try_would_not_mend_is_a_gap(
    broken: Stage, burst: Burst, witness: Witness, operation: str, error: dict[str, Any]
) -> None:
    burst.fail(service="eks", operation=operation, error=error)
    asked = audited(broken)
    assert witness.told(CLUSTER, asked) == []
    assert burst.fired
    assert said(broken, f"eks:{operation}")


@pytest.mark.parametrize("operation", ["DescribeNodegroup", "DescribeCluster"])
def test_half_an_answer_is_asked_for_again(broken: Stage, burst: Burst, witness: Witness, operation: str) -> None:
    burst.fail(service="eks", operation=operation, times=1, response={"truncate_frac": 0.5})
    asked = audited(broken)
    assert witness.told(CLUSTER, asked) == []
    assert len(burst.fired) == 1
    assert said(broken, f"eks:{operation}")


def test_what_stays_is_parked_whole(broken: Stage, burst: Burst, witness: Witness) -> None:
    burst.fail(service="eks", operation="DescribeCluster", response={"truncate_frac": 0.5})
    with returning_after(broken, seconds=1):
        asked = broken.request_audit(arn(CLUSTER))
        deadline = time.monotonic() + SECONDS
        while broken.deployment.queue_depths()["AuditFailures"] == 0:
            assert time.monotonic() < deadline, "the message was not parked"
            time.sleep(0.5)
    assert witness.told(CLUSTER, asked) == []
    [parked] = broken.deployment.take_messages(broken.outputs["AuditFailuresUrl"])
    assert json.loads(parked["Body"])["cluster_arn"] == arn(CLUSTER)
    assert burst.fired
