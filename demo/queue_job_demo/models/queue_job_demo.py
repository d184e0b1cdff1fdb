from datetime import timedelta

from odoo import api, fields, models
from odoo.addons.queue_job.delay import chain, group
from odoo.addons.queue_job.exception import RetryableJobError
from odoo.exceptions import UserError


class QueueJobDemo(models.Model):
    """Each record is the effect of one job: a job that is done leaves one, a failed try leaves none."""

    _name = "queue.job.demo"
    _description = "Effect of a Demonstration Job"

    name = fields.Char(required=True)

    # -- what the jobs do

    @api.model
    def work(self, name, seconds=0):
        """Work for some seconds and leave a record."""
        self.env.cr.execute("SELECT pg_sleep(%s)", [seconds])
        return self.create({"name": name}).name

    @api.model
    def work_in_line(self, name, seconds=0):
        """Work in the channel that the job function names, which has room for one job."""
        return self.work(name, seconds)

    @api.model
    def work_at_second_try(self, name):
        """Find something busy at the first try."""
        self.create({"name": name})
        job = self.env["queue.job"].sudo().search([("uuid", "=", self.env.context["job_uuid"])])
        if not job.retry:
            raise RetryableJobError("Busy at the first try", seconds=2)
        return name

    @api.model
    def fail(self, name):
        """Fail, on purpose."""
        self.create({"name": name})
        raise UserError("This job fails on purpose")

    # -- what delays them

    @api.model
    def delay_demonstration(self):
        """Delay one job of each kind. ``tools/demo/scenario.py`` says how each is to end."""
        self._delay_plain_jobs()
        self._delay_jobs_in_channels()
        self._delay_later_job()
        self._delay_troubled_jobs()
        self._delay_graph()

    def _delay_plain_jobs(self):
        self.with_delay(description="a plain job").work("a plain job")
        self.with_delay(description="an urgent job", priority=1).work("an urgent job")

    def _delay_jobs_in_channels(self):
        for number in range(1, 5):
            name = f"in channel demo, {number}"
            self.with_delay(description=name, channel="root.demo").work(name, seconds=1)
        for number in range(1, 3):
            name = f"one at a time, {number}"
            self.with_delay(description=name).work_in_line(name, seconds=1)

    def _delay_later_job(self):
        name = "not before 4 seconds"
        self.with_delay(description=name, eta=timedelta(seconds=4)).work(name)

    def _delay_troubled_jobs(self):
        name = "succeeds at the second try"
        self.with_delay(description=name).work_at_second_try(name)
        name = "fails on purpose"
        self.with_delay(description=name).fail(name)

    def _delay_graph(self):
        def step(name, seconds=0.5):
            return self.delayable(description=name).work(name, seconds)

        parts = [step(f"graph: part {number}") for number in range(1, 4)]
        work = chain(step("graph: prepare"), group(*parts))
        work.on_done(step("graph: report")).delay()
