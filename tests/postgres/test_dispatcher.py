# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Requests to what may answer as Odoo does, or otherwise."""

import contextlib
import resource
import select
import socket
import threading
import time
from urllib.parse import parse_qs, urlsplit

import pytest
from fake_server import FakeServer

LIMIT = 10  # seconds, against hanging
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"
CLOSE = b"Connection: close\r\n"
HINTS = b"X-Queue-Job-Hints: 2\r\n"


class Server(FakeServer):
    """Answers each request with the next of ``answers``, the last one again and again.

    :param answers: list of bytes; None: close without an answer
    """

    def __init__(self, *answers):
        self.answers = list(answers)
        self.requests = []
        #: seconds between the first byte of an answer and the others
        self.pause = 0
        self.gate = threading.Event()
        self.gate.set()
        super().__init__()

    def close(self):
        self.gate.set()
        super().close()

    def serve(self, connection):
        while request := _read_request(connection):
            self.requests.append(request)
            self.gate.wait(LIMIT)
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            if answer is not None:
                connection.sendall(answer[:1])
                time.sleep(self.pause)
                connection.sendall(answer[1:])
            if answer is None or CLOSE in answer:
                connection.shutdown(socket.SHUT_RDWR)
                return


def _read_request(connection):
    text = b""
    while b"\r\n\r\n" not in text:
        part = connection.recv(4096)
        if not part:
            return ""
        text += part
    return text.decode()


@pytest.fixture
def serve():
    """A function that starts a :class:`Server`."""
    with contextlib.ExitStack() as stack:

        def start(*answers):
            server = Server(*answers)
            stack.callback(server.close)
            return server

        yield start


@pytest.fixture
def make(jobrunner):
    """A function that returns a dispatcher."""
    from odoo.addons.queue_job.core.runner_config import RunnerConfig

    return lambda threads=4, **config: jobrunner.dispatcher.Dispatcher(
        RunnerConfig(**config), threads
    )


def slot(uuid="the-uuid", hints=()):
    from odoo.addons.queue_job.core.slot import Slot
    from odoo.addons.queue_job.core.window import Waiting

    rows = [Waiting(10, 0, number, str(number)) for number in hints]
    return Slot(uuid, 1, "root", "the-grant", hints=rows)


def responses(dispatcher, count=1):
    found = []
    while len(found) < count:
        assert select.select([dispatcher], [], [], LIMIT)[0]
        found += dispatcher.responses()
    return found


def ask(dispatcher, server, **keywords):
    dispatcher.submit("a db", slot(**keywords), server.url)
    (response,) = responses(dispatcher)
    return response


def test_what_is_sent(make, serve):
    server = serve(OK + CLOSE + HINTS + b"\r\n")
    response = ask(make(user="me", password="pass"), server, hints=[5, 7])
    assert (response.db_name, response.uuid, response.problem, response.url) == (
        "a db", "the-uuid", None, server.url
    )  # fmt: skip
    assert (response.hints, response.was_refused) == (2, False)
    first, *headers = server.requests[0].splitlines()
    method, path, _version = first.split()
    assert (method, urlsplit(path).path) == ("GET", "/queue_job/runjob")
    assert parse_qs(urlsplit(path).query) == {
        "db": ["a db"],
        "job_uuid": ["the-uuid"],
        "grant": ["the-grant"],
        "hints": ["5,7"],
    }
    assert "X-Odoo-Database: a db" in headers
    assert "Authorization: Basic bWU6cGFzcw==" in headers


def test_a_job_that_was_refused(make, serve):
    response = ask(make(), serve(OK + CLOSE + b"X-Queue-Job-Refused: 1\r\n\r\n"))
    assert (response.problem, response.was_refused) == (None, True)


@pytest.mark.parametrize("header", [b"", b"X-Queue-Job-Hints: many\r\n"])
def test_an_answer_that_does_not_say_what_became_of_the_hints(make, serve, header):
    response = ask(make(), serve(OK + CLOSE + header + b"\r\n"))
    assert (response.problem, response.hints) == (None, None)


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (b"HTTP/1.1 500 OOPS\r\nContent-Length: 0\r\n\r\n", "Odoo answered 500 OOPS"),
        (b"HTTP/1.1 303 SEE\r\nLocation: /\r\nContent-Length: 0\r\n\r\n", "Odoo answered 303 SEE"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: close\r\n\r\nabc", "IncompleteRead"),
        (b"garbage\r\nConnection: close\r\n\r\n", "BadStatusLine"),
        (None, "RemoteDisconnected"),
    ],
    ids=["500", "redirect", "truncated", "garbage", "nothing"],
)
def test_wrong_answers_are_problems_and_the_thread_lives_on(make, serve, answer, problem):
    server = serve(answer, OK + b"\r\n")
    dispatcher = make(threads=1)
    assert problem in ask(dispatcher, server).problem
    assert ask(dispatcher, server).problem is None


def test_only_to_connect_must_not_take_long(make, serve, jobrunner, monkeypatch):
    monkeypatch.setattr(jobrunner.http_connection, "CONNECT_TIMEOUT", 0.2)
    server = serve(OK + b"\r\n")
    server.pause = 0.5
    dispatcher = make()
    assert ask(dispatcher, server).problem is None
    assert ask(dispatcher, server).problem is None


def test_a_server_that_is_not_there(make, serve):
    server = serve(OK)
    server.close()
    assert "ConnectionRefusedError" in ask(make(), server).problem


def test_a_database_whose_name_no_header_can_hold(make, serve):
    server = serve(OK + b"\r\n")
    dispatcher = make(threads=1)
    dispatcher.submit("žába", slot(), server.url)
    (response,) = responses(dispatcher)
    assert "UnicodeEncodeError" in response.problem
    assert ask(dispatcher, server).problem is None


def test_connections_are_kept_where_the_server_offers_it(make, serve):
    kept, closed = serve(OK + b"\r\n"), serve(OK + CLOSE + b"\r\n")
    dispatcher = make()
    for server in (kept, closed):
        for _number in range(5):
            assert ask(dispatcher, server).problem is None
    assert (kept.connections, closed.connections) == (1, 5)


def test_a_kept_connection_that_the_server_has_closed(make, serve):
    server = serve(OK + b"\r\n")
    dispatcher = make()
    assert ask(dispatcher, server).problem is None
    server.sockets[1].shutdown(socket.SHUT_RDWR)
    assert ask(dispatcher, server).problem is None
    assert server.connections == 2


def test_threads_are_bounded_and_wait_without_cpu(make, serve):
    server = serve(OK + CLOSE + b"\r\n")
    server.gate.clear()
    dispatcher = make(threads=3)
    before = threading.active_count()
    for number in range(9):
        dispatcher.submit("db", slot(str(number)), server.url)
    cpu = resource.getrusage(resource.RUSAGE_SELF)
    assert not select.select([dispatcher], [], [], 1)[0]
    used = resource.getrusage(resource.RUSAGE_SELF)
    workers = [t for t in threading.enumerate() if t.name == "queue_job.dispatcher"]
    assert len(server.requests) == 3
    assert threading.active_count() - before <= 3 + server.connections
    assert len(workers) >= 3
    assert used.ru_utime + used.ru_stime - cpu.ru_utime - cpu.ru_stime < 0.5
    server.gate.set()
    answered = responses(dispatcher, 9)
    assert sorted(response.uuid for response in answered) == [str(n) for n in range(9)]


def test_when_a_request_was_sent(make, serve):
    before = time.monotonic()
    response = ask(make(), serve(OK + b"\r\n"))
    assert before <= response.sent_at <= time.monotonic()


def test_a_request_that_is_given_up_ends_in_time(make, serve, jobrunner, monkeypatch):
    """And not before: its end would tell that the server is alive."""
    monkeypatch.setattr(jobrunner.dispatcher, "LOOK_INTERVAL", 0.1)
    monkeypatch.setattr(jobrunner.dispatcher, "GIVEN_UP_FOR", 1000)
    server = serve(OK + b"\r\n")
    server.gate.clear()
    dispatcher = make(threads=1)
    stuck = slot()
    dispatcher.submit("db", stuck, server.url)
    assert not select.select([dispatcher], [], [], 0.5)[0]
    stuck.given_up_at = time.monotonic()
    assert not select.select([dispatcher], [], [], 0.5)[0]
    stuck.given_up_at -= 1000
    assert "TimeoutError" in responses(dispatcher)[0].problem
    server.gate.set()
    assert ask(dispatcher, server).problem is None


def test_a_silent_connection_is_probed(jobrunner):
    http_connection = jobrunner.http_connection
    with socket.create_server(("127.0.0.1", 0)) as server:
        connection = http_connection.make_connection(f"http://127.0.0.1:{server.getsockname()[1]}")
        connection.connect()
        sock = connection.sock
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        for name, value in http_connection.KEEPALIVE.items():
            assert sock.getsockopt(socket.IPPROTO_TCP, getattr(socket, name)) == value
        connection.close()
