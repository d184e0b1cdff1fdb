# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Requests to Odoo: one for each slot, open until what runs in it has ended."""

import collections
import http.client
import queue
import select
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from math import inf

from ..core import parked
from ..core.log_text import one_line
from ..core.slot import HINTS_HEADER, REFUSED_HEADER, RUN_PATH
from .http_connection import is_open, make_connection, request_headers, request_query
from .mailbox import Mailbox
from .parking import Parking

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
        self._parking = Parking(self._headers)

    def fileno(self):
        """Readable when there are responses to take."""
        return self._responses.fileno()

    def submit(self, db_name, slot, url):
        """Have jobs run: the response will be among :meth:`responses`.

        :param slot: :class:`~..core.slot.Slot`
        :param str url: of the server to ask
        """
        self._put(self._ask_and_tell, url, db_name, slot, request_query(db_name, slot))

    def park(self, db_name, url):
        """Have a worker of a server that nothing is asked of at the moment wait for the next job."""
        self._put(self._parking.park, url, db_name)

    def call(self, db_name):
        """A job of the database is coming: the worker that waits for one is told."""
        self._parking.call(db_name)

    def leave(self, db_name):
        """No job of the database is coming."""
        self._parking.leave(db_name)

    def _put(self, function, *arguments):
        self._requests.put((function, arguments))
        if not self._idle.acquire(blocking=False) and self._threads_left:
            self._threads_left -= 1
            # Daemons: the end of the process does not wait for a job that takes hours.
            threading.Thread(target=self._work, name="queue_job.dispatcher", daemon=True).start()

    def responses(self):
        """:return: list of the :class:`Response` that came since the last call"""
        return self._responses.take()

    def _work(self):
        while True:
            function, arguments = self._requests.get()
            response = function(*arguments)
            # before the loop can know of it: its next request finds a thread
            self._idle.release()
            if response is not None:
                self._responses.put(response)

    def _ask_and_tell(self, url, db_name, slot, query):
        hints = problem = None
        was_refused = False
        slot.sent_at = sent_at = time.monotonic()
        try:
            hints, was_refused = self._ask(url, db_name, query, slot)
        except _WrongAnswer as error:
            problem = one_line(error)
        except (OSError, http.client.HTTPException, ValueError) as error:
            problem = one_line(f"{type(error).__name__}: {error}")
        return Response(db_name, slot.uuid, problem, hints, url, slot.grant, was_refused, sent_at)

    def _ask(self, url, db_name, query, slot):
        """:return: (int or None, bool): how many hints were dealt with, where the answer says so;
        and whether the job was refused
        """
        connection = self._parking.hand_over(url, db_name, query)
        response = connection and self._answer(url, connection, slot)
        if response is None or response.status == parked.ENDED:
            response = self._ask_anew(url, db_name, query, slot)
        if response.status != 200:
            raise _WrongAnswer(f"Odoo answered {response.status} {response.reason}")
        hints = response.headers.get(HINTS_HEADER, "")
        return int(hints) if hints.isdecimal() else None, REFUSED_HEADER in response.headers

    def _ask_anew(self, url, db_name, query, slot):
        connection = self._connect(url)
        try:
            headers = {**self._headers, "X-Odoo-Database": db_name}
            connection.request("GET", f"{RUN_PATH}?{query}", headers=headers)
            connection.sock.settimeout(None)
        except BaseException:
            connection.close()
            raise
        return self._answer(url, connection, slot)

    def _answer(self, url, connection, slot):
        is_reusable = False
        try:
            _wait_for_answer(connection, slot)
            response = connection.getresponse()
            response.read()
            is_reusable = not response.will_close
        finally:
            if is_reusable:
                self._connections[url].append(connection)
            else:
                connection.close()
        return response

    def _connect(self, url):
        """:return: a connection to the server, an open one where it keeps them open; or one that is
        made with the request
        """
        idle = self._connections[url]
        with suppress(IndexError):
            while True:
                connection = idle.pop()
                if is_open(connection):
                    return connection
                connection.close()
        return make_connection(url)


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
