# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Ending the tries of jobs that take too long.

As *Stop* does: the row first, by which alone the try can't be settled any more, then the
session. See ``docs/locking.rst``.
"""

import logging
from math import inf

from psycopg2.errors import LockNotAvailable

from ..core.lock import why_not_terminated

#: Seconds until a row that could not be had is tried again.
SECOND_ATTEMPT = 0.5

_logger = logging.getLogger(__name__)


class TimeLimits:
    """The time limits of one database.

    :param database: :class:`.database.Database`
    """

    def __init__(self, database):
        self._database = database
        #: (uuid, lease) of the tries whose row could not be had at the last look
        self._locked = set()
        #: names of roles of which was told that their sessions can't be ended
        self._out_of_reach = set()

    def enforce(self, rows):
        """End the tries that are overdue.

        :param dict rows: uuid -> :class:`.database.InProgress`, what is in progress
        :return: (list of the rows of those that were ended, in how many seconds the next one
            is overdue, or can be tried again)
        """
        if not any(row.is_limited for row in rows.values()):
            self._locked.clear()
            return [], inf
        left = self._database.time_left()
        overdue = {key for key, seconds in left.items() if seconds <= 0 and key[0] in rows}
        ended = self._end(overdue, rows)
        tried, self._locked = self._locked, {key for key in overdue if key[0] not in ended}
        coming = [seconds for seconds in left.values() if seconds > 0]
        if not self._locked <= tried:
            coming.append(SECOND_ATTEMPT)
        return [rows[uuid] for uuid in ended], min(coming, default=inf)

    def _end(self, overdue, rows):
        """:return: set of uuids"""
        # A worker that is just writing the outcome holds the row for a moment. A job that has
        # written to its own row holds it to the end.
        ended = set()
        held = sorted(overdue & self._locked)
        for key in held:
            try:
                is_ending = self._terminate([rows[key[0]].id])
                ended |= self._database.end_overdue([key], waits=is_ending)
            except LockNotAvailable:
                _logger.warning(
                    "job %s of database %s has run too long, but its row can't be had",
                    key[0],
                    self._database.db_name,
                )
        others = sorted(overdue - self._locked)
        if others:
            ended |= self._database.end_overdue(others)
        if ended:
            self._terminate([rows[uuid].id for uuid in ended])
        for uuid in sorted(ended):
            _logger.warning(
                "job %s of database %s has run longer than its time limit (worker pid %s)",
                uuid,
                self._database.db_name,
                rows[uuid].worker_pid,
            )
        return ended

    def _terminate(self, ids):
        """:return: bool, whether all sessions in which the jobs run are ending"""
        roles = self._database.terminate(ids)
        for role in sorted(roles - self._out_of_reach):
            self._out_of_reach.add(role)
            _logger.warning(
                "jobs of database %s that run longer than their time limit go on for a while: the job"
                " runner's %s",
                self._database.db_name,
                why_not_terminated(self._database.role(), role),
            )
        return not roles
