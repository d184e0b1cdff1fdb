# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Running one job: claim it, perform it, settle its outcome, wake its dependents.

The outcome of a try is a value first (:func:`classify`), then it is written. What a
worker needs from PostgreSQL meanwhile is in ``docs/locking.rst``.
"""

import logging
import traceback

from psycopg2 import OperationalError
from psycopg2.errors import SerializationFailure
from psycopg2.extensions import (
    ISOLATION_LEVEL_READ_COMMITTED,
    ISOLATION_LEVEL_REPEATABLE_READ,
)

from odoo.tools import str2bool

from . import job_storage, job_values, outage
from .core import dead_job, time_limit
from .core.log_text import one_line, quoted
from .core.retry import interruption_delay
from .core.slot import successor_lease
from .core.states import DONE, FAILED
from .exception import JobError, JobTimedOut, NoSuchJobError
from .job import Job
from .job_claim import ENQUEUED, PENDING, claim, claim_and_lock
from .outcome import Fail, Retry, Return, classify
from .slot_cursor import (
    GRANT_KEY,
    commit_before_claim,
    connection_lost,
    expect_claim,
    fresh_environment,
    is_claim_next,
    is_own,
    is_unfinished,
    own_cursor,
    set_isolation,
)
from .utils import commit_forbidden, in_test_mode

__all__ = [
    "Fail",
    "GRANT_KEY",
    "Retry",
    "Return",
    "acquire",
    "acquire_hint",
    "begin",
    "classify",
    "connection_lost",
    "expect_claim",
    "failure_values",
    "fresh_environment",
    "grant_of_old_style_call",
    "own_cursor",
    "perform",
    "quoted",
    "roll_back",
    "run_failure_hook",
    "settle_failed",
    "settle_retry",
    "settle_return",
    "wake_dependents",
    "was_committed",
]

_logger = logging.getLogger(__name__)

#: No job has this one.
NO_GRANT = ""

#: System parameter: whether requests that know of no token run the jobs whose rows have none.
OLD_STYLE_PARAMETER = "queue_job.allow_old_style_calls"

#: How often an outcome is written anew when its row has just been changed.
SETTLE_ATTEMPTS = 3

#: By the lease that the claim has just written, in its transaction.
_FAIL_UNREADABLE = f"""
    UPDATE queue_job
       SET state = '{FAILED}', exc_name = 'JobError', exc_info = NULL,
           exc_message = 'The job cannot be read from its row: ' || %(text)s
     WHERE lease = %(lease)s
"""


# -- claim


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


def acquire_hint(env, job_id, channel, grant=None, slot=None):
    """Claim a job of a channel that is pending and due.

    :param int job_id: of the row
    :param slot: uuid of the first job of the slot, for a job that the runner has not hinted
    :return: the job; None: it can't be claimed, or has failed already
    """
    start = Job.start_values()
    if slot is not None:
        start["lease"] = successor_lease(slot, start["lease"])
    row = _claim(env, PENDING, start, id=job_id, channel=channel, grant=grant)
    return row and _begin_try(env, row)


def _claim(env, which, start, **keys):
    """:return: dict, the row; None: it can't be claimed, or not be read, and has failed"""
    try:
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
        job.is_locked, job.has_dependents = row["is_locked"], row["has_dependents"]
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
    job.set_failed()
    job.store()
    env.cr.commit()
    run_failure_hook(job, values)


def _fail_unloadable(env, job_uuid, error):
    """A row of which no job can be made would be requested again and again."""
    text = traceback.format_exc()
    _logger.error("job %s cannot be loaded\n%s", job_uuid, quoted(text))
    error = JobError(f"The job cannot be loaded from its row: {error!r}")
    record = job_storage.find(env, [job_uuid])
    record.write({"state": FAILED, **failure_values(text, error)})
    env.cr.commit()


# -- perform


def begin(env, job):
    """Start the transaction of a claimed job: take its lock, see that it is still ours.

    :return: bool
    """
    if job.is_locked is None:
        set_isolation(env.cr, ISOLATION_LEVEL_REPEATABLE_READ)
        job.is_locked = job.lock()
    return job.is_locked


def perform(env, job):
    """Call the method and write that the job is done: one commit.

    In a test, whose cursor can't be committed, a savepoint undoes a failed try.
    """
    if in_test_mode():
        with env.cr.savepoint():
            job.perform()
            _settle_done(job)
            env.flush_all()
        return
    job.perform()
    with commit_forbidden(env.cr):
        statement = _last_statement(env, job)
        if statement is None:
            _settle_done(job)
            # what runs before a commit is part of the try, too
            env.cr.flush()
    if is_claim_next(env.cr):
        job.released = commit_before_claim(env.cr, statement, job.release_statement())
    else:
        env.cr.commit()
    env.registry.signal_changes()


def _last_statement(env, job):
    """Flush all that a job has left to be written, where nothing but its end is to follow.

    :return: (SQL, parameters) of a statement that writes that the job is done, and goes to
        PostgreSQL together with COMMIT; None: it has to be stored before
    """
    if not is_claim_next(env.cr):
        return None
    job.set_done()
    env.flush_all()
    if env.cr.precommit or not is_claim_next(env.cr):
        return None
    return job_storage.done_statement(job)


def _settle_done(job):
    job.set_done()
    job.store()


# -- settle


def roll_back(env, outcome):
    """Undo what a failed try did to the database and to the registry's caches.

    In a test the savepoint in :func:`perform` has done it. Whoever tests a retry patches
    the rollback of the cursor, and expects it.
    """
    if in_test_mode():
        if isinstance(outcome, Retry):
            env.cr.rollback()
        return
    if connection_lost(env.cr):
        # what follows needs another one
        outage.wait_for_database(env.registry)
    else:
        env.cr.rollback()
    env.transaction.reset()
    env.registry.reset_changes()


def settle_retry(job, retry):
    """Write that the job is tried again."""
    _logger.debug("%s postponed: %s", job, one_line(retry.reason))

    def write():
        job.postpone(result=retry.reason, seconds=retry.seconds)
        job.set_pending(reset_retry=False)

    _settle(job, write)


def settle_return(job, outcome):
    """Write that the job is pending again, as if this try had not been.

    Unless it was interrupted again and again: then it fails.
    """
    reason = one_line(outcome.reason)
    failure = {}

    def write():
        record = job.db_record()
        count = record.interruptions + 1
        record.interruptions = count
        record.flush_recordset(["interruptions"])
        delay = interruption_delay(count)
        if delay is None:
            failure.update(_interrupted_values(count, reason))
            job.result = None
            job.set_failed(**failure)
            return
        # the row still holds the number of tries before this one
        job.retry = record.retry
        job.set_pending(result=reason, reset_retry=False)
        if delay:
            job.eta = delay

    if not _settle(job, write):
        return
    if failure:
        _logger.error("%s failed: %s", job, failure["exc_message"])
        run_failure_hook(job, failure)
    else:
        _logger.warning("%s returns to the queue: %s", job, reason)


def _interrupted_values(count, reason):
    return {
        "exc_name": "JobInterrupted",
        "exc_message": f"Interrupted {count} times, the last time so: {reason}",
        "exc_info": "Each time that the job ran, its connection to the database was lost. The"
        " job may be the reason: see the logs of PostgreSQL and of Odoo.",
    }


def log_error(message, *arguments, logger=_logger):
    """Log the error that is being handled, in which there may be any text."""
    logger.error(f"{message}\n%s", *arguments, quoted(traceback.format_exc()))


def settle_failed(job, values):
    """Write that the job has failed, and why.

    :param values: dict ``exc_info exc_name exc_message``
    :return: bool, whether it was ours to say
    """

    def write():
        job.result = None
        job.set_failed(**values)

    return _settle(job, write)


def _settle(job, write):
    """Write an outcome in a transaction of its own, unless the job was taken from us.

    A connection that is lost meanwhile is replaced.

    :param write: callable that changes the job; called again when somebody else has changed
        the row in the meantime
    :return: bool
    """
    lease = job.lease
    for attempt in range(SETTLE_ATTEMPTS):
        job.lease = lease
        try:
            with job.in_temporary_env():
                if not still_ours(job):
                    return False
                write()
                job.store()
            return True
        except OperationalError as error:
            is_lost = outage.is_connection_lost(error)
            is_passing = is_lost or isinstance(error, SerializationFailure)
            if attempt == SETTLE_ATTEMPTS - 1 or not is_passing:
                raise
            if is_lost:
                outage.wait_for_database(job.env.registry)


def was_committed(job):
    """Whether the job is done, although something went wrong at the end of its transaction.

    The answer to COMMIT was lost with the connection, or a post-commit hook failed.
    """
    if job.state != DONE:
        return False
    with job.in_temporary_env():
        record = job.db_record()
        return record.state == DONE and (record.lease or None) == job.lease


def still_ours(job):
    """Whether the row is still that of this try; takes its lock again.

    Somebody else may have taken the job back, or cancelled it, after this process was
    given up for dead: then nothing is written.
    """
    if job.lease is None or job.lock():
        return True
    _logger.warning("%s is not settled: it was taken from this worker meanwhile", job)
    return False


def failure_values(traceback_text, error):
    """:return: dict ``exc_info exc_name exc_message`` for a job that failed"""
    name = type(error).__name__
    module = type(error).__module__
    if module and module != "builtins":
        name = f"{module}.{name}"
    message = error.args[0] if error.args else job_values.text(error) or ""
    return {"exc_info": traceback_text, "exc_name": name, "exc_message": message}


def run_failure_hook(job, values):
    """Call the hook of the job function, in a transaction of its own.

    An error in it is logged; the job has failed all the same.
    """
    if not job.job_config.on_fail_method_name:
        return
    try:
        with job.in_temporary_env():
            job.on_fail(values)
        if not in_test_mode():
            # before the next job, which may fail and take back what is still to be signalled
            job.env.registry.signal_changes()
    except Exception:
        job.env.registry.reset_changes()
        log_error("the method on failure of %s failed itself", job)


def wake_dependents(env, job):
    """Release the jobs that waited for ``job``, which is committed as done.

    Failing here loses nothing: the job runner releases what is left waiting.
    """
    if in_test_mode():
        job.enqueue_waiting()
        return
    if not job.should_check_dependents():
        return
    if is_unfinished(env.cr):
        job.enqueue_waiting()
        return
    # of what was released on the same way it may have been rolled back
    job.released = None
    set_isolation(env.cr, ISOLATION_LEVEL_READ_COMMITTED)
    job.enqueue_waiting()
    if is_claim_next(env.cr):
        commit_before_claim(env.cr)
    else:
        env.cr.commit()
