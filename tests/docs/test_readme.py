"""README.md names what the code and the template have: every check, what is read, and what it adds up to cost."""

import re
from fractions import Fraction

from eks_auditor.checks import CATALOGUE
from eks_auditor.wiring.permissions import ACTIONS
from tests.docs.pages import OPERATIONS, ROOT, rows, text
from tests.template.cloudformation import Stack, load
from tests.template.test_failure_queues import FULL

README = "README.md"
READ = ("autoscaling", "ec2", "eks", "iam", "ssm")
"""The services that are read; the others keep what is known and tell it."""

WORDS = {"nodegroup": "node group", "allowed images settings": "allowed amis settings"}
"""Where AWS's documentation does not write what an action is named by."""

HOURS = 730


def section(begin: str, end: str) -> str:
    return text(README).partition(begin)[2].partition(end)[0]


def test_every_check_has_its_row_in_the_order_of_the_catalogue() -> None:
    linked = [re.findall(r"^\[(\w+)\]\(docs/checks\.md#(\w+)\)$", check)[0] for check, _ in rows(README, "check")]
    assert linked == [(check.id, check.id.lower()) for check in CATALOGUE]


def test_whatever_is_read_is_named() -> None:
    said = " ".join(section("- **Reads**", "- **Writes**").split()).lower()
    read = {action for actions in ACTIONS.values() for action in actions if action.partition(":")[0] in READ}
    assert len(read) > len(READ)
    for action in sorted(read):
        noun = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", action.partition(":")[2]).lower().partition(" ")[2]
        for name, word in WORDS.items():
            noun = noun.replace(name, word)
        assert re.search(rf"\b{noun}s?\b", said), action


def dollars(cell: str) -> Fraction:
    return sum((Fraction(amount) for amount in re.findall(r"\$([0-9.]+)", cell)), start=Fraction(0))


def cost() -> list[tuple[str, Fraction, Fraction]]:
    """Return the lines of the table: what it is for, what a cluster costs, and what the stack costs."""
    lines = re.findall(r"(?m)^\| (.+?) \| ([^|]*) ?\| ([^|]*) ?\|$", section("## What it costs", "## Delete"))
    return [(what, dollars(cluster), dollars(fixed)) for what, cluster, fixed in lines if "$" in cluster + fixed]


def test_the_sums_of_the_costs_are_right() -> None:
    *parts, (what, cluster, fixed) = cost()
    assert what == "**sum**"
    assert (cluster, fixed) == (sum(each[1] for each in parts), sum(each[2] for each in parts))
    fleets = re.findall(r"about \$(\d+) for ([\d,]+) clusters and \$(\d+) for ([\d,]+)", text(README))[0]
    for total, clusters in (fleets[:2], fleets[2:]):
        assert int(total) == round(fixed + int(clusters.replace(",", "")) * cluster)


def test_alarms_and_metrics_that_are_counted_are_all() -> None:
    [(what, fixed)] = [(what, fixed) for what, _, fixed in cost() if what.startswith("CloudWatch:")]
    [(alarms, an_alarm, metrics, a_metric)] = re.findall(r"(\d+) alarms . (\S+), up to (\d+) metrics . (\S+)", what)
    assert int(alarms) == len(Stack(**FULL).of_type("AWS::CloudWatch::Alarm"))
    assert int(metrics) == len(rows(OPERATIONS, "metric"))
    assert fixed == int(alarms) * dollars(an_alarm) + int(metrics) * dollars(a_metric)


def test_scheduled_runs_that_are_counted_are_all() -> None:
    schedules = Stack().of_type("AWS::Scheduler::Schedule").values()
    minutes = [re.findall(r"^rate\((\d+) minutes\)$", each["ScheduleExpression"])[0] for each in schedules]
    [runs] = re.findall(r"([\d,]+) scheduled runs", text(README))
    assert int(runs.replace(",", "")) == sum(HOURS * 60 // int(each) for each in minutes)


def test_the_idle_polls_are_of_every_queue_that_starts_a_function() -> None:
    functions = load()["Resources"].values()
    events = [event for each in functions for event in each.get("Properties", {}).get("Events", {}).values()]
    queues = [event for event in events if event["Type"] == "SQS"]
    [polled] = re.findall(r"three event sources, (\d+) . 15 a minute", text(README))
    assert int(polled) == len(queues)


def test_every_page_is_linked() -> None:
    more = section("## More", "Apache License")
    pages = {path.name for path in (ROOT / "docs").glob("*.md")}
    assert pages == set(re.findall(r"\(docs/([a-z-]+\.md)\)", more))
