# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""A database that is not served, and may be one day."""

from .hearing import deafness

#: Seconds until the next attempt: where another runner leads, after a connection was lost or
#: could not be made (at first, and at most), and where there is nothing to serve yet.
STAND_BY_INTERVAL = 2
FIRST_RETRY = 1
LONGEST_RETRY = 3
IDLE_INTERVAL = 10

STANDS_BY = "another job runner drives it; this one stands by"


class Candidate:
    """Attempts to lead a database, now and then.

    :param database: :class:`.database.Database`; a runner that stands by keeps its connection
    :param next_attempt: moment of the first one
    :param was_lost: it was out of reach a moment ago
    """

    def __init__(self, database, next_attempt, was_lost=False):
        self.database = database
        self.leadership = database.make_leadership()
        self.next_attempt = next_attempt
        self.is_under_way = False
        #: by PostgreSQL's clock, since when it can be reached again; None: nobody has seen that
        #: it could not
        self.reached_since = None
        self._was_lost = was_lost
        self._hears = False
        self._retry = FIRST_RETRY

    def attempt(self):
        """Try to lead; takes as long as the database lets it wait.

        :return: str, why it can't be served; None: it is led by this runner
        :raise psycopg2.Error: it can't be reached
        """
        try:
            problem = self.database.missing_addon() or self._deafness()
            if self._was_lost:
                self.reached_since, self._was_lost = self.database.now(), False
            if problem is None:
                return None if self.leadership.take() else self._reason_to_wait()
        except BaseException:
            self._was_lost = True
            self.database.close()
            raise
        self.database.close()
        return problem

    def _deafness(self):
        """Where there may be a pooler: its sessions must not get a lock that nobody can give back."""
        if self._hears or not self.database.is_pooled:
            return None
        problem = deafness(self.database)
        self._hears = problem is None
        return problem

    def _reason_to_wait(self):
        obstacle = self.leadership.obstacle
        return f"{STANDS_BY}; {obstacle}" if obstacle else STANDS_BY

    def note_end(self, problem, now):
        """An attempt has ended at ``now``: plan the next one.

        :param problem: str; None: an error
        """
        self.is_under_way = False
        if problem is None:
            self.next_attempt = now + self._retry
            self._retry = min(self._retry * 2, LONGEST_RETRY)
        else:
            self._retry = FIRST_RETRY
            stands_by = problem.startswith(STANDS_BY)
            self.next_attempt = now + (STAND_BY_INTERVAL if stands_by else IDLE_INTERVAL)
