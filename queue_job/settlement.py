# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Writing what became of a job whose try has not ended well, in a transaction of its own.

What a worker needs from PostgreSQL meanwhile is in ``docs/locking.rst``.
"""

import logging
import traceback

from psycopg2 import OperationalError
from psycopg2.errors import SerializationFailure

from . import job_values, outage
from .core.log_text import one_line, quoted
from .core.retry import interruption_delay
from .core.states import DONE, FAILED
from .utils import in_test_mode

_logger = logging.getLogger(__name__)

_FAIL = f"""
    UPDATE queue_job
       SET state = '{FAILED}', retry = %(retry)s, result = NULL, result_json = NULL,
           exc_name = %(exc_name)s, exc_message = %(exc_message)s, exc_info = %(exc_info)s
     WHERE uuid = %(uuid)s AND lease IS NOT DISTINCT FROM %(lease)s
"""

#: How often an outcome is written anew when its row has just been changed.
SETTLE_ATTEMPTS = 3


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

    try:
        return _settle(job, write)
    except OperationalError:
        raise
    except Exception:
        # as it was, it would be tried again and again
        log_error("%s fails without what addons have to say about it", job)
        return _fail_plainly(job, values)


def _fail_plainly(job, values):
    """Write nothing but that the job has failed, with no code of others. :return: as :func:`settle_failed`"""
    texts = {name: job_values.text(value) for name, value in values.items()}
    keys = {"uuid": job.uuid, "retry": job.retry, "lease": job.lease}
    with job.in_temporary_env():
        if not still_ours(job):
            return False
        job.env.cr.execute(_FAIL, {**texts, **keys})
        job.env["queue.job"].invalidate_model(flush=False)
        return bool(job.env.cr.rowcount)


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
