from odoo import fields, models


class QueueJobBenchmarkStart(models.Model):
    """When a measured job was started."""

    _name = "queue.job.benchmark.start"
    _description = "Start of a Measured Job"
    _log_access = False

    number = fields.Integer()
    at = fields.Float(digits=False, help="Seconds since the epoch")

    def _note(self, number):
        # Straight to the table: the clock is to be read as soon as the job runs.
        self.env.cr.execute(
            """
            INSERT INTO queue_job_benchmark_start (number, at)
                 VALUES (%s, extract(epoch FROM clock_timestamp()))
            """,
            [number],
        )
