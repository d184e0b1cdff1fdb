# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).


class BaseQueueJobError(Exception):
    """Base of all errors of the job queue."""


class JobError(BaseQueueJobError):
    """Something went wrong with a job."""


class NoSuchJobError(JobError):
    """The job does not exist (any more)."""


class FailedJobError(JobError):
    """The job failed for good: it is not tried again."""


class RetryableJobError(JobError):
    """Raise it inside a job that should be tried again later.

    :param str msg: why; becomes the result of the postponed job
    :param seconds: int, delay before the next try; None: as the retry pattern of the
        job function says
    :param bool ignore_retry: do not count this try against ``max_retries``
    """

    def __init__(self, msg, seconds=None, ignore_retry=False):
        super().__init__(msg)
        self.seconds = seconds
        self.ignore_retry = ignore_retry


class JobTimedOut(JobError):
    """A try took longer than the time limit of the job.

    Nobody raises it: it is the name under which a job function can say that such jobs are not
    tried again.
    """


class ChannelNotFound(BaseQueueJobError):
    """No channel of that name is configured."""
