# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""The job runner's connection to one database."""

import psycopg2
from psycopg2.extensions import ISOLATION_LEVEL_AUTOCOMMIT
from psycopg2.extras import NamedTupleCursor

from ..core.notification import NOTIFY_CHANNEL
from . import queries, settings

#: A dead peer is found by these within about ten seconds, and no statement of the runner,
#: all of which take milliseconds, holds up the other databases for long.
CONNECTION_OPTIONS = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
STATEMENT_TIMEOUT = "30s"


class Database:
    """One database and the runner's one connection to it, in autocommit mode.

    It is opened when it is first used. What goes wrong with the connection is raised as
    ``psycopg2.Error``.

    :param str db_name: name of the database
    :param dict overrides: connection options that go before Odoo's own
    """

    def __init__(self, db_name, overrides=None):
        self.db_name = db_name
        self._overrides = overrides or {}
        self._connection = None

    @property
    def connection(self):
        if self._connection is None:
            self._connection = psycopg2.connect(
                **CONNECTION_OPTIONS,
                **settings.connection_info(self.db_name, self._overrides),
                cursor_factory=NamedTupleCursor,
            )
            self._connection.set_isolation_level(ISOLATION_LEVEL_AUTOCOMMIT)
            self.query(f"SET statement_timeout = '{STATEMENT_TIMEOUT}'")
        return self._connection

    def close(self):
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def fileno(self):
        return self.connection.fileno()

    def query(self, sql, **parameters):
        """:return: list of the rows (named tuples), empty for a statement without any"""
        with self.connection.cursor() as cr:
            cr.execute(sql, parameters)
            return cr.fetchall() if cr.description else []

    def value(self, sql, **parameters):
        """:return: first column of the first row"""
        return self.query(sql, **parameters)[0][0]

    # -- is it ours to serve?

    def missing_addon(self):
        """:return: str, why this database can't be served; None when it can"""
        is_odoo, has_table, has_schema = self.query(queries.FIND_ADDON)[0]
        if not is_odoo:
            return "it is not an Odoo database (or not initialised yet)"
        if not has_table or not self._is_installed():
            return "the addon queue_job is not installed in it: install it with -i queue_job"
        if not has_schema:
            return "its queue_job is of another version: update it with -u queue_job"
        return None

    def _is_installed(self):
        with self.connection.cursor() as cr:
            cr.execute(queries.FIND_INSTALLED)
            return cr.rowcount > 0

    def take_leadership(self):
        """:return: bool, whether this runner is now the one that drives the database"""
        return self.value(queries.TAKE_LEADERSHIP)

    # -- notifications

    def listen(self):
        self.query(f"LISTEN {NOTIFY_CHANNEL}")

    def notified_channels(self):
        """:return: set of the names of channels told of since the last call"""
        self.connection.poll()
        channels = {notification.payload for notification in self.connection.notifies}
        self.connection.notifies.clear()
        return channels

    # -- jobs

    def pending_channels(self):
        return {row.channel for row in self.query(queries.PENDING_CHANNELS)}

    def first_jobs(self, channel, limit, in_order):
        """:return: rows of the first jobs that wait in the channel

        :param bool in_order: with those that are not due or have failed
        """
        sql = queries.JOBS_IN_ORDER if in_order else queries.DUE_JOBS
        return self.query(sql, channel=channel, limit=limit)

    def clock(self):
        """:return: naive datetime in UTC, of PostgreSQL"""
        return self.value(queries.CLOCK)

    def next_eta(self, since):
        """:return: in how many seconds, None when no job has an eta after ``since``"""
        return self.value(queries.NEXT_ETA, since=since)

    def channels_due(self, since, until):
        """:return: set of the names of the channels with an eta between two moments"""
        rows = self.query(queries.CHANNELS_DUE_SINCE, since=since, until=until)
        return {row.channel for row in rows}

    def jobs_in_progress(self):
        return self.query(queries.IN_PROGRESS)

    def set_enqueued(self, uuids):
        """:return: set of the uuids whose jobs were still pending"""
        return {row.uuid for row in self.query(queries.SET_ENQUEUED, uuids=uuids)}

    def take_back(self, uuids):
        """:return: set of the uuids whose jobs had not been started"""
        return {row.uuid for row in self.query(queries.TAKE_BACK, uuids=uuids)}

    def take_all_back(self):
        self.query(queries.TAKE_ALL_BACK)

    def release_ready(self, after, limit):
        """:return: (last id looked at or None, number of jobs looked at)"""
        return self.query(queries.RELEASE_READY, after=after, limit=limit)[0]

    def _query_requeue_dead_jobs(self):
        """:return: SQL that requeues every job without a worker; rows are ``(uuid,)``"""
        return queries.requeue_dead_jobs()

    def requeue_dead(self, tries):
        """:param tries: list of (uuid, lease) :return: set of the uuids requeued"""
        uuids, leases = zip(*tries, strict=True)
        rows = self.query(queries.REQUEUE_SEEN_DEAD, uuids=list(uuids), leases=list(leases))
        return {row.uuid for row in rows}
