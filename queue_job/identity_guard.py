# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""One waiting job for an identity key, however many processes delay it at the same moment.

A search sees only what was committed when the transaction began. So a job that is delayed
with a key takes the key's guard (``sql/identity.py``), which the database gives to one job
only.
"""

from contextlib import contextmanager

from psycopg2.errors import LockNotAvailable, UniqueViolation

from .core.states import WAITING_STATES

#: How long another transaction that is taking the same key is waited for. Then the caller
#: gets a conflict, as of any lock, which Odoo's requests and jobs try again.
PATIENCE = "1s"

#: How often the guard is tried to be had, when it was held but its holder is gone by now.
ATTEMPTS = 3

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

#: Take what is free of the guards of jobs that may wait without.
_TAKE = "SELECT queue_job_take_guard(id) FROM queue_job WHERE uuid = ANY(%s)"

_HOLDER = "SELECT * FROM queue_job WHERE identity_guard = %s"


class IdentityTaken(Exception):
    """Another job waits with the same identity key.

    :ivar record: that ``queue.job``
    """

    def __init__(self, record):
        super().__init__(f"{record} waits with the same identity key")
        self.record = record


def insert(env, key, write):
    """Insert a job that takes the guard of its key.

    :param write: callable that inserts it; it gets two texts of SQL, statements to be put
        before and behind the INSERT: so the savepoint takes no turns to the database
    :raise IdentityTaken: another job holds the guard
    :raise LockNotAvailable: a transaction that has not ended yet has taken it
    """
    for _attempt in range(ATTEMPTS):
        try:
            with _undone(env.cr):
                return write(_BEGIN, _END)
        except UniqueViolation as error:
            if error.diag.constraint_name != "queue_job_identity_guard_idx":
                raise
            record = _holder(env, key)
            if record:
                raise IdentityTaken(record) from error
    raise LockNotAvailable(f"The identity key {key} is taken and given back all the time.")


@contextmanager
def _undone(cr):
    """A savepoint that the statements inside begin, and release when all went well."""
    try:
        yield
    except (UniqueViolation, LockNotAvailable):
        cr.execute(_ROLL_BACK)
        raise


def _holder(env, key):
    """:return: ``queue.job`` record that holds the guard of ``key``, maybe empty

    The transaction may be older than the row, which it does not see then: the record has the
    values of the row as they are now.
    """
    model = env["queue.job"].sudo()
    with env.registry.cursor() as cr:
        cr.execute(_HOLDER, (str(key),))
        row = cr.dictfetchone()
    if row is None:
        return model
    record = model.browse(row["id"])
    for name, field in model._fields.items():
        if field.store and field.column_type and name in row and name != "id":
            field._insert_cache(record, [row[name]])
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
