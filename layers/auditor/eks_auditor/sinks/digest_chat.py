"""A digest for Amazon Q Developer in chat applications, in the schema of its custom notifications."""

from itertools import chain
from typing import Any

from eks_auditor.events.digests import TYPE, DigestMessage
from eks_auditor.sinks import amazon_q, links
from eks_auditor.sinks.digest_wording import FEWER, headline, parts
from eks_auditor.sinks.mrkdwn import bold, escape, length, link
from eks_auditor.sinks.slack_digest import MARKUP


def notification(message: DigestMessage) -> dict[str, Any]:
    """Return what the service shows; what it has no room for is counted."""
    digest = message.digest
    said = headline(digest)
    tried = (_description(message, shown) for shown in FEWER)
    fitting = next((lines for lines in tried if length("\n".join(lines)) <= amazon_q.DESCRIPTION_LIMIT), [escape(said)])
    return amazon_q.notification(
        identifier=f"digest-{digest.at:%Y%m%dT%H%M%S}",
        title=escape(said),
        lines=fitting,
        steps=(link(links.page("docs/digest.md"), "How each number is defined"),),
        keywords=(TYPE, digest.period.value),
        thread=amazon_q.thread_of(TYPE, digest.at),
        summary=said,
        event_type="eks-auditor-digest",
        resources=(),
        context={"period": digest.period.value},
    )


def _description(message: DigestMessage, shown: int) -> list[str]:
    told = parts(message.digest, shown, MARKUP)
    return list(chain.from_iterable((bold(part.title), *part.lines, "") for part in told))
