"""``make demo``: one pass of the deployed stack, shown to whoever watches.

Nothing is invoked directly and nothing is stubbed: the unmodified template is deployed with SAM to the local AWS, its
own schedule fires, Lambda functions run, and what is shown is what Security Hub holds, what a queue subscribed to the
topic received, and what the stack posted to a Slack-compatible server.
"""

import argparse
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from local_aws.building import REGION, DeploymentError
from local_aws.fleet import load_fleet
from local_aws.slack_view import view
from local_aws.stage import Stage, StageError

_SECONDS = 120
_DRILLED = "foundry"
_RELEASED = "AL2023_x86_64_STANDARD"
_MINOR = "1.35"
_SEVERITIES = ("CRITICAL", "HIGH", "MEDIUM", "LOW", "INFORMATIONAL")
_COLOURS = {"CRITICAL": "bold red", "HIGH": "red", "MEDIUM": "yellow", "LOW": "cyan", "INFORMATIONAL": "dim"}


class Demo:
    """The steps, in the order they are shown."""

    def __init__(self, stage: Stage, console: Console) -> None:
        """Take a deployed stage and where to print."""
        self.stage = stage
        self.console = console
        self.queue = stage.deployment.subscribe_queue("watcher", {"audience": ["people", "machines"]})
        self.seen_in_slack = 0
        self.began = time.monotonic()

    def run(self) -> None:
        """Show a first audit and a drill, then a repair and a second audit, then a release of AWS's and the digest.

        Raises:
            StageError: If something does not happen in time, or not exactly as it should.
        """
        self.say("The schedule of WatchReleases fires: what AWS recommends is noted, and nothing announced.")
        self.stage.poll_releases(seconds=_SECONDS)
        self.say(
            f"The deployed schedule fires: {len(self.stage.clusters())} clusters in {len(self.stage.places)} places."
        )
        self.sweep()
        self.show_hub()
        self.show_messages(self.messages())
        self.show_slack("People are told in Slack: the first cluster at once, the others together.")
        self.drill()
        cluster, nodegroup = self.repair()
        self.say("The schedule fires again.")
        self.sweep()
        self.show_resolution(self.messages(), cluster, nodegroup)
        [told] = self.show_slack("Slack shows one message, in the thread of the cluster:")
        self.say("That message, as the Slack-compatible server received it:")
        self.console.print_json(json.dumps({"text": told["text"], "blocks": told["blocks"]}))
        self.release()
        self.show_slack("Slack shows the notice:")
        self.digest()

    def say(self, sentence: str) -> None:
        """Print a step with the seconds since the demo began."""
        self.console.print(f"\n[bold green]▶[/] [dim]{time.monotonic() - self.began:4.0f} s[/]  {escape(sentence)}")

    def sweep(self) -> None:
        """Let the schedule fire and wait until all that follows has happened."""
        self.stage.settle(self.stage.fire_sweep(), seconds=_SECONDS)

    def messages(self) -> list[dict[str, Any]]:
        """Return what the subscribed queue received since the last time."""
        return [json.loads(message["Body"]) for message in self.stage.deployment.take_messages(self.queue)]

    def show_hub(self) -> None:
        """Print the active findings that Security Hub holds, worst first."""
        active = [found for found in self.stage.hub() if found["RecordState"] == "ACTIVE"]
        active.sort(
            key=lambda found: (_SEVERITIES.index(found["Severity"]["Label"]), found["GeneratorId"], found["Id"])
        )
        table = Table(
            box=box.SIMPLE_HEAD, title=f"Security Hub holds {len(active)} active findings", title_justify="left"
        )
        for column in ("severity", "check"):
            table.add_column(column, no_wrap=True)
        table.add_column("where", ratio=2, overflow="fold")
        table.add_column("what", ratio=3, overflow="fold")
        for found in active:
            label = found["Severity"]["Label"]
            where = f"{found['AwsAccountId']} {_region(found)}\n{_subject(found)}"
            table.add_row(
                f"[{_COLOURS[label]}]{label}[/]",
                found["GeneratorId"].rpartition("/")[2],
                escape(where),
                escape(found["Description"]),
            )
        self.console.print(table)

    def show_messages(self, messages: list[dict[str, Any]]) -> None:
        """Print the SNS messages as the subscribed queue received them."""
        table = Table(box=box.SIMPLE_HEAD, title=f"The topic said {len(messages)} messages", title_justify="left")
        for column in ("cluster", "kind", "part", "changes"):
            table.add_column(column, overflow="fold")
        for message in sorted(messages, key=lambda told: (told["cluster"]["arn"], told["part"])):
            changes = ", ".join(f"{count} {change}" for change, count in message["counts"].items() if count)
            place = f"{message['cluster']['name']} ({message['cluster']['account']} {message['cluster']['region']})"
            table.add_row(escape(place), message["class"], f"{message['part']} of {message['parts']}", changes)
        self.console.print(table)

    def show_slack(self, sentence: str) -> list[dict[str, Any]]:
        """Print what Slack shows since the last time, and return it.

        Raises:
            StageError: If it shows nothing new.
        """
        posted = self.stage.slack.messages()[self.seen_in_slack :]
        if not posted:
            missing = f"Slack was to show something new; the stack's last warnings: {self.stage.warnings()}"
            raise StageError(missing)
        self.seen_in_slack += len(posted)
        self.say(sentence)
        for message in posted:
            self.console.print(view(message, width=min(self.console.width, 110)))
        return posted

    def digest(self) -> None:
        """Let the digest's schedule fire, and show it as Slack does.

        Raises:
            StageError: If it does not arrive.
        """
        self.say("The schedule of the digest fires, which is Monday's: what is open, what changed, what falls due.")
        self.stage.fire("DigestScheduleName")
        deadline = time.monotonic() + _SECONDS
        while len(self.stage.slack.messages()) == self.seen_in_slack:
            if time.monotonic() > deadline:
                message = f"no digest came in {_SECONDS} s"
                raise StageError(message)
            time.sleep(1)
        self.show_slack("Slack shows it:")

    def drill(self) -> None:
        """Lose each zone of a cluster with the command line, which reads the same fleet, and show its table.

        Raises:
            StageError: If it cannot.
        """
        arguments = ["drill", "--cluster", _DRILLED]
        self.say(f"And were a zone lost? From the command line, eks-auditor {shlex.join(arguments)}:")
        shell = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        done = subprocess.run(  # noqa: S603  our own
            [Path(sys.executable).with_name("eks-auditor"), *arguments],
            env=shell | self.stage.shell_environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise StageError(done.stderr)
        self.console.print(f"\n{done.stdout}", markup=False, soft_wrap=True, end="")

    def repair(self) -> tuple[str, str]:
        """Repair the first unhealthy node group that Security Hub knows, as its owner would, and return its name."""
        [first, *_] = sorted(
            (found for found in self.stage.hub() if found["GeneratorId"].endswith("HEALTH001") and _active(found)),
            key=lambda found: str(found["Id"]),
        )
        *_, cluster, _, _, nodegroup = first["Id"].split("/")
        self.stage.audited.repair_nodegroup(cluster, nodegroup)
        self.say(f"Somebody repairs the node group {nodegroup} of {cluster}.")
        return cluster, nodegroup

    def show_resolution(self, messages: list[dict[str, Any]], cluster: str, nodegroup: str) -> None:
        """Show that exactly one thing was told: the resolution of what was repaired.

        Raises:
            StageError: If anything else was told, or nothing.
        """
        told = [(message, transition) for message in messages for transition in message["transitions"]]
        changes = Counter(transition["change"] for _, transition in told)
        subjects = {
            (message["cluster"]["name"], transition["finding"]["subject"]["name"]) for message, transition in told
        }
        if changes != {"resolved": 1} or subjects != {(cluster, nodegroup)}:
            told_instead = f"told was {dict(changes)} of {sorted(subjects)}"
            message = f"expected one resolution of {nodegroup} in {cluster} and nothing else; {told_instead}"
            raise StageError(message)
        [(_, transition)] = told
        self.say("Told was exactly one thing, and no alarm a second time:")
        self.console.print_json(json.dumps(transition))
        [resolved] = [found for found in self.stage.hub() if found["Id"] == transition["finding"]["id"]]
        state = f"Compliance {resolved['Compliance']['Status']}, RecordState {resolved['RecordState']}"
        self.console.print(f"Security Hub now holds it as: {state}, UpdatedAt {resolved['UpdatedAt']}")

    def release(self) -> None:
        """Let AWS recommend a new image, and show what the stack makes of it.

        Raises:
            StageError: If the release is not told in time, or anything beside it.
        """
        asked = self.stage.clock()
        self.stage.audited.publish_release(ami_types=[_RELEASED], kubernetes=[_MINOR], region=REGION)
        self.say(
            f"AWS publishes a new image of {_RELEASED} for Kubernetes {_MINOR} in {REGION}. It sends no event; the "
            "schedule of WatchReleases fires."
        )
        self.stage.poll_releases(seconds=_SECONDS)
        told = self.wait_for_release(asked)
        if [message["type"] for message in told] != ["release"]:
            message = f"expected the notice of one release and nothing else; told was {json.dumps(told)}"
            raise StageError(message)
        self.show_notice(told[0])

    def wait_for_release(self, asked: datetime) -> list[dict[str, Any]]:
        """Return all that was told, once a release was and all its consequences are through."""
        told: list[dict[str, Any]] = []
        deadline = time.monotonic() + _SECONDS
        while not any(message["type"] == "release" for message in told):
            if time.monotonic() > deadline:
                message = f"no notice of the release came in {_SECONDS} s"
                raise StageError(message)
            told += self.messages()
            time.sleep(1)
        concerned = [entry["cluster"]["arn"] for message in told for entry in message.get("clusters", ())]
        self.stage.settle(asked, seconds=_SECONDS, clusters=concerned)
        return told + self.messages()

    def show_notice(self, notice: dict[str, Any]) -> None:
        """Print which capacities a release supersedes, and from when each of them would be a finding."""
        release = notice["release"]
        self.say(
            f"Told was one notice, of {release['old']['release']} → {release['new']['release']}. The clusters that run "
            "this image were audited again; no finding opens on a release's day:"
        )
        title = f"{notice['totals']['capacities']} capacities in {notice['totals']['clusters']} clusters are superseded"
        table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left")
        for column in ("cluster", "capacity", "runs", "superseded since", "its finding, if it stays"):
            table.add_column(column, overflow="fold")
        for entry in notice["clusters"]:
            for capacity in entry["capacities"]:
                days = [_day(capacity[column]) for column in ("superseded_since", "first_rung_at")]
                table.add_row(escape(entry["cluster"]["name"]), escape(capacity["name"]), capacity["release"], *days)
        self.console.print(table)

    def keep(self) -> None:
        """Say how to use the running local AWS, and wait for Ctrl-C."""
        exports = "\n".join(
            f"export {name}={shlex.quote(value)}" for name, value in self.stage.shell_environment().items()
        )
        self.console.print("\nIt goes on running until you press Ctrl-C. In another terminal, in this folder:\n")
        self.console.print(exports, markup=False, highlight=False, soft_wrap=True)
        self.console.print(
            "\n.venv/bin/eks-auditor audit                    # judge the same fleet from the command line"
            "\naws securityhub get-findings                   # what Security Hub holds"
            f"\naws dynamodb scan --table-name {self.stage.outputs['LedgerTable']}",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
        signal.pause()


def _active(found: dict[str, Any]) -> bool:
    return bool(found["RecordState"] == "ACTIVE")


def _day(instant: str | None) -> str:
    return instant[:10] if instant else "unknown"


def _region(found: dict[str, Any]) -> str:
    return str(found["ProductArn"].split(":")[3])


def _subject(found: dict[str, Any]) -> str:
    *_, cluster, _, _, name = found["Id"].split("/", 7)
    return f"{cluster} / {name}" if name != cluster else cluster


def _terminated(_number: int, _frame: FrameType | None) -> None:
    """Let SIGTERM end the demo like Ctrl-C: everything that was started is stopped on the way out."""
    raise KeyboardInterrupt


def main() -> int:
    """Run the demo; 0 when everything happened as it should, 1 when not, 130 on Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m local_aws.demo", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave the local AWS running and say how to use it")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, _terminated)
    # Where the output is no terminal its width is unknown, and 80 columns would break every sentence.
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 132)
    console.print("[bold]eks-auditor[/]: the unmodified template on a local AWS, with no AWS account.")
    console.print("Building with SAM, starting the local AWS, deploying …")
    try:
        with Stage(load_fleet(now=datetime.now(UTC))) as stage:
            console.print(
                f"Deployed: the stack at {stage.deployment.endpoint}, the audited fleet at {stage.audited.url}."
            )
            demo = Demo(stage, console)
            demo.run()
            if options.keep:
                demo.keep()
    except KeyboardInterrupt:
        console.print("\nStopped.")
        return 130
    except (StageError, DeploymentError) as error:
        console.print(f"\n[bold red]✗[/] {escape(str(error))}", soft_wrap=True)
        return 1
    console.print("\nEverything that was started is stopped.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
