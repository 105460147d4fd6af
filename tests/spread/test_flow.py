from itertools import chain, combinations

from hypothesis import given
from hypothesis import strategies as st

from eks_auditor.spread.flow import Network

POINTS = ("s", "a", "b", "c", "t")
ARCS = st.dictionaries(
    st.tuples(st.sampled_from(POINTS), st.sampled_from(POINTS)).filter(lambda arc: arc[0] != arc[1]),
    st.integers(0, 5),
    max_size=12,
)


def network_of(arcs: dict[tuple[str, str], int]) -> Network:
    network = Network()
    for (start, end), capacity in arcs.items():
        network.add(start, end, capacity)
    return network


def smallest_cut(arcs: dict[tuple[str, str], int]) -> int:
    inner = POINTS[1:-1]
    sides = chain.from_iterable(combinations(inner, size) for size in range(len(inner) + 1))
    return min(
        sum(capacity for (start, end), capacity in arcs.items() if start in side and end not in side)
        for side in ({"s", *chosen} for chosen in sides)
    )


@given(ARCS)
def test_the_greatest_flow_is_the_smallest_cut(arcs: dict[tuple[str, str], int]) -> None:
    assert network_of(arcs).send("s", "t") == smallest_cut(arcs)


@given(ARCS)
def test_what_is_still_reached_is_a_smallest_cut(arcs: dict[tuple[str, str], int]) -> None:
    network = network_of(arcs)
    sent = network.send("s", "t")
    reached = network.reached("s")
    assert sent == sum(room for (start, end), room in arcs.items() if start in reached and end not in reached)


def test_what_is_tried_apart_changes_nothing() -> None:
    network = network_of({("s", "a"): 3, ("a", "t"): 2})
    network.add("other", "a", 9)
    tried = network.apart()
    tried.add("new", "a", 1)
    assert (tried.send("new", "t"), tried.send("s", "t")) == (1, 1)
    assert network.send("other", "t") == 2


def test_what_leads_nowhere_is_not_walked_again() -> None:
    network = network_of({("s", "a"): 3, ("b", "a"): 3, ("a", "t"): 2, ("b", "t"): 1})
    assert network.send("s", "t") == 2
    network.shut("s")
    assert network.reached("b") == {"b", "t"}
    assert network.send("b", "t") == 1


def test_a_later_source_leads_an_earlier_one_another_way_and_takes_nothing_from_it() -> None:
    network = network_of({("early", "a"): 2, ("early", "b"): 2, ("late", "a"): 2, ("a", "t"): 2, ("b", "t"): 2})
    network.add("first", "early", 2)
    assert network.send("first", "t") == 2
    assert network.send("late", "t") == 2
    assert network.send("late", "t") == 0
