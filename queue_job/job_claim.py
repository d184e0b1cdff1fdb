# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""The two calls with which a worker makes a job its own: claim and lock.

What they do is in ``sql/functions.py``, who locks what against whom in ``docs/locking.rst``.
"""

import json

from psycopg2.extensions import PYDATETIME

from .core.lock import METHOD_LOCK_CLASS
from .job_storage import flush_cache, forget_cache
from .job_values import CLAIMED_FIELDS, attributes

_CLAIM = "SELECT {function}({key}, %(worker_pid)s, %(lease)s)"

#: Of the job before it nothing that it has SET for its session may stay: Odoo's pool of connections
#: does the same before a session is used again.
_RESET = "RESET ALL;"

#: The job that a request is for.
CLAIM_ENQUEUED = _CLAIM.format(function="queue_job_claim_enqueued", key="%(uuid)s, %(grant)s")
#: A job that was hinted.
CLAIM_PENDING = f"""
{_RESET}
{_CLAIM.format(function="queue_job_claim_pending", key="%(id)s, %(channel)s, %(grant)s")}
"""

#: A job that was hinted, in the transaction of the claim, and then the lock, in its own.
_CLAIM_AND_LOCK = f"""
{_RESET}
{_CLAIM.format(function="queue_job_start_pending", key="%(id)s, %(channel)s, %(grant)s")};
COMMIT;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT queue_job_lock_claimed(%(id)s, %(lease)s)
"""

#: Which fields of a claimed row are dates with times.
_MOMENTS = tuple(name for name in CLAIMED_FIELDS if name.startswith("date_") or name == "eta")

LOCK = "SELECT queue_job_lock(%(uuid)s, %(lease)s)"


def claim(env, query, start, **which):
    """Start one job in the current transaction.

    :param str query: :data:`CLAIM_ENQUEUED` (``uuid``, ``grant``: token of the request, or
        None) or :data:`CLAIM_PENDING` (``id``, ``channel``, ``grant``)
    :param dict start: ``worker_pid`` and ``lease``
    :return: dict, the row; None: it is not in that state, or not free, or not due
    """
    flush_cache(env["queue.job"])
    env.cr.execute(query, {**start, **which})
    row = _row(env.cr.fetchone()[0])
    if row is None:
        return None
    forget_cache(env["queue.job"].browse(row["id"]))
    return row


def claim_and_lock(env, start, **which):
    """Start one job, commit that, and begin its transaction with its lock.

    All in one go, in a transaction that was begun for the claim alone. Wherever it is cut short,
    the job is left as if its worker had gone there.

    :param dict start: ``worker_pid`` and ``lease``
    :param which: ``id``, ``channel``, ``grant`` of a pending job
    :return: dict, the row, ``is_locked`` and ``has_dependents``; None: it was not claimed
    """
    env.cr.execute(_CLAIM_AND_LOCK, {**start, **which})
    is_locked, has_dependents, *values = env.cr.fetchone()[0] or (None, None)
    row = _row(values or None)
    return row and {**row, "is_locked": is_locked, "has_dependents": has_dependents}


def _row(values):
    """:param values: list, the JSON of a claimed row; or None"""
    if values is None:
        return None
    row = dict(zip(CLAIMED_FIELDS, values, strict=True))
    for name in _MOMENTS:
        row[name] = PYDATETIME(row[name], None)
    return row


def call_of(env, row):
    """:return: (records, args, kwargs) of a claimed row"""
    model = env["queue.job"].sudo()
    return tuple(
        model._fields[name].convert_to_record(row[name], model)
        for name in ("records", "args", "kwargs")
    )


def attributes_of(row):
    """:return: dict of attributes of the job in a claimed row"""
    return attributes(row, json.loads(row["dependencies"] or "{}"))


def lock(job):
    """Take the lock of the running job; tell the job whether others depend on it.

    Its row does not know those that were added after it was stored. A job object without
    lease (not claimed by this process) gets the lock of any started row.

    :return: bool, whether the lock was free and the row is still this try's
    """
    cr = job.env.cr
    flush_cache(job.env["queue.job"])
    cr.execute(LOCK, {"uuid": job.uuid, "lease": job.lease})
    is_locked, job.has_dependents = cr.fetchone()[0] or (False, False)
    return is_locked


def mark_backend(cr, other):
    """Tell, by a lock of the transaction on ``cr``, which backend ``other`` is a cursor of."""
    other.execute("SELECT pg_backend_pid()")
    (pid,) = other.fetchone()
    cr.execute("SELECT pg_advisory_xact_lock_shared(%s, %s)", (METHOD_LOCK_CLASS, pid))
