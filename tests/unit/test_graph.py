# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
import pytest

from odoo.addons.queue_job.core.graph import Graph


def diamond():
    graph = Graph()
    for parent, child in [("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")]:
        graph.add_edge(parent, child)
    return graph


def test_vertices_and_edges():
    graph = diamond()
    graph.add_vertex("e")
    assert graph.vertices() == {"a", "b", "c", "d", "e"}
    assert sorted(graph.edges()) == [("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")]
    assert graph.root_vertices() == {"a", "e"}


def test_adding_a_vertex_again_keeps_its_edges():
    graph = diamond()
    graph.add_vertex("a")
    assert len(graph.edges()) == 4


def test_paths_end_at_leaves():
    assert sorted(diamond().paths("a")) == [["a", "b", "d"], ["a", "c", "d"]]
    assert list(diamond().paths("d")) == [["d"]]


def test_topological_sort_keeps_the_order_of_adding():
    graph = Graph({"x": set()})
    graph._graph.update(diamond()._graph)
    assert list(graph.topological_sort()) == ["x", "a", "b", "c", "d"]


def test_a_cycle_is_an_error():
    graph = diamond()
    graph.add_edge("d", "a")
    with pytest.raises(ValueError, match="cycle"):
        list(graph.topological_sort())


def test_repr_shows_a_path_a_line():
    assert sorted(repr(diamond()).splitlines()) == ["a → b → d", "a → c → d"]


def test_given_graph_is_used():
    assert Graph({1: {2}, 2: set()}).edges() == [(1, 2)]


def test_empty_graph():
    assert (Graph().vertices(), Graph().edges(), repr(Graph())) == (set(), [], "")
    assert list(Graph().topological_sort()) == []
