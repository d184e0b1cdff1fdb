# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""What of a graph of jobs is sent to be drawn: a bounded part of it.

Jobs are ids. Two of them are linked by a pair (parent, child), or many with many by a barrier, a
pair (parents, children) of lists.
"""

from collections import defaultdict

#: Jobs that are drawn, at most: the nearest ones to the job that is looked at.
MAX_NODES = 2000
#: Dependencies behind barriers up to which each is sent as an edge of its own.
MAX_EDGES = 5000


def nearest(start, ids, pairs, barriers, limit):
    """
    :param ids: all jobs of the graph, with ``start`` or without
    :return: set of so many ids at most: those that are the fewest links away from ``start``, in
        whichever direction, then those that no link leads to
    """
    if len(ids) <= limit:
        return set(ids)
    neighbours = defaultdict(list)
    for parent, child in pairs:
        neighbours[parent].append(child)
        neighbours[child].append(parent)
    for number, (parents, children) in enumerate(barriers):
        barrier = ("barrier", number)
        neighbours[barrier] = [*_in_turn(parents, children)]
        for job in neighbours[barrier]:
            neighbours[job].append(barrier)
    known = set(ids)
    kept = set()
    for vertex in _breadth_first(start, neighbours):
        if vertex in known:
            kept.add(vertex)
        if len(kept) == limit:
            return kept
    kept.update([job for job in ids if job not in kept][: limit - len(kept)])
    return kept


def _in_turn(parents, children):
    """Yield from both sides, so that neither is left out."""
    for place in range(max(len(parents), len(children))):
        yield from parents[place : place + 1]
        yield from children[place : place + 1]


def _breadth_first(start, neighbours):
    found = {start}
    queue = [start]
    for vertex in queue:
        yield vertex
        for other in neighbours.get(vertex, ()):
            if other not in found:
                found.add(other)
                queue.append(other)


def links_within(kept, pairs, barriers):
    """:return: pairs and barriers as far as they link jobs in the set ``kept``"""
    within = ([[job for job in side if job in kept] for side in barrier] for barrier in barriers)
    return (
        [[parent, child] for parent, child in pairs if parent in kept and child in kept],
        [barrier for barrier in within if all(barrier)],
    )


def expanded(pairs, barriers):
    """:return: list of pairs [parent, child], each once, also for each two jobs at a barrier"""
    across = ((p, c) for parents, children in barriers for p in parents for c in children)
    return [list(pair) for pair in sorted({*map(tuple, pairs), *across}, key=_by_child)]


def _by_child(pair):
    return pair[::-1]
