# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
from datetime import datetime, timedelta
from unittest import mock

from psycopg2 import errors

from odoo.addons.queue_job.exception import RetryableJobError
from odoo.addons.queue_job.job import Job

from .common import GuideCase

NOW = datetime(2040, 1, 1)


class TestRetry(GuideCase):
    def setUp(self):
        super().setUp()
        clock = self.startPatcher(mock.patch("odoo.addons.queue_job.job.datetime"))
        clock.now.return_value = NOW
        self.model = type(self.order)

    def patch_method(self, name, **options):
        return self.startPatcher(mock.patch.object(self.model, name, **options))

    def seconds(self, row):
        return (row.eta - NOW) / timedelta(seconds=1)

    def test_seconds(self):
        self.patch_method("_post_file", side_effect=ConnectionError)
        row = self.run_job(self.order.with_delay().upload())
        self.assertEqual((row.state, row.retry, self.seconds(row)), ("pending", 1, 120))
        self.assertEqual(row.result, "The shop does not answer")

    def test_max_retries(self):
        self.patch_method("_post_file", side_effect=ConnectionError)
        job = self.order.with_delay(max_retries=2).upload()
        self.run_job(job)
        row = self.run_failing_job(job)
        self.assertEqual((row.state, row.retry), ("failed", 2))
        self.assertEqual(row.exc_message, "Max. retries (2) reached: The shop does not answer")

    def test_for_ever(self):
        self.patch_method("_post_file", side_effect=ConnectionError)
        job = self.order.with_delay(max_retries=0).upload()
        for number in range(1, 8):
            row = self.run_job(job)
            self.assertEqual((row.state, row.retry), ("pending", number))

    def test_ignore_retry(self):
        self.patch_method("_is_night", return_value=True)
        job = self.order.with_delay(max_retries=1).upload_by_day()
        row = self.run_job(job)
        row = self.run_job(job)
        self.assertEqual((row.state, row.retry, self.seconds(row)), ("pending", 0, 3600))
        self.patch_method("_is_night", return_value=False)
        self.assertEqual((self.run_job(job).state, self.order.uploads), ("done", 1))

    def test_pattern(self):
        self.patch_method("export", side_effect=RetryableJobError("later"))
        self.model.export.__name__ = "export"
        job = Job(self.env["shop.order"].upload, max_retries=10)
        job.method_name = "export"
        seconds = [job._get_retry_seconds() for job.retry in range(1, 7)]
        self.assertEqual(seconds[:4], [60, 60, 600, 600])
        self.assertTrue(all(3600 <= number <= 7200 for number in seconds[4:]))

    def test_without_pattern(self):
        self.patch_method("_post_file", side_effect=RetryableJobError("later"))
        row = self.run_job(self.order.with_delay().upload())
        self.assertEqual(self.seconds(row), 600)

    def test_conflict(self):
        self.patch_method("_post_file", side_effect=errors.SerializationFailure)
        row = self.run_job(self.order.with_delay().upload())
        self.assertEqual((row.state, row.retry, self.seconds(row)), ("pending", 1, 5))


class TestFailure(GuideCase):
    def test_on_fail_method(self):
        job = self.order.with_delay().export("csv")
        with mock.patch.object(type(self.order), "export", side_effect=KeyError("no file")):
            row = self.run_failing_job(job)
        self.assertEqual(
            (row.state, row.exc_name, row.exc_message), ("failed", "KeyError", "no file")
        )
        self.assertIn("Traceback", row.exc_info)
        self.assertEqual(self.order.problem, "KeyError: no file")

    def test_message(self):
        user = self.env["res.users"].create({"name": "Clerk", "login": "queue_job_guide_clerk"})
        job = self.order.with_user(user).with_delay().export("csv")
        with mock.patch.object(type(self.order), "export", side_effect=KeyError("no file")):
            row = self.run_failing_job(job)
        message = row.message_ids.filtered("subtype_id")
        self.assertEqual(message.subtype_id, self.env.ref("queue_job.mt_job_failed"))
        self.assertIn("Orders could not be processed: no file", message.body)
        manager = self.env.ref("base.user_admin")
        self.assertLessEqual(user.partner_id | manager.partner_id, row.message_partner_ids)
