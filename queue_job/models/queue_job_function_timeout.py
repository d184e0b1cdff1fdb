# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""How long a try of the jobs of a function may take."""

from odoo import fields, models, tools


class QueueJobFunction(models.Model):
    _inherit = "queue.job.function"

    timeout = fields.Integer(
        string="Time Limit",
        help="Seconds. A try that takes longer is ended and counted, and the job tried again, "
        "or failed when it was the last. 0 means: no limit.",
    )

    _timeout_positive = models.Constraint(
        "CHECK (timeout >= 0)", "A time limit is a number of seconds, 0 for no limit."
    )

    @tools.ormcache("name")
    def timeout_of(self, name):
        """:return: int seconds, 0 for no limit, of the job function ``name``"""
        function = self.sudo().search([("name", "=", name)], limit=1)
        return (function.timeout if function else self._declaration(name).timeout) or 0
