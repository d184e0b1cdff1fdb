# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Requests that wait at a worker for their job; here the test is the runner, most often."""

import contextlib
import http.client
import re
import select
import socket
import time
from urllib.parse import urlencode, urlsplit

import pytest
import requests

from stack.waiting import wait_until

PATH = "/queue_job/runjob/park"
SEARCH = "env['res.partner'].with_delay().search_count([])"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
CALL = b" "
BODY_SIZE = 4096
LIMIT = 30  # seconds, against hanging
#: Seconds for which a request is parked; where it must not last so long, it has to be a good deal less.
LONGEST = 5


class Parked:
    """A request that is parked, if the worker says so.

    :param server: :class:`stack.OdooServer`
    """

    def __init__(self, server):
        self._socket = socket.create_connection(
            (urlsplit(server.url).hostname, urlsplit(server.url).port), timeout=LIMIT
        )
        self._socket.sendall(
            f"POST {PATH}?db={server.config.database} HTTP/1.1\r\nHost: {urlsplit(server.url).netloc}\r\n"
            f"X-Odoo-Database: {server.config.database}\r\nContent-Length: {BODY_SIZE}\r\n"
            "Content-Type: application/octet-stream\r\n\r\n".encode()
        )

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self._socket.close()

    def is_told_to_go_on(self):
        text = b""
        while len(text) < len(CONTINUE) and (part := self._socket.recv(len(CONTINUE) - len(text))):
            text += part
        return text == CONTINUE

    def call(self):
        self._socket.sendall(CALL)
        return self.is_told_to_go_on()

    def hand_over(self, **parameters):
        self._socket.sendall(urlencode(parameters).encode().ljust(BODY_SIZE - len(CALL)))
        return self.answer()

    def is_waiting(self):
        return not select.select([self._socket], [], [], 0)[0]

    def answer(self):
        response = http.client.HTTPResponse(self._socket, method="POST")
        response.begin()
        return response


@pytest.fixture
def park():
    """A function that parks a request at a server."""
    with contextlib.ExitStack() as stack:

        def start(server):
            parked = stack.enter_context(Parked(server))
            assert parked.is_told_to_go_on()
            return parked

        yield start


@pytest.fixture(scope="module")
def alone(fresh_databases, start_server):
    """A server with one worker, and without a runner of its own that does anything."""
    return start_server(fresh_databases(), workers=1, channels="root:0")


@pytest.fixture(scope="module")
def threaded(fresh_databases, start_server):
    return start_server(fresh_databases(), workers=0, channels="root:0")


@pytest.fixture(params=["alone", "threaded"])
def server(request):
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module")
def delayed():
    """Database -> uuids of jobs that no test has had yet."""
    return {}


@pytest.fixture
def enqueue(delayed, delay, connect):
    """A function that returns the uuid of a job that is enqueued with the grant ``token``."""

    def run(server, call=SEARCH):
        database = server.config.database
        left = delayed.setdefault((database, call), [])
        if not left:
            left += delay(database, f"jobs = [{call} for _number in range(5)]")[0]
        uuid = left.pop()
        with connect(database, autocommit=True).cursor() as cursor:
            cursor.execute(
                "UPDATE queue_job SET state = 'enqueued', lease = 'token' WHERE uuid = %s", [uuid]
            )
        return uuid

    return run


def ping(server):
    response = requests.get(f"{server.url}/web/health", timeout=LIMIT)
    assert response.status_code == 200


def test_the_job_is_run(server, park, enqueue, job_row):
    uuid = enqueue(server)
    parked = park(server)
    assert parked.call()
    answer = parked.hand_over(job_uuid=uuid, grant="token", next="0")
    assert (answer.status, answer.headers["X-Queue-Job-Hints"]) == (200, "0")
    row = job_row(server.config.database, uuid)
    assert (row["state"], row["retry"]) == ("done", 1)


def test_who_does_not_know_the_grant_gets_nothing(server, park, enqueue, job_row):
    uuid = enqueue(server)
    parked = park(server)
    assert parked.call()
    answer = parked.hand_over(job_uuid=uuid, grant="guessed")
    assert (answer.status, answer.headers["X-Queue-Job-Refused"]) == (200, "1")
    parked = park(server)
    assert parked.call()
    assert parked.hand_over(job_uuid=uuid).headers["X-Queue-Job-Refused"]
    assert job_row(server.config.database, uuid)["state"] == "enqueued"


def test_nothing_comes(server, park):
    parked = park(server)
    assert parked.answer().status == 204
    ping(server)


def test_nothing_comes_after_the_call(server, park):
    begin = time.monotonic()
    parked = park(server)
    assert parked.call()
    assert parked.answer().status == 204
    assert time.monotonic() - begin < LONGEST


@pytest.mark.parametrize("body", [b"\xff" * BODY_SIZE, b" " * BODY_SIZE, b"db=x&self=y"])
def test_nonsense_comes(server, park, body):
    parked = park(server)
    parked._socket.sendall(CALL + body[:-1].ljust(BODY_SIZE - 1))
    assert parked.is_told_to_go_on()
    assert parked.answer().status == 204


def test_whoever_parks_hangs_up(server, park):
    for is_called in (False, True):
        parked = park(server)
        if is_called:
            assert parked.call()
        parked._socket.close()
    begin = time.monotonic()
    ping(server)
    assert time.monotonic() - begin < LONGEST / 2
    assert "Traceback" not in server.log_text()


def test_the_only_worker_gives_way(alone, park):
    """To a browser, to another request of the runner, to whoever comes."""
    parked = park(alone)
    begin = time.monotonic()
    ping(alone)
    assert time.monotonic() - begin < LONGEST / 2
    assert parked.answer().status == 204


def test_a_worker_stays_while_others_are_free(threaded, park, enqueue):
    uuid = enqueue(threaded)
    parked = park(threaded)
    for _number in range(5):
        ping(threaded)
    assert parked.is_waiting()
    assert parked.call()
    assert parked.hand_over(job_uuid=uuid, grant="token").status == 200


READ_PARAMETER = "env['ir.config_parameter'].with_delay().get_param('test.parking')"


@pytest.fixture
def signal(connect):
    """A function that has other processes see that something was changed, as Odoo does after the commit."""

    def run(server, what, change="SELECT"):
        with connect(server.config.database, autocommit=True).cursor() as cursor:
            cursor.execute(change)
            cursor.execute(f"INSERT INTO orm_signaling_{what} DEFAULT VALUES")

    return run


def test_the_job_sees_what_was_changed_while_it_waited(alone, park, enqueue, signal, job_row):
    """What Odoo has in its caches, of which it looks at the beginning of a request whether it is still true.

    It is signalled when the job was committed, and the worker called.
    """
    uuids = [enqueue(alone, READ_PARAMETER) for _number in range(2)]
    for uuid, value in zip(uuids, (None, "new"), strict=True):
        parked = park(alone)
        assert parked.call()
        if value:
            insert = (
                f"INSERT INTO ir_config_parameter (key, value) VALUES ('test.parking', '{value}')"
            )
            signal(alone, "stable", insert)
        assert parked.hand_over(job_uuid=uuid, grant="token").status == 200
        row = job_row(alone.config.database, uuid)
        assert (row["state"], row["result"]) == ("done", value)


def test_another_registry_needs_another_request(alone, park, enqueue, signal, job_row):
    uuid = enqueue(alone)
    parked = park(alone)
    signal(alone, "registry")
    assert parked.call()
    assert parked.hand_over(job_uuid=uuid, grant="token").status == 204
    assert "Reloading the model registry" in alone.log_text()
    assert job_row(alone.config.database, uuid)["state"] == "enqueued"


def test_a_session_that_postgresql_has_ended(alone, park, connect, enqueue, job_row):
    uuid = enqueue(alone)
    parked = park(alone)
    connection = connect(alone.config.database, autocommit=True)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid != pg_backend_pid()"
            " AND application_name LIKE 'odoo-%'"
        )
        assert cursor.rowcount
    assert parked.call()
    assert parked.hand_over(job_uuid=uuid, grant="token").status == 204
    parked = park(alone)
    assert parked.call()
    assert parked.hand_over(job_uuid=uuid, grant="token").status == 200
    assert job_row(alone.config.database, uuid)["state"] == "done"


def test_no_transaction_goes_on_meanwhile(server, park, connect):
    park(server)
    with connect(server.config.database, autocommit=True).cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND state LIKE 'idle in transaction%'"
        )
        assert cursor.fetchone() == (0,)


def test_a_database_that_is_not_there(server):
    response = requests.post(
        f"{server.url}{PATH}?db=nowhere", headers={"X-Odoo-Database": "nowhere"}, timeout=LIMIT
    )
    assert response.status_code == 404


# -- with a runner; that of a prefork server is in test_execution.py

SPACED = f"""
import time
jobs = []
for number in range(3):
    jobs.append({SEARCH})
    env.cr.commit()
    time.sleep(0.5)
"""
USED = r'"POST /queue_job/runjob/park[^"]*" 200'


def test_jobs_that_come_one_after_the_other(start_ready, delay, ended):
    server = start_ready(workers=0)
    uuids, _pid = delay(server.config.database, SPACED)
    for uuid in uuids:
        row = ended(server.config.database, uuid)
        assert (row["state"], row["retry"]) == ("done", 1)
    wait_until(lambda: len(re.findall(USED, server.log_text())) == 2, LIMIT, "two that were used")
    begin = time.monotonic()
    server.stop()
    assert time.monotonic() - begin < LONGEST
    assert "Traceback" not in server.log_text()
