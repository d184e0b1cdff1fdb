# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""The cursor on which the jobs of a request run, and its transactions.

Two for each job: the claim, and the job's own; between them one more that releases its dependents,
if it has any. In a slot, the claim may be part of the transaction of the job before
(``next_claim.py``). Where it can't be, a job is committed, and the transaction of the claim begun,
together with the last statement of the job: each way to PostgreSQL and back costs a short job as much
as a statement. psycopg2, which would go that way for each BEGIN and COMMIT, thinks meanwhile that one
transaction goes on. See ``docs/locking.rst``.
"""

import logging
import threading
from contextlib import closing, contextmanager
from weakref import WeakKeyDictionary, WeakSet

import psycopg2
from psycopg2.extensions import (
    ISOLATION_LEVEL_REPEATABLE_READ,
    TRANSACTION_STATUS_IDLE,
    TRANSACTION_STATUS_INTRANS,
)

from odoo import api, sql_db

from .core.log_text import one_line
from .session import clean, open_cursor, reset_of
from .utils import in_test_mode

_logger = logging.getLogger(__name__)

#: Context key of the token that the runner has left in the row of an enqueued job.
GRANT_KEY = "_job_grant"

#: Cursors on which nothing but the jobs of a request runs.
_own = WeakSet()

#: Cursors of which the next commit may begin the transaction of a claim.
_expecting = WeakSet()

#: cursor -> how many statements it had sent when the transaction of a claim was begun
_begun = WeakKeyDictionary()

#: Cursors in whose transaction something was written between two jobs, that the next one commits.
_unfinished = WeakSet()

_COMMIT = "COMMIT; BEGIN ISOLATION LEVEL READ COMMITTED;"


#: The cursor of this thread that was opened ahead.
_ahead = threading.local()


@contextmanager
def opened_ahead(registry):
    """A cursor that :func:`own_cursor` gives to the first one who asks for it, inside this and in this thread."""
    with closing(open_cursor(registry)) as cr:
        _ahead.cr = cr
        try:
            yield cr
        finally:
            if _ahead.cr is not None:
                _ahead.cr = None
                clean(cr)


def _open(registry):
    cr, _ahead.cr = getattr(_ahead, "cr", None), None
    return cr or open_cursor(registry)


@contextmanager
def own_cursor(registry):
    """A cursor for the jobs of a request."""
    with closing(_open(registry)) as cr:
        if in_test_mode():
            yield cr
            # the steps leave that to the test; a request in a test is on its own
            cr.commit()
            return
        _own.add(cr)
        yield cr
        try:
            finish(cr)
        except psycopg2.Error as error:
            # the runner releases what this has not
            _logger.warning("the release of dependent jobs was lost: %s", one_line(error))
        clean(cr)


def is_own(cr):
    """Whether ``cr`` is of :func:`own_cursor`, and its transactions no part of a test's."""
    return cr in _own


def set_isolation(cr, level):
    """Set the isolation level of the transactions to come on ``cr``, and roll back what is begun.

    One that was begun for a claim is left as it is.
    """
    if not in_test_mode() and not has_begun_claim(cr):
        finish(cr)
        cr.connection.set_isolation_level(level)


def fresh_environment(cr, grant=None):
    """:return: superuser's environment that shares nothing with those before it on ``cr``

    :param str grant: token of the request for a job, for :func:`acquisition.acquire`; with None the job
        is one whose row has none
    """
    if not in_test_mode():
        cr.transaction = None
        # Odoo clears it before the hooks that follow a commit, or a rollback: what those leave in it
        # (at least the look-ups that the caches of the registry count there) is not for the next job.
        cr.cache.clear()
    context = {} if grant is None else {GRANT_KEY: grant}
    return api.Environment(cr, api.SUPERUSER_ID, context)


def expect_claim(cr, is_expected):
    """Say whether another job is to be claimed when the one that runs on ``cr`` is done."""
    if is_expected and not in_test_mode() and _is_odoos(cr):
        _expecting.add(cr)
    else:
        _expecting.discard(cr)


def _is_odoos(cr):
    """Whether a commit of ``cr`` is what it is in Odoo, one of its connection."""
    return (
        type(cr) is sql_db.Cursor
        and type(cr._cnx) is sql_db.PsycoConnection
        # nor has anybody replaced that method
        and "commit" not in vars(cr)
        and getattr(sql_db.Cursor.commit, "__globals__", None) is vars(sql_db)
    )


def is_claim_next(cr):
    """Whether the claim of another job is what ``cr`` does next when it is committed."""
    return cr in _expecting and not cr.postcommit


def commit_before_claim(cr, statement=None, between=None):
    """Commit, with all that Odoo does then, and begin the transaction of the next claim.

    :param statement: (SQL, parameters) to send before COMMIT, on the same way; what comes after
        an error is not executed, so that it is the error of this transaction
    :param between: (SQL, parameters) to execute in a transaction between the two, READ COMMITTED, which
        the claim commits, or :func:`finish`. An error in it is raised when the first one is committed
    :return: the rows of ``between``, or None
    """
    query, parameters = statement or ("", ())
    text = f"{query}; {_COMMIT}" if query else _COMMIT
    if between is None:
        _begun[cr] = commit_with(cr, text, parameters or None)
        return None
    query_between, parameters_between = between
    commit_with(cr, f"{text} {reset_of(cr)} {query_between}", (*parameters, *parameters_between))
    rows = cr.fetchall()
    _unfinished.add(cr)
    return rows


def commit_with(cr, text, parameters):
    """``cr.commit()``, with some statements, among them COMMIT and BEGIN, in place of its own COMMIT.

    :return: int, for :func:`is_as_it_was`
    """
    statement_count = None

    def commit():
        nonlocal statement_count
        cr.execute(text, parameters, log_exceptions=False)
        statement_count = cr.sql_log_count

    connection = cr._cnx
    connection.commit = commit
    try:
        cr.commit()
    finally:
        del connection.commit
    return statement_count


def is_as_it_was(cr, statement_count):
    """Whether ``cr`` is in the transaction that began with :func:`commit_with`, and has done nothing else yet."""
    return statement_count == cr.sql_log_count and _is_in_transaction(cr)


def has_begun_claim(cr):
    """Whether ``cr`` is in the transaction that was begun for a claim, and has done nothing yet.

    If somebody has used it in between, that is not part of the claim: it is rolled back.
    """
    return is_as_it_was(cr, _begun.get(cr))


def expect_commit(cr):
    """Let the next claim commit the transaction that ``cr`` is in, and not begin with a way of its own."""
    _unfinished.add(cr)


def is_unfinished(cr):
    """Whether ``cr`` is in a transaction between two jobs in which something was written."""
    return cr in _unfinished and not cr.closed and _is_in_transaction(cr)


def _is_in_transaction(cr):
    """Whether a transaction of ``cr`` goes on, in which nothing went wrong."""
    return cr.connection.get_transaction_status() == TRANSACTION_STATUS_INTRANS


def finish(cr):
    """Commit such a transaction."""
    if is_unfinished(cr):
        cr.connection.commit()
    _unfinished.discard(cr)


def begin_claim(cr):
    """:return: SQL to send before a claim, which begins its transaction

    Psycopg2, if it is to begin another one, begins that of a job: the claim sees to its own.
    """
    if has_begun_claim(cr):
        return ""
    if not is_unfinished(cr):
        cr.connection.set_isolation_level(ISOLATION_LEVEL_REPEATABLE_READ)
    _unfinished.discard(cr)
    return _COMMIT


def has_left_transaction(cr):
    """Whether somebody has ended the transaction by SQL: psycopg2 does not know, and begins no other one."""
    connection = cr.connection
    return not connection.closed and connection.get_transaction_status() == TRANSACTION_STATUS_IDLE


def connection_lost(cr):
    return bool(cr.connection.closed)
