# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""One try of a job: its method called, on a cursor that may commit or not."""

from contextlib import contextmanager, nullcontext

from odoo import api, models

from . import job_claim, job_values
from .core.retry import decide
from .exception import FailedJobError, JobError, RetryableJobError
from .utils import can_open_test_cursors, commit_forbidden, in_test_mode


def _on_cursor(value, cr):
    """:return: ``value`` with all environments and recordsets in it on ``cr``"""
    if isinstance(value, api.Environment):
        return value(cr=cr)
    if isinstance(value, models.BaseModel):
        return value.with_env(value.env(cr=cr))
    if isinstance(value, dict):
        return {key: _on_cursor(item, cr) for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(_on_cursor(item, cr) for item in value)
    return value


class Try:
    """The part of :class:`.job.Job` that calls its method."""

    def perform(self):
        """Call the method; it writes nothing about the job itself.

        :return: what the method returns
        :raises RetryableJobError: to be tried again
        :raises FailedJobError: its tries are used up
        """
        self.retry += 1
        self._retry_policy = self._functions.retry_policy(self.job_function_name)
        self._check_call()
        try:
            with self._cursor_of_method():
                self.result = self.func(*self.args, **self.kwargs)
        except RetryableJobError as error:
            self.count_try(error, error.ignore_retry)
            raise
        except (Exception, KeyboardInterrupt):
            raise
        except BaseException as error:
            # sys.exit(), for example: the worker would end, and the job be found dead
            raise JobError(f"The method ended with {type(error).__name__}: {error}") from error
        return self.result

    def _cursor_of_method(self):
        if not self.job_config.allow_commit:
            # the lock of the job ends with a transaction
            is_locked = self.lease and not (self.runs_in_caller or in_test_mode())
            return commit_forbidden(
                self.recordset.env.cr, after_rollback=self._lock_again if is_locked else None
            )
        return nullcontext() if self.runs_in_caller else self._on_cursor_of_method()

    def _lock_again(self):
        if not self.lock():
            raise JobError("The job was taken from this worker while it had rolled back.")

    @contextmanager
    def _on_cursor_of_method(self):
        """Move the job to a cursor that may commit, and let the one that holds the lock of the
        job tell which one it is: so that both can be ended from outside.
        """
        outer = self.env.cr
        with self._on_own_cursor():
            job_claim.mark_backend(outer, self.env.cr)
            yield

    def count_try(self, error, ignore_retry=False):
        """Account for a try that ended with ``error`` and may be repeated.

        :raises FailedJobError: it was the last
        """
        decision = decide(self.retry, self.max_retries, ignore_retry)
        if not decision.counts:
            self.retry -= 1
        if not decision.retry:
            reason = job_values.text(error) or ""
            raise FailedJobError(f"Max. retries ({self.max_retries}) reached: {reason}") from error

    def run_now(self):
        """Run it in the current transaction, see ``run_now`` of ``queue.job``."""
        self.db_record().run_now()
        self.refresh()

    def lock(self):
        """Take the lock of the running job until the end of the transaction.

        :return: bool, true when the row is started by whom this job object says, and
            no other transaction holds the lock
        """
        return job_claim.lock(self)

    def hold(self, cr):
        """Take the lock on another cursor than the job's, until the end of that transaction."""
        job_claim.hold(self, cr)

    def add_lock_record(self):
        """Nothing to do: the lock needs no record. For callers of the old interface."""

    @contextmanager
    def in_temporary_env(self):
        """Inside it the job works on a new cursor, which is committed at the end.

        What is written there stays, whatever becomes of the outer transaction. In a test
        whose data no other cursor can see, it is the cursor of the test.
        """
        if in_test_mode() and not can_open_test_cursors():
            yield self.env
            return
        with self._on_own_cursor():
            yield self.env

    @contextmanager
    def _on_own_cursor(self):
        """Move the job, with the records in its arguments, to a new cursor."""
        outer = self.env, self.recordset, self.args, self.kwargs
        if in_test_mode():
            self.env.flush_all()
        with self.env.registry.cursor() as cr:
            self.env, self.recordset, self.args, self.kwargs = _on_cursor(outer, cr)
            try:
                yield
            finally:
                self.env, self.recordset, self.args, self.kwargs = outer
        if in_test_mode():
            # all cursors are in the same transaction there
            self.env.invalidate_all(flush=False)
