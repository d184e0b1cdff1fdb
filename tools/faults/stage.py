"""A database whose jobs leave countable effects, and the servers that run them."""

import contextlib
import json
import os
import signal
import threading
import time
import urllib.request
from pathlib import Path

import psycopg2

from stack.database import OF_THIS_DATABASE
from stack.errors import StackError
from stack.waiting import wait_until

FINAL = ("done", "failed", "cancelled")
#: Class of the advisory lock that a job holds while it runs; see queue_job/core/lock.py.
JOB_LOCK_CLASS = 0x71756575


class Stage:
    """One database and its servers.

    :param connection_options: dict, how tests reach PostgreSQL, past any proxy
    :param list servers: of :class:`stack.OdooServer`; the first one is asked to delay jobs
    """

    def __init__(self, database, connection_options, servers):
        self.database = database
        self.servers = servers
        self._options = {**connection_options, "dbname": database}
        #: uuid -> how it has to end
        self.expected = {}

    # -- jobs

    def delay(self, method, count=1, kwargs=None, expected="done", graph=None, **options):
        """Delay ``method`` of queue.job.effect so often in a real request.

        :param str expected: state in which all have to end
        :param graph: ``"group"`` or ``"chain"`` of these calls; None: each by itself
        :return: list of uuids
        """
        arguments = [method, count, kwargs or {}, options, graph]
        uuids = self.call("queue.job.effect", "delay_many", arguments)
        self.expected.update(dict.fromkeys(uuids, expected))
        return uuids

    def call(self, model, method, arguments):
        """Call a public method as the administrator, by JSON-RPC."""
        server = next(server for server in self.servers if server.is_running)
        params = {
            "service": "object",
            "method": "execute_kw",
            "args": [self.database, 2, "admin", model, method, arguments],
        }
        request = urllib.request.Request(
            f"{server.url}/jsonrpc",
            json.dumps({"jsonrpc": "2.0", "method": "call", "params": params}).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as response:
            answer = json.load(response)
        if "error" in answer:
            raise StackError(f"{model}.{method}", answer["error"]["data"]["debug"])
        return answer["result"]

    # -- what the database says

    def sql(self, statement, *parameters):
        """Run a statement on a connection of its own; return its rows."""
        connection = psycopg2.connect(**self._options, application_name="faults")
        connection.autocommit = True
        with contextlib.closing(connection), connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []

    def rows(self, uuids, *columns):
        """:return: list of tuples, of these jobs"""
        query = f"SELECT {', '.join(columns)} FROM queue_job WHERE uuid = ANY(%s) ORDER BY id"
        return self.sql(query, list(uuids))

    def count(self, state, uuids=None):
        """:return: int, how many of the jobs are in that state"""
        if uuids is None:
            uuids = self.expected
        return self.sql(
            "SELECT count(*) FROM queue_job WHERE uuid = ANY(%s) AND state = %s",
            list(uuids),
            state,
        )[0][0]

    def wait_for(self, state, uuids, count=None, timeout=60):
        """Wait until so many of the jobs (None: all) are in a state.

        :return: float, the seconds it took
        """
        start = time.monotonic()
        count = len(uuids) if count is None else count
        wait_until(lambda: self.count(state, uuids) >= count, timeout, f"{count} jobs {state}")
        return time.monotonic() - start

    def wait_for_end(self, timeout=120):
        """Wait until all jobs have ended. :return: float, the seconds it took"""
        start = time.monotonic()
        with contextlib.suppress(StackError):
            wait_until(lambda: not self.unfinished(), timeout, "the end of all jobs", 0.1)
        return time.monotonic() - start

    def unfinished(self):
        return self.sql(
            "SELECT uuid FROM queue_job WHERE uuid = ANY(%s) AND state <> ALL(%s)",
            list(self.expected),
            list(FINAL),
        )

    def verdict(self):
        """:return: (list of uuids that did not end as they had to, list of uuids whose effects are wrong)"""
        states = dict(self.sql("SELECT uuid, state FROM queue_job"))
        effects = dict(self.sql("SELECT job_uuid, count(*) FROM queue_job_effect GROUP BY 1"))
        lost = [uuid for uuid, state in self.expected.items() if states.get(uuid) != state]
        wrong = [
            uuid
            for uuid in self.expected
            if effects.get(uuid, 0) != (1 if states.get(uuid) == "done" else 0)
        ]
        return lost, wrong

    def lock_holders(self):
        """:return: dict of the ids of backends by the ids of the jobs that they run"""
        return dict(
            self.sql(
                "SELECT objid::int, pid FROM pg_locks WHERE locktype = 'advisory' AND granted"
                f" AND classid = %s AND objsubid = 2 AND {OF_THIS_DATABASE}",
                JOB_LOCK_CLASS,
            )
        )

    def terminate_backends(self):
        """Terminate every connection to the database but ours. :return: int, how many"""
        return self.sql(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name <> 'faults'"
        )[0][0]

    @contextlib.contextmanager
    def watching_capacity(self):
        """Inside it, look again and again how many jobs run at once; yield a list of the numbers."""
        numbers = []
        ended = threading.Event()

        def look():
            while not ended.wait(0.02):
                with contextlib.suppress(psycopg2.Error):
                    numbers.append(len(self.lock_holders()))

        thread = threading.Thread(target=look, daemon=True)
        thread.start()
        try:
            yield numbers
        finally:
            ended.set()
            thread.join()

    # -- processes

    def worker_of(self, uuid):
        """:return: int, the process that runs a started job"""
        return self.rows([uuid], "worker_pid")[0][0]

    def runner(self, server=None):
        """:return: int, the process of a server's job runner"""
        return wait_until(
            lambda: next(iter(self.runners(server)), None), 30, "the runner's process"
        )

    def runners(self, server=None):
        return processes(server or self.servers[0], "WorkerJobRunner")

    def log(self):
        return "".join(server.log_text() for server in self.servers)


def processes(server, title):
    """:return: list of the ids of a server's processes with ``title`` in their names"""
    found = []
    for pid in server.child.members():
        with contextlib.suppress(OSError):
            if title in Path(f"/proc/{pid}/cmdline").read_text():
                found.append(pid)
    return found


def kill(pid, number=signal.SIGKILL):
    """Send a signal to a process of ours; it may be gone already."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
