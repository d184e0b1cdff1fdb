# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""The runner's side of parked requests: see :mod:`~..core.parked`."""

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
#: Seconds in which a server that has nothing else to do says that it waits.
PARK_PATIENCE = 1
#: Seconds for which it is left alone when a word of it has not come: there may be a proxy in between, or another version
#: of the addon, or something is frozen.
REST = 60
#: Seconds for which it is left alone when its worker had to give way to others.
SHORT_REST = 5


class ParkedRequest:
    """A request to a server, without its body.

    :param dict headers: of all requests
    """

    def __init__(self, url, db_name, headers):
        self.db_name = db_name
        self._since = time.monotonic()
        self._has_said_so = False
        self._called_at = None
        self.connection = make_connection(url)
        self.connection.putrequest("POST", f"{parked.PATH}?{urlencode({'db': db_name})}")
        for name, value in headers.items():
            self.connection.putheader(name, value)
        self.connection.putheader("X-Odoo-Database", db_name)
        self.connection.putheader("Content-Type", "application/octet-stream")
        self.connection.putheader("Content-Length", parked.BODY_SIZE)
        try:
            self.connection.endheaders()
        except BaseException:
            self.connection.close()
            raise

    def is_waiting(self):
        """Whether a worker waits there, as far as is known without waiting."""
        self._has_said_so = self._has_said_so or self._receives_continue(0)
        if self._called_at is not None:
            return time.monotonic() - self._called_at < parked.CALL_LASTS
        return self._has_said_so and is_open(self.connection)

    def is_there(self):
        """Whether a worker waits there, or may do so in a moment."""
        return self.is_waiting() or (is_open(self.connection) and self._age() < PARK_PATIENCE)

    def rest(self):
        """:return: seconds for which the server is to be left alone, since this was of no use"""
        if is_open(self.connection):
            # silence
            return REST if self._called_at or self._age() >= PARK_PATIENCE else 0
        if not self._has_said_so:
            return REST
        return SHORT_REST if self._age() < parked.LONGEST else 0

    def _age(self):
        return time.monotonic() - self._since

    def call(self):
        """Say that a job is coming."""
        if self._called_at is None:
            self._called_at = time.monotonic()
            self.connection.sock.sendall(parked.CALL)

    def is_alive(self):
        """Whether the worker answers the call; this waits for it."""
        self.call()
        return self._receives_continue(CALL_PATIENCE)

    def hand_over(self, body):
        """:return: bool; False: the worker has ended meanwhile, and certainly not got the job"""
        if not is_open(self.connection):
            return False
        self.connection.sock.settimeout(None)
        self.connection.send(body)
        return True

    def _receives_continue(self, seconds):
        poll = select.poll()
        poll.register(self.connection.sock, select.POLLIN)
        if not poll.poll(seconds * 1000):
            return False
        return self.connection.sock.recv(len(parked.CONTINUE)) == parked.CONTINUE


class Parking:
    """See above. One request for each server, for one of its databases. Any thread may use it.

    :param dict headers: of all requests
    """

    def __init__(self, headers):
        self._headers = headers
        self._lock = threading.Lock()
        self._by_url = {}
        #: URL -> until when nothing is parked there
        self._rests = {}

    def park(self, url, db_name):
        """Send a request for the next job of the database, unless one is there."""
        if urlsplit(url).scheme != "http" or time.monotonic() < self._rests.get(url, 0):
            return
        with suppress(OSError, http.client.HTTPException, ValueError):
            with self._lock:
                known = self._by_url.get(url)
                if known is not None and known.is_there():
                    return
            self._put(url, ParkedRequest(url, db_name, self._headers))

    def _put(self, url, request):
        with self._lock:
            old, self._by_url[url] = self._by_url.get(url), request
        if old is not None:
            old.connection.close()

    def call(self, db_name):
        """Tell the worker that waits that a job of the database is coming."""
        with self._lock, suppress(OSError):
            for request in self._by_url.values():
                if request.db_name == db_name and request.is_waiting():
                    request.call()

    def hand_over(self, url, db_name, query):
        """Give the job to the worker that waits.

        :param str query: parameters of ``/queue_job/runjob``
        :return: the connection on which its answer comes; None: certainly nobody has got the job
        """
        with self._lock:
            known = self._by_url.get(url)
            if known is None or known.db_name != db_name:
                return None
            request = self._by_url.pop(url)
        body = parked.pack(query)
        with suppress(OSError):
            if (
                body is not None
                and request.is_waiting()
                and request.is_alive()
                and request.hand_over(body)
            ):
                return request.connection
            self._rests[url] = time.monotonic() + request.rest()
        request.connection.close()
        return None

    def leave(self, db_name):
        """No job of the database is coming."""
        with self._lock:
            gone = [url for url, known in self._by_url.items() if known.db_name == db_name]
            left = [self._by_url.pop(url) for url in gone]
        for request in left:
            request.connection.close()
