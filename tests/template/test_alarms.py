"""Alarms act where they are told to, say what to do, and mean something by missing data."""

import re
from typing import Any

import pytest

from tests.template.cloudformation import Stack, load

INTERVALS = load()["Parameters"]["AuditIntervalMinutes"]["AllowedValues"]
RELEASE_INTERVALS = load()["Parameters"]["ReleaseIntervalMinutes"]["AllowedValues"]
TOPIC = "arn:aws:sns:eu-west-1:111111111111:on-call"
AUDIT_TAKES_MINUTES = 3
POLL_TAKES_MINUTES = 3


def alarms(**parameters: object) -> dict[str, Any]:
    given = {"NotificationEmail": "team@example.com", "PolicyParameter": "/eks-auditor/policy", **parameters}
    return Stack(**given).of_type("AWS::CloudWatch::Alarm")


def test_alarms_act_on_the_topic_if_there_is_one() -> None:
    for alarm in alarms(AlarmTopicArn=TOPIC).values():
        assert alarm["AlarmActions"] == alarm["OKActions"] == [TOPIC]
    for alarm in alarms().values():
        assert "AlarmActions" not in alarm


def test_each_alarm_names_a_command() -> None:
    for name, alarm in alarms().items():
        description = (
            alarm["AlarmDescription"]["Fn::Sub"]
            if isinstance(alarm["AlarmDescription"], dict)
            else alarm["AlarmDescription"]
        )
        assert re.search(r": (aws|make) [a-z]", description), name
        assert len(description) < 1024, name


def test_the_notice_of_a_release_is_given_before_its_event_is_purged() -> None:
    description = alarms()["ReleaseAnnouncedFailuresAlarm"]["AlarmDescription"]
    assert description.index("--function-name ${PlanAudits} ") < description.index("aws sqs purge-queue")


def test_silence_is_alarming_for_the_heartbeats_only() -> None:
    missing = {name: alarm["TreatMissingData"] for name, alarm in alarms().items()}
    assert missing.pop("Heartbeat") == "breaching"
    assert missing.pop("ReleaseHeartbeat") == "breaching"
    missing.pop("PolicyInvalidAlarm", None)  # only a read of the policy changes it
    assert set(missing.values()) == {"notBreaching"}


def test_the_heartbeat_counts_the_audits_of_this_stack() -> None:
    heartbeat = alarms()["Heartbeat"]
    assert (heartbeat["Namespace"], heartbeat["MetricName"]) == ("EksAuditor", "AuditsDone")
    assert heartbeat["Dimensions"] == [{"Name": "Stack", "Value": "eks-auditor"}]
    variables = Stack().function_globals["Environment"]["Variables"]
    assert variables["POWERTOOLS_METRICS_NAMESPACE"] == heartbeat["Namespace"]
    assert variables["STACK_NAME"] == heartbeat["Dimensions"][0]["Value"]


def minutes_between(expression: str) -> int:
    """Return the minutes between two firings of ``rate(n minutes)`` or of ``cron(0 hours * * ? *)``."""
    if rate := re.fullmatch(r"rate\((\d+) minutes\)", expression):
        return int(rate[1])
    hours = re.fullmatch(r"cron\(0 (\d+)(?:/(\d+))? \* \* \? \*\)", expression)
    assert hours, expression
    step = int(hours[2]) if hours[2] else 24
    assert 24 % step == 0
    assert int(hours[1]) < step
    return step * 60


def test_the_release_heartbeat_counts_the_regions_that_were_polled() -> None:
    heartbeat = alarms()["ReleaseHeartbeat"]
    assert (heartbeat["Namespace"], heartbeat["MetricName"]) == ("EksAuditor", "RegionsPolled")
    assert heartbeat["Dimensions"] == [{"Name": "Stack", "Value": "eks-auditor"}]
    assert (heartbeat["Statistic"], heartbeat["Threshold"]) == ("Sum", 1)


@pytest.mark.parametrize("interval", RELEASE_INTERVALS)
def test_the_release_heartbeat_waits_for_two_polls(interval: int) -> None:
    stack = Stack(ReleaseIntervalMinutes=interval)
    heartbeat = stack.of_type("AWS::CloudWatch::Alarm")["ReleaseHeartbeat"]
    schedule = stack.of_type("AWS::Scheduler::Schedule")["WatchSchedule"]
    assert minutes_between(schedule["ScheduleExpression"]) == interval
    window = schedule["FlexibleTimeWindow"]["MaximumWindowInMinutes"]
    assert window < interval
    patience = heartbeat["Period"] * heartbeat["EvaluationPeriods"] / 60
    needed = 2 * interval + window + POLL_TAKES_MINUTES
    # It has the sweep's mapping, where fixed hours cost one more.
    assert needed <= patience <= needed + 60 + heartbeat["Period"] / 60 + 10


@pytest.mark.parametrize("interval", RELEASE_INTERVALS)
def test_a_region_that_two_polls_in_a_row_left_unread_is_alarming(interval: int) -> None:
    alarm = alarms(ReleaseIntervalMinutes=interval)["RegionsUnreadAlarm"]
    assert (alarm["Namespace"], alarm["MetricName"]) == ("EksAuditor", "RegionsUnread")
    assert alarm["Dimensions"] == [{"Name": "Stack", "Value": "eks-auditor"}]
    assert (alarm["Statistic"], alarm["Threshold"]) == ("Maximum", 0)
    assert alarm["ComparisonOperator"] == "GreaterThanThreshold"
    assert (alarm["Period"], alarm["EvaluationPeriods"]) == (60 * interval, 2)
    assert alarm["Period"] * alarm["EvaluationPeriods"] <= (24 if alarm["Period"] < 3600 else 7 * 24) * 3600


@pytest.mark.parametrize("interval", INTERVALS)
def test_the_heartbeat_waits_for_two_sweeps(interval: int) -> None:
    stack = Stack(AuditIntervalMinutes=interval)
    heartbeat = stack.of_type("AWS::CloudWatch::Alarm")["Heartbeat"]
    schedule = stack.of_type("AWS::Scheduler::Schedule")["SweepSchedule"]
    assert minutes_between(schedule["ScheduleExpression"]) == interval
    assert schedule["FlexibleTimeWindow"]["MaximumWindowInMinutes"] < interval
    patience = heartbeat["Period"] * heartbeat["EvaluationPeriods"] / 60
    needed = 2 * interval + schedule["FlexibleTimeWindow"]["MaximumWindowInMinutes"] + AUDIT_TAKES_MINUTES
    # A day on which the clocks go back has 25 hours, and a sweep at fixed hours comes an hour later.
    needed += 60 if schedule["ScheduleExpression"].startswith("cron") else 0
    assert needed <= patience <= needed + heartbeat["Period"] / 60 + 10
    # What CloudWatch takes.
    assert heartbeat["Period"] % 60 == 0
    longest = 24 * 3600 if heartbeat["Period"] < 3600 else 7 * 24 * 3600
    assert heartbeat["Period"] * heartbeat["EvaluationPeriods"] <= longest


@pytest.mark.parametrize("interval", INTERVALS)
def test_gaps_that_rise_stay_alarming_from_one_sweep_to_the_next(interval: int) -> None:
    alarm = alarms(AuditIntervalMinutes=interval)["GapsRisingAlarm"]
    assert (alarm["Namespace"], alarm["MetricName"]) == ("EksAuditor", "GapsRising")
    assert alarm["Dimensions"] == [{"Name": "Stack", "Value": "eks-auditor"}]
    assert (alarm["Statistic"], alarm["Threshold"]) == ("Maximum", 0)
    assert alarm["ComparisonOperator"] == "GreaterThanThreshold"
    assert (alarm["Period"], alarm["EvaluationPeriods"], alarm["DatapointsToAlarm"]) == (60 * interval, 2, 1)
    assert alarm["Period"] * alarm["EvaluationPeriods"] <= (24 if alarm["Period"] < 3600 else 7 * 24) * 3600


def test_the_default_intervals_are_an_hour() -> None:
    assert load()["Parameters"]["AuditIntervalMinutes"]["Default"] == 60
    assert load()["Parameters"]["ReleaseIntervalMinutes"]["Default"] == 60
    assert set(RELEASE_INTERVALS) <= set(INTERVALS), "they share a mapping"
    assert sorted(load()["Mappings"]["Heartbeat"], key=int) == [str(interval) for interval in INTERVALS]
