# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""A database that is out of reach for a moment, while a worker has something to tell it.

A worker that can't say that its job was interrupted looks dead, and the try would count.
"""

import logging
import select
import time
from contextlib import closing

import psycopg2
from psycopg2 import OperationalError

from odoo import sql_db

_logger = logging.getLogger(__name__)

#: Seconds for which a worker waits, and between two attempts. It is back before the job runner,
#: which needs a second and a half to take its job for dead; and a server that is being stopped
#: waits for longer than that for its workers.
PATIENCE = 15
INTERVAL = 0.5

#: SQLSTATEs, or how they begin: connection exception; shut down, crashed, starting.
_LOST = ("08", "57P")


def is_connection_lost(error):
    """Whether an error of PostgreSQL is one of the connection, which is gone with it.

    :param error: ``psycopg2.OperationalError``
    """
    return error.pgcode is None or error.pgcode.startswith(_LOST)


def wait_for_database(registry):
    """Wait until the database of a registry answers; for a while, then go on all the same."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            with registry.cursor() as cr:
                cr.execute("SELECT 1")
            return
        except OperationalError as error:
            is_passing = is_connection_lost(error) and not _is_dropped(registry.db_name)
            if not is_passing or time.monotonic() > deadline:
                _logger.warning("database %s stays out of reach", registry.db_name)
                return
        select.select([], [], [], INTERVAL)


def _is_dropped(name):
    """Whether PostgreSQL can be reached and has no such database: it was dropped, or has another name."""
    try:
        with closing(sql_db.db_connect("postgres").cursor()) as cr:
            cr.execute("SELECT FROM pg_database WHERE datname = %s", [name])
            return not cr.rowcount
    except psycopg2.Error:
        return False
