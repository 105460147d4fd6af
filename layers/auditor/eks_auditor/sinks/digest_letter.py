"""A digest in a person's words, for mail: read on a phone, so one thought a line and no columns."""

from eks_auditor.events.digests import DigestMessage
from eks_auditor.sinks import links
from eks_auditor.sinks.digest_wording import SHOWN, Style, headline, parts, see_the_rest
from eks_auditor.sinks.letter import one_line, subject_line

_PLAIN = Style(name=one_line, text=one_line, check=one_line)


def subject(message: DigestMessage) -> str:
    """Return the subject line: what is open, and what moved."""
    return subject_line(headline(message.digest))


def letter(message: DigestMessage, *, hub: bool = True) -> str:
    """Return the text.

    Args:
        message: What is told.
        hub: Whether Security Hub is told: if not, there is nothing to see.
    """
    lines = [headline(message.digest), ""]
    for part in parts(message.digest, SHOWN, _PLAIN):
        lines += [part.title, *part.lines, ""]
    lines += [see_the_rest(hub=hub), "", "How each number is defined:", links.page("docs/digest.md")]
    return "\n".join(lines) + "\n"
