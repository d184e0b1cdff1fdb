# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""The SQL of the job runner, by name.

All of it runs in autocommit mode on the runner's own connection to the database: each
statement is a transaction, READ COMMITTED, so that its locks last as long as itself.
"""

from ..core.dead_job import FOUND_DEAD, INFORMATION, MESSAGE
from ..core.lock import (
    JOB_IS_UNLOCKED,
    JOB_LOCK_CLASS,
    terminate,
)
from ..core.notification import ETA_CHANGED
from ..core.ready_job import ready_jobs
from ..core.time_limit import INFORMATION as TIMED_OUT_INFORMATION
from ..core.time_limit import MESSAGE_SQL, TIMED_OUT

NOW = "SELECT clock_timestamp()"
ROLE = "SELECT current_user::text"

#: SQL: since when this PostgreSQL runs what is asked of it. A standby that was promoted has run for long,
#: but what began before the last commit that it has replayed began on the lost primary.
_HERE_SINCE = "greatest(pg_postmaster_start_time(), pg_last_xact_replay_timestamp())"

#: SQL condition: the triggers tell of etas. Those of an earlier version don't, until the update.
_TELLS_ETAS = f"""
    (SELECT count(*) = 2 FROM pg_proc
      WHERE proname IN ('queue_job_notify_inserted', 'queue_job_notify_changed')
        AND pronamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())
        AND strpos(prosrc, '{ETA_CHANGED}') > 0) AS tells_etas
"""
TELLS_ETAS = f"SELECT {_TELLS_ETAS}"

#: Is this an Odoo database, is the addon installed in it, is it this addon's schema, and do its
#: triggers tell of etas?
FIND_ADDON = f"""
    SELECT to_regclass('ir_module_module') IS NOT NULL AS is_odoo,
           to_regclass('queue_job') IS NOT NULL AS has_table,
           to_regproc('queue_job_claim_pending') IS NOT NULL
           AND to_regclass('queue_job_epoch') IS NOT NULL
           AND (SELECT count(*) = 2 FROM information_schema.columns
                 WHERE table_schema = current_schema()
                   AND (table_name, column_name) IN (('queue_job_channel', 'has_limits'),
                                                     ('queue_job', 'timeout')))
               AS has_schema,
           {_TELLS_ETAS}
"""
FIND_INSTALLED = """
    SELECT EXISTS (
        SELECT FROM ir_module_module
         WHERE name = 'queue_job' AND state IN ('installed', 'to upgrade'))
"""

#: What was set in the web client, see ``core.channel_limits.ChannelLimits``. What nobody has
#: ever set is NULL. A channel without a name, of a row of before, is not root.
CHANNEL_LIMITS = """
    SELECT complete_name, coalesce(has_limits, FALSE), coalesce(capacity, 0),
           coalesce(sequential, FALSE), coalesce(throttle, 0), coalesce(paused, FALSE)
      FROM queue_job_channel
     WHERE (has_limits OR paused) AND complete_name <> ''
  ORDER BY complete_name
"""

#: A pending job is due when it has no eta, or when the runner has seen that it passed. The
#: mark is a copy of the eta, so that a changed eta is waited for again. The indexes of the
#: model have these very conditions.
DUE = "state = 'pending' AND (eta IS NULL OR eta = eta_passed)"
NOT_DUE = "state = 'pending' AND eta IS NOT NULL AND eta IS DISTINCT FROM eta_passed"

_ORDER = "priority, date_created, id"


#: What orders the jobs of a channel. Rows written by hand may lack some of it.
_KEY = """
    coalesce(priority, 2147483647) AS priority,
    coalesce(date_created, timestamp '9999-12-31') AS date_created,
    id, uuid
"""


def _heads(condition):
    """The channels with jobs of a kind, and the first one in each: by an index look-up each."""
    first = f"SELECT channel, {_ORDER}, uuid FROM queue_job WHERE {condition}"
    return f"""
        WITH RECURSIVE head AS (
            ({first} ORDER BY channel, {_ORDER} LIMIT 1)
             UNION ALL
            SELECT following.*
              FROM head, LATERAL (
                {first} AND channel > head.channel ORDER BY channel, {_ORDER} LIMIT 1
              ) AS following)
        SELECT channel, {_KEY} FROM head
    """


HEADS = _heads(DUE)
HEADS_NOT_DUE = _heads(NOT_DUE)

#: The first jobs of a channel that may start now; and those behind the last one read.
FIRST_JOBS = f"""
    SELECT {_KEY}
      FROM queue_job
     WHERE {DUE} AND channel = %(channel)s
  ORDER BY queue_job.priority, queue_job.date_created, id
     LIMIT %(limit)s
"""
NEXT_JOBS = f"""
    SELECT {_KEY}
      FROM queue_job
     WHERE {DUE} AND channel = %(channel)s
       AND (queue_job.priority, queue_job.date_created, id) > (%(priority)s, %(date_created)s, %(id)s)
  ORDER BY queue_job.priority, queue_job.date_created, id
     LIMIT %(limit)s
"""

#: The first job of a channel whose order is strict: one that is not due holds up what
#: stands behind it.
FIRST_IN_ORDER = f"""
    SELECT {_KEY}, extract(epoch FROM eta - now() AT TIME ZONE 'UTC')::float8 AS seconds_to_eta
      FROM ((SELECT * FROM queue_job WHERE {DUE} AND channel = %(channel)s
           ORDER BY {_ORDER} LIMIT 1)
             UNION ALL
            (SELECT * FROM queue_job WHERE {NOT_DUE} AND channel = %(channel)s
           ORDER BY {_ORDER} LIMIT 1)) AS queue_job
  ORDER BY queue_job.priority, queue_job.date_created, id
     LIMIT 1
"""

#: A job that has failed holds it up, too.
SOME_FAILED = """
    SELECT uuid FROM queue_job WHERE state = 'failed' AND channel = %(channel)s LIMIT 1
"""

#: In how many seconds the next job will be due. All moments come from the clock of
#: PostgreSQL, on which the clock of the runner need not agree.
NEXT_ETA = f"""
    SELECT extract(epoch FROM min(eta) - now() AT TIME ZONE 'UTC')::float8 AS seconds
      FROM queue_job WHERE {NOT_DUE}
"""

#: Mark the jobs whose eta has passed. A row that somebody is writing is left for later.
MARK_DUE = f"""
    WITH passed AS (
        SELECT id FROM queue_job
         WHERE {NOT_DUE} AND eta <= now() AT TIME ZONE 'UTC'
      ORDER BY eta LIMIT %(limit)s
           FOR NO KEY UPDATE SKIP LOCKED)
    UPDATE queue_job SET eta_passed = eta FROM passed WHERE queue_job.id = passed.id
    RETURNING channel
"""

#: The jobs that are with a worker, or on the way to one; and whether a connection holds
#: the lock of the job. The partial index on unfinished jobs keeps it cheap.
IN_PROGRESS = f"""
    SELECT uuid, id, channel, state, lease, worker_pid, {JOB_IS_UNLOCKED} AS is_unlocked,
           state = 'started' AND coalesce(timeout, 0) > 0 AS is_limited
      FROM queue_job
     WHERE state IN ('enqueued', 'started')
"""

#: Of some jobs, those that were cancelled while they ran.
STOPPED = """
    SELECT id FROM queue_job
     WHERE id = ANY(%(ids)s) AND state = 'cancelled' AND date_started IS NOT NULL
"""

#: pending -> enqueued, of the jobs that still are as they were read. The grant goes with
#: the request: only the worker that brings it may claim the job. A row that somebody is
#: writing is not waited for. Each job is looked up by itself: the statement is planned once, and a
#: join, which may be the best for a small table, would go through all jobs of a large one.
SET_ENQUEUED = """
    WITH chosen AS (
        SELECT pending.id
          FROM unnest(%(ids)s::int[], %(channels)s::text[]) AS place (id, channel),
               LATERAL (
                   SELECT queue_job.id FROM queue_job
                    WHERE queue_job.id = place.id AND queue_job.channel = place.channel
                      AND state = 'pending' AND (eta IS NULL OR eta <= now() AT TIME ZONE 'UTC')
                      FOR NO KEY UPDATE SKIP LOCKED
               ) AS pending)
    UPDATE queue_job
       SET state = 'enqueued', date_enqueued = now() AT TIME ZONE 'UTC',
           date_started = NULL, worker_pid = NULL, lease = %(grant)s
     WHERE id = ANY(ARRAY(SELECT id FROM chosen))
 RETURNING id
"""

#: enqueued -> pending, of jobs whose request did not reach a worker. A worker that has
#: claimed the job meanwhile has changed its state, or is about to: then it has locked it.
TAKE_BACK = """
    WITH enqueued AS (
        SELECT id FROM queue_job
         WHERE id = ANY(%(ids)s) AND state = 'enqueued'
           FOR NO KEY UPDATE SKIP LOCKED)
    UPDATE queue_job SET state = 'pending', date_enqueued = NULL, lease = NULL
      FROM enqueued
     WHERE queue_job.id = enqueued.id
 RETURNING queue_job.id
"""

#: The same, of all: for a runner that has just become the leader of the database, when
#: whatever is enqueued was enqueued by another one.
TAKE_ALL_BACK = """
    UPDATE queue_job SET state = 'pending', date_enqueued = NULL, lease = NULL
     WHERE state = 'enqueued'
"""

#: A step through the jobs that wait for others, in the order of their ids. By this condition
#: PostgreSQL can't take the index of all ids for it, which seems near, and holds all that ended.
#: No state comes behind this one.
_STEP = """
        SELECT id, awaits_failure FROM queue_job
         WHERE state NOT IN ('done', 'cancelled')
           AND (state, id) > ('wait_dependencies', %(after)s)
      ORDER BY state, id
         LIMIT %(limit)s
"""

#: wait_dependencies -> pending, of jobs whose parents are all done: those that a crash
#: between a parent's commit and the release of its children has left. In steps by id.
RELEASE_READY = f"""
    WITH step AS ({_STEP}),
    {ready_jobs("step")},
    released AS (
        UPDATE queue_job SET state = 'pending' FROM ready WHERE queue_job.id = ready.id)
    SELECT max(id) AS last, count(*) AS looked_at FROM step
"""


#: In the same steps, what waits for jobs to fail that have all ended meanwhile, unseen by each other.
SETTLE_HANDLERS = f"""
    SELECT queue_job_settle_handler(id) FROM ({_STEP}) AS step WHERE awaits_failure
"""


def requeue_dead_jobs(condition="TRUE", at_last_try="failed", here_since=_HERE_SINCE):
    """Return jobs whose worker is gone to the queue.

    An enqueued one, which nobody has begun, is pending again. A started one has lost its
    try, unless the database server itself was restarted since.

    :param str here_since: SQL, the moment before which what began has lost nothing
    :param str condition: SQL, which jobs to look at
    :param str at_last_try: state of a job that has lost its last try. The runner itself
        leaves it to a worker to let it fail: see ``core.dead_job``.
    :return: SQL without parameters (but those of the condition); rows are ``(uuid,)``
    """
    return f"""
        WITH dead AS (
            SELECT id, state = 'started' AND date_started
                       > {here_since} AT TIME ZONE 'UTC' AS lost_try
              FROM queue_job
             WHERE state IN ('enqueued', 'started')
               AND {condition}
               AND {JOB_IS_UNLOCKED}
               FOR NO KEY UPDATE SKIP LOCKED),
        judged AS (
            SELECT dead.id, lost_try,
                   lost_try AND max_retries > 0 AND retry + 1 >= max_retries AS is_failed
              FROM dead JOIN queue_job USING (id))
        UPDATE queue_job
           SET state = CASE WHEN is_failed THEN '{at_last_try}' ELSE 'pending' END,
               retry = retry + CASE WHEN lost_try THEN 1 ELSE 0 END,
               exc_name = CASE WHEN is_failed THEN '{FOUND_DEAD}' END,
               exc_message = CASE WHEN is_failed THEN '{MESSAGE}' END,
               exc_info = CASE WHEN is_failed THEN '{INFORMATION}' END,
               date_enqueued = NULL, date_started = NULL, worker_pid = NULL, lease = NULL
          FROM judged
         WHERE queue_job.id = judged.id
     RETURNING queue_job.uuid
    """


#: Of the jobs seen without a lock in two looks: those still started by the same try. Jobs
#: that were started by the published addon have no lease.
REQUEUE_SEEN_DEAD = requeue_dead_jobs(
    "(uuid, coalesce(lease, '')) IN (SELECT * FROM unnest(%(uuids)s::text[], %(leases)s::text[]))",
    at_last_try="pending",
    # Nor is it the fault of a job when its worker and the runner have lost the database together.
    here_since=f"greatest({_HERE_SINCE}, %(reached_since)s::timestamptz)",
)

#: How many seconds the jobs that run under a time limit have left, less than none when it is
#: over. The try began with the transaction that has the lock of the job, by the clock of
#: PostgreSQL; where the role of the runner may not see that, as the row says.
TIME_LEFT = f"""
    SELECT uuid, lease,
           timeout - extract(epoch FROM clock_timestamp()
                             - coalesce(xact_start, date_started AT TIME ZONE 'UTC'))::float8
           AS seconds
      FROM queue_job
      JOIN pg_locks AS lock
        ON locktype = 'advisory' AND classid = {JOB_LOCK_CLASS} AND objid = queue_job.id
           AND objsubid = 2 AND granted
           AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
      JOIN pg_stat_activity AS activity USING (pid)
     WHERE queue_job.state = 'started' AND timeout > 0 AND lease IS NOT NULL
"""


def end_overdue(lock):
    """Take jobs from the tries with these leases: from now on they can't be settled.

    What becomes of the jobs is up to the worker that gets them next, see ``core.time_limit``.

    :param str lock: SQL, what to do about a row that somebody is writing
    :return: SQL; rows are ``(uuid,)``
    """
    return f"""
        WITH overdue AS (
            SELECT id FROM queue_job
             WHERE state = 'started'
               AND (uuid, lease) IN (
                SELECT * FROM unnest(%(uuids)s::text[], %(leases)s::text[]))
               FOR NO KEY UPDATE {lock})
        UPDATE queue_job
           SET state = 'pending', retry = retry + 1, exc_name = '{TIMED_OUT}',
               exc_message = {MESSAGE_SQL}, exc_info = '{TIMED_OUT_INFORMATION}',
               date_enqueued = NULL, date_started = NULL, worker_pid = NULL, lease = NULL
          FROM overdue
         WHERE queue_job.id = overdue.id
     RETURNING queue_job.uuid
    """


END_OVERDUE = end_overdue("SKIP LOCKED")
#: The backend that has written to the row is being terminated: that takes a moment.
END_OVERDUE_LOCKED = end_overdue("")
LOCK_TIMEOUT = "SET LOCAL lock_timeout = '500ms';"

#: End the sessions in which some jobs run.
TERMINATE = terminate("%(ids)s::int[]")
