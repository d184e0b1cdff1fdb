# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
import logging

from odoo.addons.queue_job.controllers.main import RunJobController
from odoo.addons.queue_job.job import Job
from odoo.tests import TransactionCase

LOGGER = "odoo.addons.queue_job.controllers.main"


class TestFailure(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.model = cls.env["queue.job.testing"]
        cls.record = cls.model.create({"name": "before"})

    def fail_job(self):
        method = "rename_and_fail"
        job = Job(getattr(self.record, method), args=("after", None))
        job.store()
        with self.assertLogs(level=logging.ERROR) as logs:
            try:
                RunJobController._runjob(self.env, Job.load(self.env, job.uuid))
            except TypeError:
                pass
        self.assertEqual(logs.records[0].name, LOGGER)
        self.assertEqual(self.record.name, "before")
        return job.db_record(), logs.records[1:]

    def test_hook(self):
        row, more = self.fail_job()
        self.assertEqual((row.state, row.exc_name, more), ("failed", "TypeError", []))
        told = self.model.search([("name", "like", "TypeError: ")])
        self.assertEqual(told.name, f"TypeError: {row.exc_message}")

    def test_a_hook_that_fails(self):
        function = self.env.ref("queue_job_testing.function_fail")
        function.on_fail_method = "when_failed_fail"
        row, more = self.fail_job()
        self.assertEqual(row.state, "failed")
        self.assertEqual(row.exc_name, "TypeError")
        self.assertEqual(len(more), 1)
