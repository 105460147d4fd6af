"""What changed between what the ledger remembers of a cluster and what an audit found: pure.

Only evidence moves a finding. UNKNOWN, a settling update and an absence from an incomplete snapshot leave the last word
standing; a transition is a change of (state, severity rung) and nothing else.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from eks_auditor.findings.coming import coming_of
from eks_auditor.findings.transitions import change_of, is_stale, place, refresh, transition_of
from eks_auditor.model.finding import Exemption, Finding, covering
from eks_auditor.model.history import Audit, Head, Record, State, Transition, sequence_of
from eks_auditor.model.verdict import Scalar, Status
from eks_auditor.spread.addresses import LAUNCHING_KINDS, POOLS

CONFIRM_AFTER = timedelta(minutes=60)
"""How far apart two audits must see a finding that counts only once confirmed."""

_GONE: Mapping[str, str] = {
    # A pool is seen by its nodes alone.
    **dict.fromkeys(("karpenter", "auto-mode", "standalone"), "it has no nodes any more"),
    "zone": "no nodes are launched in it any more",
}
"""What became of a subject that is absent, by its kind, where it may well exist."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What to tell and what to keep of one audit.

    Attributes:
        transitions: Worst first, then by id; refreshes of open findings among them.
        records: Every record to write, by id: one for each transition but a refresh, and silent ones.
        head: The cluster's item as it is to be once everything else is saved. ``revision`` is still the one that was
            loaded and ``saved_at`` is None: both belong to the saving.
    """

    transitions: tuple[Transition, ...]
    records: tuple[Record, ...]
    head: Head


def diff(head: Head | None, records: Mapping[str, Record], audit: Audit, *, hub: bool) -> Changes:
    """Compare an audit with the ledger.

    Args:
        head: The cluster's item, or None if the ledger does not know the cluster.
        records: What it keeps of the cluster, by finding id.
        audit: What was found, newer than ``head``.
        hub: Whether Security Hub is told; only then are open findings refreshed.
    """
    past = _past(head, audit)
    words = {} if audit.ended else {finding.id: finding for finding in audit.findings}
    transitions: list[Transition] = []
    written: dict[str, Record] = {}
    for finding_id in sorted(words.keys() | records.keys()):
        record = records.get(finding_id)
        after = _after(record, words.get(finding_id), records, past, audit)
        if after is None:
            continue
        change = change_of(record, after)
        if change is not None:
            written[finding_id] = after
            transitions.append(transition_of(change, after, record, past, audit))
        elif record is not None and record.finding.document() != after.finding.document():
            written[finding_id] = after
    told = {transition.finding.id for transition in transitions}
    if hub:
        now = {**records, **written}
        transitions += [refresh(r, audit) for r in now.values() if r.finding.id not in told and is_stale(r, audit)]
    return Changes(
        transitions=tuple(sorted(transitions, key=lambda t: (-t.finding.severity, t.finding.id))),
        records=tuple(written.values()),
        head=_head(past, words, {**records, **written}, audit),
    )


def _past(head: Head | None, audit: Audit) -> Head:
    """Return what is known of the cluster's present life: nothing, if this is the first audit of it."""
    if head is None:
        return Head(cluster=audit.cluster, created_at=audit.created_at, taken_at=audit.taken_at)
    if audit.ended or head.created_at == audit.created_at:
        return head
    born = replace(head, created_at=audit.created_at, checks=frozenset(), sightings={})
    return replace(born, autoscaler_seen_at=None, karpenter_seen_at=None)


def _after(
    record: Record | None, word: Finding | None, records: Mapping[str, Record], past: Head, audit: Audit
) -> Record | None:
    """Return the record as it is to be, or None where nothing of it changes (or none was ever kept)."""
    if word is not None and word.status is Status.FAILED and not _held(word, record, records, past, audit):
        return _failing(record, word, audit)
    if record is None or not record.fails:
        return None
    closing = _closing(record, word, audit)
    if closing is not None:
        return _closed(record, closing, audit)
    # The last word stands; whether somebody accepts it is no evidence, and may have changed all the same.
    return _accepted(record, record, word, audit)


def _held(word: Finding, record: Record | None, records: Mapping[str, Record], past: Head, audit: Audit) -> bool:
    """Tell whether a failure does not count yet."""
    return _explained(word, records, audit) or _waits(word, record, past, audit)


def _explained(word: Finding, records: Mapping[str, Record], audit: Audit) -> bool:
    """Tell whether a failure has a cause that stands open, though it could not be judged now."""
    return any(
        _fails_in_this_life(cause := records.get(cause_id), audit)
        and cause is not None
        and cause.finding.severity >= rung
        for cause_id, rung in word.causes.items()
    )


def _waits(word: Finding, record: Record | None, past: Head, audit: Audit) -> bool:
    """Tell whether a failure, or a worse rung of an open one, still needs its second sighting."""
    if not word.confirm or (_fails_in_this_life(record, audit) and not _rises(word, record)):
        return False
    return audit.taken_at - past.sightings.get(word.id, audit.taken_at) < CONFIRM_AFTER


def _rises(word: Finding | None, record: Record | None) -> bool:
    """Tell whether a finding that counts only once confirmed fails at a worse rung than is known."""
    if word is None or record is None or word.status is not Status.FAILED or not word.confirm:
        return False
    return word.severity > record.finding.severity


def _fails_in_this_life(record: Record | None, audit: Audit) -> bool:
    return record is not None and record.fails and record.created_at == audit.created_at


def _failing(record: Record | None, word: Finding, audit: Audit) -> Record:
    """Return the record of a failure that counts."""
    known = record if record is not None and record.created_at == audit.created_at else None
    if known is not None and known.fails and word.partial and word.severity < known.finding.severity:
        # What could not be read may be what the rung stands on.
        return _accepted(known, known, word, audit)
    failing = Record(
        finding=word,
        state=State.OPEN,
        sequence=sequence_of(audit.taken_at),
        first_seen=audit.taken_at if known is None else known.first_seen,
        changed_at=audit.taken_at,
        created_at=audit.created_at,
    )
    return _accepted(known, failing, word, audit)


def _accepted(known: Record | None, failing: Record, word: Finding | None, audit: Audit) -> Record:
    """Return a failure with what accepts it now: as it is known, if neither its state nor its rung is another one."""
    exemption = _exemption(known, failing, word, audit)
    state = State.OPEN if exemption is None else State.EXEMPT
    finding = replace(failing.finding, exemption=exemption)
    after = replace(failing, finding=finding, state=state)
    if known is not None and place(known) == place(after):
        # Reason, owner and end are in Security Hub, too: another exemption is told there anew.
        hub_at = known.hub_at if exemption == known.finding.exemption else None
        return replace(known, finding=finding, hub_at=hub_at)
    return replace(after, sequence=sequence_of(audit.taken_at), changed_at=audit.taken_at, hub_at=None)


def _exemption(known: Record | None, failing: Record, word: Finding | None, audit: Audit) -> Exemption | None:
    """Return what accepts a failure now.

    What accepted it before still does, until its day, where the audit cannot tell: its subject was not seen, or its
    tags were not.
    """
    before = None if known is None else known.finding.exemption
    said = () if word is None else word.exemptions
    unseen = word is None or (word.tags_hidden and before is not None and before.by_tag)
    exemptions = (*said, before) if before is not None and unseen else said
    return covering(exemptions, failing.finding.severity, audit.taken_at)


@dataclass(frozen=True, slots=True)
class _Closing:
    """How an open finding ends, with the numbers that its reason names."""

    state: State
    reason: str
    evidence: Mapping[str, Scalar]


def _closing(record: Record, word: Finding | None, audit: Audit) -> _Closing | None:
    """Judge a failure, open or exempt, that does not fail now."""
    if audit.ended or record.created_at != audit.created_at:
        return _ending(record.finding, audit)
    if word is None:
        return _absence(record.finding, audit)
    if word.status is Status.PASSED:
        return _Closing(State.RESOLVED, word.reason, word.evidence)
    if word.status is Status.NOT_APPLICABLE and not word.settling:
        return _Closing(State.WITHDRAWN, word.reason, word.evidence)
    return None


def _ending(last: Finding, audit: Audit) -> _Closing:
    """Close what belongs to a life of the cluster that is over."""
    if audit.deleted:
        return _Closing(State.RESOLVED, "the cluster was deleted", last.evidence)
    if audit.untargeted:
        return _Closing(State.WITHDRAWN, "the cluster is no longer audited", last.evidence)
    return _Closing(State.RESOLVED, "the cluster was created again", last.evidence)


def _absence(last: Finding, audit: Audit) -> _Closing | None:
    """Judge an open finding that the audit has no word on."""
    if last.check_id not in audit.checks:
        return _Closing(State.WITHDRAWN, f"check {last.check_id} is no longer judged", last.evidence)
    if _gone(last.subject.kind, audit) and not _may_live_on(last, audit):
        return _Closing(State.RESOLVED, _GONE.get(last.subject.kind, "it no longer exists"), last.evidence)
    return None


def _may_live_on(last: Finding, audit: Audit) -> bool:
    """Tell whether an absent subject need not be gone.

    A pool may just have moved its nodes out of a zone. A sibling set is not seen while its groups do not tell their
    labels; its name tells the first of them.
    """
    if last.subject.kind == "zone":
        return POOLS in last.evidence
    if last.subject.kind != "sibling-set" or not audit.undeclared:
        return False
    name = last.subject.name
    return name.endswith(" more") or any(group in name for group in audit.undeclared)


def _closed(record: Record, closing: _Closing, audit: Audit) -> Record:
    """Close a finding as it was last told, at its rung, with the reason of now and nothing left to mend."""
    status = Status.PASSED if closing.state is State.RESOLVED else Status.NOT_APPLICABLE
    return replace(
        record,
        finding=replace(
            record.finding, status=status, reason=closing.reason, evidence=closing.evidence, fix=(), exemption=None
        ),
        state=closing.state,
        sequence=sequence_of(audit.taken_at),
        changed_at=audit.taken_at,
        hub_at=None,
    )


def _gone(kind: str, audit: Audit) -> bool:
    """Tell whether an absent subject of this kind is evidently gone; a cluster, while there is one, never is."""
    if kind in ("sibling-set", "zone"):
        whole = audit.sets_whole if kind == "sibling-set" else audit.zones_whole
        return whole and all(audit.complete.get(member, False) for member in LAUNCHING_KINDS)
    return any(whole for known, whole in audit.complete.items() if known == kind)


def _head(past: Head, words: Mapping[str, Finding], records: Mapping[str, Record], audit: Audit) -> Head:
    if audit.ended:
        # A target that comes back is told as a first audit is: much may have changed meanwhile.
        checks = past.checks if audit.deleted else frozenset[str]()
        ended = replace(past, taken_at=audit.taken_at, saved_at=None, sightings={}, due_at=None, deleted=True)
        return replace(ended, checks=checks, open={}, gaps={}, coming=(), coming_left=0)
    policy = past.policy if audit.retryable else audit.policy
    sightings = dict(_sightings(past, words, records, audit))
    first_runs = frozenset() if audit.retryable else frozenset(_judged(words, sightings, audit))
    # What Karpenter has taken over, a memory of the autoscaler must not take back, however few nodes it runs later.
    autoscaler_seen_at = None if audit.karpenter_seen_at else audit.autoscaler_seen_at or past.autoscaler_seen_at
    coming, coming_left = coming_of(words, records, audit)
    return replace(
        past,
        taken_at=audit.taken_at,
        saved_at=None,
        checks=past.checks & audit.checks | first_runs,
        sightings=sightings,
        due_at=_due_at(words, sightings, records, audit),
        deleted=False,
        autoscaler_seen_at=autoscaler_seen_at,
        karpenter_seen_at=audit.karpenter_seen_at or past.karpenter_seen_at,
        policy=policy,
        policy_since=past.policy_since if policy == past.policy else audit.taken_at,
        open=Counter((r.finding.check_id, r.finding.severity) for r in records.values() if r.state is State.OPEN),
        gaps={action: past.gaps.get(action, audit.taken_at) for action in sorted(audit.gaps)},
        coming=coming,
        coming_left=coming_left,
    )


def _sightings(
    past: Head, words: Mapping[str, Finding], records: Mapping[str, Record], audit: Audit
) -> Iterator[tuple[str, datetime]]:
    """Yield each failure that waits for its second sighting, with the instant of the first."""
    for finding_id in sorted(past.sightings.keys() | words.keys()):
        word, first = words.get(finding_id), past.sightings.get(finding_id)
        record = records.get(finding_id)
        failed = word is not None and word.status is Status.FAILED
        if failed and _fails_in_this_life(record, audit) and not _rises(word, record):
            continue
        if word is not None and word.status is Status.FAILED and not _explained(word, records, audit):
            yield finding_id, audit.taken_at if first is None else first
        elif first is not None and _undecided(finding_id, word, audit):
            yield finding_id, first


def _undecided(finding_id: str, word: Finding | None, audit: Audit) -> bool:
    """Tell whether an audit says nothing on a finding that was seen once."""
    if word is not None:
        return word.status in (Status.UNKNOWN, Status.FAILED) or word.settling
    # Of a sighting only the id is kept: eks-auditor/partition/account/region/cluster/check/kind/key.
    check_id, kind = finding_id.split("/", 7)[5:7]
    return check_id in audit.checks and not _gone(kind, audit)


def _judged(words: Mapping[str, Finding], sightings: Mapping[str, datetime], audit: Audit) -> Iterator[str]:
    """Yield the checks whose first run on this cluster is behind them.

    Such a check had no subject, or said something else than UNKNOWN and waits for no second sighting: what its first
    run saw once is told with the baseline too.
    """
    for check_id in audit.checks:
        said = [word for word in words.values() if word.check_id == check_id]
        waits = any(word.status is Status.FAILED and word.id in sightings for word in said)
        if not said or (not waits and any(word.status is not Status.UNKNOWN for word in said)):
            yield check_id


def _due_at(
    words: Mapping[str, Finding], sightings: Mapping[str, datetime], records: Mapping[str, Record], audit: Audit
) -> datetime | None:
    """Return when time alone changes a word, or ends an exemption; what is due already waits for evidence."""
    instants = [word.due_at for word in words.values() if word.due_at is not None]
    instants += [first + CONFIRM_AFTER for first in sightings.values()]
    accepted = (record.finding.exemption for record in records.values() if record.state is State.EXEMPT)
    instants += [exemption.ends_at for exemption in accepted if exemption is not None]
    return min((instant for instant in instants if instant > audit.taken_at), default=None)
