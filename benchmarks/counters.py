"""What PostgreSQL is asked to do, counted from outside of Odoo."""

import contextlib
from dataclasses import dataclass

#: The PostgreSQL channels on which queue_job has ever told its runner something.
NOTIFY_CHANNELS = ("queue_job", "queue_job_channel")

# What a role has sent to a database. Odoo's cursors send one BEGIN each transaction, or let it begin with the commit of
# the one before; a connection in autocommit mode sends none, and each of its statements is one.
STATEMENTS = """
    SELECT coalesce(sum(calls) FILTER (WHERE NOT is_control), 0)::int,
           coalesce(sum(calls) FILTER (WHERE query ~* '^(begin|commit and chain)'), 0)::int,
           coalesce(sum(total_exec_time), 0)
      FROM pg_stat_statements
      JOIN pg_database ON pg_database.oid = dbid
      JOIN pg_roles ON pg_roles.oid = userid
CROSS JOIN LATERAL (SELECT query ~* '^(begin|start|commit|rollback)( |$)' AS is_control) AS kind
     WHERE datname = %s AND rolname = %s
"""

DEAREST = """
    SELECT rolname, calls::int, total_exec_time, wal_bytes::float8, query
      FROM pg_stat_statements
      JOIN pg_database ON pg_database.oid = dbid
      JOIN pg_roles ON pg_roles.oid = userid
     WHERE datname = %s AND rolname != current_user
  ORDER BY total_exec_time DESC
     LIMIT %s
"""


@dataclass(frozen=True)
class Sent:
    """Statements without those that begin and end transactions; transactions; milliseconds of execution."""

    statements: int
    transactions: int
    milliseconds: float


@dataclass(frozen=True)
class Used:
    """What all calls of one statement took together."""

    role: str
    calls: int
    milliseconds: float
    wal_bytes: float
    query: str


class StatementCounter:
    """Counts with pg_stat_statements what roles send to one database, when it is told to.

    :param connection: an autocommit connection to the database that has the extension
    """

    def __init__(self, connection, database):
        self._connection = connection
        self._database = database

    @contextlib.contextmanager
    def counting(self):
        """Count from zero, and no longer than this: counting costs PostgreSQL CPU."""
        self._switch("top")
        try:
            with self._connection.cursor() as cursor:
                cursor.execute("SELECT pg_stat_statements_reset()")
            yield self
        finally:
            self.stop()

    def stop(self):
        self._switch("none")

    def _switch(self, track):
        with self._connection.cursor() as cursor:
            cursor.execute("ALTER SYSTEM SET pg_stat_statements.track = %s", [track])
            # else each statement is taken apart all the same
            is_on = "off" if track == "none" else "on"
            cursor.execute("ALTER SYSTEM SET compute_query_id = %s", [is_on])
            cursor.execute("SELECT pg_reload_conf()")

    def read(self, role):
        """Return what ``role`` has :class:`Sent` since the reset."""
        with self._connection.cursor() as cursor:
            cursor.execute(STATEMENTS, [self._database, role])
            return Sent(*cursor.fetchone())

    def dearest(self, limit):
        """Return what the statements of others have :class:`Used` since the reset, the dearest first."""
        with self._connection.cursor() as cursor:
            cursor.execute(DEAREST, [self._database, limit])
            return [Used(*row) for row in cursor.fetchall()]


class NotificationCounter:
    """Counts the notifications that a listener gets: equal ones of a transaction come once.

    :param connection: an autocommit connection to the database
    """

    def __init__(self, connection):
        self._connection = connection
        with connection.cursor() as cursor:
            for channel in NOTIFY_CHANNELS:
                cursor.execute(f"LISTEN {channel}")

    def take(self):
        """Return how many came since the last call."""
        with self._connection.cursor() as cursor:
            # what was sent before this statement is delivered with its answer
            cursor.execute("SELECT 1")
        self._connection.poll()
        count = len(self._connection.notifies)
        self._connection.notifies.clear()
        return count
