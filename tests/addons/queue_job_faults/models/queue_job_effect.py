# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
import os
import select
import signal
import time

from odoo import api, fields, models
from odoo.addons.queue_job.delay import chain, group
from odoo.addons.queue_job.exception import RetryableJobError


class QueueJobEffect(models.Model):
    _name = "queue.job.effect"
    _description = "Row that a job has left: one for each time that it took effect"
    _log_access = False

    job_uuid = fields.Char(index=True)
    counter = fields.Integer()

    # -- called by tests

    @api.model
    def delay_many(self, method, count, kwargs=None, options=None, graph=None):
        """Delay ``method`` so often, in one transaction.

        :param graph: ``"group"`` or ``"chain"`` of these calls; None: each by itself
        :return: list of uuids
        """
        calls = [
            getattr(self.delayable(**(options or {})), method)(**(kwargs or {}))
            for _number in range(count)
        ]
        if graph:
            {"group": group, "chain": chain}[graph](*calls).delay()
        else:
            for call in calls:
                call.delay()
        return [call._generated_job.uuid for call in calls]

    # -- jobs

    def leave(self, seconds=0):
        """Leave one row, and work for a while before and after."""
        self._work(seconds / 2)
        self._leave_row()
        self._work(seconds / 2)

    def leave_in_database(self, seconds):
        """The same, at work in one long statement."""
        self._leave_row()
        self.env.cr.execute("SELECT pg_sleep(%s)", (seconds,))

    def leave_and_count(self, counter_id, seconds=0):
        """Add one to a counter that others add to at the same time: a serialization failure."""
        counter = self.browse(counter_id)
        number = counter.counter
        self._work(seconds)
        counter.counter = number + 1
        self.env.flush_all()
        self._leave_row()

    def leave_and_cross(self, first_id, second_id, seconds=0):
        """Lock two rows, others in the opposite order: a deadlock."""
        for counter_id in (first_id, second_id):
            self.env.cr.execute(
                "SELECT FROM queue_job_effect WHERE id = %s FOR UPDATE", (counter_id,)
            )
            self._work(seconds)
        self._leave_row()

    def try_again(self, seconds, tries=1):
        """Ask to be tried again in so many seconds, so often; nothing of such a try stays."""
        self._leave_row()
        if self._tries() <= tries:
            raise RetryableJobError("not now", seconds=seconds)

    def kill_worker(self, tries=None):
        """Kill the process that runs it, at the first ``tries`` tries; None: always."""
        self._leave_row()
        if tries is None or self._tries() <= tries:
            os.kill(os.getpid(), signal.SIGKILL)

    def lose_connection(self):
        """Terminate the connection that runs it, at each try."""
        self._leave_row()
        self.env.flush_all()
        self.env.cr.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    def burn(self, seconds):
        """Use the processor, and nothing else."""
        self._leave_row()
        end = time.thread_time() + seconds
        while time.thread_time() < end:
            pass

    def eat(self, megabytes):
        """Use memory, and keep it for as long as the process lives."""
        self._leave_row()
        type(self)._eaten = bytearray(megabytes * 1024 * 1024)

    # -- details

    def _leave_row(self):
        self.create({"job_uuid": self.env.context["job_uuid"]})

    def _work(self, seconds):
        # time.sleep() knows no clock that is faked
        select.select([], [], [], seconds)

    def _tries(self):
        job = self.env["queue.job"].sudo().search([("uuid", "=", self.env.context["job_uuid"])])
        return job.retry + 1
