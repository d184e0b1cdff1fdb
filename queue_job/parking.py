# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""The worker's side of a parked request: it waits for a job, and stands in nobody's way meanwhile."""

import select
import time
from contextlib import suppress
from io import BufferedReader
from urllib.parse import parse_qsl

from odoo.service import server
from odoo.tools import config

from .core.parked import BODY_SIZE, CALL, CALL_LASTS, CONTINUE, LONGEST

PARAMETERS = {"job_uuid", "grant", "hints", "next"}
#: Part of ``limit_time_real`` that may pass before the job, which counts from the beginning of the request.
SHARE_OF_LIMIT = 0.05
#: Seconds in which another worker would have accepted a connection, were one free.
GRACE = 0.005


class ParkedRequest:
    """A request whose body is to come.

    :param environ: dict, the WSGI environment; with Odoo's servers the connection is in it
    """

    def __init__(self, environ):
        self._socket = environ.get("werkzeug.socket")
        self._input = environ["wsgi.input"]
        self._is_direct = self._socket is not None and isinstance(self._input, BufferedReader)

    def wait_for_call(self):
        """:return: bool, whether a job is coming; else it is not, or somebody else needs this worker"""
        if not self._is_direct:
            return False
        with suppress(OSError):
            self._socket.sendall(CONTINUE)
            if self._wait() and self._read(len(CALL)) == CALL:
                self._socket.sendall(CONTINUE)
                return True
        return False

    def read(self):
        """:return: dict, of the parameters those that ``/queue_job/runjob`` knows; empty: no job has come"""
        body = b""
        with suppress(OSError):
            body = self._read(BODY_SIZE - len(CALL))
        parameters = parse_qsl(body.decode(errors="replace").strip())
        return {name: value for name, value in parameters if name in PARAMETERS}

    def _read(self, size):
        data = b""
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        deadline = time.monotonic() + CALL_LASTS
        while len(data) < size and poll.poll(max(0, deadline - time.monotonic()) * 1000):
            # no more than is there: it waits for nothing
            part = self._input.read1(size - len(data))
            if not part:
                break
            data += part
        return data if len(data) == size else b""

    def _wait(self):
        """:return: bool, whether there is something to read, be it the end"""
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        listening = _listening_socket()
        if listening is not None:
            poll.register(listening, select.POLLIN)
        deadline = time.monotonic() + _longest()
        while (left := deadline - time.monotonic()) > 0:
            if self._is_readable(poll, left):
                return True
            if poll.poll(0):
                # a browser, say: is there somebody else to serve it?
                time.sleep(GRACE)
                if poll.poll(0):
                    return self._is_readable(poll, 0)
        return False

    def _is_readable(self, poll, seconds):
        return self._socket.fileno() in dict(poll.poll(seconds * 1000))


def _longest():
    limit = config["limit_time_real"]
    return min(LONGEST, limit * SHARE_OF_LIMIT) if limit else LONGEST


def _listening_socket():
    """:return: the socket on which this server accepts connections; None: who knows"""
    running = server.server
    # prefork, or threaded
    return getattr(running, "socket", None) or getattr(
        getattr(running, "httpd", None), "socket", None
    )
