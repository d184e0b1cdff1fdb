"""A database of one side, with what works on it."""

import contextlib
import re
from datetime import datetime, timezone

from stack import OdooServer, StackError
from stack.waiting import wait_until

from .counters import NotificationCounter, StatementCounter
from .driver import Driver
from .processes import Meter, find_runner
from .roles import HARNESS, RUNNER

RUNNER_READY = r"queue job runner ready for db {}"
# The line with which both runners begin.
RUNNER_STARTS = re.compile(
    r"^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d),(\d{3}) .*\.jobrunner\.runner: starting\s*$", re.MULTILINE
)
POLL = 0.2
FINAL = ("done", "failed", "cancelled")


class Site:
    """Use it as a context manager.

    :param bench: the :class:`.bench.Bench`
    :param side: the :class:`.side.Side`
    :param database: the name of a database that has the side's addon
    """

    def __init__(self, bench, side, database, directory):
        self.bench = bench
        self.side = side
        self.database = database
        self.directory = directory
        self.server = None
        self._stack = contextlib.ExitStack()

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            self.connection = stack.enter_context(self.bench.connect(self.database))
            self._central = stack.enter_context(self.bench.connect())
            self.notifications = NotificationCounter(self.connection)
            self.statements = StatementCounter(self._central, self.database)
            # its statements are ours, too
            config = self.side.config(
                self.bench.cluster.places, self.database, options={"db_user": HARNESS}
            )
            driver = Driver(config, self.directory, self.side.environ)
            self.driver = stack.enter_context(driver)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exc_info):
        self._stack.close()

    # -- the server

    def start_server(self):
        """Start Odoo with its runner, and wait until that one serves the database."""
        config = self.side.config(
            self.bench.cluster.places,
            self.database,
            workers=self.bench.WORKERS,
            channels=self.bench.CHANNELS,
            queue_job={"jobrunner_db_user": RUNNER},
        )
        self.server = OdooServer(config, self.directory, self.side.environ)
        self._stack.enter_context(self.server)
        self.server.wait_for_log(
            RUNNER_READY.format(re.escape(self.database)), self.bench.sizes.limit
        )

    def runner_start(self):
        """Return when the runner began, in seconds since the epoch."""
        moment, milliseconds = RUNNER_STARTS.search(self.server.log_text()).groups()
        started = datetime.fromisoformat(f"{moment}.{milliseconds}").replace(tzinfo=timezone.utc)
        return started.timestamp()

    @property
    def runner_pid(self):
        pid = find_runner(self.server.child.members())
        if pid is None:
            raise StackError("the runner's process was not found", f"see {self.server.log}")
        return pid

    def meter(self):
        """Return a :class:`.processes.Meter` of the server and of PostgreSQL without ourselves."""
        own = {self.connection.info.backend_pid, self._central.info.backend_pid}
        return Meter(self.server, self.bench.cluster, own)

    # -- the database

    def query(self, query, parameters=None):
        """Return the rows of a statement on our own connection."""
        with self.connection.cursor() as cursor:
            cursor.execute(query, parameters)
            return cursor.fetchall() if cursor.description else []

    def settle(self):
        """Let PostgreSQL write what is left of before, so that no measurement pays for another one."""
        self.query("CHECKPOINT")

    def wait_for_jobs(self, limit=None):
        """Wait until all jobs have ended.

        :param limit: seconds, None for those of the sizes
        :return: bool, whether they have within the limit
        :raise StackError: one failed
        """
        query = "SELECT EXISTS (SELECT FROM queue_job WHERE state NOT IN %s)"
        try:
            wait_until(
                lambda: not self.query(query, [FINAL])[0][0],
                limit or self.bench.sizes.limit,
                "the end of all jobs",
                POLL,
            )
        except StackError:
            return False
        self.check_jobs()
        return True

    def check_jobs(self):
        """Raise a ``StackError`` if a job has not been done."""
        query = "SELECT count(*), max(exc_message) FROM queue_job WHERE state IN ('failed', 'cancelled')"
        count, message = self.query(query)[0]
        if count:
            raise StackError(f"{count} jobs failed ({message})", f"see {self.server.log}")

    def rate(self):
        """Return the jobs done per second, from the start of the first to the end of the last one."""
        query = """
            SELECT count(*), extract(epoch FROM max(date_done) - min(date_started))::float8
              FROM queue_job
             WHERE state = 'done'
        """
        count, seconds = self.query(query)[0]
        if not seconds:
            raise StackError("no job was done", f"see {self.server.log}")
        return count / seconds
