# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Entry and exit points of nested groups and chains."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from odoo.addons.queue_job.core.composition import entries, exits, joints, leaves
from odoo.addons.queue_job.core.graph import Graph


class Composed:
    def __init__(self, *members):
        self.members = members


class Chain(Composed):
    in_sequence = True


class Group(Composed):
    in_sequence = False


def all_elements(element):
    yield element
    for member in getattr(element, "members", ()):
        yield from all_elements(member)


def graph_of(element):
    graph = Graph()
    for leaf in leaves(element):
        graph.add_vertex(leaf)
    for part in all_elements(element):
        for parents, children in joints(part):
            for parent, child in itertools.product(parents, children):
                graph.add_edge(parent, child)
    return graph


def edges_of(element):
    return sorted(graph_of(element).edges())


def test_chain():
    assert edges_of(Chain("a", "b", "c")) == [("a", "b"), ("b", "c")]


def test_group_has_no_edges():
    assert edges_of(Group("a", "b")) == []


def test_chain_in_a_chain():
    # c comes after b, not after a alone
    assert edges_of(Chain(Chain("a", "b"), "c")) == [("a", "b"), ("b", "c")]
    assert edges_of(Chain("a", Chain("b", "c"))) == [("a", "b"), ("b", "c")]


def test_group_before_group():
    assert edges_of(Chain(Group("a", "b"), Group("c", "d"))) == [
        ("a", "c"),
        ("a", "d"),
        ("b", "c"),
        ("b", "d"),
    ]


def test_chains_in_a_group_in_a_chain():
    element = Chain("s", Group(Chain("a", "b"), Chain("c", "d"), "x"), "e")
    assert edges_of(element) == sorted(
        [("s", "a"), ("s", "c"), ("s", "x"), ("a", "b"), ("c", "d")]
        + [("b", "e"), ("d", "e"), ("x", "e")]
    )


def test_group_in_a_group_in_a_chain():
    element = Chain(Group("a", Group("b", "c")), "d")
    assert edges_of(element) == [("a", "d"), ("b", "d"), ("c", "d")]


def test_an_empty_member_of_a_chain_is_transparent():
    assert edges_of(Chain("a", Group(), "b")) == [("a", "b")]
    assert edges_of(Chain(Chain(Group()), "a", Group(Chain()), "b")) == [("a", "b")]
    assert entries(Chain(Group(), "a")) == exits(Chain("a", Group())) == ["a"]


def test_an_element_may_be_named_like_a_part_of_ours():
    class Call:
        def __getattr__(self, name):
            return lambda *args: self

    call = Call()
    assert leaves(call) == entries(call) == exits(call) == [call]
    assert list(joints(call)) == []


names = (f"job{number}" for number in itertools.count())
elements = st.recursive(
    st.builds(lambda: next(names)),
    lambda members: st.builds(
        lambda kind, parts: kind(*parts),
        st.sampled_from([Chain, Group]),
        st.lists(members, max_size=4),
    ),
    max_leaves=12,
)


def must_precede(element):
    """The pairs that the words demand: in a chain, all of a member before all of the next."""
    pairs = set()
    for part in all_elements(element):
        if isinstance(part, Chain):
            for first, second in itertools.combinations(part.members, 2):
                pairs |= set(itertools.product(leaves(first), leaves(second)))
    return pairs


@given(elements)
def test_reachable_is_exactly_what_chains_demand(element):
    graph = graph_of(element)
    reachable = {
        (start, vertex)
        for start in graph.vertices()
        for path in graph.paths(start)
        for vertex in path[1:]
    }
    assert reachable == must_precede(element)


@given(elements)
def test_entries_and_exits_are_those_without_neighbours(element):
    graph = graph_of(element)
    children = {child for _parent, child in graph.edges()}
    parents = {parent for parent, _child in graph.edges()}
    assert set(entries(element)) == graph.vertices() - children
    assert set(exits(element)) == graph.vertices() - parents
