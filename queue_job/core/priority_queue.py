# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""A priority queue whose items can be removed and moved."""

from heapq import heapify, heappop, heappush

#: Dead entries that a heap may carry before it is rebuilt, besides as many as live ones.
SLACK = 16


class PriorityQueue:
    """Items by rank, the smallest rank first, equal ranks in order of arrival.

    Items are hashable. ``add``, ``remove``, ``pop`` and ``[0]`` cost O(log n) amortized:
    removing only forgets the entry; its place in the heap is swept when it comes to the
    top, or when dead entries outnumber the live ones.

    >>> queue = PriorityQueue()
    >>> for number in (3, 1, 2):
    ...     queue.add(number)
    >>> queue.remove(1)
    >>> queue[0], len(queue), 1 in queue
    (2, 2, False)
    >>> queue.pop(), queue.pop(), queue.pop()
    (2, 3, None)
    """

    __slots__ = ("_arrivals", "_entries", "_heap")

    def __init__(self):
        self._heap = []
        self._entries = {}
        self._arrivals = 0

    def add(self, item, rank=None):
        """Add ``item``, or move it to another rank.

        :param rank: what to sort by; None: the item itself
        """
        if rank is None:
            rank = item
        known = self._entries.get(item)
        if known is not None and known[0] == rank:
            return
        self._arrivals += 1
        entry = (rank, self._arrivals, item)
        self._entries[item] = entry
        heappush(self._heap, entry)
        self._compact()

    def remove(self, item):
        """Take ``item`` out; an item that is not in is left out."""
        if self._entries.pop(item, None) is not None:
            self._compact()

    def pop(self):
        """Take out and return the first item; None when there is none."""
        entry = self._first()
        if entry is None:
            return None
        heappop(self._heap)
        del self._entries[entry[2]]
        return entry[2]

    def first(self):
        """The first item, left in; None when there is none."""
        entry = self._first()
        return None if entry is None else entry[2]

    def first_rank(self):
        """The rank of the first item; None when there is none."""
        entry = self._first()
        return None if entry is None else entry[0]

    def first_rank_besides(self, item):
        """The rank of the first item that is not ``item``; None when there is none."""
        entry = self._first()
        if entry is None or entry[2] != item:
            return None if entry is None else entry[0]
        heappop(self._heap)
        second = self._first()
        heappush(self._heap, entry)
        return None if second is None else second[0]

    def clear(self):
        """Take all items out."""
        self._heap.clear()
        self._entries.clear()

    def __getitem__(self, index):
        """The first item for index 0, the only one that a heap knows."""
        entry = self._first() if index == 0 else None
        if entry is None:
            raise IndexError(index)
        return entry[2]

    def __len__(self):
        return len(self._entries)

    def __contains__(self, item):
        return item in self._entries

    def __iter__(self):
        """The items, in no order."""
        return iter(self._entries)

    def _first(self):
        heap, entries = self._heap, self._entries
        while heap:
            entry = heap[0]
            if entries.get(entry[2]) is entry:
                return entry
            heappop(heap)
        return None

    def _compact(self):
        if len(self._heap) > 2 * len(self._entries) + SLACK:
            self._heap = list(self._entries.values())
            heapify(self._heap)
