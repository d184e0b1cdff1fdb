# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""The advisory lock that tells which database connection runs which job.

It is ``pg_advisory_xact_lock(JOB_LOCK_CLASS, queue_job.id)``: taken first in the
transaction in which a job runs, gone with that transaction or its connection. In
``pg_locks`` it is seen as ``classid = JOB_LOCK_CLASS, objid = queue_job.id,
objsubid = 2`` of the current database.
"""

#: First key of the lock: "queu" in ASCII, a number that nobody else uses by chance.
JOB_LOCK_CLASS = 0x71756575

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
