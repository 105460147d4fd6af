"""What Slack is asked to show."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

type Block = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SlackMessage:
    """One message, within Slack's limits.

    Attributes:
        text: What notifications and screen readers say of it: mrkdwn, escaped.
        blocks: Block Kit, at most 50.
    """

    text: str
    blocks: tuple[Block, ...]
