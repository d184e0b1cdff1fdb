# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""The two calls with which a worker makes a job its own: claim and lock.

What they do is in ``sql/functions.py``, who locks what against whom in ``docs/locking.rst``.
"""

import json
from typing import NamedTuple

from psycopg2.extensions import PYDATETIME

from .core.lock import METHOD_LOCK_CLASS
from .job_storage import flush_cache, forget_cache
from .job_values import CLAIMED_FIELDS, attributes
from .session import RESET, reset_of
from .slot_cursor import begin_claim

_CLAIM = "SELECT {function}({key}, %(worker_pid)s, %(lease)s)"

#: A claim, and then the lock in a transaction of its own.
_CLAIM_AND_LOCK = f"""
{_CLAIM};
COMMIT;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT {{lock}}, %(lease)s)
"""


class Which(NamedTuple):
    """Which kind of job is claimed, by SQL.

    :param str claim: alone
    :param str claim_and_lock: and its lock
    """

    claim: str
    claim_and_lock: str


_BY_UUID = "%(uuid)s, %(grant)s"
_BY_ID = "%(id)s, %(channel)s, %(grant)s"

#: The job that a request is for: ``uuid``, ``grant`` (token of the request, or None).
ENQUEUED = Which(
    _CLAIM.format(function="queue_job_claim_enqueued", key=_BY_UUID),
    _CLAIM_AND_LOCK.format(
        function="queue_job_start_enqueued",
        key=_BY_UUID,
        lock="queue_job_lock_requested(%(uuid)s",
    ),
)
#: A job that was hinted: ``id``, ``channel``, ``grant``.
PENDING = Which(
    RESET + _CLAIM.format(function="queue_job_claim_pending", key=_BY_ID),
    _CLAIM_AND_LOCK.format(
        function="queue_job_start_pending", key=_BY_ID, lock="queue_job_lock_claimed(%(id)s"
    ),
)

#: Which fields of a claimed row are dates with times.
_MOMENTS = tuple(name for name in CLAIMED_FIELDS if name.startswith("date_") or name == "eta")

#: What the lock of a job says beside its row: whether it was free, and which other jobs depend on this one.
LOCKED_FIELDS = ("is_locked", "first_child", "is_before_barrier")

LOCK = "SELECT queue_job_lock(%(uuid)s, %(lease)s)"


def claim(env, which, start, **keys):
    """Start one job in the current transaction.

    :param which: :data:`ENQUEUED` or :data:`PENDING`, which say what ``keys`` are
    :param dict start: ``worker_pid`` and ``lease``
    :return: dict, the row; None: it is not in that state, or not free, or not due
    """
    flush_cache(env["queue.job"])
    env.cr.execute(which.claim, {**start, **keys})
    row = _row(env.cr.fetchone()[0])
    if row is None:
        return None
    forget_cache(env["queue.job"].browse(row["id"]))
    return row


def claim_and_lock(env, which, start, **keys):
    """As :func:`claim`, commit that, and begin the job's transaction with its lock.

    All in one go, the claim in a transaction of its own. Wherever it is cut short, the job is left as
    if its worker had gone there.

    :return: dict, the row and :data:`LOCKED_FIELDS`; None: it was not claimed
    """
    cr = env.cr
    cr.execute(begin_claim(cr) + reset_of(cr) + which.claim_and_lock, {**start, **keys})
    return locked_row(cr.fetchone()[0])


def locked_row(values):
    """:param values: list, the JSON of the lock of a claimed row; or None"""
    if values is None:
        return None
    count = len(LOCKED_FIELDS)
    return {**_row(values[count:]), **dict(zip(LOCKED_FIELDS, values[:count], strict=True))}


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
    values = cr.fetchone()[0] or (False, None, False)
    is_locked, job.first_child, job.is_before_barrier = values
    return is_locked


def hold(job, cr):
    """Take the lock of a job on a cursor that is not its own, until the end of that transaction."""
    cr.execute(LOCK, {"uuid": job.uuid, "lease": job.lease})


def mark_backend(cr, other):
    """Tell, by a lock of the transaction on ``cr``, which backend ``other`` is a cursor of."""
    other.execute("SELECT pg_backend_pid()")
    (pid,) = other.fetchone()
    cr.execute("SELECT pg_advisory_xact_lock_shared(%s, %s)", (METHOD_LOCK_CLASS, pid))
