# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Functions in the database that a worker calls for every job.

Their statements are planned once for each connection, however many transactions, or poolers
of transactions, are between two calls; planning them costs as much as running them.
"""

from ..core.lock import GATE_LOCK_CLASS, JOB_LOCK_CLASS
from .catalogue import drop_functions, install_functions

_START = "_date_started timestamp, _worker_pid integer, _lease varchar"
_CLAIMED = "OUT job queue_job, OUT user_company_id integer"

#: Start one job. The row is locked against the same request sent twice, and a runner that
#: takes the job back; a row that is locked is being claimed or taken back, and not waited
#: for. A crash of PostgreSQL that loses the claim leaves the job as it was, so that its
#: commit need not wait for the disk. The user's company saves asking for it.
#:
#: The grant begins with the epoch of the leader that gave it. The gate is shared until the end
#: of the transaction, and only then the epoch is read, in a snapshot of its own: whoever closes
#: the gate sees either this job started or this claim fail.
_CLAIM = """
BEGIN
    IF NOT pg_try_advisory_xact_lock_shared({gate}, 0) THEN
        RETURN;
    END IF;
    IF strpos(_grant, '.') > 0
       AND split_part(_grant, '.', 1) <> (SELECT epoch::text FROM queue_job_leader) THEN
        RETURN;
    END IF;
    PERFORM FROM queue_job WHERE {condition} FOR NO KEY UPDATE SKIP LOCKED;
    IF FOUND THEN
        PERFORM set_config('synchronous_commit', 'off', true);
        UPDATE queue_job
           SET state = 'started', date_started = _date_started,
               worker_pid = _worker_pid, lease = _lease
         WHERE {key}
     RETURNING * INTO job;
        SELECT company_id INTO user_company_id FROM res_users WHERE id = job.user_id;
    END IF;
END"""

#: Take the lock of a started job until the end of the transaction; nothing is written. It
#: says who runs the job, the lease in the row says who may settle it. With it this
#: transaction learns that its client is gone while a statement runs (by default only when
#: it ends), so that the lock of a killed worker does not outlive it for long.
_LOCK = f"""
BEGIN
    PERFORM set_config('tcp_keepalives_idle', '5', true),
            set_config('tcp_keepalives_interval', '2', true),
            set_config('tcp_keepalives_count', '3', true);
    IF current_setting('server_version_num')::integer >= 140000 THEN
        PERFORM set_config('client_connection_check_interval', '1000', true);
    END IF;
    SELECT pg_try_advisory_xact_lock({JOB_LOCK_CLASS}, id),
           EXISTS (SELECT FROM queue_job_dependency WHERE parent_id = queue_job.id)
           OR EXISTS (SELECT FROM queue_job_barrier WHERE job_id = queue_job.id AND is_parent)
      INTO is_locked, has_dependents
      FROM queue_job
     WHERE uuid = _uuid AND state = 'started' AND (_lease IS NULL OR lease = _lease);
END"""

#: name -> (parameters, body)
FUNCTIONS = {
    # The job that a request is for. It has to know the token that the runner has left in the
    # row; a row without one is for callers that bring none, which is NULL.
    "queue_job_claim_enqueued": (
        f"(_uuid varchar, _grant varchar, {_START}, {_CLAIMED})",
        _CLAIM.format(
            gate=GATE_LOCK_CLASS,
            condition="""uuid = _uuid AND state = 'enqueued'
                   AND (lease = nullif(_grant, '') OR lease IS NULL AND _grant IS NULL)""",
            key="uuid = _uuid",
        ),
    ),
    # A job that was hinted: it may be gone, moved to another channel, or postponed. The grant
    # is that of the request.
    "queue_job_claim_pending": (
        f"(_id integer, _channel varchar, _grant varchar, {_START}, {_CLAIMED})",
        _CLAIM.format(
            gate=GATE_LOCK_CLASS,
            condition="""id = _id AND state = 'pending' AND channel = _channel
                   AND (eta IS NULL OR eta <= now() AT TIME ZONE 'UTC')""",
            key="id = _id",
        ),
    ),
    "queue_job_lock": (
        "(_uuid varchar, _lease varchar, OUT is_locked boolean, OUT has_dependents boolean)",
        _LOCK,
    ),
}


def install(cr):
    install_functions(cr, FUNCTIONS)


def uninstall(cr):
    drop_functions(cr, FUNCTIONS)
