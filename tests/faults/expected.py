"""What may become of a fault, in a few words.

* ``gap``: what the call would have told is a gap, named with its IAM action and its error in the log and the report and
  counted in a metric; what needs it is UNKNOWN, and the last word on that stands. All else is judged and saved.
* ``retried``: the same, and the message or event is returned: it comes again.
* ``parked``: returned as well, and as long as the cause stays it fails at each try: after the last it waits, whole, in
  the failure queue.
* ``kept``: it is not returned: at once it waits, whole, in the failure queue, and that is said.
* ``stands``: nothing moves: the last word stands. What would have been told is UNKNOWN, or there was nothing to ask.
* ``evidence``: the fault is itself an answer. Only what it is an answer to may move.
"""

from dataclasses import dataclass

from tests.faults.kinds import PASSING, Kind, possible

GAP, RETRIED, PARKED, KEPT, STANDS, EVIDENCE = WORDS = ("gap", "retried", "parked", "kept", "stands", "evidence")


@dataclass(frozen=True, slots=True)
class Expected:
    """What is to become of a fault.

    Attributes:
        word: One of :data:`WORDS`.
        why: The reason, where the word alone does not say it.
        moves: The checks whose findings may move: on evidence only.
    """

    word: str
    why: str = ""
    moves: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Row:
    """An operation that one part of the project calls.

    Attributes:
        part: Who calls: a function by its logical id, or the command line.
        action: The operation, as ``eks:DescribeCluster``.
        passing: What becomes of throttling, a 5xx, a timeout, a reset and a truncated body.
        denied: What becomes of a refused permission.
        empty: What becomes of a list without members; None where it answers none.
        vanished: What becomes of AWS's word that what was asked about is not there; None where it never says so.
        door: The piece of work that calls it, where the tests do not read a cluster for it.
    """

    part: str
    action: str
    passing: Expected
    denied: Expected
    empty: Expected | None = None
    vanished: Expected | None = None
    door: str = ""

    def expected(self, kind: Kind) -> Expected | None:
        """Return what is to become of a kind of fault; None where this operation cannot meet it."""
        if kind in PASSING:
            return self.passing
        return {Kind.DENIED: self.denied, Kind.EMPTY: self.empty, Kind.VANISHED: self.vanished}[kind]

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The kinds that its operation can meet."""
        return possible(self.action)
