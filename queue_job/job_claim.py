# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""The two statements with which a worker makes a job its own: claim and lock.

Who locks what against whom is in ``docs/locking.rst``.
"""

import json

from .core.lock import JOB_LOCK_CLASS
from .core.states import STARTED
from .job_storage import READ_FIELDS, attributes, flush_cache, forget_cache

#: Columns of a claimed row. That of the user's company saves asking for it.
_COLUMNS = ", ".join(
    (
        "id",
        "exec_time",
        *READ_FIELDS,
        "(SELECT company_id FROM res_users WHERE id = queue_job.user_id) AS user_company_id",
    )
)

#: Start one job. The row is locked against the same request sent twice, and a runner that
#: takes the job back; a row that is locked is being claimed or taken back, and not waited
#: for. A crash of PostgreSQL that loses the claim leaves the job as it was, so that its
#: commit need not wait for the disk.
_CLAIM = """
    SELECT set_config('synchronous_commit', 'off', true);
    UPDATE queue_job
       SET state = 'started', date_started = %(date_started)s,
           worker_pid = %(worker_pid)s, lease = %(lease)s
     WHERE id = (SELECT id FROM queue_job WHERE {condition} FOR NO KEY UPDATE SKIP LOCKED)
 RETURNING {columns}
"""

#: The job that a request is for. Where the runner has left a token in its row, the request
#: has to know it.
CLAIM_ENQUEUED = _CLAIM.format(
    columns=_COLUMNS,
    condition="uuid = %(uuid)s AND state = 'enqueued' AND (lease IS NULL OR lease = %(grant)s)",
)

#: A job that was hinted: it may be gone, moved to another channel, or postponed.
CLAIM_PENDING = _CLAIM.format(
    columns=_COLUMNS,
    condition="""
        id = %(id)s AND state = 'pending' AND channel = %(channel)s
        AND (eta IS NULL OR eta <= now() AT TIME ZONE 'UTC')
    """,
)

#: Take the lock of a started job until the end of the transaction; nothing is written. It
#: says who runs the job, the lease in the row says who may settle it. With it this
#: transaction learns that its client is gone while a statement runs (by default only when
#: it ends), so that the lock of a killed worker does not outlive it for long.
_LOCK = """
    SELECT pg_try_advisory_xact_lock({lock_class}, id) AS is_locked,
           EXISTS (SELECT FROM queue_job_dependency WHERE parent_id = queue_job.id)
               AS has_dependents,
           set_config('tcp_keepalives_idle', '5', true),
           set_config('tcp_keepalives_interval', '2', true),
           set_config('tcp_keepalives_count', '3', true)
           {check_connection}
      FROM queue_job
     WHERE uuid = %(uuid)s AND state = '{started}'
       AND (%(lease)s IS NULL OR lease = %(lease)s)
"""
LOCK = _LOCK.format(
    lock_class=JOB_LOCK_CLASS,
    started=STARTED,
    check_connection=", set_config('client_connection_check_interval', '1000', true)",
)
LOCK_BEFORE_14 = _LOCK.format(lock_class=JOB_LOCK_CLASS, started=STARTED, check_connection="")


def claim(env, query, start, **which):
    """Start one job in the current transaction.

    :param str query: :data:`CLAIM_ENQUEUED` (``uuid``, ``grant``: token of the request, or
        None) or :data:`CLAIM_PENDING` (``id``, ``channel``)
    :param dict start: ``date_started``, ``worker_pid`` and ``lease``
    :return: dict, the row; None: it is not in that state, or not free, or not due
    """
    flush_cache(env["queue.job"])
    env.cr.execute(query, {**start, **which})
    row = env.cr.dictfetchone()
    if row is not None:
        forget_cache(env["queue.job"].browse(row["id"]))
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
    query = LOCK if cr.connection.server_version >= 140000 else LOCK_BEFORE_14
    cr.execute(query, {"uuid": job.uuid, "lease": job.lease})
    is_locked, job.has_dependents = (cr.fetchone() or (False, False))[:2]
    return is_locked
