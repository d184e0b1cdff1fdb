# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Directed acyclic graph."""

from heapq import heappop, heappush


class Graph:
    """Vertices are any hashable values, edges go from a parent to a child.

    :param graph: dict ``{vertex: set(children)}``, taken as it is
    """

    def __init__(self, graph=None):
        self._graph = {} if graph is None else graph

    def add_vertex(self, vertex):
        """Add a vertex; nothing happens when it is there."""
        self._graph.setdefault(vertex, set())

    def add_edge(self, parent, child):
        """Add an edge, and the vertices that are not there yet."""
        self.add_vertex(parent)
        self.add_vertex(child)
        self._graph[parent].add(child)

    def add_edges(self, parents, children):
        """Add an edge from each of ``parents`` to each of ``children``."""
        for parent in parents:
            for child in children:
                self.add_edge(parent, child)

    def vertices(self):
        """:return: set of the vertices"""
        return set(self._graph)

    def edges(self):
        """:return: list of pairs (parent, child)"""
        return [(parent, child) for parent, children in self._graph.items() for child in children]

    def root_vertices(self):
        """:return: set of the vertices without parents"""
        return self.vertices().difference(*self._graph.values())

    def paths(self, vertex):
        """Yield each path from ``vertex`` to a vertex without children, as a list."""
        stack = [[vertex]]
        while stack:
            path = stack.pop()
            children = self._graph[path[-1]]
            if not children:
                yield path
            stack.extend([*path, child] for child in children)

    def topological_sort(self):
        """Yield the vertices, each after all of its parents, otherwise as they were added.

        :raises ValueError: the graph has a cycle
        """
        vertices = list(self._graph)
        position = {vertex: index for index, vertex in enumerate(vertices)}
        parents_left = [0] * len(vertices)
        for _parent, child in self.edges():
            parents_left[position[child]] += 1
        ready = [index for index, left in enumerate(parents_left) if not left]
        yielded = 0
        while ready:
            vertex = vertices[heappop(ready)]
            yielded += 1
            yield vertex
            for child in self._graph[vertex]:
                index = position[child]
                parents_left[index] -= 1
                if not parents_left[index]:
                    heappush(ready, index)
        if yielded != len(vertices):
            raise ValueError("The graph of jobs has a cycle: no job of it could start.")

    def __repr__(self):
        return "\n".join(
            " → ".join(map(str, path)) for root in self.root_vertices() for path in self.paths(root)
        )
