# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
from odoo import fields, models


class QueueJob(models.Model):
    _inherit = "queue.job"

    testing_note = fields.Char()
    testing_stage = fields.Char()

    def testing_related_action(self, **kwargs):
        return {"type": "testing", "uuid": self.uuid, "kwargs": kwargs}

    def testing_related_action_none(self):
        return None
