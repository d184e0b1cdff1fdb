# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Why a pending job does not start though nothing runs: somebody has paused its channel here."""

from odoo import api, fields, models

from ..core.states import PENDING


class QueueJob(models.Model):
    _inherit = "queue.job"

    paused_channel = fields.Char(
        compute="_compute_paused_channel",
        help="The channel, that of the job or one above it, that was paused in the web client.",
    )

    @api.depends("channel", "state")
    def _compute_paused_channel(self):
        # whoever sees a job may know why it waits
        paused = self.env["queue.job.channel"].sudo().search([("paused", "=", True)])
        for job in self:
            covering = paused.filtered(lambda channel, name=job.channel: channel._covers(name))
            job.paused_channel = job.state == PENDING and covering[:1].complete_name
