"""Draws the pictures of docs/pictures out of the goldens: ``python -m tests.docs.pictures``; ``--check`` if stale."""

import io
import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.text import Text

from local_aws.slack_view import markup, view
from tests.docs.pages import ROOT

GOLDENS = ROOT / "tests" / "golden"
PICTURES = Path("docs/pictures")
_WIDTH = 100
_FONT_FACES = re.compile(r"\s*@font-face \{[^}]*\}")
"""Rich has them fetched from a server; a picture of ours fetches nothing."""


def pictures() -> Mapping[str, str]:
    """Return each picture's SVG by its name."""
    drawn = {
        "slack": ("Slack", _slack("slack/news.json")),
        "slack-window": ("Slack", _slack("slack/summary-ami001.json")),
        "slack-release": ("Slack", _slack("slack/released.json")),
        "slack-digest": ("Slack", _slack("digest/slack.json")),
        "mail": ("Mail", _letter("mail/several.txt")),
        "mail-digest": ("Mail", _letter("digest/letter.txt")),
        "amazon-q": ("Amazon Q Developer", _chat(_CHAT)),
    }
    return {name: _svg(title, shown) for name, (title, shown) in drawn.items()}


_CHAT = "chat/several.json"


def _slack(golden: str) -> RenderableType:
    return view(json.loads((GOLDENS / golden).read_text(encoding="utf-8")))


def _letter(golden: str) -> RenderableType:
    text = (GOLDENS / golden).read_text(encoding="utf-8")
    return Panel(Text(text), title="[bold]eks-auditor[/] [dim]<no-reply@sns.amazonaws.com>[/]", title_align="left")


def _chat(golden: str) -> RenderableType:
    document = json.loads((GOLDENS / golden).read_text(encoding="utf-8"))["content"]
    steps = [Text(f"• {step}", style="green") for step in document.get("nextSteps", [])]
    shown = Group(
        markup(document["title"], "bold"),
        markup(document["description"]),
        *([Text("\nNext steps", style="bold"), *steps] if steps else []),
    )
    return Panel(shown, title="[bold]Amazon Q[/]", title_align="left", border_style="dim")


def _svg(title: str, shown: RenderableType) -> str:
    console = Console(record=True, width=_WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(shown)
    drawn = console.export_svg(title=title, unique_id=title.replace(" ", "-").lower())
    return f"{_FONT_FACES.sub('', drawn).rstrip()}\n"


def main(arguments: list[str]) -> int:
    """Write them; with ``--check``, tell which are stale."""
    stale = []
    for name, drawn in pictures().items():
        path = ROOT / PICTURES / f"{name}.svg"
        if "--check" in arguments:
            if not path.exists() or path.read_text(encoding="utf-8") != drawn:
                stale.append(f"{PICTURES / path.name}")
        else:
            path.parent.mkdir(exist_ok=True)
            path.write_text(drawn, encoding="utf-8")
    if stale:
        sys.stderr.write(f"{', '.join(stale)} is stale; run make docs\n")
    return bool(stale)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
