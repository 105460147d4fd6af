"""Each alarm's queries of the logs find what the code says then, and nothing of a healthy day.

The local AWS knows few forms of CloudWatch Logs Insights' language and ignores the others, so the filters are held
against lines of the code here; that the commands run is for the end-to-end tests.
"""

import functools
import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from eks_auditor.ledger.saving import ContendedError
from eks_auditor.snapshot.errors import ClusterUnreadableError
from eks_auditor.wiring.gaps import tell_gaps
from eks_auditor.wiring.publish_transitions import RelayError
from tests.builders import CLUSTER_ID, NOW, gap
from tests.docs.pages import OPERATIONS, blocks, redrives
from tests.docs.test_operations import ALARMS, section
from tests.sinks.fakes import FakeSecurityHub, FakeSns
from tests.sinks.transitions import body, transitions
from tests.wiring.fakes import FakeAnnouncements, FakeLedger, Heard
from tests.wiring.test_audit_cluster import Auditing
from tests.wiring.test_import_findings import HERE, Importing
from tests.wiring.test_policy_in_force import INVALID, FakeSource, Process
from tests.wiring.test_publish_transitions import Publishing, items
from tests.wiring.watching import Watching


def commands(alarm: str) -> list[str]:
    """Return the lines of an alarm's shell blocks."""
    return [line for block in re.findall(r"(?ms)^```sh\n(.*?)^```$", section(alarm)) for line in block.splitlines()]


@pytest.mark.parametrize("alarm", ALARMS)
def test_each_alarm_has_a_query_and_looks_into_its_own_queue(alarm: str) -> None:
    words = [line.split()[0] for line in commands(alarm)]
    assert {"look", "insights", "trouble"} & set(words)
    looked = [line.split()[1] for line in commands(alarm) if line.startswith("look ")]
    queue = alarm.removesuffix("Alarm")
    assert looked == ([f"{queue}Url"] if queue in redrives() and queue != "PublishFailures" else [])


type Line = dict[str, Any]


def asked(alarm: str) -> list[str]:
    """Return the queries of an alarm's section; ``trouble`` is the one that the page begins with."""
    [trouble] = re.findall(r"(?m)^  insights \"\$1\" '(.*)'$", blocks(OPERATIONS)[0])
    found = [re.findall(r"^insights \d+ '(.*)'$", line) for line in commands(alarm)]
    return [query for queries in found for query in queries] + (
        [trouble] if any(line.startswith("trouble ") for line in commands(alarm)) else []
    )


def finds(query: str, line: Line) -> bool:
    """Tell whether every filter of a query lets a line pass; as much of the language as the page uses."""
    filters = [stage.removeprefix("filter ") for stage in re.split(r" \| (?=[a-z]+ )", query) if "filter " in stage]
    assert filters
    return all(
        any(all(_holds(term, line) for term in _terms(each, "and")) for each in _terms(f, "or")) for f in filters
    )


def _terms(condition: str, word: str) -> list[str]:
    return re.split(rf" {word} ", condition)


def _holds(term: str, line: Line) -> bool:
    found = re.fullmatch(r"([\w.]+) (=|in|like) (.+)", term)
    assert found, term
    value = functools.reduce(lambda part, name: part.get(name, {}), found[1].split("."), line)
    match found[2]:
        case "=":
            return bool(value == json.loads(found[3]))
        case "in":
            return value in json.loads(found[3])
    return re.search(found[3].strip("/"), str(value)) is not None


def refusing() -> Heard:
    """An audit of which a read is refused, as are those that follow."""
    heard = Heard()
    with heard.telemetry.about(audit_id="abc", cluster=CLUSTER_ID.arn):
        tell_gaps((gap(),), None, NOW, heard.telemetry)
    return heard


def unreadable() -> Heard:
    denied = gap("eks:DescribeCluster", CLUSTER_ID.arn, "AccessDeniedException: no")
    auditing = Auditing(ClusterUnreadableError(CLUSTER_ID, denied))
    auditing.take()
    return auditing.heard


def unsaved() -> Heard:
    auditing = Auditing(ledger=FakeLedger(answer=ContendedError("other audits came between 5 times")))
    auditing.take()
    return auditing.heard


def unpublished() -> Heard:
    announced = items()
    publishing = Publishing(FakeAnnouncements(announced), FakeSns(fail_on={"finding"}))
    with pytest.raises(RelayError):
        publishing.relay()
    return publishing.heard


def unimported() -> Heard:
    told = transitions(1)
    importing = Importing({HERE: FakeSecurityHub(refuse={told[0].finding.id: 9})})
    importing.take(body(*told))
    return importing.heard


def unpolled() -> Heard:
    watching = Watching()
    watching.minors = gap("eks:DescribeClusterVersions", "eu-west-1")
    watching.poll()
    return watching.heard


def invalid() -> Heard:
    process = Process(FakeSource(INVALID))
    process.version()
    return process.heard


SAID: list[tuple[str, Callable[[], Heard]]] = [
    ("Heartbeat", unreadable),
    ("ReleaseHeartbeat", unpolled),
    ("RegionsUnreadAlarm", unpolled),
    ("PolicyInvalidAlarm", invalid),
    ("GapsRisingAlarm", refusing),
    ("GapsRisingAlarm", unreadable),
    ("AuditFailuresAlarm", unsaved),
    ("PublishFailuresAlarm", unpublished),
    ("ImportFailuresAlarm", unimported),
]
"""What each alarm's queries are there to find, said by the code itself."""


@pytest.mark.parametrize(("alarm", "tell"), SAID, ids=[f"{alarm}-{tell.__name__}" for alarm, tell in SAID])
def test_a_query_finds_what_its_alarm_is_about_and_nothing_else(alarm: str, tell: Callable[[], Heard]) -> None:
    lines = tell().lines
    assert lines
    healthy = Heard()
    with healthy.telemetry.about(audit_id="abc", cluster=CLUSTER_ID.arn):
        healthy.telemetry.info(f"audited {CLUSTER_ID.arn}: 42 verdicts, 1 opened")
    assert any(finds(query, line) for query in asked(alarm) for line in lines)
    assert not [query for query in asked(alarm) for line in healthy.lines if finds(query, line)]


def test_every_alarm_with_a_query_of_its_own_is_among_these() -> None:
    assert {alarm for alarm in ALARMS if any(line.startswith("insights ") for line in commands(alarm))} <= {
        alarm for alarm, _ in SAID
    }


def test_the_pattern_that_takes_gaps_apart_fits_what_is_said() -> None:
    [query] = [query for query in asked("GapsRisingAlarm") if "| parse " in query]
    pattern = re.findall(r"parse message /(.*?)/ \|", query)[0].replace("(?<", "(?P<")
    found = [re.search(pattern, sentence) for sentence in refusing().sentences]
    assert [each and each["action"] for each in found] == ["ec2:DescribeImages"]
    assert [each and each["error"] for each in found] == [str(gap())]


def test_what_lambda_says_of_a_function_that_ran_out_of_time_is_trouble() -> None:
    """Its own line: https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html#platform-report."""
    report = {"type": "platform.report", "record": {"requestId": "1", "status": "timeout"}}
    [trouble, *_] = asked("Heartbeat")
    assert finds(trouble, report)
    assert not finds(trouble, {**report, "record": {"requestId": "1", "status": "success"}})
