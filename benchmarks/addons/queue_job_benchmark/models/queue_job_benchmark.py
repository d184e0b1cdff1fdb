import time

from odoo import fields, models


class QueueJobBenchmark(models.Model):
    """Each measured job has a record of its own, so that no two of them are in each other's way."""

    _name = "queue.job.benchmark"
    _description = "Target of Measured Jobs"

    number = fields.Integer()

    def do_nothing(self):
        """Return at once."""

    def write_number(self, number):
        """Write one column of one row."""
        self.write({"number": number})

    def sleep(self, seconds):
        """Take time, but no processor."""
        time.sleep(seconds)

    def note_start(self, number):
        """Keep when this method was called, by PostgreSQL's clock."""
        self.env["queue.job.benchmark.start"]._note(number)
