# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""The SQL by which a runner takes and keeps the lead of a database, see :mod:`.leadership`."""

from ..core.lock import GATE_IS_CLOSED, GATE_LOCK_CLASS, RUNNER_LOCK, may_terminate
from ..core.notification import ECHO_CHANNEL

#: Only one runner may drive a database: a session lock, held while the connection lives.
TAKE_RUNNER_LOCK = f"SELECT pg_try_advisory_lock({RUNNER_LOCK})"
RELEASE_RUNNER_LOCK = f"SELECT pg_advisory_unlock({RUNNER_LOCK})"

#: Seconds of silence after which a leader is taken for frozen, or cut off. More than pass between
#: two of its signs of life (2) when an answer to it just comes in time (5).
SILENCE = 8


def _is_fresh(moment):
    """SQL condition: the leader was heard of a moment ago.

    Not when that is to come: PostgreSQL's clock was set back. A leader that lives is heard of
    again soon, or else loses the lead for nothing; one that does not would keep it for as long
    as the clock needs to catch up.
    """
    now = "clock_timestamp()"
    limit = f"interval '{SILENCE} s'"
    return f"{moment} BETWEEN {now} - {limit} AND {now} + {limit}"


#: End the session of a leader that has not been heard of for a while. Only one that is written
#: down as the leader: the runner of the published addon says nothing for hours. Rows are (role of
#: the leader's session, own role, whether the one may see and end sessions of the other, whether
#: it is being ended).
END_SILENT_LEADER = f"""
    SELECT role, current_user::text, is_in_reach,
           CASE WHEN is_in_reach AND NOT is_fresh THEN pg_terminate_backend(pid) ELSE false END
      FROM (SELECT pid, pg_get_userbyid(usesysid)::text AS role,
                   activity.backend_start IS NOT NULL AND {may_terminate("usesysid")} AS is_in_reach,
                   {_is_fresh("activity.state_change")} AS is_fresh
              FROM queue_job_leader AS leader
              JOIN pg_stat_activity AS activity USING (pid)
              JOIN pg_locks AS lock USING (pid)
             WHERE lock.locktype = 'advisory' AND lock.objsubid = 1 AND lock.granted
               AND (lock.classid::bigint << 32) | lock.objid::bigint = {RUNNER_LOCK}
               -- what this role may not see is NULL
               AND (activity.backend_start IS NULL
                    OR activity.backend_start = leader.backend_start)) AS holder
"""

WAIT_A_MOMENT = "SELECT pg_sleep(0.3)"

#: SQL condition: a runner in poll-only mode has the lease.
_IS_LEASED = f"holder IS NOT NULL AND {_is_fresh('seen')}"

#: A later epoch has a higher number, even where PostgreSQL has lost the last ones: a standby that is
#: promoted may never have heard of them, and the grants of a lost epoch must not be good again.
_NEXT_EPOCH = "greatest(epoch + 1, (extract(epoch FROM clock_timestamp()) * 1000)::bigint)"

#: Begin a new epoch, see ``sql/leader.py``, as the session that has the lock, or not: a runner in poll-only mode leads.
BEGIN_EPOCH = f"""
    UPDATE queue_job_leader
       SET epoch = {_NEXT_EPOCH}, holder = NULL, seen = NULL, pid = pg_backend_pid(),
           backend_start = (SELECT backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid())
     WHERE NOT ({_IS_LEASED})
 RETURNING setval('queue_job_epoch', epoch)
"""

#: The same in poll-only mode, where a session is nobody's: with a lease.
BEGIN_LEASED_EPOCH = f"""
    UPDATE queue_job_leader
       SET epoch = {_NEXT_EPOCH}, holder = %(holder)s, seen = clock_timestamp(),
           pid = NULL, backend_start = NULL
     WHERE NOT ({_IS_LEASED})
       AND NOT EXISTS (
        SELECT FROM pg_locks
         WHERE locktype = 'advisory' AND objsubid = 1 AND granted
           AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
           AND (classid::bigint << 32) | objid::bigint = {RUNNER_LOCK})
 RETURNING setval('queue_job_epoch', epoch)
"""
END_LEASE = "UPDATE queue_job_leader SET holder = NULL WHERE holder = %(holder)s"

#: Wait for the claims that began under the leader before: those that begin now fail.
CLOSE_GATE_FOR_A_MOMENT = f"SELECT pg_advisory_xact_lock({GATE_LOCK_CLASS}, 0)"

#: SQL: how many modules are to be installed, upgraded or uninstalled.
_MODULES_TO_DO = "(SELECT count(*) FROM ir_module_module WHERE state LIKE 'to %%')"

#: SQL condition: there is something to look after.
_HAS_JOBS_IN_PROGRESS = "EXISTS (SELECT FROM queue_job WHERE state IN ('enqueued', 'started'))"

#: What a leader learns: whether jobs may be started, and whether some were.
_STANDING = f"""
           {GATE_IS_CLOSED} AS is_closed, {_MODULES_TO_DO} AS modules_to_do,
           {_HAS_JOBS_IN_PROGRESS} AS has_jobs_in_progress"""

#: Be heard of, hear oneself, and learn whether one still leads, and the rest.
TOUCH = f"""
    SELECT epoch, {_STANDING},
           pg_notify('{ECHO_CHANNEL}', %(token)s)
      FROM queue_job_leader
"""
RENEW_LEASE = f"""
    UPDATE queue_job_leader SET seen = clock_timestamp()
     WHERE holder = %(holder)s AND epoch = %(epoch)s
 RETURNING epoch, {_STANDING}
"""
