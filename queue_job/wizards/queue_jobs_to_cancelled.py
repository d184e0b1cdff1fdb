# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
from odoo import models


class QueueJobsToCancelled(models.TransientModel):
    _name = "queue.jobs.to.cancelled"
    _inherit = "queue.requeue.job"
    _description = "Cancel Jobs"

    def set_cancelled(self):
        self.job_ids.button_cancelled()
        return {"type": "ir.actions.act_window_close"}
