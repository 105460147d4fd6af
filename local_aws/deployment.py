"""The AWS that the stack is deployed to when there is none: ministack, started, deployed to with SAM, and stopped.

Everything goes through the unmodified template and the commands a user would run. What ministack does not do, so that
it is asserted on the template (tests/template) or by unit tests instead of being seen here:

* dropped without a word: TTL, point-in-time recovery and encryption of tables, KMS keys of topics, an event bus's
  policy, failure queues and retries of rules' targets and of schedules;
* ignored: Lambda's retries and failure destination when a rule or a schedule starts a function;
  `batchItemFailures`, retries and bisection of a stream (a batch that raises is retried until it is too old; one that
  reports failures is passed over), which the relay schedule makes good;
* never: metrics from log lines or of queues, so alarms stay as they were created; mail.

What it does and is relied on: execution roles' policies are enforced (AUTH), so a missing permission fails here too,
and by `local_aws.policies` on the audited side as well.
"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import boto3
from botocore.config import Config

from local_aws.building import (
    REGION,
    ROOT,
    TOOLS,
    DeploymentError,
    architecture,
    base_interpreter,
    run,
    sam_build,
    sam_environment,
)
from local_aws.callers import Caller
from local_aws.policies import DeployedPolicies

ACCOUNT = "111111111111"
SECRET = "test"  # noqa: S105 - what ministack takes from the account itself
STACK = "eks-auditor"

_START_ATTEMPTS = 3
_START_SECONDS = 30
_STOP_SECONDS = 5
_POLL_SECONDS = 0.1
_ASSUMED_ROLE = re.compile(r"arn:[^:]+:sts::(?P<account>\d{12}):assumed-role/(?P<role>[^/]+)/(?P<session>.+)")


def free_port() -> int:
    """Return a port of the loopback that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class DeploymentAws:
    """A ministack of one's own, on a free port of the loopback; a context manager that leaves nothing running.

    Attributes:
        endpoint: Its URL.
        directory: Where it and its functions write.
        stack: The name of the stack that was deployed last.
        policies: What its roles may.
    """

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        """Take what the functions' environment gets beside their own, such as the endpoints of the audited AWS."""
        self.endpoint = ""
        self.stack = STACK
        self._environment = dict(environment or {})
        self._process: subprocess.Popen[bytes] | None = None
        self.directory = Path()
        self._log: IO[bytes] | None = None
        self._clients: dict[str, Any] = {}
        self.policies = DeployedPolicies(lambda: self.endpoint)

    def __enter__(self) -> Self:
        """Start, and wait until it is ready."""
        self.directory = Path(tempfile.mkdtemp(prefix="eks-auditor-aws-"))
        try:
            self._start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop it and every function it runs, and remove what they wrote."""
        self._stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    # -- what it is asked

    def client(self, service: str, region: str = REGION, account: str = ACCOUNT) -> Any:  # noqa: ANN401 - boto3's clients are made at run time
        """Return a boto3 client of an account, the deployment's own unless another is named."""
        name = f"{service}/{region}/{account}"
        if name not in self._clients:
            session = boto3.Session(account, SECRET, region_name=region)
            config = Config(retries={"mode": "standard"})
            self._clients[name] = session.client(service, endpoint_url=self.endpoint, config=config)  # type: ignore[call-overload]
        return self._clients[name]

    def caller_of(self, access_key: str) -> Caller | None:
        """Return who is behind an access key that this AWS gave to a function or for an assumed role."""
        arn = _ASSUMED_ROLE.fullmatch(str(self._ask(f"caller/{access_key}"))) if access_key.isalnum() else None
        return Caller(arn["account"], arn["role"], arn["session"]) if arn else None

    def sam_deploy(self, stack_name: str = STACK, parameters: Mapping[str, str] | None = None) -> None:
        """Deploy what `sam_build` built, as a user would."""
        arch = architecture()
        overrides = [f"{name}={value}" for name, value in {"Architecture": arch, **(parameters or {})}.items()]
        command = [
            f"{TOOLS}/sam/bin/sam",
            "deploy",
            "--template-file",
            str(sam_build(arch)),
            "--stack-name",
            stack_name,
        ]
        # SAM looks for its settings beside the template, which is the built one here.
        options = ["--config-file", f"{ROOT}/samconfig.toml", "--no-confirm-changeset", "--no-fail-on-empty-changeset"]
        run([*command, *options, "--parameter-overrides", *overrides], self._user_environment())
        self.stack = stack_name

    def stack_outputs(self) -> dict[str, str]:
        """Return the outputs of the stack."""
        [stack] = self.client("cloudformation").describe_stacks(StackName=self.stack)["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}

    def stack_resources(self) -> dict[str, str]:
        """Return the physical id of every resource of the stack, by its logical id."""
        pages = self.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=self.stack)
        return {
            resource["LogicalResourceId"]: resource["PhysicalResourceId"]
            for page in pages
            for resource in page["StackResourceSummaries"]
        }

    def logs(self) -> list[dict[str, Any]]:
        """Return what the functions logged, oldest first: the lines that are JSON documents."""
        group = self.stack_outputs()["LogGroup"]
        pages = self.client("logs").get_paginator("filter_log_events").paginate(logGroupName=group)
        events = sorted((event for page in pages for event in page["events"]), key=lambda event: event["timestamp"])
        return [json.loads(event["message"]) for event in events if event["message"].startswith("{")]

    # -- queues

    def queue_depths(self) -> dict[str, int]:
        """Return how many messages wait, for their time too, or are being worked on, by the queue's logical id."""
        return {name: self._depth(url) for name, url in self.stack_resources().items() if re.match(r"https?://", url)}

    def _depth(self, url: str) -> int:
        kinds = [f"ApproximateNumberOfMessages{kind}" for kind in ("", "NotVisible", "Delayed")]
        found = self.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=kinds)["Attributes"]
        return sum(int(found[kind]) for kind in kinds)

    def subscribe_queue(
        self, name: str, filter_policy: Mapping[str, Any] | None = None, *, topic: str | None = None
    ) -> str:
        """Make a queue that gets what a topic says, as a user's own would, and return its URL.

        Args:
            name: Its name.
            filter_policy: What it gets; all if there is none.
            topic: The topic's ARN; without one it is the stack's topic of transitions.
        """
        sqs = self.client("sqs")
        url: str = sqs.create_queue(QueueName=name)["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        topic = topic or self.stack_outputs()["TopicArn"]
        allowed = {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
        attributes = {"RawMessageDelivery": "true"}
        if filter_policy:
            attributes["FilterPolicy"] = json.dumps(filter_policy)
        self.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes=attributes)
        return url

    def take_messages(self, url: str) -> list[dict[str, Any]]:
        """Take every message that waits in a queue."""
        taken: list[dict[str, Any]] = []
        sqs = self.client("sqs")
        while messages := sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"], WaitTimeSeconds=0
        ).get("Messages"):
            for message in messages:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            taken += messages
        return taken

    # -- starting and stopping

    def _user_environment(self) -> dict[str, str]:
        """Return the environment of a user's shell that is pointed at this AWS."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        credentials = {"AWS_ACCESS_KEY_ID": ACCOUNT, "AWS_SECRET_ACCESS_KEY": SECRET}
        return {**kept, **sam_environment(), **credentials, "AWS_ENDPOINT_URL": self.endpoint}

    def _start(self) -> None:
        for _ in range(_START_ATTEMPTS):
            if self._listen():
                return
            self._stop()  # somebody was faster at the port
        said = (self.directory / "ministack.log").read_text(errors="replace")
        message = f"ministack does not start:\n{said}"
        raise DeploymentError(message)

    def _listen(self) -> bool:
        """Start ministack; False if another process listens on the port that was free a moment ago."""
        port = free_port()
        self.endpoint = f"http://127.0.0.1:{port}"
        state = self.directory / "state"
        scratch = self.directory / "tmp"
        for directory in (state, scratch):
            directory.mkdir(exist_ok=True)
        environment = {
            # Functions inherit this environment, so nothing of the caller's gets in.
            "PATH": "/usr/bin:/bin",
            "HOME": str(scratch),
            "TMPDIR": str(scratch),
            "STATE_DIR": str(state),
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(port),
            "MINISTACK_HOST": "127.0.0.1",
            "MINISTACK_REGION": REGION,
            "MINISTACK_ACCOUNT_ID": ACCOUNT,
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "AUTH": "true",
            "AWS_ENDPOINT_URL": self.endpoint,
            **self._environment,
        }
        launcher = [f"{TOOLS}/ministack/bin/python", str(Path(__file__).with_name("ministack_launcher.py"))]
        self._log = (self.directory / "ministack.log").open("ab")
        self._process = subprocess.Popen(  # noqa: S603 - our own launcher
            [*launcher, base_interpreter()],
            cwd=self.directory,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        deadline = time.monotonic() + _START_SECONDS
        while self._process.poll() is None and time.monotonic() < deadline:
            if self._ask("process") == self._process.pid and self._ready():
                return True
            time.sleep(_POLL_SECONDS)
        return False

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.endpoint}/_ministack/ready", timeout=5) as response:  # noqa: S310 - the loopback
                return bool(response.status == 200)  # noqa: PLR2004
        except OSError:
            return False

    def _ask(self, route: str) -> object:
        try:
            with urllib.request.urlopen(f"{self.endpoint}/_deployment/{route}", timeout=5) as response:  # noqa: S310 - the loopback
                answer: object = json.load(response)
                return answer
        except (OSError, ValueError):
            return None

    def _stop(self) -> None:
        if self._process is None:
            return
        process, self._process = self._process, None
        for patience in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(process.pid, patience)
                process.wait(_STOP_SECONDS)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                continue
        if process.stdin:
            process.stdin.close()
        if self._log:
            self._log.close()
        self.policies.close()
        for client in self._clients.values():
            client.close()
        self._clients.clear()
