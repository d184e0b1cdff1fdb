# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
from odoo import fields, models


class QueueJob(models.Model):
    _inherit = "queue.job"

    shop_order_count = fields.Integer(string="Orders")
    shop_file_format = fields.Char(string="File Format")

    def related_action_shop_orders(self, view_mode="list"):
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Orders"),
            "res_model": "shop.order",
            "view_mode": f"{view_mode},form",
            "domain": [("id", "in", self.records.ids)],
        }

    def _subscribe_users_domain(self):
        return [*super()._subscribe_users_domain(), ("share", "=", False)]

    def _message_failed_job(self):
        if self.model_name != "shop.order":
            return super()._message_failed_job()
        return self.env._("Orders could not be processed: %s", self.exc_message)
