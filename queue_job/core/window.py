# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""A window on the jobs that wait in one channel of one database: the first ones, in order.

However many wait, a window holds a bounded number of them. It is filled in steps: each read
goes on behind the last job read, ``after``. What comes before that place later (a new job
with a better priority, one that is tried again) is notified, and then the window starts
again from the beginning.
"""

from collections import deque
from typing import NamedTuple


class Waiting(NamedTuple):
    """A waiting job. Those of a channel compare in the order in which they start.

    :param priority: int
    :param date_created: any comparable
    :param id: int, of the record
    :param uuid: str
    :param eta: the moment before which it must not start, None: it is due
    """

    priority: int
    date_created: object
    id: int
    uuid: str
    eta: float | None = None


class Window:
    """See above.

    :param str channel: name of the channel, as the rows have it
    """

    __slots__ = ("_rows", "after", "channel", "head", "is_complete")

    def __init__(self, channel):
        self.channel = channel
        self._rows = deque()
        #: The job of which the engine knows; it comes before all rows. None: of none.
        self.head = None
        #: The last job read; None: start from the beginning.
        self.after = None
        #: Whether no job waits behind the last one read.
        self.is_complete = False

    def restart(self):
        """Forget all that was read."""
        self._rows.clear()
        self.head = self.after = None
        self.is_complete = False

    def extend(self, rows, limit, taken=()):
        """Add the jobs that were read behind ``after``.

        :param rows: list of :class:`Waiting`, in order
        :param int limit: of so many at most
        :param taken: ids of those that are left out, since a slot has them
        """
        self.is_complete = len(rows) < limit
        if rows:
            self.after = rows[-1]
        self._rows.extend(row for row in rows if row.id not in taken)

    def give_back(self, rows):
        """Add jobs that were taken out and still wait.

        Those behind ``after`` are left out while there is more to read: they come with it.

        :param rows: iterable of :class:`Waiting`
        """
        rows = list(rows)
        if not self.is_complete:
            rows = [row for row in rows if self.after is not None and row <= self.after]
        if rows:
            # they were the first ones, so few of the others have to move
            last = max(rows)
            while self._rows and self._rows[0] < last:
                rows.append(self._rows.popleft())
            self._rows.extendleft(sorted(rows, reverse=True))

    def needs_more(self, count):
        """Whether there is more to read before it has so many rows."""
        return len(self._rows) < count and not self.is_complete

    def pop(self):
        """Take out and return the first row; None when there is none."""
        return self._rows.popleft() if self._rows else None

    def pop_before(self, order, count):
        """Take out and return the first rows.

        :param order: only those that come before it, None: no matter
        :param int count: so many at most
        """
        taken = []
        rows = self._rows
        while rows and len(taken) < count and (order is None or rows[0][:3] < order):
            taken.append(rows.popleft())
        return taken

    @property
    def size(self):
        """How many jobs are in it. It has no length: a window without jobs is none the less one."""
        return len(self._rows) + (self.head is not None)
