# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Deleting the jobs that ended long ago."""

from datetime import datetime, timedelta

from odoo import api, models

from ..core.channel_config import ROOT

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
            deadline = now - timedelta(days=days)
            jobs |= self.search(
                [
                    "|",
                    ("date_done", "<=", deadline),
                    ("date_cancelled", "<=", deadline),
                    ("channel", "=", name) if name else ("channel", "not in", list(channels)),
                ],
                limit=limit - len(jobs),
            )
            if len(jobs) >= limit:
                break
        return jobs
