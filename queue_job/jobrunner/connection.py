# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""A connection to PostgreSQL that never waits longer than it is allowed to.

psycopg2 waits for an answer as long as the socket lives: for ever, when something between
swallows what is sent. Here the socket is asynchronous, and waited for with a limit; in the
runner's loop without holding up the other databases, see :mod:`.lane`.
"""

import logging
import select
import time

import psycopg2
from psycopg2.extensions import POLL_OK, POLL_READ, POLL_WRITE

from ..core.host_list import each_host
from . import lane

_logger = logging.getLogger(__name__)

_EVENTS = {POLL_READ: select.POLLIN, POLL_WRITE: select.POLLOUT}


def _each_host(options):
    """The options of a connection to each of its hosts.

    libpq would wait for the first one as long as we wait for all of them, when nothing says that
    it is gone.

    :return: list of dict, not empty
    :raise psycopg2.OperationalError: hosts and ports are not of equal number
    """
    try:
        hosts = each_host(options.get("host"), options.get("port"))
    except ValueError as error:
        raise psycopg2.OperationalError(str(error)) from error
    if len(hosts) == 1:
        return [options]
    return [{**options, "host": host, "port": port or None} for host, port in hosts]


class NoAnswer(psycopg2.OperationalError):
    """PostgreSQL, or what is between, did not answer in time."""


class Connection:
    """One connection, in autocommit mode.

    All errors are ``psycopg2.Error``. After one of the connection itself it is closed.

    :param dict options: arguments of ``psycopg2.connect``; several hosts are tried in turn
    :param timeout: seconds until each host has to be connected, and until each answer
    """

    def __init__(self, options, timeout):
        self._timeout = timeout
        *others, last = _each_host(options)
        for one in others:
            try:
                self._connect(one)
                return
            except psycopg2.OperationalError:
                _logger.debug("no connection to %s", one["host"], exc_info=True)
        self._connect(last)

    def _connect(self, options):
        self._connection = psycopg2.connect(**options, async_=True)
        self._wait()

    def execute(self, sql, parameters=None):
        """:return: list of the rows (tuples), empty for a statement without any"""
        with self._connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            self._wait()
            return cursor.fetchall() if cursor.description else []

    def notifications(self):
        """:return: list of (channel, payload) that came since the last call"""
        connection = self._connection
        connection.poll()
        notifies = connection.notifies
        if not notifies:
            return []
        came = [(notification.channel, notification.payload) for notification in notifies]
        notifies.clear()
        return came

    def has_notifications(self):
        """Whether some came together with an answer: the socket does not tell of them."""
        return bool(self._connection.notifies)

    def is_pooled(self):
        """Whether something between has sessions of its own: the backend is not the one that greeted us."""
        ((pid,),) = self.execute("SELECT pg_backend_pid()")
        return pid != self._connection.info.backend_pid

    def fileno(self):
        return self._connection.fileno()

    def close(self):
        self._connection.close()

    def _wait(self):
        connection = self._connection
        deadline = None
        while (state := connection.poll()) != POLL_OK:
            now = time.monotonic()
            deadline = deadline or now + self._timeout
            if now >= deadline:
                self.close()
                raise NoAnswer(f"no answer within {self._timeout} s")
            lane.wait(connection.fileno(), _EVENTS[state], deadline)
