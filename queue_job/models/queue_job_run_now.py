# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Running jobs here and now, in the current transaction."""

import logging

from odoo import models
from odoo.exceptions import UserError
from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY

from .. import settlement
from ..core.log_text import quoted
from ..core.states import CANCELLED, DONE, ENQUEUED, FAILED, PENDING
from ..job import Job
from ..outcome import Retry, classify

_logger = logging.getLogger(__name__)

#: From which states a job can be run now. One that waits for others must go on waiting, one
#: that has started is somebody else's.
RUNNABLE_STATES = (PENDING, ENQUEUED, FAILED, DONE, CANCELLED)


class QueueJob(models.Model):
    _inherit = "queue.job"

    def run_now(self):
        """Run the jobs in the current transaction, one after the other, whatever their channel.

        Their outcome is written in this transaction, too: done, failed, or pending again
        when they want to be retried. What a job that fails has done is undone.

        :return: True
        :raises UserError: a job is running, waits for others or would, or may commit; then none
            is run
        :raises psycopg2.OperationalError: a conflict with another transaction: repeat it all
        """
        self.check_access("write")
        records = self.sudo()
        for record in records:
            record._check_runnable_now()
        for record in records.sorted(lambda record: (record.priority, record.id)):
            record._run_now()
        return True

    def _check_runnable_now(self):
        # The row is locked until the end of the transaction, so that no worker claims it.
        self.lock_for_update(allow_referencing=True)
        self.invalidate_recordset(["state"])
        if self.state not in RUNNABLE_STATES:
            raise UserError(
                self.env._(
                    "%(job)s is in the state %(state)s and can't be run now.",
                    job=self.display_name,
                    state=self._fields["state"].convert_to_export(self.state, self),
                )
            )
        job = self._load_job()
        if self.state not in (PENDING, ENQUEUED) and job.has_unfinished_parent():
            raise UserError(
                self.env._(
                    "%s can't be run now: a job that it depends on is not done.",
                    self.display_name,
                )
            )
        if job.job_config.allow_commit:
            raise UserError(
                self.env._(
                    "%s may commit in between, and can only be run by the queue.",
                    self.display_name,
                )
            )

    def _load_job(self):
        # Whoever runs it has a company and a language of their own, which the job has not.
        return Job.load(self.env(context={}), self.uuid)

    def _run_now(self):
        job = self._load_job()
        job.runs_in_caller = True
        if job.state not in (PENDING, ENQUEUED):
            job.set_pending()
        job.set_started()
        job.store()
        try:
            with self.env.cr.savepoint():
                job.perform()
                job.set_done()
                job.store()
        except PG_CONCURRENCY_EXCEPTIONS_TO_RETRY:
            # this transaction can't go on, and whoever began it knows how to repeat it
            raise
        except Exception as error:
            self._settle_now(job, error)
        else:
            job.enqueue_waiting()

    def _settle_now(self, job, error):
        outcome = classify(error, job, connection_lost=False)
        if isinstance(outcome, Retry):
            job.postpone(result=outcome.reason, seconds=outcome.seconds)
            job.set_pending(reset_retry=False)
            job.store()
            return
        _logger.warning("%s failed, run by hand\n%s", job, quoted(outcome.traceback))
        values = settlement.failure_values(outcome.traceback, outcome.error)
        job.result = None
        job.set_failed(**values)
        job.store()
        try:
            with self.env.cr.savepoint():
                job.on_fail(values)
        except PG_CONCURRENCY_EXCEPTIONS_TO_RETRY:
            raise
        except Exception:
            settlement.log_error("the method on failure of %s failed itself", job, logger=_logger)
