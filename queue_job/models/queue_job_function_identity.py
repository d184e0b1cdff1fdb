# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Until when a job of a function keeps others with its identity key from being created."""

from odoo import api, fields, models, tools


class QueueJobFunction(models.Model):
    _inherit = "queue.job.function"

    identity_scope = fields.Selection(
        [("waiting", "While it waits"), ("started", "While it waits or runs")],
        string="Unique",
        default="waiting",
        help="How long a job with an identity key keeps others with that key from being created.",
    )

    @api.private
    @tools.ormcache("name")
    def identity_scope_of(self, name):
        """:return: str, ``waiting`` or ``started``, of the job function ``name``"""
        function = self.sudo().search([("name", "=", name)], limit=1)
        return function.identity_scope or "waiting"
