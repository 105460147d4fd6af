"""AMI001's rules: how late a release is, for groups and for pools."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import NoReturn

from eks_auditor.checks.worst import worst
from eks_auditor.model.capacity import GroupCapacity, Node, NodePool
from eks_auditor.model.gap import Gap, UnreadableError, known
from eks_auditor.model.release import Image, ReleaseHistory, ReleaseLine
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.model.verdict import Scalar, Severity, Verdict, failed, not_applicable, passed, unknown
from eks_auditor.policy.thresholds import Threshold, Thresholds, days, words
from eks_auditor.releases.builds import Build, build_of, image_or_gap, images_or_gaps, is_absent
from eks_auditor.releases.families import parameter_of
from eks_auditor.releases.superseded import Superseded, superseded

type Ladder = Sequence[tuple[timedelta, Severity]]

RUNGS: Mapping[str, Threshold] = {
    "low": days(14, "superseded for so long, a release is LOW"),
    "medium": days(30, "from then on MEDIUM"),
    "high": days(60, "from then on HIGH"),
}
"""How long a release may have been superseded: AMI001's thresholds, and AMI005's."""

LADDER: Ladder = Thresholds.of(RUNGS).ladder()
"""How long a release may have been superseded, and what it is from then on, where no policy says otherwise."""

POOL_NODE_GRACE = timedelta(days=7)
"""A pool replaces its nodes by itself: those launched since then are not judged, where no policy says otherwise."""

_NOT_VISIBLE = "which images the pool selects, pinned or the latest, is not visible"


def rung_of(ladder: Ladder, since: datetime, now: datetime) -> tuple[Severity | None, datetime | None]:
    """Return the rung of a ladder that is reached, and the instant of the next one."""
    reached: Severity | None = None
    for age, severity in ladder:
        if now < since + age:
            return reached, since + age
        reached = severity
    return reached, None


def history_of(line: ReleaseLine, snapshot: Snapshot) -> ReleaseHistory:
    """Return a line's history.

    Raises:
        UnreadableError: If it was not read.
    """
    unread = Gap("ssm:GetParameters", parameter_of(line).name, "the release line was not read")
    return known(snapshot.releases.get(str(line), unread))


def judge_build(told: Build | Gap, snapshot: Snapshot, ladder: Ladder) -> Verdict:
    """Judge one release in use.

    Raises:
        UnreadableError: If it is a gap, its line's history was not read, or a version cannot be.
    """
    build = known(told)
    word = lateness(build, snapshot)
    if word is None:
        return _none_recommended(build)
    facts = _facts(build, word, snapshot.taken_at)
    latest = word.recommended.version
    if word.since is None:
        verb = "is" if build.version == latest else "is newer than"
        reason = f"{build.words} {verb} the recommended release {latest} of {build.line}"
        return replace(passed(reason), evidence=facts)
    reason = f"{build.words} was superseded {_since(word, snapshot.taken_at)}"
    return replace(_on_ladder(reason, word, snapshot.taken_at, ladder), evidence=facts)


def judge_pool(pool: NodePool, snapshot: Snapshot, ladder: Ladder, grace: timedelta) -> Verdict:
    """Judge the releases that a Karpenter pool's nodes run, but for nodes that are younger than the grace.

    Raises:
        UnreadableError: If no node that can be read fails, and one cannot be.
    """
    if not pool.nodes:
        return not_applicable("it has no nodes")
    told = {node.image_id: _running(node.image_id, snapshot) for node in pool.nodes}
    gaps = [running for running in told.values() if isinstance(running, Gap)]
    readable = {i: running for i, running in told.items() if running and not isinstance(running, Gap)}
    nodes = partial(_judge_nodes, pool, readable, snapshot.taken_at, ladder, grace)
    verdict = worst((nodes, *(partial(_unread, gap) for gap in gaps)))
    if not gaps:
        return verdict
    unread = [node.image_id for node in pool.nodes if isinstance(told[node.image_id], Gap)]
    names = ", ".join(sorted(set(unread)))
    return replace(verdict, reason=f"{verdict.reason}; {len(unread)} more of its nodes could not be judged ({names})")


def lateness(build: Build, snapshot: Snapshot) -> Superseded | None:
    """Tell since when a release has been superseded; None where AWS recommends none of its line.

    Raises:
        UnreadableError: If its line's history was not read, or a version cannot be.
    """
    history = history_of(build.line, snapshot)
    if build.version is None:
        raise UnreadableError(Gap("eks:DescribeNodegroup", build.words, f"is spelt unlike {build.line.family}'s"))
    try:
        return superseded(build.line, history, build.version)
    except ValueError as error:
        raise UnreadableError(Gap("ec2:DescribeImages", history.parameter, str(error))) from error


def launches_recommended(capacity: GroupCapacity, snapshot: Snapshot) -> bool:
    """Whether every image that the group launches is a release that nothing supersedes.

    Raises:
        UnreadableError: If none is known to be anything else, and one could not be read.
    """
    unread: UnreadableError | None = None
    for image in images_or_gaps(capacity, snapshot):
        try:
            if not _is_recommended(image, snapshot):
                return False
        except UnreadableError as error:
            unread = error
    if unread is not None:
        raise unread
    return True


def _is_recommended(image: Image | Gap, snapshot: Snapshot) -> bool:
    """Whether an image is a release that nothing supersedes: not one that EC2 does not show (any more)."""
    if isinstance(image, Gap) and is_absent(image):
        return False
    build = known(build_of(known(image), snapshot))
    word = None if build is None else lateness(build, snapshot)
    return word is not None and word.since is None


def _running(image_id: str, snapshot: Snapshot) -> tuple[Build, Superseded | None] | Gap | None:
    """Return an image's release and what became of it; None for images of other makers."""
    try:
        build = known(build_of(known(image_or_gap(image_id, snapshot)), snapshot))
        return None if build is None else (build, lateness(build, snapshot))
    except UnreadableError as error:
        return error.gap


def _unread(gap: Gap) -> NoReturn:
    raise UnreadableError(gap)


def _judge_nodes(
    pool: NodePool,
    readable: Mapping[str, tuple[Build, Superseded | None]],
    now: datetime,
    ladder: Ladder,
    grace: timedelta,
) -> Verdict:
    """Judge the nodes whose image, by its id, is a readable release."""
    released = [node for node in pool.nodes if node.image_id in readable]
    if not released:
        return not_applicable(f"none of its {len(pool.nodes)} nodes runs an image that EKS publishes")
    by_build = dict(readable.values())
    if all(word is None for word in by_build.values()):
        return _none_recommended(next(iter(by_build)))
    young = [node for node in released if now < node.launched_at + grace]
    running = Counter(readable[node.image_id][0] for node in released if now >= node.launched_at + grace)
    late = {build: word for build in running if (word := by_build[build]) and word.since}
    due_at = _next_to_be_judged(young, {image_id: word for image_id, (_, word) in readable.items()}, grace)
    aged = f"launched more than {words(grace)} ago"
    if not late:
        reason = f"none of its {len(pool.nodes)} nodes was {aged} and runs a superseded release"
        return passed(f"{reason}; {_NOT_VISIBLE}", due_at=due_at)
    oldest_first = sorted(late, key=lambda build: late[build].since or now)
    counted = f"nodes {aged}"
    verdict = worst(partial(_pool_verdict, build, late, running, now, ladder, counted) for build in oldest_first)
    dues = [due for due in (verdict.due_at, due_at) if due]
    return replace(verdict, due_at=min(dues, default=None))


def _pool_verdict(  # noqa: PLR0913, PLR0917  what is judged, by what, and how it is told
    build: Build, late: dict[Build, Superseded], running: Counter[Build], now: datetime, ladder: Ladder, counted: str
) -> Verdict:
    count, word = sum(running[each] for each in late), late[build]
    per_release = ", ".join(f"{each.version}: {running[each]}" for each in sorted(late, key=lambda b: str(b.version)))
    reason = (
        f"{count} of the {running.total()} {counted} run superseded releases "
        f"({per_release}); the worst, {build.words}, was superseded {_since(word, now)}; {_NOT_VISIBLE}"
    )
    facts = _facts(build, word, now) | {"nodes": count, "releases": per_release}
    return replace(_on_ladder(reason, word, now, ladder), evidence=facts)


def _on_ladder(reason: str, word: Superseded, now: datetime, ladder: Ladder) -> Verdict:
    severity, due_at = rung_of(ladder, word.since or now, now)
    if severity is not None:
        return failed(reason, severity=severity, due_at=due_at)
    if word.at_least:
        # Below the ladder a lower bound proves nothing; on it, it proves its rung.
        unclear = f"{reason}, but older releases are out of sight, so it may have been earlier"
        return replace(unknown(unclear), due_at=due_at)
    return passed(f"{reason}: within the grace of {words(ladder[0][0])}", due_at=due_at)


def _next_to_be_judged(young: list[Node], by_image: dict[str, Superseded | None], grace: timedelta) -> datetime | None:
    """Return when the first node that runs a superseded release comes of age."""
    late = (node for node in young if (word := by_image[node.image_id]) and word.since)
    return min((node.launched_at + grace for node in late), default=None)


def _none_recommended(build: Build) -> Verdict:
    return not_applicable(f"AWS recommends no release of {build.line} any more, so none supersedes {build.words}")


def _since(word: Superseded, now: datetime) -> str:
    """Say since when, by what, how that is known, and what there is by now."""
    if word.by is None or word.since is None:
        return "never"
    age = word.days(now)
    bound = "at least " if word.at_least else ""
    first = f"{bound}{age} day{'' if age == 1 else 's'} ago by {word.by.version}"
    known = f"{word.since:%Y-%m-%d}: {word.by.known_by}"
    if word.newer == 1:
        return f"{first} ({known}), the recommended release"
    return (
        f"{first} ({known}), the first of {word.newer} newer releases up to the recommended {word.recommended.version}"
    )


def _facts(build: Build, word: Superseded, now: datetime) -> dict[str, Scalar]:
    """Return the evidence; what a fix needs is there only where that fix applies."""
    facts: dict[str, Scalar] = {
        "line": str(build.line),
        "release": build.version or "",
        "recommended": word.recommended.version,
        "newer_releases": word.newer,
        "superseded_days": word.days(now),
        "parameter": parameter_of(build.line).image,
    }
    if word.by and word.since:
        facts |= {"superseded_by": word.by.version, "superseded_since": word.since.isoformat()}
        facts |= {"known_by": str(word.by.known_by), "at_least": word.at_least}
    # An image launched by its id is replaced by another id; a release of EKS's own by asking for the minor's newest.
    if build.image_id:
        return facts | {"image": build.image_id}
    return facts | {"minor": build.line.minor, "release_parameter": parameter_of(build.line).release}
