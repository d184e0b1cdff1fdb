# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Connections to Odoo, and what is asked of it on them."""

import base64
import http.client
import select
import socket
from functools import partial
from urllib.parse import urlencode, urlsplit

from urllib3.util.connection import create_connection

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


def request_headers(config):
    if not config.user:
        return {}
    credentials = f"{config.user}:{config.password or ''}".encode()
    return {"Authorization": f"Basic {base64.b64encode(credentials).decode()}"}


def request_query(db_name, slot):
    parameters = {"db": db_name, "job_uuid": slot.uuid, "grant": slot.grant}
    if slot.hints:
        parameters["hints"] = ",".join(str(hint.id) for hint in slot.hints)
    if slot.next is not None:
        parameters["next"] = slot.next
    return urlencode(parameters, safe=",")


def make_connection(url):
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname, parts.port, timeout=CONNECT_TIMEOUT)
    # It connects when the text of the request is ready, and the options are set before that: a worker
    # that accepts it waits for nothing else.
    connection._create_connection = partial(create_connection, socket_options=SOCKET_OPTIONS)
    return connection


def is_open(connection):
    """Whether the server has not closed it meanwhile: then there would be its end to read."""
    if connection.sock is None:
        return False
    poll = select.poll()
    poll.register(connection.sock, select.POLLIN)
    return not poll.poll(0)
