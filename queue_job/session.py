# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Sessions of PostgreSQL in which jobs run: as clean as Odoo hands them out, but with their plans.

Odoo's pool of connections has ``DISCARD ALL`` sent before a session is used again. That drops the plans
of the functions with which a job is claimed as well, and planning them costs the first job of
each request more than they do. And it is cleaned when a request is done with it, not while the next one
waits. Why not more of it is kept: ``docs/decisions/0022-sessions-keep-plans.rst``.
"""

import select
import threading
from functools import partial
from weakref import ref

import psycopg2

from odoo import sql_db

_RESET = "RESET ALL;"

#: Nothing that was SET for the session may stay. What psycopg2 needs to read dates it sets when it connects,
#: where the default is another one.
RESET = f"{_RESET} SET DateStyle TO 'ISO';"

#: What ``DISCARD ALL`` does but ``DISCARD PLANS``:
#: https://www.postgresql.org/docs/current/sql-discard.html
CLEAN = f"""
    CLOSE ALL; SET SESSION AUTHORIZATION DEFAULT; {RESET} DEALLOCATE ALL; UNLISTEN *;
    SELECT pg_advisory_unlock_all(); DISCARD TEMP; DISCARD SEQUENCES
"""

#: Whether this thread opens a cursor for jobs: whoever else gets the session gets it without plans.
_opening = threading.local()


def open_cursor(registry):
    """:return: a cursor of the registry, for jobs"""
    _opening.is_for_jobs = True
    try:
        cr = registry.cursor()
    finally:
        _opening.is_for_jobs = False
    if type(cr) is sql_db.Cursor and type(cr._cnx) is sql_db.PsycoConnection:
        connection = cr._cnx
        connection.reset = partial(_reset, ref(connection))
        connection.is_clean = False
        try:
            if not hasattr(connection, "job_reset"):
                connection.job_reset = _RESET if _has_iso_dates(connection) else RESET
        except psycopg2.Error:
            cr.close()
            raise
    return cr


def clean(cr):
    """Clean the session of a cursor for jobs, that is to be closed: now, and not when the next job waits for it."""
    connection = cr._cnx
    if not hasattr(connection, "is_clean") or connection.closed:
        return
    try:
        _clean(connection)
        connection.is_clean = True
    except psycopg2.Error:
        # who gets it next finds out
        pass


def reset_of(cr):
    """:return: SQL: :data:`RESET`, without what the session of ``cr`` does not need"""
    return getattr(cr._cnx, "job_reset", RESET)


def _has_iso_dates(connection):
    """Whether psycopg2 can read dates by the defaults of a session that is not in use yet."""
    with connection.cursor() as cursor:
        cursor.execute(_RESET)
        style = connection.get_parameter_status("DateStyle")
    connection.rollback()
    return (style or "").startswith("ISO")


def _reset(connection):
    """In place of the connection's own method, which the pool calls."""
    connection = connection()
    if not getattr(_opening, "is_for_jobs", False):
        connection.is_clean = False
        sql_db.PsycoConnection.reset(connection)
    elif not connection.is_clean or _has_news(connection):
        _clean(connection)


def _has_news(connection):
    """Whether PostgreSQL has said something meanwhile: that it has ended the session, most often."""
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    return bool(poll.poll(0))


def _clean(connection):
    connection.rollback()
    # In this order psycopg2 adds no statement of its own, and it is one way to PostgreSQL.
    connection.set_session(isolation_level="DEFAULT", readonly="DEFAULT")
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(CLEAN)
    connection.autocommit = False
