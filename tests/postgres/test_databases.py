# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""The runner and its databases: one that is sick, or comes and goes, disturbs no other."""

import contextlib
import http.server
import logging
import socket
import threading

import pytest

from stack.postgres import PORT
from stack.waiting import wait_until

LIMIT = 30  # seconds, against hanging
RUNNER = "odoo.addons.queue_job.jobrunner.runner"


class Proxy:
    """Before PostgreSQL: it can swallow what goes to and comes from a database, without a word.

    :param path: of PostgreSQL's socket
    """

    def __init__(self, path):
        self._path = path
        self.swallowed = set()
        self._sockets = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        for sock in [self._listener, *self._sockets]:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _address = self._listener.accept()
                threading.Thread(target=self._serve, args=[client], daemon=True).start()

    def _serve(self, client):
        server = socket.socket(socket.AF_UNIX)
        self._sockets += [client, server]
        server.connect(self._path)
        # asked for encryption first, PostgreSQL says no
        name = None
        with contextlib.suppress(OSError):
            while part := client.recv(65536):
                if name is None and b"database\0" in part:
                    name = part.split(b"database\0")[1].split(b"\0")[0].decode()
                    back = threading.Thread(target=self._back, args=[server, client, name])
                    back.daemon = True
                    back.start()
                if name is None:
                    server.sendall(part)
                    client.sendall(server.recv(1))
                elif name not in self.swallowed:
                    server.sendall(part)
        server.close()

    def _back(self, server, client, name):
        with contextlib.suppress(OSError):
            while part := server.recv(65536):
                if name not in self.swallowed:
                    client.sendall(part)
        with contextlib.suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def proxy(cluster):
    proxy = Proxy(f"{cluster.host}/.s.PGSQL.{PORT}")
    yield proxy
    proxy.close()


@pytest.fixture
def odoo_port():
    """Port of a server that says yes to everything."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()

        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


@pytest.fixture
def two(fresh_databases):
    return sorted([fresh_databases(), fresh_databases()])


@pytest.fixture
def serve(jobrunner, odoo_port, proxy, monkeypatch):
    """A function that starts a runner of databases (a list that may be changed)."""
    from odoo.addons.queue_job.core.runner_config import RunnerConfig

    monkeypatch.setattr(jobrunner.runner, "DISCOVERY_INTERVAL", 0.5)
    with contextlib.ExitStack() as stack:

        def start(names, **config):
            database = {"host": "127.0.0.1", "port": proxy.port}
            runner = jobrunner.runner.QueueJobRunner(
                RunnerConfig(
                    channels="root:4", host="127.0.0.1", port=odoo_port, database=database, **config
                )
            )
            runner.get_db_names = lambda: list(names)
            thread = threading.Thread(target=runner.run, daemon=True)
            thread.start()
            stack.callback(thread.join, LIMIT)
            stack.callback(runner.stop)
            return runner

        yield start


@pytest.fixture
def messages(caplog):
    caplog.set_level(logging.INFO, RUNNER)
    return lambda: [record.getMessage() for record in caplog.records if record.name == RUNNER]


@pytest.fixture
def insert_in(connect):
    """A function that inserts a pending job in a database and returns a function: is it requested?"""

    def insert(name, uuid="the same"):
        cursor = connect(name, autocommit=True).cursor()
        cursor.execute(
            "INSERT INTO queue_job (uuid, state, channel, priority, date_created)"
            " VALUES (%s, 'pending', 'root', 10, now())",
            [uuid],
        )

        def is_requested():
            cursor.execute("SELECT lease IS NOT NULL FROM queue_job WHERE uuid = %s", [uuid])
            return cursor.fetchone()[0]

        return is_requested

    return insert


def ready(messages, name, times=1):
    wait_until(
        lambda: messages().count(f"queue job runner ready for db {name}") >= times,
        LIMIT,
        f"serving {name}",
    )


def test_the_same_uuid_in_two_databases(two, serve, messages, insert_in):
    serve(two)
    requested = [insert_in(name) for name in two]
    for is_requested in requested:
        wait_until(is_requested, LIMIT, "a request")
    assert not [text for text in messages() if "error" in text]


def test_databases_come_and_go(two, serve, messages, insert_in):
    names = two[:1]
    serve(names)
    ready(messages, two[0])
    names.append(two[1])
    ready(messages, two[1])
    wait_until(insert_in(two[1]), LIMIT, "a request")
    names.remove(two[0])
    wait_until(
        lambda: f"database {two[0]} is no longer served: it is not there any more" in messages(),
        LIMIT,
        "the end of serving it",
    )
    names.append(two[0])
    ready(messages, two[0], times=2)


def test_one_that_does_not_let_in(two, serve, messages, insert_in, proxy):
    sick, well = two
    proxy.swallowed.add(sick)
    serve(two)
    ready(messages, well)
    wait_until(insert_in(well), LIMIT, "a request")
    wait_until(
        lambda: any(f"{sick} is not served: can't connect: no answer" in m for m in messages()),
        LIMIT,
        "the report",
    )
    proxy.swallowed.clear()
    ready(messages, sick)


def test_one_whose_connection_is_swallowed(two, serve, messages, insert_in, proxy):
    sick, well = two
    serve(two)
    for name in two:
        ready(messages, name)
    proxy.swallowed.add(sick)
    is_requested = insert_in(sick)
    for number in range(3):
        wait_until(insert_in(well, str(number)), LIMIT, "a request")
    wait_until(
        lambda: any(f"{sick} is no longer served: no answer" in m for m in messages()),
        LIMIT,
        "the report",
    )
    proxy.swallowed.clear()
    ready(messages, sick, times=2)
    wait_until(is_requested, LIMIT, "a request")


def test_poll_only(two, serve, messages, insert_in):
    serve(two[:1], poll_only=True)
    ready(messages, two[0])
    for number in range(3):
        wait_until(insert_in(two[0], str(number)), LIMIT, "a request")


def test_nothing_is_requested_while_modules_are_upgraded(two, serve, messages, insert_in, connect):
    cursor = connect(two[0], autocommit=True).cursor()
    cursor.execute("UPDATE ir_module_module SET state = 'to upgrade' WHERE name = 'web'")
    runner = serve(two)
    for name in two:
        ready(messages, name)
    closed, is_open = insert_in(two[0]), insert_in(two[1])
    wait_until(is_open, LIMIT, "a request")
    assert not closed()
    cursor.execute("UPDATE ir_module_module SET state = 'installed' WHERE name = 'web'")
    wait_until(closed, LIMIT, "a request")
    assert not runner._stop
