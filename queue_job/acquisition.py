# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Claiming a job to run it: the first step of its execution.

A job that can be claimed but not be run fails here: it would be requested again and again.
"""

import logging
import traceback

from psycopg2.extensions import ISOLATION_LEVEL_READ_COMMITTED

from odoo.tools import str2bool

from . import job_storage, job_values
from .core import dead_job, time_limit
from .core.log_text import one_line, quoted
from .core.states import FAILED
from .exception import JobError, JobTimedOut, NoSuchJobError
from .job import Job
from .job_claim import ENQUEUED, LOCKED_FIELDS, PENDING, claim, claim_and_lock, locked_row
from .settlement import failure_values, run_failure_hook, settle_failed
from .slot_cursor import GRANT_KEY, fresh_environment, is_own, own_cursor, set_isolation
from .utils import in_test_mode

_logger = logging.getLogger(__name__)

#: No job has this one.
NO_GRANT = ""

#: System parameter: whether requests that know of no token run the jobs whose rows have none.
OLD_STYLE_PARAMETER = "queue_job.allow_old_style_calls"

#: By the lease that the claim has just written, in its transaction.
_FAIL_UNREADABLE = f"""
    UPDATE queue_job
       SET state = '{FAILED}', exc_name = 'JobError', exc_info = NULL,
           exc_message = 'The job cannot be read from its row: ' || %(text)s
     WHERE lease = %(lease)s
"""


def grant_of_old_style_call(registry):
    """What a request claims with that brings no token: for the system parameter to say.

    Tests, which enqueue jobs themselves, need not set it.

    :return: None: jobs whose rows have no token; or :data:`NO_GRANT`: no job
    """
    with own_cursor(registry) as cr:
        allowed = fresh_environment(cr)["ir.config_parameter"].get_param(OLD_STYLE_PARAMETER)
    return None if str2bool(str(allowed or in_test_mode()), default=False) else NO_GRANT


def acquire(env, job_uuid):
    """Claim an enqueued job: it is ``started``, committed, with a lease of this process.

    :param env: where the runner has left a token in the row, it is in the context
    :return: the job, or None when it has failed already, since it can't be run
    :raise NoSuchJobError: it is not there, or in another state, or being claimed
    """
    grant = env.context.get(GRANT_KEY)
    env = env(context={})
    row = _claim(env, ENQUEUED, Job.start_values(), uuid=job_uuid, grant=grant)
    if row is None:
        raise NoSuchJobError(job_uuid)
    return _begin_try(env, row)


def acquire_hint(env, job_id, channel, grant=None, slot=None, sent=None):
    """Claim a job of a channel that is pending and due.

    :param int job_id: of the row
    :param slot: uuid of the first job of the slot, for a job that the runner has not hinted
    :param sent: :class:`.next_claim.NextClaim` of this job, which went with the commit of the one before
    :return: the job; None: it can't be claimed, or has failed already
    """
    start = sent.start if sent else Job.start_values(slot)
    row = _claim(env, PENDING, start, sent, id=job_id, channel=channel, grant=grant)
    return row and _begin_try(env, row)


def _claim(env, which, start, sent=None, **keys):
    """:return: dict, the row; None: it can't be claimed, or not be read, and has failed"""
    try:
        if sent:
            row = locked_row(sent.take(env.cr))
            if row is not None or sent.is_late:
                return row
        if is_own(env.cr) and job_storage.updates_plainly(env):
            return claim_and_lock(env, which, start, **keys)
        if is_own(env.cr):
            set_isolation(env.cr, ISOLATION_LEVEL_READ_COMMITTED)
        return claim(env, which, start, **keys)
    except (ValueError, RecursionError) as error:
        # JSON of PostgreSQL that Python refuses: thousands of digits, or of lists in lists
        text = one_line(f"{type(error).__name__}: {error}")
        _logger.error("the job with %s cannot be read from its row: %s", keys, text)
        env.cr.execute(_FAIL_UNREADABLE, {"lease": start["lease"], "text": text})
        env.cr.commit()
        return None


def _begin_try(env, row):
    """:return: the job of a claimed row, or None when it has failed: it can't be run"""
    try:
        job = Job.from_claimed_row(env, row)
    except Exception as error:
        _fail_unloadable(env, row["uuid"], error)
        return None
    if dead_job.must_fail(job.exc_name, job.retry, job.max_retries):
        _logger.error("%s failed: its worker was gone, at its last try", job)
        _fail_outside(env, job)
        return None
    if time_limit.is_timed_out(job.exc_name):
        _settle_timed_out(env, job)
        return None
    # Its row is as it should be, unless an addon wants to know or to add something.
    if "is_locked" in row and not job_values.hook_values(job):
        for name in LOCKED_FIELDS:
            setattr(job, name, row[name])
        return job
    job.store()
    env.cr.commit()
    return job


def _settle_timed_out(env, job):
    """Let a job wait for its next try, or fail, whose last one has taken too long."""
    verdict = job.retry_policy.verdict(JobTimedOut(job.exc_message))
    if not time_limit.is_tried_again(verdict, job.retry, job.max_retries):
        _logger.error("%s failed: %s", job, one_line(job.exc_message))
        _fail_outside(env, job)
        return
    _logger.debug("%s postponed: %s", job, one_line(job.exc_message))
    job.postpone(result=job.exc_message)
    job.set_pending(reset_retry=False)
    job.store()
    env.cr.commit()


def _fail_outside(env, job):
    """Let a job fail for the error in its row, that was written there by the runner."""
    values = {"exc_name": job.exc_name, "exc_message": job.exc_message, "exc_info": job.exc_info}
    if not in_test_mode():
        # with the lock, which is taken anew
        env.cr.rollback()
    if settle_failed(job, values):
        run_failure_hook(job, values)


def _fail_unloadable(env, job_uuid, error):
    """A row of which no job can be made would be requested again and again."""
    text = traceback.format_exc()
    _logger.error("job %s cannot be loaded\n%s", job_uuid, quoted(text))
    error = JobError(f"The job cannot be loaded from its row: {error!r}")
    record = job_storage.find(env, [job_uuid])
    record.write({"state": FAILED, **failure_values(text, error)})
    env.cr.commit()
