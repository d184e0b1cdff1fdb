# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""What stopping does to rows; that it ends a running try is tried on a real server."""

from unittest import mock

from psycopg2.errors import LockNotAvailable

from odoo.addons.queue_job import job_stop
from odoo.addons.queue_job.core import lock
from odoo.addons.queue_job.delay import chain
from odoo.addons.queue_job.job import STATES, Job
from odoo.exceptions import AccessError, UserError
from odoo.tests import TransactionCase, new_test_user

OBSTACLE = lock.why_not_terminated("odoo", "other")


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
        self.assertEqual(job_stop.stop(stale, "stale"), (False, None))
        self.assertEqual(job.db_record().state, "started")

    def test_it_takes_a_manager(self):
        record = self.started().db_record()
        user = new_test_user(self.env, "no_manager", groups="base.group_user")
        with self.assertRaises(AccessError):
            record.with_user(user).sudo(False).button_stop()
        self.assertEqual(record.state, "started")

    def out_of_reach(self):
        """Odoo's role may not end the sessions of jobs."""
        return mock.patch.object(job_stop, "_terminate", lambda job: OBSTACLE)

    def test_a_worker_that_goes_on_with_what_is_cancelled(self):
        records = self.model
        for _number in range(2):
            records += self.started().db_record()
        with self.out_of_reach(), self.assertLogs("odoo.addons.queue_job.job_stop", "WARNING"):
            action = records.button_stop()
        self.assertEqual(records.mapped("state"), ["cancelled"] * 2)
        self.assertEqual(action["tag"], "display_notification")
        for record in records:
            self.assertIn(
                f"{record.name} ({record.uuid}) is cancelled", action["params"]["message"]
            )
        self.assertIn(OBSTACLE, action["params"]["message"])

    def test_a_job_that_can_not_be_stopped(self):
        """The others are, and it is not tried for long."""
        record, other = self.started().db_record(), self.started().db_record()
        end_try = job_stop._end_try
        attempts = []

        def end_others(job, *args, **kwargs):
            if job.uuid != record.uuid:
                return end_try(job, *args, **kwargs)
            attempts.append(kwargs)
            raise LockNotAvailable

        with (
            self.out_of_reach(),
            mock.patch.object(job_stop, "_end_try", end_others),
            self.assertLogs("odoo.addons.queue_job.job_stop", "WARNING"),
            self.assertRaises(UserError) as caught,
        ):
            (record + other).button_stop()
        self.assertEqual(attempts, [{"is_interrupted": False}] * 2)
        text = str(caught.exception)
        self.assertIn(f"{record.name} ({record.uuid}) goes on, and is not cancelled", text)
        self.assertIn(f"{other.name} ({other.uuid}) is cancelled", text)
        self.assertIn(OBSTACLE, text)
