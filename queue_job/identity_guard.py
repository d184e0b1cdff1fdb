# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""One waiting job for an identity key, however many processes delay it at the same moment.

A search sees only what was committed when the transaction began. So a job that is delayed
with a key takes the key's guard (``sql/identity.py``), which the database gives to one job
only.
"""

from contextlib import contextmanager

from psycopg2.errors import LockNotAvailable, UniqueViolation

from odoo.tools import SQL

from .core.identity import PATIENCE
from .core.states import STARTED, WAITING_STATES

#: How often the guard is tried to be had, when it was held but its holder is gone by now.
ATTEMPTS = 3

_FIND = "SELECT queue_job_find_waiting(%s, %s)"
_INSERT = "SELECT existing, is_taken FROM queue_job_insert_guarded(%s, %s, %s)"

_BEGIN = f"""
    SAVEPOINT queue_job_guard;
    SELECT set_config('queue_job.lock_timeout', current_setting('lock_timeout'), true),
           set_config('lock_timeout', '{PATIENCE}', true);
"""
_END = """
    SELECT set_config('lock_timeout', current_setting('queue_job.lock_timeout'), true);
    RELEASE SAVEPOINT queue_job_guard
"""
_ROLL_BACK = "ROLLBACK TO SAVEPOINT queue_job_guard; RELEASE SAVEPOINT queue_job_guard"

#: The error comes from the database, so that it has all that Odoo looks at to try again.
_CONFLICT = """
    SAVEPOINT queue_job_guard;
    DO $$ BEGIN
        RAISE lock_not_available USING MESSAGE = 'another transaction is taking this identity key';
    END $$
"""

#: Take what is free of the guards of jobs that may wait without.
_TAKE = "SELECT queue_job_take_guard(id) FROM queue_job WHERE uuid = ANY(%s)"


class IdentityTaken(Exception):
    """Another job waits with the same identity key.

    :ivar record: that ``queue.job``
    """

    def __init__(self, record):
        super().__init__(f"{record} waits with the same identity key")
        self.record = record


def find(env, key, scope):
    """:return: id of the job that keeps another one with this key from being created, or None"""
    env.cr.execute(_FIND, (str(key), scope == STARTED))
    return env.cr.fetchone()[0]


def insert(env, job, statement):
    """Insert a job that takes the guard of its key, unless :func:`find` finds one.

    :param str statement: the INSERT
    :raise IdentityTaken: another job waits with the key
    :raise LockNotAvailable: a transaction that has not ended yet has taken it
    """
    parameters = (str(job.identity_key), job.identity_scope == STARTED, statement)
    for _attempt in range(ATTEMPTS):
        # that a key is taken is no error to be logged
        env.cr.execute(_INSERT, parameters, log_exceptions=False)
        existing, is_taken = env.cr.fetchone()
        if existing:
            raise IdentityTaken(env["queue.job"].sudo().browse(existing))
        if is_taken is False:
            return
        if is_taken is None:
            break
        _raise_if_held(env, job)
    _raise_conflict(env.cr)


def insert_by(env, job, write):
    """As :func:`insert`, of a job that somebody has looked for already.

    :param write: callable that inserts it
    """
    for _attempt in range(ATTEMPTS):
        try:
            with _undone(env.cr):
                write()
                return
        except UniqueViolation as error:
            if error.diag.constraint_name != "queue_job_identity_guard_idx":
                raise
            _raise_if_held(env, job)
    _raise_conflict(env.cr)


@contextmanager
def _undone(cr):
    """A savepoint, and some patience about locks."""
    cr.execute(_BEGIN)
    try:
        yield
    except (UniqueViolation, LockNotAvailable):
        cr.execute(_ROLL_BACK)
        raise
    cr.execute(_END)


def _raise_if_held(env, job):
    record = _holder(env, job.identity_guard)
    if record:
        raise IdentityTaken(record)


def _raise_conflict(cr):
    """:raise LockNotAvailable: the transaction goes on"""
    try:
        cr.execute(_CONFLICT, log_exceptions=False)
    except LockNotAvailable:
        cr.execute(_ROLL_BACK)
        raise


def _holder(env, key):
    """:return: ``queue.job`` record that holds the guard of ``key``, maybe empty

    The transaction may be older than the row, which it does not see then: the record has the
    values of the row as they are now.
    """
    model = env["queue.job"].sudo()
    fields = [field for field in model._fields.values() if field.store and field.column_type]
    # as the ORM reads them: psycopg2 would fail at JSON that Python can't parse
    columns = SQL(", ").join(field.to_sql(model, "queue_job") for field in fields)
    with env.registry.cursor() as cr:
        cr.execute(SQL("SELECT %s FROM queue_job WHERE identity_guard = %s", columns, str(key)))
        row = cr.fetchone()
    if row is None:
        return model
    values = dict(zip(fields, row, strict=True))
    record = model.browse(values.pop(model._fields["id"]))
    for field, value in values.items():
        field._insert_cache(record, [value])
    return record


def take_free_guards(env, jobs):
    """Take what is free of the guards of new jobs that were not inserted with them."""
    uuids = [
        job.uuid
        for job in jobs
        if job.identity_key and job.state in WAITING_STATES and not job.identity_guard
    ]
    if uuids:
        env.cr.execute(_TAKE, (uuids,))
