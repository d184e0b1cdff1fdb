# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""What opens from a job: the records that it is about, or what its function says."""

from odoo import api, fields, models
from odoo.exceptions import UserError

from ..exception import JobError
from ..job import Job


class QueueJob(models.Model):
    _inherit = "queue.job"

    has_related_action = fields.Boolean(compute="_compute_has_related_action")

    @api.depends("records", "channel_method_name")
    def _compute_has_related_action(self):
        functions = self.env["queue.job.function"]
        for job in self:
            config = functions.job_config(job.channel_method_name or "")
            job.has_related_action = config.related_action_enable and bool(
                config.related_action_func_name or job.records
            )

    def open_related_action(self):
        """Open what the job is about."""
        self.ensure_one()
        job = Job.load(self.env, self.uuid)
        # not with the rights of whoever loads jobs
        job.env = self.env
        try:
            action = job.related_action()
        except JobError as error:
            raise UserError(str(error)) from error
        if action is None:
            raise UserError(self.env._("There is nothing to open from this job."))
        return action

    def related_action_open_record(self):
        """:return: action that opens the record or records of the job, None without any"""
        self.ensure_one()
        records = self.records.exists()
        if not records:
            return None
        action = {
            "name": self.env._("Related Record"),
            "type": "ir.actions.act_window",
            "view_mode": "form",
            "res_model": records._name,
        }
        if len(records) == 1:
            action["res_id"] = records.id
        else:
            action["name"] = self.env._("Related Records")
            action["view_mode"] = "list,form"
            action["domain"] = [("id", "in", records.ids)]
        return action
