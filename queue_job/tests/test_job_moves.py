# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
import os
from datetime import datetime, timedelta
from unittest import mock

from odoo.addons.queue_job.job import Job

from .job_case import JobCase


class TestMoves(JobCase):
    def setUp(self):
        super().setUp()
        patcher = mock.patch("odoo.addons.queue_job.job.datetime")
        self.clock = self.startPatcher(patcher)
        self.now = datetime(2030, 1, 1, 12, 0, 0, 123456)
        self.clock.now.side_effect = lambda: self.now
        self.job = Job(self.model._test_job)

    def test_to_done(self):
        job = self.job
        job.set_enqueued()
        self.assertEqual((job.state, job.date_enqueued), ("enqueued", self.now))
        self.now += timedelta(seconds=1)
        job.set_started()
        self.assertEqual((job.state, job.date_started), ("started", self.now))
        self.assertEqual(job.worker_pid, os.getpid())
        job.exc_name, job.exc_info = "KeyError", "Traceback"
        self.now += timedelta(seconds=2.5)
        job.set_done(result="ok")
        self.assertEqual((job.state, job.date_done), ("done", self.now))
        self.assertEqual((job.exc_name, job.exc_info), (None, None))
        self.assertEqual((job.exec_time, job.result), (2.5, "ok"))

    def test_pid_comes_from_the_system(self):
        with mock.patch("os.getpid", return_value=99):
            self.job.set_started()
        self.assertEqual(self.job.worker_pid, 99)

    def test_set_pending_clears(self):
        job = self.job
        job.set_enqueued()
        job.set_started()
        job.set_done()
        job.retry = 3
        job.set_pending(result="again", reset_retry=False)
        self.assertEqual((job.state, job.retry, job.result), ("pending", 3, "again"))
        self.assertEqual(
            (job.date_enqueued, job.date_started, job.date_done, job.worker_pid), (None,) * 4
        )
        job.set_cancelled(result="no")
        self.assertEqual((job.state, job.date_cancelled, job.result), ("cancelled", self.now, "no"))
        job.set_pending()
        self.assertEqual((job.state, job.retry, job.date_cancelled), ("pending", 0, None))

    def test_set_failed(self):
        self.job.set_failed(exc_info="Traceback", exc_name="KeyError", exc_message="k")
        self.assertEqual(
            (self.job.state, self.job.exc_info, self.job.exc_name, self.job.exc_message),
            ("failed", "Traceback", "KeyError", "k"),
        )

    def test_postpone(self):
        self.job.exc_name, self.job.exc_info = "KeyError", "Traceback"
        self.job.postpone(result="later", seconds=60)
        self.assertEqual(self.job.eta, self.now + timedelta(seconds=60))
        self.assertEqual(
            (self.job.result, self.job.exc_name, self.job.exc_info), ("later", None, None)
        )
        self.job.postpone()
        self.assertEqual(self.job.eta, self.now + timedelta(seconds=600))

    def test_the_clock_is_all_that_is_needed_of_datetime(self):
        """Tests freeze time by patching the name: isinstance would not work on it."""
        job = self.job
        job.store()
        loaded = Job.load(self.env, job.uuid)
        loaded.set_enqueued()
        loaded.set_started()
        loaded.store()
        loaded.perform()
        loaded.set_done()
        loaded.store()
        self.assertEqual(Job.load(self.env, job.uuid).exec_time, 0)
