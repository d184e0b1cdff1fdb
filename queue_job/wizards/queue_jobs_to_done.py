# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
from odoo import models


class QueueJobsToDone(models.TransientModel):
    _name = "queue.jobs.to.done"
    _inherit = "queue.requeue.job"
    _description = "Set Jobs to Done"

    def set_done(self):
        self.job_ids.button_done()
        return {"type": "ir.actions.act_window_close"}
