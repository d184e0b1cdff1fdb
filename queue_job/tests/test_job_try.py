# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
from unittest import mock

from odoo.addons.queue_job.exception import FailedJobError, RetryableJobError
from odoo.addons.queue_job.job import Job

from .job_case import JobCase


class TestPerform(JobCase):
    def patched(self, method):
        self.startPatcher(mock.patch.object(type(self.partner), "qj_test", method, create=True))

    def test_perform(self):
        def method(records, *args, **kwargs):
            return records, args, kwargs, records.env.context

        method.__name__ = "qj_test"
        self.patched(method)
        job = Job(self.partner.qj_test, args=(1,), kwargs={"k": 2})
        job.store()
        records, args, kwargs, context = job.perform()
        self.assertEqual((records, args, kwargs), (self.partner, (1,), {"k": 2}))
        self.assertEqual(context["job_uuid"], job.uuid)
        self.assertEqual(job.retry, 1)
        self.assertEqual(job.result[1], (1,))
        self.assertEqual(self.row(job)["retry"], 0)
        self.assertEqual(self.row(job)["state"], "pending")

    def test_commit_is_forbidden(self):
        commit = self.env.cr.commit
        job = Job(self.model._test_job, kwargs={"commit_within_job": True})
        with self.assertRaises(RuntimeError):
            job.perform()
        self.assertIs(self.env.cr.commit, commit)

    def test_tries(self):
        def method(records, ignore_retry):
            raise RetryableJobError("not now", ignore_retry=ignore_retry)

        method.__name__ = "qj_test"
        self.patched(method)
        job = Job(self.partner.qj_test, args=(False,), max_retries=3)
        for retry in (1, 2):
            with self.assertRaisesRegex(RetryableJobError, "not now"):
                job.perform()
            self.assertEqual(job.retry, retry)
        with self.assertRaisesRegex(FailedJobError, r"^Max\. retries \(3\) reached: not now"):
            job.perform()
        job = Job(self.partner.qj_test, args=(True,), max_retries=1)
        with self.assertRaises(RetryableJobError):
            job.perform()
        self.assertEqual(job.retry, 0)
        job = Job(self.partner.qj_test, args=(False,), max_retries=0)
        job.retry = 1000
        with self.assertRaises(RetryableJobError):
            job.perform()

    def test_on_fail_of_no_function_does_nothing(self):
        Job(self.partner.address_get).on_fail({"exc_name": "KeyError"})


class TestLock(JobCase):
    def test_only_a_started_job(self):
        job = self.stored()
        job.add_lock_record()
        self.assertFalse(job.lock())
        job.set_started()
        job.store()
        self.assertTrue(job.lock())
        self.assertTrue(Job.load(self.env, job.uuid).lock())

    def test_one_that_was_taken_back(self):
        job = self.stored()
        job.set_started()
        job.store()
        other = Job.load(self.env, job.uuid)
        other.set_pending()
        other.set_started()
        other.store()
        self.assertFalse(job.lock())
        self.assertTrue(other.lock())
