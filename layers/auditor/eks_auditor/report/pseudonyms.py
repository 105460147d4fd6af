"""One pseudonym for each name, account id or word, the same wherever it stands."""

import re
from collections.abc import Iterable


class Pseudonyms:
    """What stands for what."""

    def __init__(self, *, accounts: Iterable[str], clusters: Iterable[str], names: Iterable[str]) -> None:
        """Take what is to be replaced; an empty name stands for nothing and stays."""
        clusters = {name for name in clusters if name}
        others = {name for name in names if name} - clusters
        taken = clusters | others
        self._accounts = _numbered(set(accounts), "{:012d}", set(accounts))
        self._names = _numbered(clusters, "cluster-{:03d}", taken) | _numbered(others, "name-{:03d}", taken)
        self._words: dict[tuple[str, str], str] = {}
        # Digits end an account id; letters and digits end a name, else a short one would be found in every word.
        patterns = ((r"(?<!\d)(?:{})(?!\d)", self._accounts), (r"(?<![A-Za-z0-9])(?:{})(?![A-Za-z0-9])", self._names))
        parts = [pattern.format(_any_of(texts)) for pattern, texts in patterns if texts]
        self._inside = re.compile("|".join(parts) or r"(?!)")

    def knows(self, name: str) -> bool:
        """Return whether a text is exactly a name to replace."""
        return name in self._names

    def name(self, name: str) -> str:
        """Return a name's pseudonym; the name itself where it is none that was collected."""
        return self._names.get(name, name)

    def account(self, account: str) -> str:
        """Return an account's pseudonym, twelve digits too; AWS's own accounts stay."""
        return self._accounts.get(account, account)

    def word(self, kind: str, text: str) -> str:
        """Return ``tag-1``, ``value-2`` and so on: equal for equal texts of a kind, different for others."""
        return self._words.setdefault((kind, text), f"{kind}-{len(self._words) + 1:03d}")

    def inside(self, text: str) -> str:
        """Replace the names and account ids that stand in a text as words of their own, the longest first."""
        return self._inside.sub(lambda found: self._accounts.get(found.group()) or self._names[found.group()], text)


def _any_of(texts: Iterable[str]) -> str:
    return "|".join(map(re.escape, sorted(texts, key=len, reverse=True)))


def _numbered(originals: set[str], pattern: str, taken: set[str]) -> dict[str, str]:
    """Number texts in their own order, leaving out numbers that would make one of those taken."""
    numbered: dict[str, str] = {}
    number = 0
    for original in sorted(originals):
        number += 1
        while pattern.format(number) in taken:
            number += 1
        numbered[original] = pattern.format(number)
    return numbered
