# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Signs of life of the runner's loop, for those who watch over it."""

import logging
import os
import socket
import time
from contextlib import suppress

from .health import Health, process_token

_logger = logging.getLogger(__name__)

#: Seconds between two signs of life, at least.
INTERVAL = 2


class Heartbeat:
    """Calls functions now and then, as long as the loop goes on."""

    def __init__(self):
        self._receivers = []
        self._next = 0

    def add(self, receiver):
        self._receivers.append(receiver)

    def beat(self):
        """The loop has come so far."""
        now = time.monotonic()
        if now >= self._next:
            self._next = now + INTERVAL
            for receiver in self._receivers:
                receiver()


class HealthFile:
    """The file that ``--health`` reads.

    :param str path: in an existing directory
    :param describe: function that returns the ``served``, ``not_served`` and ``under_way`` of
        :class:`.health.Health`
    """

    def __init__(self, path, describe):
        self._path = path
        self._describe = describe
        self._is_reported = False

    def write(self):
        pid = os.getpid()
        health = Health(pid, process_token(pid), time.monotonic(), *self._describe())
        try:
            health.write(self._path)
            self._is_reported = False
        except OSError as error:
            if not self._is_reported:
                self._is_reported = True
                _logger.error("the health file can't be written: %s", error)

    def remove(self):
        """The runner ends: nobody need wait to find out."""
        with suppress(OSError, ValueError):
            if Health.read(self._path).pid == os.getpid():
                os.unlink(self._path)


class ServiceManager:
    """systemd, or who speaks its protocol: the socket in ``NOTIFY_SOCKET``.

    :param mapping environ: the environment variables
    """

    def __init__(self, environ):
        # a leading @ stands for the zero byte of an abstract address
        address = environ.get("NOTIFY_SOCKET", "")
        self._address = f"\0{address[1:]}" if address.startswith("@") else address

    def tell(self, message):
        """Send ``message``, such as ``READY=1``; without a manager nothing happens."""
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
                # a manager that does not read must not stop the runner
                sender.setblocking(False)
                sender.sendto(message.encode(), self._address)
        except OSError as error:
            _logger.debug("the service manager was not told: %s", error)
