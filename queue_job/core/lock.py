# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""The advisory locks: which database connection runs which job, and who leads.

It is ``pg_advisory_xact_lock(JOB_LOCK_CLASS, queue_job.id)``: taken first in the
transaction in which a job runs, gone with that transaction or its connection. In
``pg_locks`` it is seen as ``classid = JOB_LOCK_CLASS, objid = queue_job.id,
objsubid = 2`` of the current database.
"""

#: First key of the lock: "queu" in ASCII, a number that nobody else uses by chance.
JOB_LOCK_CLASS = 0x71756575

#: Held by the session of the job runner that leads a database: that of the published addon
#: as well.
RUNNER_LOCK = 2293787760715711918

#: First key of the gate, the second one is 0. Each claim of a job shares it for the time of its
#: transaction, and fails where it is closed. A new leader closes it for a moment, to wait for the
#: claims under the leader before; an upgrade closes it as long as it takes.
GATE_LOCK_CLASS = JOB_LOCK_CLASS + 1

#: SQL condition: somebody has closed the gate.
GATE_IS_CLOSED = f"""
    EXISTS (
        SELECT FROM pg_locks
         WHERE locktype = 'advisory'
           AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
           AND classid = {GATE_LOCK_CLASS}
           AND objid = 0
           AND objsubid = 2
           AND mode = 'ExclusiveLock'
           AND granted
    )"""

#: SQL condition: no connection runs the job of the row ``queue_job``.
JOB_IS_UNLOCKED = f"""
    NOT EXISTS (
        SELECT FROM pg_locks
         WHERE locktype = 'advisory'
           AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
           AND classid = {JOB_LOCK_CLASS}
           AND objid = queue_job.id
           AND objsubid = 2
    )"""

#: First key of a lock that the transaction which runs a job takes besides, where the method has
#: a cursor of its own (``allow_commit``): the second key is the pid of that cursor's backend.
METHOD_LOCK_CLASS = JOB_LOCK_CLASS + 2


def may_terminate(role):
    """The rule of ``pg_terminate_backend``, which raises an error otherwise.

    :param str role: SQL, an expression with the oid of the role whose session it is
    :return: SQL condition: the current role may end its sessions
    """
    return f"""(
        (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
        OR NOT (SELECT rolsuper FROM pg_roles WHERE oid = {role})
           AND (pg_has_role({role}, 'USAGE') OR pg_has_role('pg_signal_backend', 'USAGE')))"""


def why_not_terminated(mine, theirs):
    """For whoever may grant it.

    :param str mine: name of a role that may not end sessions
    :param str theirs: name of the role whose sessions these are
    :return: str
    """
    return (
        f"role {mine} may not end sessions of {theirs}."
        f" Use {theirs}, or GRANT pg_signal_backend TO {mine}"
    )


def terminate(job_ids):
    """Terminate the backends that run some jobs, as far as the current role may.

    By now they may be at the next job of a slot, which returns to the queue then, as it does
    whenever its connection is lost. A pooler may have given the backend of a method to another
    client; then it has another application name, which tells the pid of Odoo's process.

    :param str job_ids: SQL, an expression with an array of ids of ``queue_job``
    :return: SQL; rows are (name of the role whose session it is, whether it is being ended, or has ended)
    """
    of_database = """
           locktype = 'advisory' AND granted AND objsubid = 2
           AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""
    return f"""
    WITH locks AS MATERIALIZED (
        SELECT pid, classid::bigint, objid::bigint FROM pg_locks WHERE {of_database}),
    activity AS MATERIALIZED (
        SELECT pid, usesysid, application_name FROM pg_stat_activity),
    holder AS (
        SELECT activity.*
          FROM locks JOIN activity USING (pid)
         WHERE classid = {JOB_LOCK_CLASS} AND objid = ANY({job_ids})),
    backend AS (
        SELECT pid, usesysid FROM holder
         UNION
        SELECT method.pid, method.usesysid
          FROM holder
          JOIN locks ON locks.pid = holder.pid AND classid = {METHOD_LOCK_CLASS}
          JOIN activity AS method
            ON method.pid = objid AND method.application_name = holder.application_name)
    SELECT pg_get_userbyid(usesysid)::text AS role,
           CASE WHEN {may_terminate("usesysid")} THEN pg_terminate_backend(pid) IS NOT NULL ELSE false END
      FROM backend
     WHERE pid <> pg_backend_pid()
    """
