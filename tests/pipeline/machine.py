"""Anything, in any order, any number of times; and now and then one sweep without gaps."""

from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from eks_auditor.model.cluster import ClusterId
from tests.ledger.explore import announced_but_not_kept
from tests.pipeline.deployed_policy import POLICIES
from tests.pipeline.settled import SWEEP, loaded
from tests.pipeline.slack_machine import CLOCK_OFF, CLUSTER, GROUP, INDEX, TellsPeople
from tests.pipeline.stack import Event
from tests.pipeline.troubles import BREAKS, CHANGE, SAME_AGAIN, TROUBLES
from tests.pipeline.world import CHANGES, CLUSTERS, GAPS, THERE, UNREAD

MINUTES = st.sampled_from([0.2, 2, 61, 1500, 40_000])
"""A retry's pause, a schedule's, a second sighting's, a day and a refresh of Security Hub."""
PROCESS = st.integers(0, 1)
TROUBLE = st.dictionaries(st.integers(0, 8), st.sampled_from(TROUBLES), max_size=3)
IN_THE_MIDST = st.dictionaries(
    st.integers(2, 8), st.sampled_from([SAME_AGAIN, SAME_AGAIN, CHANGE, *TROUBLES]), min_size=1, max_size=3
)
"""Between an audit's reads and its last write, where another audit of the cluster may come."""
AROUND_THE_MARK = st.dictionaries(st.integers(1, 3), st.sampled_from(BREAKS), min_size=1, max_size=1)
"""Between an announcement's publication and the note that it was published."""
AROUND_THE_SAVE = st.dictionaries(st.integers(5, 9), st.sampled_from(BREAKS), min_size=1, max_size=1)
"""Between an audit's last read of the ledger and the end of its writes."""
UNREAD_NOW = st.sampled_from([UNREAD[0], UNREAD[0], *GAPS])


class Pipeline(TellsPeople):
    """The stack, the world and everything that may happen to both."""

    # What happens in AWS.

    @rule(cluster=CLUSTER, group=GROUP, change=st.sampled_from(CHANGES))
    def the_world_changes(self, cluster: ClusterId, group: str, change: str) -> None:
        self.stack.world.change(cluster, group, change)

    @rule()
    def the_targets_change(self) -> None:
        self.stack.world.retarget(THERE)

    @rule(name=st.sampled_from(list(POLICIES)))
    def the_policy_changes(self, name: str) -> None:
        self.stack.write_policy(name)

    @rule(minutes=MINUTES)
    def time_passes(self, minutes: float) -> None:
        self.stack.world.now += timedelta(minutes=minutes)
        self.stack.table.catch_up()

    # What asks for audits, and may be lost, late or repeated.

    @rule(what=st.sampled_from(["Sweep Requested", "Due Audits Requested"]))
    def a_schedule_sends(self, what: str) -> None:
        self.stack.events.append(Event(SWEEP | {"detail-type": what}))

    @rule(cluster=CLUSTER, off=CLOCK_OFF)
    def a_cluster_is_named(self, cluster: ClusterId, off: timedelta) -> None:
        self.stack.name(cluster, off)

    @rule(index=INDEX, lost=st.booleans())
    def an_event_is_lost_or_comes_again(self, index: int, *, lost: bool) -> None:
        events = self.stack.events
        if events and lost:
            events.pop(index % len(events))
        elif events:
            events.append(Event(events[index % len(events)].document))

    # What the functions do.

    @rule(index=INDEX, unlistable=st.booleans(), off=CLOCK_OFF, troubles=TROUBLE)
    def audits_are_planned(self, index: int, off: timedelta, troubles: dict[int, str], *, unlistable: bool) -> None:
        self.stack.world.unlistable = {THERE} if unlistable else set()
        self.stack.plan(index, self.stack.run(off, troubles))

    @rule(index=INDEX, process=PROCESS, cluster=CLUSTER, unread=UNREAD_NOW, off=CLOCK_OFF, troubles=TROUBLE)
    def a_message_is_audited(  # noqa: PLR0913, PLR0917  what is drawn
        self, index: int, process: int, cluster: ClusterId, unread: str, off: timedelta, troubles: dict[int, str]
    ) -> None:
        self.stack.world.clusters[cluster].unread = unread
        self.stack.audit(index, self.stack.run(off, troubles), process)

    @rule(
        cluster=CLUSTER,
        group=GROUP,
        process=PROCESS,
        change=st.sampled_from(CHANGES),
        unread=UNREAD_NOW,
        off=CLOCK_OFF,
        troubles=st.one_of(TROUBLE, IN_THE_MIDST, IN_THE_MIDST, AROUND_THE_SAVE),
    )
    def a_cluster_changes_and_is_audited(  # noqa: PLR0913, PLR0917  what is drawn
        self,
        cluster: ClusterId,
        group: str,
        process: int,
        change: str,
        unread: str,
        off: timedelta,
        troubles: dict[int, str],
    ) -> None:
        self.stack.world.change(cluster, group, change)
        self.stack.world.clusters[cluster].unread = unread
        self.stack.name(cluster, timedelta())
        self.stack.plan(-1, self.stack.run())
        self.stack.audit(-1, self.stack.run(off, troubles), process)

    @rule(cluster=CLUSTER, process=PROCESS, name=st.sampled_from(list(POLICIES)), troubles=TROUBLE)
    def the_policy_changes_and_a_cluster_is_audited(
        self, cluster: ClusterId, process: int, name: str, troubles: dict[int, str]
    ) -> None:
        self.stack.world.policy.write(name, self.stack.world.now)
        self.stack.name(cluster, timedelta())
        self.stack.plan(-1, self.stack.run())
        self.stack.audit(-1, self.stack.run(troubles=troubles), process)

    @rule(index=INDEX, most=st.integers(1, 3), off=CLOCK_OFF, troubles=st.one_of(TROUBLE, AROUND_THE_MARK))
    def the_stream_is_read(self, index: int, most: int, off: timedelta, troubles: dict[int, str]) -> None:
        self.stack.read_stream(index, most, self.stack.run(off, troubles))

    @rule(off=CLOCK_OFF, troubles=st.one_of(TROUBLE, AROUND_THE_MARK))
    def the_relay_runs(self, off: timedelta, troubles: dict[int, str]) -> None:
        self.stack.relay(self.stack.run(off, troubles))

    @rule(index=INDEX, most=st.integers(1, 3), troubles=TROUBLE)
    def findings_are_imported(self, index: int, most: int, troubles: dict[int, str]) -> None:
        self.stack.import_findings(index, most, self.stack.run(troubles=troubles))

    @rule(index=INDEX, times=st.integers(1, 3))
    def a_consumer_reads(self, index: int, times: int) -> None:
        for _ in range(times):
            self.stack.consume(index)

    # What queues and the stream do.

    @rule(index=st.integers(0, 50), queue=st.sampled_from(["audits", "imports", "heard"]))
    def a_message_comes_again(self, index: int, queue: str) -> None:
        getattr(self.stack, queue).repeat(index)

    @rule(index=INDEX)
    def a_record_of_the_stream_is_lost(self, index: int) -> None:
        self.stack.lose_record(index)

    @rule(index=st.integers(0, 50))
    def a_record_of_the_stream_comes_again(self, index: int) -> None:
        self.stack.stream.repeat(index)

    # What must hold at any moment.

    @invariant()
    def what_is_announced_is_kept(self) -> None:
        for cluster in CLUSTERS:
            assert announced_but_not_kept(loaded(self.stack, cluster)) is None
