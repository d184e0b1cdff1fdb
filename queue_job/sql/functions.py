# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Functions in the database that a worker calls for every job.

Their statements are planned once for each connection, however many transactions, or poolers
of transactions, are between two calls; planning them costs as much as running them.
"""

from ..core.lock import GATE_LOCK_CLASS, JOB_LOCK_CLASS
from ..job_values import CLAIMED_FIELDS
from .catalogue import drop_functions, install_functions
from .identity import GUARD_OF_STARTED

_START = "_worker_pid integer, _lease varchar"

#: The columns of a claimed row, as items of one JSON array. As columns of the result they would
#: cost more than the rest of the claim: in PostgreSQL, which looks each of them up whenever the
#: call is parsed, and in the client, which makes an object of each.
_ROW = ", ".join(
    "(SELECT company_id FROM res_users WHERE res_users.id = queue_job.user_id)"
    if name == "user_company_id"
    else f"queue_job.{name}"
    for name in CLAIMED_FIELDS
)

#: From here on PostgreSQL finds out within some twelve seconds that the machine of its client is
#: gone, and all locks with it: a job's, the gate's. The first three are for a connection that is
#: silent, the last one for an answer that nobody confirms. They hold for the session, until it is
#: reset for the next job; a connection within the machine has none of them.
NOTICE_LOST_CLIENT = """
    IF inet_client_addr() IS NOT NULL AND current_setting('tcp_user_timeout') <> '12000' THEN
        _ := set_config('tcp_keepalives_idle', '5', false);
        _ := set_config('tcp_keepalives_interval', '2', false);
        _ := set_config('tcp_keepalives_count', '3', false);
        _ := set_config('tcp_user_timeout', '12000', false);
    END IF;"""

#: What a job that is started gets, field -> SQL.
_STARTED = {
    "state": "'started'",
    "date_started": "clock_timestamp() AT TIME ZONE 'UTC'",
    "worker_pid": "_worker_pid",
    "lease": "_lease",
    "identity_guard": GUARD_OF_STARTED,
}

#: What a job that is done gets.
_DONE = {
    "state": "'done'",
    "retry": "_retry",
    "date_done": "_date_done",
    "exec_time": "_exec_time",
    "result": "_result",
    "result_json": "_result_json",
    "identity_guard": "NULL",
}


def _set(values):
    return "SET " + ", ".join(f"{name} = {value}" for name, value in values.items())


#: A job that waits for the one that is done and for nothing else, where nothing else waits for that one, and which comes
#: before what is next in its channel.
_ONLY_CHILD = """id = _id AND state IS NOT DISTINCT FROM 'wait_dependencies' AND channel = _channel
                   AND (eta IS NULL OR eta <= statement_timestamp() AT TIME ZONE 'UTC')
                   AND awaits_failure IS NOT TRUE
                   AND NOT EXISTS (SELECT FROM queue_job_dependency
                                    WHERE parent_id = _done_id AND child_id <> _id)
                   AND NOT EXISTS (SELECT FROM queue_job_dependency
                                    WHERE child_id = _id AND parent_id <> _done_id)
                   AND NOT EXISTS (SELECT FROM queue_job_barrier WHERE job_id = _done_id AND is_parent)
                   AND NOT EXISTS (SELECT FROM queue_job_barrier WHERE job_id = _id AND NOT is_parent)
                   AND NOT EXISTS (SELECT FROM queue_job AS other
                                    WHERE other.id = _before
                                      AND (other.priority, other.date_created, other.id)
                                          < (queue_job.priority, queue_job.date_created, _id))"""

#: One of each in one statement.
_DONE_AND_STARTED = {
    name: f"CASE id WHEN _done_id THEN {_DONE.get(name, name)} ELSE {_STARTED.get(name, name)} END"
    for name in {**_DONE, **_STARTED}
}

#: SQL: the epoch of the leader that gave a grant. Only those of a runner have one.
_EPOCH = "CASE WHEN strpos(_grant, '.') > 0 THEN split_part(_grant, '.', 1) END"

#: Start one job. The row is locked against the same request sent twice, and a runner that
#: takes the job back; a row that is locked is being claimed or taken back, and not waited
#: for. A crash of PostgreSQL that loses the claim leaves the job as it was, so that its
#: commit need not wait for the disk. The try begins by this clock: it is compared with the start
#: of PostgreSQL, and clocks of workers may be wrong.
#:
#: The grant begins with the epoch of the leader that gave it. The gate is shared until the end
#: of the transaction, and only then the epoch is read, in a snapshot of its own: whoever closes
#: the gate sees either this job started or this claim fail.
_CLAIM = """
DECLARE
    _row json;
    _epoch text := {epoch};
    _ text;
BEGIN{notice_lost_client}
    IF NOT pg_try_advisory_xact_lock_shared({gate}, 0) THEN
        RETURN NULL;
    END IF;
    PERFORM FROM queue_job
      WHERE {condition}
        AND (_epoch IS NULL OR _epoch = (SELECT epoch::text FROM queue_job_leader WHERE id = 1))
        FOR NO KEY UPDATE SKIP LOCKED;
    IF FOUND THEN
        _ := set_config('synchronous_commit', 'off', true);
        UPDATE queue_job {started}
         WHERE {key}{returning};
    END IF;
    RETURN _row;
END"""

_RETURNING = f" RETURNING json_build_array({_ROW}) INTO _row"

#: The job that a request is for. It has to know the token that the runner has left in the row; a
#: row without one is for callers that bring none, which is NULL.
_ENQUEUED = """uuid = _uuid AND state IS NOT DISTINCT FROM 'enqueued'
                   AND (lease = nullif(_grant, '') OR lease IS NULL AND _grant IS NULL)"""

#: A job that was hinted: it may be gone, moved to another channel, or postponed. The grant is
#: that of the request. The transaction may have been begun some time ago.
_PENDING = """id = _id AND state IS NOT DISTINCT FROM 'pending' AND channel = _channel
                   AND (eta IS NULL OR eta <= statement_timestamp() AT TIME ZONE 'UTC')"""

#: The job is done, in the transaction of the try: what else a try may change is as it was.
#:
#: With it the next job may be started, so that the commit is that of both, and the statement: PostgreSQL gets ready once
#: for the indexes and triggers of the table. The snapshot may be old by then. Of the next job nothing can be
#: overlooked: what was changed since then is an error, as is a row that is locked. So is whatever else is wrong with
#: that job: it undoes the block, the gate is free again, and the job is claimed for itself, later. What is wrong with
#: the job before is found again by the statement for it alone. The epoch is the one of this moment, see
#: ``leader.py``, and is read when the gate is shared.
_SETTLE_DONE = """
DECLARE
    _epoch text := {epoch};
    _timeout text := current_setting('lock_timeout');
    _ text;
BEGIN
    IF _id IS NOT NULL THEN
        BEGIN
            IF pg_try_advisory_xact_lock_shared({gate}, 0) THEN
                _ := set_config('lock_timeout', '10ms', true);
                UPDATE queue_job {done_and_started}
                 WHERE id IN (_done_id, _id)
                   AND (id = _done_id
                        OR {condition}
                       AND (_epoch IS NULL
                            OR _epoch = pg_sequence_last_value('queue_job_epoch')::text));
                _ := set_config('lock_timeout', _timeout, true);
                RETURN;
            END IF;
        EXCEPTION WHEN others THEN
            RAISE DEBUG 'job % is not claimed with the commit of the one before: %', _id, SQLERRM;
        END;
    END IF;
    UPDATE queue_job {done}
     WHERE id = _done_id;
END"""

_SETTLE_PARAMETERS = """_done_id integer, _retry integer, _date_done timestamp,
    _exec_time double precision, _result text, _result_json text, _id integer DEFAULT NULL,
    _channel varchar DEFAULT NULL, _grant varchar DEFAULT NULL, _worker_pid integer DEFAULT NULL,
    _lease varchar DEFAULT NULL"""

#: Take the lock of a started job until the end of the transaction; nothing is written. It
#: says who runs the job, the lease in the row says who may settle it. With it this
#: transaction learns that its client is gone while a statement runs (by default only when
#: it ends), so that the lock of a killed worker does not outlive it for long. And it may be idle for as
#: long as the method computes: it would lose its lock, and the job be found dead while it runs.
_LOCK = """
DECLARE
    _ text;
    _result json;
BEGIN{notice_lost_client}
    IF current_setting('server_version_num')::integer >= 140000 THEN
        _ := set_config('client_connection_check_interval', '1000', true);
    END IF;
    IF current_setting('idle_in_transaction_session_timeout') <> '0' THEN
        _ := set_config('idle_in_transaction_session_timeout', '0', true);
    END IF;
    SELECT json_build_array({items})
      INTO _result
      FROM queue_job
     WHERE {key} AND state IS NOT DISTINCT FROM 'started' AND (_lease IS NULL OR lease = _lease);
    RETURN _result;
END"""

#: Whether the lock was free. Of the first job that depends on this one its id, whether it depends on no other, and
#: whether it is the only one, and might well be next in the channel; NULL: there is none. Whether some stand behind a barrier.
_LOCKED = f"""pg_try_advisory_xact_lock({JOB_LOCK_CLASS}, id),
           (SELECT json_build_array(
                       own.child_id,
                       NOT EXISTS (SELECT FROM queue_job_dependency AS other
                                    WHERE other.child_id = own.child_id
                                      AND other.parent_id <> own.parent_id),
                       (SELECT child.channel = queue_job.channel AND child.eta IS NULL
                           AND child.priority <= queue_job.priority
                           AND NOT EXISTS (SELECT FROM queue_job_dependency AS other
                                            WHERE other.parent_id = own.parent_id
                                              AND other.child_id > own.child_id)
                          FROM queue_job AS child WHERE child.id = own.child_id))
              FROM queue_job_dependency AS own WHERE own.parent_id = queue_job.id
          ORDER BY own.child_id LIMIT 1),
           EXISTS (SELECT FROM queue_job_barrier WHERE job_id = queue_job.id AND is_parent)"""

#: Every row is found by a key, and states are not compared by equality: that is what the partial indexes
#: are for, and a plan that was made when the table was small might go through all that wait in a channel.
#: Planned anew for the values of a call, as PostgreSQL would for some of them, a statement costs more than
#: it does; and its plan must not depend on how small the table was when it was made.
_SETTINGS = "SET plan_cache_mode = force_generic_plan SET enable_seqscan = off"


def _filled(body, **parts):
    return body.format(
        gate=GATE_LOCK_CLASS,
        epoch=_EPOCH,
        started=_set(_STARTED),
        done=_set(_DONE),
        done_and_started=_set(_DONE_AND_STARTED),
        notice_lost_client=NOTICE_LOST_CLIENT,
        **parts,
    )


#: name -> (parameters and what follows them, body)
FUNCTIONS = {
    "queue_job_claim_enqueued": (
        f"(_uuid varchar, _grant varchar, {_START}) RETURNS json {_SETTINGS}",
        _filled(
            _CLAIM,
            condition=_ENQUEUED,
            key="uuid = _uuid",
            returning=_RETURNING,
        ),
    ),
    "queue_job_claim_pending": (
        f"(_id integer, _channel varchar, _grant varchar, {_START}) RETURNS json {_SETTINGS}",
        _filled(
            _CLAIM,
            condition=_PENDING,
            key="id = _id",
            returning=_RETURNING,
        ),
    ),
    "queue_job_lock": (
        f"(_uuid varchar, _lease varchar) RETURNS json {_SETTINGS}",
        _filled(_LOCK, items=_LOCKED, key="uuid = _uuid"),
    ),
    # These two and two do together what a claim and a lock do, one after the other without a way to
    # the client between them: there the lock brings the row.
    "queue_job_start_enqueued": (
        f"(_uuid varchar, _grant varchar, {_START}) RETURNS json {_SETTINGS}",
        _filled(_CLAIM, condition=_ENQUEUED, key="uuid = _uuid", returning=""),
    ),
    "queue_job_lock_requested": (
        f"(_uuid varchar, _lease varchar) RETURNS json {_SETTINGS}",
        _filled(_LOCK, items=f"{_LOCKED}, {_ROW}", key="uuid = _uuid"),
    ),
    "queue_job_start_pending": (
        f"(_id integer, _channel varchar, _grant varchar, {_START}) RETURNS json {_SETTINGS}",
        _filled(_CLAIM, condition=_PENDING, key="id = _id", returning=""),
    ),
    "queue_job_lock_claimed": (
        f"(_id integer, _lease varchar) RETURNS json {_SETTINGS}",
        _filled(_LOCK, items=f"{_LOCKED}, {_ROW}", key="id = _id"),
    ),
    "queue_job_settle_done": (
        f"({_SETTLE_PARAMETERS}) RETURNS void {_SETTINGS}",
        _filled(_SETTLE_DONE, condition=_PENDING),
    ),
    "queue_job_settle_parent": (
        f"({_SETTLE_PARAMETERS}, _before integer DEFAULT NULL) RETURNS void {_SETTINGS}",
        _filled(_SETTLE_DONE, condition=_ONLY_CHILD),
    ),
}


def install(cr):
    install_functions(cr, FUNCTIONS)


def uninstall(cr):
    drop_functions(cr, FUNCTIONS)
