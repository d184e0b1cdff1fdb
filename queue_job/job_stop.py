# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Ending the try of a running job from outside.

First its row changes, by which alone the try can't be settled any more: the job's own
transaction fails at its end, since the row is another one than it saw. Then the backend that
runs it is terminated, so that it does not go on for nothing. In that order: a worker that
only loses its connection gives the job back, to be run again.
"""

import logging
from typing import NamedTuple

import psycopg2.errors

from .core.lock import terminate, why_not_terminated
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

_ROLE = "SELECT current_user::text"

#: How often the row is tried to be had before it is given up.
ATTEMPTS = 10

_logger = logging.getLogger(__name__)


class Stop(NamedTuple):
    """What became of an attempt to stop a job."""

    #: It is cancelled. If not, its try has ended meanwhile, or goes on because of :attr:`obstacle`.
    is_cancelled: bool
    #: Why its session goes on, which could not be ended; None: it could, or had ended.
    obstacle: str | None


def stop(job, result):
    """Cancel a running job, and those that wait for it: nothing of this try is kept.

    With ``allow_commit``, what the job has committed itself stays.

    :param job: :class:`.job.Job`, as it is in its row
    :param str result: who cancelled it, or why
    :return: :class:`Stop`
    :raises psycopg2.errors.LockNotAvailable: its row can't be had, though whoever runs the job
        was terminated
    """
    obstacle = None
    for attempt in range(ATTEMPTS):
        try:
            with job.in_temporary_env():
                is_ended = _end_try(job, result, is_interrupted=attempt > 0 and not obstacle)
        except (psycopg2.errors.LockNotAvailable, psycopg2.errors.SerializationFailure) as error:
            if obstacle and isinstance(error, psycopg2.errors.LockNotAvailable):
                # it is the job itself that holds its row, more than for a moment
                _logger.warning("job %s can't be stopped: Odoo's %s", job.uuid, obstacle)
                return Stop(False, obstacle)
            if attempt == ATTEMPTS - 1:
                raise
            obstacle = _terminate(job)
        else:
            obstacle = _terminate(job) if is_ended else None
            if obstacle:
                _logger.warning(
                    "job %s is stopped, but its worker goes on: Odoo's %s", job.uuid, obstacle
                )
            return Stop(is_ended, obstacle)


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
    """:return: str, why a session of the job can't be ended; None: they are ending"""
    with job.in_temporary_env():
        cr = job.env.cr
        cr.execute(_TERMINATE, {"uuid": job.uuid})
        out_of_reach = sorted({role for role, is_ending in cr.fetchall() if not is_ending})
        if not out_of_reach:
            return None
        cr.execute(_ROLE)
        return why_not_terminated(cr.fetchone()[0], out_of_reach[0])
