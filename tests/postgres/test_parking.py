# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Requests that are there before their job, to what does as a worker does, or otherwise."""

import contextlib
import queue
import select
import socket
import threading
import time
from urllib.parse import parse_qs, urlsplit

import pytest
from fake_server import FakeServer

from stack.waiting import wait_until

LIMIT = 10  # seconds, against hanging
#: What runner and worker say, whichever their versions.
PATH, RUN_PATH = "/queue_job/runjob/park", "/queue_job/runjob"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
CALL = b" "
BODY_SIZE = 4096
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n"
ENDED = b"HTTP/1.1 204 NO CONTENT\r\nConnection: close\r\n\r\n"
NOT_FOUND = b"HTTP/1.1 404 NOT FOUND\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
RAN = OK + b"X-Queue-Job-Hints: 0\r\n\r\n"
#: Instead of some bytes, what the worker does: wait for a call, for a job, or for the test.
CALLED, READ, HELD = "called", "read", "held"
WAITS = [CONTINUE, CALLED, CONTINUE, READ]


class Worker(FakeServer):
    """A server that does this with each parked request, and answers all others.

    :param script: list of bytes to send, and of what to wait for; then it closes the connection
    """

    def __init__(self, *script):
        self.script = script
        self.heads = []
        self.bodies = []
        self.steps = queue.SimpleQueue()
        self.held = threading.Event()
        super().__init__()

    def close(self):
        self.held.set()
        super().close()

    def serve(self, connection):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += connection.recv(1)
        self.heads.append(head.decode())
        script = self.script if head.startswith(b"POST") else [RAN]
        for step in script:
            if step == CALLED:
                if connection.recv(len(CALL)) != CALL:
                    return
            elif step == READ:
                self.bodies.append(self._read(connection))
            elif step == HELD:
                self.held.wait(LIMIT)
            else:
                connection.sendall(step)
            self.steps.put(step)
        connection.shutdown(socket.SHUT_RDWR)

    def _read(self, connection):
        body = b""
        while len(body) < BODY_SIZE - len(CALL) and (part := connection.recv(4096)):
            body += part
        return body

    def wait_for(self, step):
        while self.steps.get(timeout=LIMIT) != step:
            pass

    def paths(self):
        return [urlsplit(head.split()[1]).path for head in self.heads]


@pytest.fixture
def serve():
    """A function that starts a :class:`Worker`."""
    with contextlib.ExitStack() as stack:

        def start(*script):
            worker = Worker(*script)
            stack.callback(worker.close)
            return worker

        yield start


@pytest.fixture
def dispatcher(jobrunner):
    from odoo.addons.queue_job.core.runner_config import RunnerConfig

    return jobrunner.dispatcher.Dispatcher(RunnerConfig(user="me", password="pass"), 4)


def parked(dispatcher, worker, db_name="a db"):
    """Park a request, and wait until the worker waits as the runner has to know it by then."""
    dispatcher.park(db_name, worker.url)
    worker.wait_for(worker.script[0])
    request = wait_until(
        lambda: dispatcher._parking._by_url.get(worker.url), LIMIT, "the parked request"
    )
    assert select.select([request.connection.sock], [], [], LIMIT)[0]
    return request


def slot(uuid):
    from odoo.addons.queue_job.core.slot import Slot

    return Slot(uuid, 1, "root", "the-grant")


def response_of(dispatcher):
    assert select.select([dispatcher], [], [], LIMIT)[0]
    (response,) = dispatcher.responses()
    return response


def ask(dispatcher, worker, uuid="the-uuid"):
    dispatcher.submit("a db", slot(uuid), worker.url)
    return response_of(dispatcher)


def test_the_job_goes_to_the_worker_that_waits(dispatcher, serve):
    worker = serve(*WAITS, RAN)
    parked(dispatcher, worker)
    (head,) = worker.heads
    first, *headers = head.splitlines()
    method, path, _version = first.split()
    assert (method, path) == ("POST", f"{PATH}?db=a+db")
    assert {
        "X-Odoo-Database: a db",
        "Authorization: Basic bWU6cGFzcw==",
        f"Content-Length: {BODY_SIZE}",
    } <= set(headers)
    dispatcher.call("a db")
    worker.wait_for(CALLED)
    response = ask(dispatcher, worker)
    assert (response.problem, response.hints, response.url) == (None, 0, worker.url)
    assert worker.paths() == [PATH]
    (body,) = worker.bodies
    assert len(CALL + body) == BODY_SIZE
    assert parse_qs(body.decode().strip()) == {
        "db": ["a db"],
        "job_uuid": ["the-uuid"],
        "grant": ["the-grant"],
    }


def test_a_job_of_which_the_worker_was_not_told(dispatcher, serve):
    worker = serve(*WAITS, RAN)
    parked(dispatcher, worker)
    assert ask(dispatcher, worker).problem is None
    assert (worker.paths(), len(worker.bodies)) == ([PATH], 1)


def test_the_next_job_has_a_request_of_its_own(dispatcher, serve):
    worker = serve(*WAITS, RAN)
    parked(dispatcher, worker)
    for _number in range(2):
        assert ask(dispatcher, worker).problem is None
    assert worker.paths() == [PATH, RUN_PATH]


@pytest.mark.parametrize(
    "script",
    [
        [CONTINUE, ENDED],
        [ENDED],
        [NOT_FOUND],
        [CONTINUE],
        [CONTINUE, CALLED, ENDED],
        [CONTINUE, CALLED, CONTINUE, ENDED],
        [*WAITS, ENDED],
    ],
    ids=[
        *("over", "refused", "another version", "gone", "called in vain", "ends then"),
        "runs nothing",
    ],
)
@pytest.mark.parametrize("is_called", [True, False])
def test_a_worker_that_does_not_run_the_job(dispatcher, serve, script, is_called):
    """It is asked again as any job is, so that it is asked once by a request that runs it."""
    worker = serve(*script)
    parked(dispatcher, worker)
    if is_called:
        dispatcher.call("a db")
    response = ask(dispatcher, worker)
    assert (response.problem, response.hints) == (None, 0)
    assert worker.paths() == [PATH, RUN_PATH]


def test_a_worker_that_is_frozen_gets_no_job(dispatcher, serve, jobrunner, monkeypatch):
    monkeypatch.setattr(jobrunner.parking, "CALL_PATIENCE", 0.2)
    worker = serve(CONTINUE, HELD, CALLED, CONTINUE, READ)
    parked(dispatcher, worker)
    dispatcher.call("a db")
    assert ask(dispatcher, worker).problem is None
    assert worker.paths() == [PATH, RUN_PATH]
    worker.held.set()
    worker.wait_for(READ)
    assert worker.bodies == [b""]


def test_a_call_that_no_job_follows(dispatcher, serve, jobrunner):
    """The worker waits for it a moment only, so another job gets another request."""
    worker = serve(*WAITS, RAN)
    parked(dispatcher, worker)
    dispatcher.call("a db")
    worker.wait_for(CALLED)
    time.sleep(jobrunner.parking.parked.CALL_LASTS)
    dispatcher.call("a db")
    assert ask(dispatcher, worker).problem is None
    assert (worker.paths(), worker.bodies) == ([PATH, RUN_PATH], [])


def test_a_worker_that_dies_at_the_job_may_have_run_it(dispatcher, serve):
    worker = serve(*WAITS)
    parked(dispatcher, worker)
    assert "RemoteDisconnected" in ask(dispatcher, worker).problem
    assert worker.paths() == [PATH]


def test_where_nothing_lets_the_worker_s_word_through(dispatcher, serve, jobrunner, monkeypatch):
    """A proxy that waits for the whole request: it gets no other one in vain for a while."""
    monkeypatch.setattr(jobrunner.parking, "PARK_PATIENCE", 0)
    worker = serve(HELD)
    dispatcher.park("a db", worker.url)
    wait_until(lambda: dispatcher._parking._by_url, LIMIT, "the parked request")
    assert ask(dispatcher, worker).problem is None
    dispatcher.park("a db", worker.url)
    assert ask(dispatcher, worker).problem is None
    assert worker.paths() == [PATH, RUN_PATH, RUN_PATH]
    dispatcher._parking._rests[worker.url] = time.monotonic()
    dispatcher.park("a db", worker.url)
    wait_until(lambda: len(worker.heads) == 4, LIMIT, "another parked request")


def test_a_worker_that_had_to_give_way_is_left_alone_for_a_moment(dispatcher, serve):
    worker = serve(CONTINUE, ENDED)
    parked(dispatcher, worker)
    worker.wait_for(ENDED)
    assert ask(dispatcher, worker).problem is None
    dispatcher.park("a db", worker.url)
    assert ask(dispatcher, worker).problem is None
    assert worker.paths() == [PATH, RUN_PATH, RUN_PATH]
    dispatcher._parking._rests[worker.url] = time.monotonic()
    parked(dispatcher, worker)


def test_there_is_one_for_each_server(dispatcher, serve):
    """And no worker more is kept from others for each database that is quiet."""
    worker = serve(*WAITS, RAN)
    request = parked(dispatcher, worker)
    for name in ("a db", "b"):
        dispatcher._parking.park(worker.url, name)
        assert dispatcher._parking._by_url == {worker.url: request}
    dispatcher.call("b")
    dispatcher.leave("b")
    dispatcher.submit("b", slot("other"), worker.url)
    assert response_of(dispatcher).uuid == "other"
    assert ask(dispatcher, worker).problem is None
    assert worker.paths() == [PATH, RUN_PATH]
    assert [parse_qs(body.decode().strip())["db"] for body in worker.bodies] == [["a db"]]


def test_one_that_is_over_is_replaced(dispatcher, serve):
    worker = serve(CONTINUE, ENDED)
    for _number in range(2):
        parked(dispatcher, worker)
        worker.wait_for(ENDED)
    assert worker.paths() == [PATH, PATH]


def test_a_job_for_another_server(dispatcher, serve):
    waits, other = serve(*WAITS, RAN), serve()
    parked(dispatcher, waits)
    assert ask(dispatcher, other).problem is None
    assert (waits.paths(), other.paths()) == ([PATH], [RUN_PATH])
    assert ask(dispatcher, waits).problem is None
    assert waits.paths() == [PATH]


def test_nobody_waits_for_a_database_that_is_not_served(dispatcher, serve):
    worker = serve(CONTINUE, CALLED, READ)
    parked(dispatcher, worker)
    dispatcher.leave("a db")
    wait_until(lambda: not dispatcher._parking._by_url, LIMIT, "nothing parked")
    dispatcher.call("a db")
    assert not worker.bodies


def test_more_than_a_body_holds(dispatcher, serve):
    worker = serve(*WAITS, RAN)
    parked(dispatcher, worker)
    assert ask(dispatcher, worker, uuid="x" * BODY_SIZE).problem is None
    assert worker.paths() == [PATH, RUN_PATH]


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "https://127.0.0.1:9"])
def test_a_server_that_is_not_there(dispatcher, serve, url):
    dispatcher.park("a db", url)
    worker = serve()
    assert ask(dispatcher, worker).problem is None
    assert not dispatcher._parking._by_url
