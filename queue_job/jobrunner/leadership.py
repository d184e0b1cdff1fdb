# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Who leads a database: the one runner that drives it.

Each leader begins an *epoch*, a number that all its grants carry. Claims that come with another
one fail; so a leader that was taken for dead and wakes up again can do no harm. See
``docs/locking.rst``.

All errors of the connection are ``psycopg2.Error``.
"""

import secrets
from dataclasses import dataclass

from ..core.notification import ECHO_CHANNEL, NOTIFY_CHANNEL
from . import leader_queries as queries
from .connection import NoAnswer

#: Seconds between two signs of life.
TOUCH_INTERVAL = 2
#: Seconds until a notification to oneself has to be back.
ECHO_TIMEOUT = 6


class LeadershipLost(Exception):
    """Another runner leads the database now."""


@dataclass(frozen=True)
class Standing:
    """What a leader learns at each sign of life.

    :param bool is_closed: somebody has closed the gate: claims fail
    :param int modules_to_do: how many modules are to be installed, upgraded or uninstalled
    :param bool has_jobs_in_progress: some are enqueued or started
    """

    is_closed: bool
    modules_to_do: int
    has_jobs_in_progress: bool


class SessionLeadership:
    """Leads by a session lock, which goes with the connection.

    :param database: :class:`.database.Database`
    """

    listens = True

    def __init__(self, database):
        self._database = database
        self._token = None
        self._sent_at = None
        self.epoch = None
        #: str, why a leader that falls silent can't be thrown out; None: it can, as far as is known
        self.obstacle = None

    def take(self):
        """Try to lead. A leader that has fallen silent is thrown out first.

        :return: bool, whether this runner leads from now on
        """
        database = self._database
        if not self._take_lock():
            return False
        rows = database.query(queries.BEGIN_EPOCH)
        if not rows:
            database.query(queries.RELEASE_RUNNER_LOCK)
            return False
        self.epoch = rows[0][0]
        database.query(queries.CLOSE_GATE_FOR_A_MOMENT)
        database.query(f"LISTEN {NOTIFY_CHANNEL}; LISTEN {ECHO_CHANNEL}")
        return True

    def _take_lock(self):
        database = self._database
        if database.value(queries.TAKE_RUNNER_LOCK):
            return True
        rows = database.query(queries.END_SILENT_LEADER)
        self.obstacle = next(
            (
                _obstacle(mine, theirs)
                for theirs, mine, is_in_reach, _ended in rows
                if not is_in_reach
            ),
            None,
        )
        if not any(is_ended for *_who, is_ended in rows):
            return False
        # its session needs a moment to end
        database.query(queries.WAIT_A_MOMENT)
        return database.value(queries.TAKE_RUNNER_LOCK)

    def keep(self, now):
        """Give a sign of life.

        :return: :class:`Standing`
        :raise LeadershipLost: it is for nothing
        :raise NoAnswer: what this connection is notified of does not arrive
        """
        echo = self._database.take_echo()
        if self._token is not None:
            if echo == self._token:
                self._token = None
            elif now - self._sent_at >= ECHO_TIMEOUT:
                raise NoAnswer("notifications do not come through: see poll_only")
        token = self._token or secrets.token_hex(4)
        epoch, *standing, _void = self._database.query(queries.TOUCH, token=token)[0]
        if self._token is None:
            self._token, self._sent_at = token, now
        if epoch != self.epoch:
            raise LeadershipLost("another job runner has taken over")
        return Standing(*standing)

    def leave(self):
        """The lock goes with the connection."""


def _obstacle(mine, theirs):
    return (
        f"it can't take over from one that is frozen, for its role {mine} may not see and end sessions"
        f" of {theirs}. Use {theirs}, or GRANT pg_read_all_stats, pg_signal_backend TO {mine}"
    )


class LeasedLeadership:
    """Leads by a lease, by PostgreSQL's clock: nothing of it hangs on a session.

    :param database: :class:`.database.Database`
    """

    listens = False
    obstacle = None

    def __init__(self, database):
        self._database = database
        self._holder = secrets.token_hex(8)
        self.epoch = None

    def take(self):
        """As :meth:`SessionLeadership.take`."""
        rows = self._database.query(queries.BEGIN_LEASED_EPOCH, holder=self._holder)
        if not rows:
            return False
        self.epoch = rows[0][0]
        self._database.query(queries.CLOSE_GATE_FOR_A_MOMENT)
        return True

    def keep(self, now):
        """As :meth:`SessionLeadership.keep`."""
        rows = self._database.query(queries.RENEW_LEASE, holder=self._holder, epoch=self.epoch)
        if not rows:
            raise LeadershipLost("another job runner has taken over")
        _epoch, *standing = rows[0]
        return Standing(*standing)

    def leave(self):
        """Let another runner take over at once."""
        self._database.query(queries.END_LEASE, holder=self._holder)
