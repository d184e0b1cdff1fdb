# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Requests to Odoo: one for each slot, open until what runs in it has ended."""

import base64
import collections
import http.client
import queue
import select
import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from math import inf
from urllib.parse import urlencode, urlsplit

from urllib3.util.connection import create_connection

from ..core.log_text import one_line
from ..core.slot import HINTS_HEADER, REFUSED_HEADER
from .mailbox import Mailbox

#: Seconds to wait for a connection. The answer is waited for without limit: a job may
#: take hours, and a worker that dies closes the connection.
CONNECT_TIMEOUT = 10
#: How a silent connection is probed, whether its other end is still there: seconds until that
#: begins, seconds between two probes, and how many are not answered before it is given up.
KEEPALIVE = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}
SOCKET_OPTIONS = [
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    *(
        (socket.IPPROTO_TCP, getattr(socket, name), value)
        for name, value in KEEPALIVE.items()
        if hasattr(socket, name)
    ),
]
MAX_THREADS = 256
#: Seconds for which a request that nobody waits for any more is left open: its end tells that the
#: server is alive. Then its thread is needed; and seconds between two looks at that.
GIVEN_UP_FOR = 600
LOOK_INTERVAL = 60


@dataclass(frozen=True)
class Response:
    """How a request ended.

    :param str db_name: database of the job
    :param str uuid: first job of the slot
    :param problem: str; None: Odoo has answered, the job's request was dealt with
    :param hints: int, how many of the hinted jobs were dealt with; None: it did not say
    :param str url: of the server
    :param str grant: of the slot
    :param bool was_refused: Odoo found no such job to claim
    :param float sent_at: when the request was sent, by the monotonic clock
    """

    db_name: str
    uuid: str
    problem: str | None = None
    hints: int | None = None
    url: str = ""
    grant: str = ""
    was_refused: bool = False
    sent_at: float = -inf


class _WrongAnswer(Exception):
    """Somebody has answered, but not that jobs were run."""


class Dispatcher:
    """A bounded set of threads that send requests and wait for their answers.

    :param config: :class:`~..core.runner_config.RunnerConfig`
    :param int threads: how many requests are open at once
    """

    def __init__(self, config, threads):
        self._headers = request_headers(config)
        self._requests = queue.SimpleQueue()
        self._threads_left = max(1, min(threads, MAX_THREADS))
        self._idle = threading.Semaphore(0)
        self._responses = Mailbox()
        #: URL -> connections that the server has left open
        self._connections = collections.defaultdict(collections.deque)

    def fileno(self):
        """Readable when there are responses to take."""
        return self._responses.fileno()

    def submit(self, db_name, slot, url):
        """Have jobs run: the response will be among :meth:`responses`.

        :param slot: :class:`~..core.slot.Slot`
        :param str url: of the server to ask
        """
        self._requests.put((url, db_name, slot, request_path(db_name, slot)))
        if not self._idle.acquire(blocking=False) and self._threads_left:
            self._threads_left -= 1
            # Daemons: the end of the process does not wait for a job that takes hours.
            threading.Thread(target=self._work, name="queue_job.dispatcher", daemon=True).start()

    def responses(self):
        """:return: list of the :class:`Response` that came since the last call"""
        return self._responses.take()

    def _work(self):
        while True:
            url, db_name, slot, path = self._requests.get()
            hints = problem = None
            was_refused = False
            slot.sent_at = sent_at = time.monotonic()
            try:
                hints, was_refused = self._ask(url, db_name, path, slot)
            except _WrongAnswer as error:
                problem = one_line(error)
            except (OSError, http.client.HTTPException, ValueError) as error:
                problem = one_line(f"{type(error).__name__}: {error}")
            # before the loop can know of it: its next request finds a thread
            self._idle.release()
            self._responses.put(
                Response(db_name, slot.uuid, problem, hints, url, slot.grant, was_refused, sent_at)
            )

    def _ask(self, url, db_name, path, slot):
        """:return: (int or None, bool): how many hints were dealt with, where the answer says so;
        and whether the job was refused
        """
        connection = self._connect(url)
        is_reusable = False
        try:
            connection.request("GET", path, headers={**self._headers, "X-Odoo-Database": db_name})
            connection.sock.settimeout(None)
            _wait_for_answer(connection, slot)
            response = connection.getresponse()
            response.read()
            is_reusable = not response.will_close
        finally:
            if is_reusable:
                self._connections[url].append(connection)
            else:
                connection.close()
        if response.status != 200:
            raise _WrongAnswer(f"Odoo answered {response.status} {response.reason}")
        hints = response.headers.get(HINTS_HEADER, "")
        return int(hints) if hints.isdecimal() else None, REFUSED_HEADER in response.headers

    def _connect(self, url):
        """:return: a connection to the server, an open one where it keeps them open; or one that is
        made with the request
        """
        idle = self._connections[url]
        with suppress(IndexError):
            while True:
                connection = idle.pop()
                if _is_open(connection):
                    return connection
                connection.close()
        return _make_connection(url)


def request_headers(config):
    if not config.user:
        return {}
    credentials = f"{config.user}:{config.password or ''}".encode()
    return {"Authorization": f"Basic {base64.b64encode(credentials).decode()}"}


def request_path(db_name, slot):
    parameters = {"db": db_name, "job_uuid": slot.uuid, "grant": slot.grant}
    if slot.hints:
        parameters["hints"] = ",".join(str(hint.id) for hint in slot.hints)
    if slot.next is not None:
        parameters["next"] = slot.next
    return f"/queue_job/runjob?{urlencode(parameters, safe=',')}"


def _make_connection(url):
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname, parts.port, timeout=CONNECT_TIMEOUT)
    # It connects when the text of the request is ready, and the options are set before that: a worker
    # that accepts it waits for nothing else.
    connection._create_connection = partial(create_connection, socket_options=SOCKET_OPTIONS)
    return connection


def _wait_for_answer(connection, slot):
    """Wait as long as it takes; when the slot is given up, only a while longer.

    :raise TimeoutError: nobody answers
    """
    poll = select.poll()
    poll.register(connection.sock, select.POLLIN)
    while not poll.poll(LOOK_INTERVAL * 1000):
        given_up_at = slot.given_up_at
        if given_up_at is not None and time.monotonic() - given_up_at >= GIVEN_UP_FOR:
            raise TimeoutError("it has accepted a request and not answered")


def _is_open(connection):
    """Whether the server has not closed it meanwhile: then there would be its end to read."""
    if connection.sock is None:
        return False
    poll = select.poll()
    poll.register(connection.sock, select.POLLIN)
    return not poll.poll(0)
