"""Each function as Lambda runs it: its file by itself, its environment, its context."""

import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from eks_auditor.events.errors import EventError
from tests.wiring.fakes import Context, failures, messages

ROOT = Path(__file__).resolve().parents[2]
FUNCTIONS = ("watch_releases", "plan_audits", "audit_cluster", "publish_transitions", "import_findings")

HEAVY = {"pydantic", "aws_xray_sdk", "eks_auditor.checks", "eks_auditor.snapshot.reader"}

type Handler = Callable[[Any, Context], Any]


def handler(name: str) -> Handler:
    spec = importlib.util.spec_from_file_location(f"handler_of_{name}", ROOT / "functions" / name / "handler.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    handle: Handler = module.handle
    return handle


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the template sets; the endpoint is nobody's, so that no test can reach AWS."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "111122223333",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "STACK_NAME": "stack",
        "LEDGER_TABLE": "ledger",
        "TOPIC_ARN": "arn:aws:sns:eu-west-1:111122223333:topic",
        "AUDIT_QUEUE_URL": "http://127.0.0.1:9/queue",
        "AUDIT_BUS": "bus",
        "READ_ROLE_NAME": "read",
        "IMPORT_ROLE_NAME": "import",
    }.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize("name", ["audit_cluster", "import_findings"])
def test_a_message_that_cannot_be_read_is_returned_and_said_once(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert failures(handler(name)(messages("{}"), Context())) == ["message-0"]
    assert '"MessagesUnreadable":[1.0]' in capsys.readouterr().out


@pytest.mark.parametrize("name", ["watch_releases", "plan_audits", "publish_transitions"])
def test_an_event_that_cannot_be_read_is_left_to_lambdas_failure_queue(name: str) -> None:
    with pytest.raises(EventError):
        handler(name)({"source": "somebody"}, Context())


@pytest.mark.parametrize("event", ["sweep", "due", "relay", "audit_requested", "release", "image_state_changed"])
def test_watch_releases_takes_its_own_schedule_s_event_only(event: str) -> None:
    with pytest.raises(EventError, match="PlanAudits"):
        handler("watch_releases")(json.loads((ROOT / "events" / f"{event}.json").read_text()), Context())


def test_plan_audits_takes_no_polls() -> None:
    with pytest.raises(EventError, match="WatchReleases"):
        handler("plan_audits")(json.loads((ROOT / "events" / "release_poll.json").read_text()), Context())


def test_publish_transitions_takes_no_requests_for_audits() -> None:
    event = {"source": "eks-auditor.schedule", "detail-type": "Sweep Requested", "detail": {"schema_version": 1}}
    with pytest.raises(EventError, match="PlanAudits"):
        handler("publish_transitions")(event, Context())


def test_publish_transitions_takes_a_batch_of_its_stream() -> None:
    record = {"dynamodb": {"NewImage": {}, "SequenceNumber": "1"}}
    assert failures(handler("publish_transitions")({"Records": [record]}, Context())) == ["1"]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_importing_a_function_does_nothing_and_costs_what_it_needs(name: str) -> None:
    """No environment, no client at import; pydantic (166 ms) only where events are read, X-Ray's SDK nowhere."""
    script = (
        f"import sys, botocore.session\n"
        f"botocore.session.Session.create_client = None\n"
        f"import eks_auditor.wiring.{name}\n"
        f"print(*sorted({HEAVY} & set(sys.modules)))"
    )
    environment = {"PYTHONPATH": str(ROOT / "layers" / "auditor"), "PATH": ""}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)  # noqa: S603  our own script
    assert (
        done.stdout.split()
        == {
            "watch_releases": ["pydantic"],
            "plan_audits": ["pydantic"],
            "audit_cluster": ["eks_auditor.checks", "eks_auditor.snapshot.reader"],
            "publish_transitions": ["pydantic"],
            "import_findings": [],
        }[name]
    )
