# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Ending the try of a running job from outside.

First its row changes, by which alone the try can't be settled any more: the job's own
transaction fails at its end, since the row is another one than it saw. Then the backend that
runs it is terminated, so that it does not go on for nothing. In that order: a worker that
only loses its connection gives the job back, to be run again.
"""

import psycopg2.errors

from .core.lock import terminate
from .core.states import CANCELLED, ENQUEUED, PENDING, STARTED

#: Take a job from the try that has this lease. The lock on the row is waited for briefly:
#: the job itself holds it when its method has written to the row. Then its backend is
#: terminated first, and the job may be on its way to the next try by now.
_END_TRY = f"""
    SELECT set_config('lock_timeout', '500ms', true);
    UPDATE queue_job
       SET state = '{CANCELLED}', date_cancelled = now() AT TIME ZONE 'UTC',
           result = %(result)s, result_json = NULL, lease = NULL
     WHERE uuid = %(uuid)s
       AND (state = '{STARTED}' AND lease IS NOT DISTINCT FROM %(lease)s
            OR %(is_interrupted)s AND state IN ('{PENDING}', '{ENQUEUED}', '{STARTED}'))
"""

_TERMINATE = terminate("ARRAY(SELECT id FROM queue_job WHERE uuid = %(uuid)s)")

#: How often the row is tried to be had before it is given up.
ATTEMPTS = 10


def stop(job, result):
    """Cancel a running job, and those that wait for it: nothing of this try is kept.

    With ``allow_commit``, what the job has committed itself stays.

    :param job: :class:`.job.Job`, as it is in its row
    :param str result: who cancelled it, or why
    :return: bool, whether it was; false when the try has ended meanwhile
    :raises psycopg2.errors.LockNotAvailable: its row can't be had, and the backend that
        holds it could not be terminated
    """
    for attempt in range(ATTEMPTS):
        try:
            with job.in_temporary_env():
                is_ended = _end_try(job, result, is_interrupted=attempt > 0)
        except (psycopg2.errors.LockNotAvailable, psycopg2.errors.SerializationFailure):
            if attempt == ATTEMPTS - 1:
                raise
            _terminate(job)
        else:
            if is_ended:
                _terminate(job)
            return is_ended


def _end_try(job, result, is_interrupted):
    job.env["queue.job"].flush_model()
    values = {"uuid": job.uuid, "lease": job.lease, "result": result}
    cr = job.env.cr
    cr.execute(_END_TRY, {**values, "is_interrupted": is_interrupted}, log_exceptions=False)
    if not cr.rowcount:
        return False
    job.env["queue.job"].invalidate_model(flush=False)
    job.refresh()
    job.cancel_dependent_jobs()
    return True


def _terminate(job):
    with job.in_temporary_env():
        job.env.cr.execute(_TERMINATE, {"uuid": job.uuid})
