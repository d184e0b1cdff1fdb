# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Telling people that a job has failed."""

import logging

from odoo import api, models

from .. import settlement
from ..core.states import FAILED

_logger = logging.getLogger(__name__)


class QueueJob(models.Model):
    _inherit = "queue.job"

    def write(self, vals):
        result = super().write(vals)
        if vals.get("state") == FAILED:
            try:
                with self.env.cr.savepoint():
                    self._message_post_on_failure()
            except Exception:
                # that a job has failed is not lost because nobody could be told
                settlement.log_error("the failure of %s could not be told", self, logger=_logger)
        return result

    def _message_post_on_failure(self):
        """Tell those who want to know that these jobs have failed."""
        base_users = self.env["res.users"].sudo().search(self._subscribe_users_domain())
        for job in self:
            users = base_users
            if job._subscribe_job_creator():
                users |= job.user_id
            job.message_subscribe(partner_ids=users.partner_id.ids)
            message = job._message_failed_job()
            if message:
                job.message_post(body=message, subtype_xmlid="queue_job.mt_job_failed")

    def _subscribe_users_domain(self):
        """:return: list, domain of the users who follow jobs that fail"""
        group = self.env.ref("queue_job.group_queue_job_manager", raise_if_not_found=False)
        if not group:
            return [("id", "=", False)]
        domain = [("all_group_ids", "in", group.ids)]
        companies = self.mapped("company_id")
        if companies:
            domain.append(("company_id", "in", companies.ids))
        return domain

    @api.model
    def _subscribe_job_creator(self):
        """:return: bool, whether the user of a job follows it when it fails"""
        return True

    def _message_failed_job(self):
        """:return: str, the message that is posted on a job that has failed"""
        self.ensure_one()
        return self.env._(
            "This job failed with %(error)s: %(message)s",
            error=self.exc_name or "",
            message=self.exc_message or "",
        )

    @api.model
    def _needaction_domain_get(self):
        """:return: list, domain of the jobs that need somebody to look at them"""
        return [("state", "=", FAILED)]
