# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
import logging
from unittest import mock

from odoo.addons.queue_job.controllers.main import RunJobController
from odoo.addons.queue_job.job import Job
from odoo.tests import TransactionCase


class GuideCase(TransactionCase):
    """Orders, and running their jobs as the route of the job runner does."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.orders = cls.env["shop.order"].create([{"name": str(n)} for n in range(1, 4)])
        cls.order = cls.orders[0]

    def run_job(self, job):
        """:return: ``queue.job`` record of the job after a try that does not fail"""
        with mock.patch.object(self.env.cr, "rollback"):
            RunJobController._runjob(self.env, Job.load(self.env, job.uuid))
        return job.db_record()

    def run_failing_job(self, job):
        """:return: ``queue.job`` record of the job after a try that fails"""
        with self.assertLogs("odoo.addons.queue_job.controllers.main", logging.ERROR):
            try:
                RunJobController._runjob(self.env, Job.load(self.env, job.uuid))
            except Exception:
                return job.db_record()
        return self.fail("the job did not fail")
