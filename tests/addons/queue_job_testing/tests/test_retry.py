# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
from datetime import datetime, timedelta
from unittest import mock

from psycopg2 import errors

from odoo.addons.queue_job.controllers.main import RunJobController
from odoo.addons.queue_job.job import Job
from odoo.tests import TransactionCase


class TestRetry(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.record = cls.env["queue.job.testing"].create({"name": "before"})

    def run_job(self, job):
        with mock.patch.object(self.env.cr, "rollback"):
            RunJobController._runjob(self.env, job)
        return job.db_record()

    def test_all_is_undone_but_the_try(self):
        job = self.record.with_delay().rename_and_retry("after")
        row = self.run_job(job)
        self.assertEqual((row.state, row.retry, row.result), ("pending", 1, "not now"))
        self.assertEqual(self.record.name, "before")
        row = self.run_job(Job.load(self.env, job.uuid))
        self.assertEqual(row.retry, 2)

    def test_seconds(self):
        now = datetime(2030, 1, 1)
        with mock.patch("odoo.addons.queue_job.job.datetime") as clock:
            clock.now.return_value = now
            row = self.run_job(self.record.with_delay().rename_and_retry("x", seconds=7))
            self.assertEqual(row.eta, now + timedelta(seconds=7))
            row = self.run_job(self.record.with_delay().rename_and_retry("x"))
            self.assertEqual(row.eta, now + timedelta(seconds=600))

    def test_a_try_that_does_not_count(self):
        job = self.record.with_delay(max_retries=1).rename_and_retry("x", ignore_retry=True)
        for _number in range(3):
            row = self.run_job(Job.load(self.env, job.uuid))
            self.assertEqual((row.state, row.retry), ("pending", 0))

    def test_pattern(self):
        job = Job(self.record.note)
        self.assertEqual(job.job_config.retry_pattern, {1: 10, 3: 20, 5: (30, 40)})
        seconds = []
        for job.retry in range(7):
            seconds.append(job._get_retry_seconds())
        self.assertEqual(seconds[:5], [600, 10, 10, 20, 20])
        self.assertTrue(all(30 <= number <= 40 for number in seconds[5:]))
        self.assertEqual(job._get_retry_seconds(seconds=3), 3)

    def test_conflicts(self):
        now = datetime(2030, 1, 1)
        for error in (
            errors.SerializationFailure,
            errors.DeadlockDetected,
            errors.LockNotAvailable,
        ):
            with mock.patch("odoo.addons.queue_job.job.datetime") as clock:
                clock.now.return_value = now
                job = self.record.with_delay().undocumented()
                with mock.patch.object(type(self.record), "undocumented", side_effect=error):
                    row = self.run_job(job)
            self.assertEqual((row.state, row.retry), ("pending", 1))
            self.assertEqual(row.eta, now + timedelta(seconds=5))
