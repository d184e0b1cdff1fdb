# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""The job runner's connection to one database."""

from itertools import starmap
from typing import NamedTuple

from ..core.channel_limits import ChannelLimits
from ..core.notification import NOTIFY_CHANNEL
from ..core.window import Waiting
from . import queries, settings
from .connection import Connection
from .leadership import LeasedLeadership, SessionLeadership

#: Seconds until the connection is there, and until each answer: all statements of the
#: runner take milliseconds, and none may hold up the other databases for long.
TIMEOUT = 5

#: A dead peer is also found by these.
CONNECTION_OPTIONS = {
    "connect_timeout": TIMEOUT,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}

#: What the runner writes need not survive a crash of PostgreSQL: the next leader begins with
#: what it finds. Each of its small queries is meant to use an index, which must not depend on
#: how old the statistics are; compiling them would cost more than them.
SETTINGS = {
    "statement_timeout": f"'{TIMEOUT}s'",
    "synchronous_commit": "off",
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "jit": "off",
    "plan_cache_mode": "force_generic_plan",
}
SESSION = "".join(f"SET {name} = {value};" for name, value in SETTINGS.items())
#: Where a session is nobody's, or may be: with each statement, which is a transaction with it.
TRANSACTION = SESSION.replace("SET ", "SET LOCAL ")


class InProgress(NamedTuple):
    """A job that is enqueued or started."""

    uuid: str
    id: int
    channel: str
    state: str
    lease: str | None
    worker_pid: int | None
    #: No connection holds the lock of the job.
    is_unlocked: bool
    #: It is started, and has a time limit.
    is_limited: bool = False


class Database:
    """One database and the runner's one connection to it, in autocommit mode.

    It is opened when it is first used. What goes wrong with the connection is raised as
    ``psycopg2.Error``.

    :param str db_name: name of the database
    :param dict overrides: connection options that go before Odoo's own
    :param bool poll_only: nothing may hang on the session: between is a pooler of transactions
    """

    def __init__(self, db_name, overrides=None, poll_only=False):
        self.db_name = db_name
        self._overrides = overrides or {}
        self.is_poll_only = poll_only
        #: Whether there may be a pooler between. What it would give to others is not changed then.
        self.is_pooled = poll_only
        #: Whether its triggers tell of etas, as far as was seen: those of an earlier version don't.
        self.tells_etas = False
        self._connection = None
        #: Names of the statements that are prepared on it.
        self._prepared = set()
        self._echo = None

    def make_leadership(self):
        """:return: what this runner tries to lead the database with"""
        return LeasedLeadership(self) if self.is_poll_only else SessionLeadership(self)

    @property
    def connection(self):
        if self._connection is None:
            options = settings.connection_info(self.db_name, self._overrides)
            self._connection = Connection({**CONNECTION_OPTIONS, **options}, TIMEOUT)
            self.is_pooled = self.is_poll_only or self._connection.is_pooled()
            if not self.is_pooled:
                self._connection.execute(SESSION)
        return self._connection

    def close(self):
        if self._connection is not None:
            self._connection.close()
            self._connection = None
            self._prepared.clear()

    def fileno(self):
        return self.connection.fileno()

    def query(self, sql, **parameters):
        """:return: list of the rows (tuples), empty for a statement without any"""
        connection = self.connection
        if self.is_pooled:
            sql = f"{TRANSACTION}{sql}"
        return connection.execute(sql, parameters)

    def query_prepared(self, name, sql, **parameters):
        """As :meth:`query`, of a statement that comes so often that planning it would cost most.

        :param str name: of the statement
        """
        connection = self.connection
        if self.is_pooled:
            return self.query(sql, **parameters)
        if name not in self._prepared:
            numbers = {key: f"${number}" for number, key in enumerate(parameters, start=1)}
            connection.execute(f"PREPARE {name} AS {sql % numbers}")
            self._prepared.add(name)
        values = ", ".join(f"%({key})s" for key in parameters)
        return connection.execute(f"EXECUTE {name}({values})", parameters)

    def value(self, sql, **parameters):
        """:return: first column of the first row"""
        return self.query(sql, **parameters)[0][0]

    def now(self):
        """:return: datetime, by PostgreSQL's clock"""
        return self.value(queries.NOW)

    def another(self):
        """:return: :class:`Database`, the same with a connection of its own"""
        return Database(self.db_name, self._overrides, self.is_poll_only)

    # -- is it ours to serve?

    def missing_addon(self):
        """:return: str, why this database can't be served; None when it can"""
        is_odoo, has_table, has_schema, self.tells_etas = self.query(queries.FIND_ADDON)[0]
        if not is_odoo:
            return "it is not an Odoo database (or not initialised yet)"
        if not has_table or not self._is_installed():
            return "the addon queue_job is not installed in it: install it with -i queue_job"
        if not has_schema:
            return "its queue_job is of another version: update it with -u queue_job"
        return None

    def _is_installed(self):
        return self.value(queries.FIND_INSTALLED)

    def see_triggers(self):
        """Renew :attr:`tells_etas`."""
        self.tells_etas = self.value(queries.TELLS_ETAS)

    # -- notifications

    def notified_channels(self):
        """:return: set of the names of channels told of since the last call"""
        if self.is_poll_only:
            return set()
        names = set()
        for channel, payload in self.connection.notifications():
            if channel == NOTIFY_CHANNEL:
                names.add(payload)
            else:
                self._echo = payload
        return names

    def has_notifications(self):
        """Whether :meth:`notified_channels` has something to tell that no file will tell of."""
        return self.connection.has_notifications()

    def take_echo(self):
        """:return: str, what this runner has told itself, as far as it came; or None"""
        echo, self._echo = self._echo, None
        return echo

    def channel_limits(self):
        """:return: list of :class:`~..core.channel_limits.ChannelLimits`, set in the web client"""
        return [
            ChannelLimits(
                name, bool(overrides), capacity or 0, bool(sequential), throttle or 0, paused
            )
            for name, overrides, capacity, sequential, throttle, paused in self.query(
                queries.CHANNEL_LIMITS
            )
        ]

    # -- waiting jobs

    def heads(self):
        """:return: list of (channel, its first job, :class:`~..core.window.Waiting`) that are due"""
        return _heads(self.query(queries.HEADS))

    def heads_not_due(self):
        """:return: the same of the jobs that are not due yet"""
        return _heads(self.query(queries.HEADS_NOT_DUE))

    def first_jobs(self, channel, limit, after=None):
        """:return: list of :class:`~..core.window.Waiting`, due jobs of a channel in order

        :param int limit: so many at most
        :param after: the job behind which to begin; None: the first ones
        """
        if after is None:
            rows = self.query_prepared(
                "first_jobs", queries.FIRST_JOBS, channel=channel, limit=limit
            )
        else:
            rows = self.query_prepared(
                "next_jobs",
                queries.NEXT_JOBS,
                channel=channel,
                limit=limit,
                priority=after.priority,
                date_created=after.date_created,
                id=after.id,
            )
        return list(starmap(Waiting, rows))

    def first_in_order(self, channel):
        """:return: the first job of a channel, due or not; None when there is none

        Its ``eta`` is in seconds from now, None for a job that has none.
        """
        rows = self.query(queries.FIRST_IN_ORDER, channel=channel)
        return Waiting(*rows[0]) if rows else None

    def some_failed(self, channel):
        """:return: uuid of a job of the channel that has failed; None when there is none"""
        rows = self.query(queries.SOME_FAILED, channel=channel)
        return rows[0][0] if rows else None

    def next_eta(self):
        """:return: in how many seconds a job will be due; None: none will"""
        return self.value(queries.NEXT_ETA)

    def mark_due(self, limit):
        """Mark jobs whose eta has passed. :return: list of their channels, one for each"""
        return [channel for (channel,) in self.query(queries.MARK_DUE, limit=limit)]

    # -- jobs on their way

    def jobs_in_progress(self):
        """:return: list of :class:`InProgress`"""
        return list(starmap(InProgress, self.query(queries.IN_PROGRESS)))

    def stopped(self, ids):
        """:return: set of those of the ids whose jobs were cancelled while they ran"""
        return {job_id for (job_id,) in self.query(queries.STOPPED, ids=list(ids))}

    def set_enqueued(self, jobs, grant):
        """Mark jobs as being requested.

        :param jobs: list of (id, channel)
        :param str grant: token for the workers that are to claim them
        :return: set of the ids of those that were still pending
        """
        ids, channels = zip(*jobs, strict=True)
        rows = self.query_prepared(
            "set_enqueued",
            queries.SET_ENQUEUED,
            ids=list(ids),
            channels=list(channels),
            grant=grant,
        )
        return {job_id for (job_id,) in rows}

    def take_back(self, ids):
        """:return: set of the ids whose jobs had not been started"""
        return {job_id for (job_id,) in self.query(queries.TAKE_BACK, ids=ids)}

    def take_all_back(self):
        self.query(queries.TAKE_ALL_BACK)

    def release_ready(self, after, limit):
        """:return: (last id looked at or None, number of jobs looked at)"""
        return self.query(queries.RELEASE_READY, after=after, limit=limit)[0]

    def settle_handlers(self, after, limit):
        """Run or cancel what waits for jobs to fail that have ended."""
        self.query(queries.SETTLE_HANDLERS, after=after, limit=limit)

    def _query_requeue_dead_jobs(self):
        """:return: SQL that requeues every job without a worker; rows are ``(uuid,)``"""
        return queries.requeue_dead_jobs()

    def time_left(self):
        """:return: dict (uuid, lease) -> seconds, of the jobs that run under a time limit"""
        return {(uuid, lease): seconds for uuid, lease, seconds in self.query(queries.TIME_LEFT)}

    def end_overdue(self, tries, waits=False):
        """Take jobs from the tries that took too long.

        :param tries: list of (uuid, lease)
        :param waits: wait a moment for rows that somebody holds, for those who do are ending
        :return: set of the uuids; the rows of the others can't be had, or they have ended
        :raise psycopg2.errors.LockNotAvailable: they did not end
        """
        uuids, leases = zip(*tries, strict=True)
        query = queries.LOCK_TIMEOUT + queries.END_OVERDUE_LOCKED if waits else queries.END_OVERDUE
        rows = self.query(query, uuids=list(uuids), leases=list(leases))
        return {uuid for (uuid,) in rows}

    def terminate(self, ids):
        """End the sessions in which the jobs with these ids run.

        :return: set of the names of the roles whose sessions may not be ended by this one
        """
        rows = self.query(queries.TERMINATE, ids=list(ids))
        return {role for role, is_ended in rows if not is_ended}

    def role(self):
        """:return: str, the name of the role of this connection"""
        return self.value(queries.ROLE)

    def requeue_dead(self, tries, reached_since=None):
        """
        :param tries: list of (uuid, lease)
        :param reached_since: moment; those that began before do not count
        :return: set of the uuids requeued
        """
        uuids, leases = zip(*tries, strict=True)
        rows = self.query(
            queries.REQUEUE_SEEN_DEAD,
            uuids=list(uuids),
            leases=list(leases),
            reached_since=reached_since,
        )
        return {uuid for (uuid,) in rows}


def _heads(rows):
    return [(channel, Waiting(*job)) for channel, *job in rows]
