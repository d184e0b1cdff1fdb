# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""What stopping does to rows; that it ends a running try is tried on a real server."""

from odoo.addons.queue_job import job_stop
from odoo.addons.queue_job.delay import chain
from odoo.addons.queue_job.job import STATES, Job
from odoo.exceptions import AccessError
from odoo.tests import TransactionCase, new_test_user


class TestStop(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.model = cls.env["queue.job"]

    def started(self):
        job = self.model.with_delay()._test_job()
        job.set_started()
        job.store()
        return job

    def test_only_what_is_running(self):
        moves = {}
        for state, _label in STATES:
            job = self.model.with_delay()._test_job()
            job.state = state
            job.store()
            record = job.db_record()
            record.button_stop()
            if record.state != state:
                moves[state] = record.state
        self.assertEqual(moves, {"started": "cancelled"})

    def test_who_stopped_it(self):
        record = self.started().db_record()
        record.button_stop()
        self.assertEqual(record.result, f"Stopped by {self.env.user.name}")
        self.assertTrue(record.date_cancelled)
        self.assertFalse(record.lease)

    def test_what_waits_for_it_is_cancelled(self):
        first, second = self.model.delayable()._test_job(), self.model.delayable()._test_job()
        chain(first, second).delay()
        first._generated_job.set_started()
        first._generated_job.store()
        first._generated_job.db_record().button_stop()
        self.assertEqual(second._generated_job.db_record().state, "cancelled")

    def test_another_try_goes_on(self):
        job = self.started()
        stale = Job.load(self.env, job.uuid)
        job.set_started()
        job.store()
        self.assertFalse(job_stop.stop(stale, "stale"))
        self.assertEqual(job.db_record().state, "started")

    def test_it_takes_a_manager(self):
        record = self.started().db_record()
        user = new_test_user(self.env, "no_manager", groups="base.group_user")
        with self.assertRaises(AccessError):
            record.with_user(user).sudo(False).button_stop()
        self.assertEqual(record.state, "started")
