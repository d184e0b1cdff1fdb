# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""What becomes of a try that ended with an error: a value, which :mod:`.execution` writes."""

import traceback
from dataclasses import dataclass

from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY

from . import job_values
from .core.retry import CONFLICT_INTERVAL, is_delay
from .exception import FailedJobError, JobError, RetryableJobError


@dataclass(frozen=True)
class Retry:
    """The job is tried again."""

    reason: str
    seconds: float | None = None


@dataclass(frozen=True)
class Fail:
    """The job has failed."""

    error: BaseException
    traceback: str


@dataclass(frozen=True)
class Return:
    """The job did not fail, its infrastructure did: it is pending again, uncounted."""

    reason: str


def classify(error, job, connection_lost):
    """What becomes of a try that ended with ``error``.

    :param bool connection_lost: the connection to the database is gone. Then the error
        says nothing about the job: it may be any consequence of that.
    :return: :class:`Retry`, :class:`Fail` or :class:`Return`
    """
    if connection_lost:
        return Return(f"Lost the connection to the database: {error}".strip())
    is_conflict = isinstance(error, PG_CONCURRENCY_EXCEPTIONS_TO_RETRY)
    verdict = job.retry_policy.verdict(error)
    is_retried = verdict is True or is_conflict or isinstance(error, RetryableJobError)
    if isinstance(error, FailedJobError) or verdict is False or not is_retried:
        return Fail(error, "".join(traceback.format_exception(error)))
    if isinstance(error, RetryableJobError):
        if not is_delay(error.seconds):
            failure = JobError(f"It can't be tried again in {error.seconds!r} seconds.")
            failure.__cause__ = error
            return Fail(failure, "".join(traceback.format_exception(failure)))
        # it was counted where it was raised
        return Retry(job_values.text(error), error.seconds)
    try:
        job.count_try(error)
    except FailedJobError as failure:
        return Fail(failure, traceback.format_exc())
    return Retry(job_values.text(error), CONFLICT_INTERVAL if is_conflict else None)
