# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Reads the waiting jobs of one database into its windows: no more of them than will soon be wanted."""

#: Rows read at first, for a channel of which nothing is known; and at most.
FEW = 10
MANY = 1000
#: Rows read for each that is wanted, so that the next ones need no query.
PROVISION = 5
#: Rows that all windows of a database may keep in this way, besides a few each.
STOCK = 20_000


class Reader:
    """See above.

    :param database: :class:`.database.Database`
    :param taken: :class:`~..core.taken.Taken`, the jobs that are in slots
    :param windows: dict of all windows, who share what is kept
    """

    def __init__(self, database, taken, windows):
        self._database = database
        self._taken = taken
        self._windows = windows
        #: ids of jobs that were read while they were in slots
        self._passed_over = set()

    def read_first(self, window):
        """Read a window from its beginning. Those in slots, which are read over again, are left out."""
        window.restart()
        self._read(window, FEW + self._taken.count(window.channel))

    def read_first_in_order(self, window, now):
        """Read the first job of a window, due or not: the end of each makes the channel stale."""
        window.restart()
        row = self._database.first_in_order(window.channel)
        if row is not None:
            if row.eta is not None:
                row = row._replace(eta=now + row.eta if row.eta > 0 else None)
            window.extend([row], 1, self._taken)
        window.is_complete = True

    def fill(self, window, count):
        """See to it that a window has so many jobs with its head, if so many wait."""
        if window.needs_more(count - 1):
            self._read(window, self._provision(count, window.size))

    def pop(self, window):
        """Take out and return the next job of a window that is in no slot; None when there is none."""
        limit = self._provision(FEW)
        while True:
            while window.needs_more(1):
                self._read(window, limit)
                # all of them are in slots: the others may be, too
                limit = FEW + self._taken.count(window.channel)
            row = window.pop()
            # a job that has changed its channel may be in a slot of the other one
            if row is None or row.id not in self._taken:
                return row

    def some_failed(self, channel):
        """:return: uuid of a job of the channel that has failed; None when there is none"""
        return self._database.some_failed(channel)

    def forget(self, ids):
        """Jobs are no longer in slots. :return: bool, whether some of them were left out before"""
        passed_over = self._passed_over.intersection(ids)
        self._passed_over -= passed_over
        return bool(passed_over)

    def _provision(self, count, held=0):
        """How many rows to read where so many are wanted, and some of them are there."""
        spare = max(FEW, STOCK // len(self._windows))
        return min(count - held + min(count * (PROVISION - 1), spare), MANY)

    def _read(self, window, limit):
        rows = self._database.first_jobs(window.channel, limit, window.after)
        window.extend(rows, limit, self._taken)
        self._passed_over.update(row.id for row in rows if row.id in self._taken)
        return rows
