# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""What is built of calls, groups and chains before it is delayed: see also ``composition``."""

from .barrier import Barrier
from .composition import entries, exits, is_composed, joints, leaves
from .graph import Graph


class CallGraph(Graph):
    """All the elements that are connected, by being members or by following on each other.

    Its vertices are calls, groups and chains; each of them knows its graph, and two graphs
    become one when an edge or a membership joins them.
    """

    #: Pairs (element, what runs when it has failed).
    _handlers = ()

    def absorb(self, element):
        """Make ``element``, and all that is connected with it, part of this graph."""
        other = element._graph
        if other is self:
            return
        self._graph.update(other._graph)
        self._handlers = (*self._handlers, *other._handlers)
        for vertex in other.vertices():
            vertex._joined_graph = self

    def add_handler(self, element, handler):
        """Let ``handler`` run when a call of ``element`` has finally failed."""
        self.absorb(handler)
        self._handlers = (*self._handlers, (element, handler))

    def replace(self, element, other):
        """Put ``other`` where ``element`` is: between its edges and in its groups."""
        self.absorb(other)
        self._handlers = tuple(
            tuple(other if each is element else each for each in pair) for pair in self._handlers
        )
        self._graph[other] |= self._graph.pop(element)
        for vertex, children in self._graph.items():
            if element in children:
                children.remove(element)
                children.add(other)
            if is_composed(vertex):
                vertex.replace_member(element, other)

    def _connect_graphs(self):
        """:return: :class:`Graph` of the single calls and their dependencies"""
        merged = self._calls()
        for parents, children in self._joints():
            merged.add_edges(parents, children)
        return merged

    def _connect_by_barriers(self):
        """As :meth:`_connect_graphs`, with barriers in place of very many dependencies.

        :return: :class:`Graph` of single calls and of :class:`.core.barrier.Barrier`
        """
        joined, barriers = [], []
        for parents, children in self._joints():
            if Barrier.is_worth(parents, children):
                barriers.append(Barrier(parents, children))
            else:
                joined.append((parents, children))
        # Sorted first, they do not change the order of the calls.
        merged = self._calls(Graph({barrier: set() for barrier in barriers}))
        joined += [(barrier.parents, [barrier]) for barrier in barriers]
        joined += [([barrier], barrier.children) for barrier in barriers]
        for parents, children in joined:
            merged.add_edges(parents, children)
        return merged

    def _calls(self, graph=None):
        graph = graph or Graph()
        for element in self._graph:
            for call in leaves(element):
                graph.add_vertex(call)
        return graph

    def _joints(self):
        """Yield (parents, children), lists of calls, for all that follows on each other."""
        for element in self._graph:
            yield from joints(element)
        for before, after in self.edges():
            yield exits(before), entries(after)


def descendants(graph, calls):
    """:return: set of ``calls`` and of all that comes after them"""
    found, following = set(), list(calls)
    while following:
        call = following.pop()
        if call not in found:
            found.add(call)
            following += graph._graph[call]
    return found
