# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""The runner's side of parked requests, one for each database: see :mod:`~..core.parked`."""

import http.client
import select
import threading
import time
from contextlib import suppress
from urllib.parse import urlencode, urlsplit

from ..core import parked
from .http_connection import is_open, make_connection

#: Seconds in which a worker that waits answers a call, or it is frozen.
CALL_PATIENCE = 1
#: Seconds in which a server that has nothing else to do says that it waits, and for which it is left alone
#: when it has not: there may be a proxy in between, or another version of the addon.
PARK_PATIENCE = 1
REST = 60
#: Seconds for which it is left alone when its worker had to give way to others.
SHORT_REST = 5


class ParkedRequest:
    """A request to a server, without its body.

    :param str url: of the server
    :param dict headers: of all requests
    """

    def __init__(self, url, db_name, headers):
        self.url = url
        self.since = time.monotonic()
        self._is_waiting = False
        self._is_called = False
        self.connection = make_connection(url)
        self.connection.putrequest("POST", f"{parked.PATH}?{urlencode({'db': db_name})}")
        for name, value in headers.items():
            self.connection.putheader(name, value)
        self.connection.putheader("Content-Type", "application/octet-stream")
        self.connection.putheader("Content-Length", parked.BODY_SIZE)
        try:
            self.connection.endheaders()
        except BaseException:
            self.connection.close()
            raise

    def is_waiting(self):
        """Whether a worker waits there, as far as is known without waiting."""
        self._is_waiting = self._is_waiting or self._receives_continue(0)
        return self._is_waiting and (self._is_called or is_open(self.connection))

    def is_there(self):
        """Whether a worker waits there, or may do so soon."""
        return self.is_waiting() or is_open(self.connection)

    def rest(self):
        """:return: seconds for which the server is to be left alone, since this one is of no use"""
        age, is_over = time.monotonic() - self.since, not is_open(self.connection)
        if self._is_waiting:
            return SHORT_REST if is_over and age < parked.LONGEST else 0
        return REST if is_over or age > PARK_PATIENCE else 0

    def call(self):
        """Say that a job is coming."""
        if not self._is_called:
            self._is_called = True
            self.connection.sock.sendall(parked.CALL)

    def hand_over(self, query):
        """Give it the job.

        :param str query: parameters of ``/queue_job/runjob``
        :return: bool; False: it certainly has not got it
        """
        body = parked.pack(query)
        with suppress(OSError):
            if body is not None:
                self.call()
                if self._receives_continue(CALL_PATIENCE) and is_open(self.connection):
                    self.connection.sock.settimeout(None)
                    self.connection.send(body)
                    return True
        self.connection.close()
        return False

    def _receives_continue(self, seconds):
        poll = select.poll()
        poll.register(self.connection.sock, select.POLLIN)
        if not poll.poll(seconds * 1000):
            return False
        return self.connection.sock.recv(len(parked.CONTINUE)) == parked.CONTINUE


class Parking:
    """See above. Any thread may use it.

    :param dict headers: of all requests
    """

    def __init__(self, headers):
        self._headers = headers
        self._lock = threading.Lock()
        self._by_database = {}
        #: URL -> until when nothing is parked there
        self._rests = {}

    def park(self, url, db_name):
        """Send a request for the next job of the database, unless there is one already."""
        if urlsplit(url).scheme != "http" or time.monotonic() < self._rests.get(url, 0):
            return
        with self._lock:
            known = self._by_database.get(db_name)
            if known is not None and known.url == url and known.is_there():
                return
        with suppress(OSError, http.client.HTTPException, ValueError):
            headers = {**self._headers, "X-Odoo-Database": db_name}
            self._put(db_name, ParkedRequest(url, db_name, headers))

    def _put(self, db_name, request):
        with self._lock:
            old = self._by_database.pop(db_name, None)
            if request is not None:
                self._by_database[db_name] = request
        if old is not None:
            old.connection.close()

    def call(self, db_name):
        """Tell the worker that waits that a job of the database is coming."""
        with self._lock, suppress(OSError):
            request = self._by_database.get(db_name)
            if request is not None and request.is_waiting():
                request.call()

    def take(self, url, db_name):
        """:return: :class:`ParkedRequest`, at which a worker waits; or None"""
        with self._lock:
            request = self._by_database.pop(db_name, None)
        if request is None:
            return None
        with suppress(OSError):
            if request.url == url and request.is_waiting():
                return request
            self._rests[request.url] = time.monotonic() + request.rest()
        request.connection.close()
        return None

    def leave(self, db_name):
        """Nobody need wait for jobs of the database."""
        self._put(db_name, None)
