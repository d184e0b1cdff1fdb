# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""What tests of jobs have in common."""

from odoo.addons.queue_job.job import Job
from odoo.tests import TransactionCase


class JobCase(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.partner = cls.env["res.partner"].create({"name": "Azure"})
        cls.model = cls.env["queue.job"]

    def stored(self, **options):
        job = Job(self.model._test_job, **options)
        job.store()
        return job

    def row(self, job):
        self.env.flush_all()
        self.env.cr.execute("SELECT * FROM queue_job WHERE uuid = %s", (job.uuid,))
        return self.env.cr.dictfetchone()
