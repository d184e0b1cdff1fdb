# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Deleting the jobs that ended long ago."""

from datetime import datetime, timedelta

from odoo import api, models
from odoo.fields import Domain

from ..core.channel_config import ROOT
from .queue_job_channel import LONGEST_REMOVAL_INTERVAL

#: How many old jobs are deleted in one transaction.
GC_BATCH = 1000


class QueueJob(models.Model):
    _inherit = "queue.job"

    #: Days after which finished jobs are deleted, where the channel says nothing else.
    _removal_interval = 30

    @api.autovacuum
    def _gc_old_jobs(self):
        """Delete the jobs that ended long ago, at most a thousand at a time.

        :return: (deleted, more_remain), int and bool
        """
        # one more than is deleted, to know whether some remain
        jobs = self._find_old_jobs(limit=GC_BATCH + 1)
        old = jobs[:GC_BATCH]
        old.unlink()
        return len(old), len(jobs) > len(old)

    def _find_old_jobs(self, limit):
        # with microseconds, as the dates of the jobs
        now = datetime.now()
        channels = {
            channel.complete_name: channel.removal_interval
            for channel in self.env["queue.job.channel"].search([])
        }
        root = channels.get(ROOT, self._removal_interval)
        jobs = self.browse()
        for name, days in [*channels.items(), (None, root)]:
            # rows written by hand may have anything
            deadline = now - timedelta(days=min(days, LONGEST_REMOVAL_INTERVAL))
            jobs |= self.search(
                self._ended_before(deadline)
                & Domain("channel", *(("=", name) if name else ("not in", list(channels)))),
                order="id",
                limit=limit - len(jobs),
            )
            if len(jobs) >= limit:
                break
        return jobs

    @staticmethod
    def _ended_before(deadline):
        """Jobs that were done or cancelled by then, as three ranges of one index."""
        is_done = Domain("date_done", "<=", deadline)
        return Domain.OR(
            [
                Domain("date_cancelled", "<=", deadline),
                Domain("date_cancelled", "=", False) & is_done,
                Domain("date_cancelled", ">", deadline) & is_done,
            ]
        )
