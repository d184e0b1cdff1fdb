# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
from odoo import fields, models


class QueueRequeueJob(models.TransientModel):
    _name = "queue.requeue.job"
    _description = "Requeue Jobs"

    job_ids = fields.Many2many(
        comodel_name="queue.job", string="Jobs", default=lambda self: self._selected_jobs()
    )

    def _selected_jobs(self):
        if self.env.context.get("active_model") != "queue.job":
            return False
        return self.env.context.get("active_ids") or False

    def requeue(self):
        self.job_ids.requeue()
        return {"type": "ir.actions.act_window_close"}
