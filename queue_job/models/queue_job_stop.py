# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Stopping jobs that are running."""

from odoo import models

from .. import job_stop
from ..core.states import STARTED
from ..job import Job


class QueueJob(models.Model):
    _inherit = "queue.job"

    def button_stop(self):
        """Cancel the jobs among these that are running, and those that wait for them.

        What they have done in the database so far is undone, as far as they have not
        committed it themselves (see 'Allow Commit' of their function).
        """
        self.check_access("write")
        result = self.env._("Stopped by %s", self.env.user.name)
        for record in self.filtered(lambda record: record.state == STARTED):
            job_stop.stop(Job.load(record.env, record.uuid), result)
        self.invalidate_recordset()
        return True
