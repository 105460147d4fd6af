"""A digest for Slack: one message, within its limits however large the fleet."""

from collections.abc import Iterator

from eks_auditor.events.digests import DigestMessage
from eks_auditor.model.digest import Digest
from eks_auditor.sinks import blocks, links
from eks_auditor.sinks.digest_wording import FEWER, Part, Style, headline, parts, see_the_rest
from eks_auditor.sinks.mrkdwn import bold, code, escape, link
from eks_auditor.sinks.slack_message import Block, SlackMessage

MARKUP = Style(name=code, text=escape, check=lambda check_id: link(links.check_page(check_id), check_id))
"""Other people's names as code, in which nothing is markup; a check as a link to its page."""


def render(message: DigestMessage, *, hub: bool = True) -> SlackMessage:
    """Return the message; what it has no room for is counted, and its end says where all of it is.

    Args:
        message: What is told.
        hub: Whether Security Hub is told: if not, there is nothing to see.
    """
    digest = message.digest
    tried = ((*_blocks(digest, shown, hub=hub),) for shown in FEWER)
    fitting = next(each for each in tried if blocks.fits(each))
    return blocks.message(escape(headline(digest)), fitting)


def _blocks(digest: Digest, shown: int, *, hub: bool) -> Iterator[Block]:
    yield blocks.header(headline(digest))
    for part in parts(digest, shown, MARKUP):
        yield from blocks.sections(_lines(part))
    more = link(links.page("docs/digest.md"), "How each number is defined")
    yield blocks.context(f"{more}. {see_the_rest(hub=hub)}")


def _lines(part: Part) -> Iterator[str]:
    yield bold(part.title)
    yield from (f"• {line}" for line in part.lines)
