# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
from odoo import fields, models


class QueueJob(models.Model):
    _inherit = "queue.job"

    extension_note = fields.Char()

    def extension_related_action(self, title):
        return {
            "type": "ir.actions.act_window",
            "name": title,
            "res_model": self.records._name,
            "view_mode": "form",
            "res_id": self.records[:1].id,
        }

    def _subscribe_users_domain(self):
        return [*super()._subscribe_users_domain(), ("login", "!=", "nobody")]

    def _message_failed_job(self):
        message = super()._message_failed_job()
        return f"{message} [{self.extension_note}]"
