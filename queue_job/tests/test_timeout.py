# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Time limits of jobs; that they end a try is tried on a real server."""

from unittest import mock

from psycopg2 import IntegrityError

from odoo.addons.queue_job import acquisition
from odoo.addons.queue_job.core.time_limit import TIMED_OUT
from odoo.addons.queue_job.job import Job
from odoo.exceptions import UserError
from odoo.tests import Form, TransactionCase
from odoo.tools import mute_logger

from .common import trap_jobs
from .test_declaration import limited, without_more

MESSAGE = "The job ran longer than its time limit of 5 seconds."


class TestTimeout(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.partner = cls.env["res.partner"].create({"name": "A"})

    def function(self, **values):
        return self.env["queue.job.function"].create(
            {"name": "<res.partner>.address_get", **values}
        )

    def stored(self, **options):
        return self.partner.with_delay(**options).address_get().db_record().timeout

    def test_every_way_to_ask(self):
        options = {"timeout": 30}
        self.assertEqual(self.stored(**options), 30)
        record = self.env["queue.job"].enqueue("res.partner", "address_get", **options)
        self.assertEqual(record.timeout, 30)
        for delayable in (
            self.partner.delayable(**options),
            self.partner.delayable().set(**options),
            self.partner.delayable().set(options),
        ):
            delayable.address_get().delay()
            self.assertEqual(delayable._generated_job.timeout, 30)
            self.assertEqual(delayable._generated_job.db_record().timeout, 30)
        (part,) = self.partner.delayable(**options).address_get().split(1).members
        self.assertEqual(part.timeout, 30)
        part.delay()

    def test_none_by_default(self):
        self.assertEqual(self.stored(), 0)
        self.assertEqual(self.stored(timeout=None), 0)

    def test_rounded_up(self):
        self.assertEqual(self.stored(timeout=0.2), 1)

    def test_what_is_wrong(self):
        for wrong in (-1, True, False, "5", float("nan"), float("inf"), 2**31, [5]):
            with self.assertRaisesRegex(ValueError, "timeout"):
                self.partner.with_delay(timeout=wrong)
            delayable = self.partner.delayable()
            with self.assertRaisesRegex(ValueError, "timeout"):
                delayable.set(timeout=wrong)
            delayable.address_get().delay()
        with self.assertRaises(UserError):
            self.partner.with_delay().address_get().db_record().timeout = -1

    def test_job_function(self):
        function = self.function()
        with Form(function) as form:
            form.timeout = 7
        self.assertEqual(self.stored(), 7)
        # the call goes before
        self.assertEqual(self.stored(timeout=8), 8)
        self.assertEqual(self.stored(timeout=0), 0)
        function.timeout = 0
        self.assertEqual(self.stored(), 0)

    @mute_logger("odoo.sql_db")
    def test_job_function_with_a_wrong_one(self):
        with self.assertRaises(IntegrityError), self.cr.savepoint():
            self.function(timeout=-1)

    def test_declared(self):
        self.assertEqual(limited.delay(self.env, "res.partner").db_record().timeout, 9)
        self.assertEqual(without_more.delay(self.env, "res.partner").db_record().timeout, 0)

    def test_stored_and_loaded(self):
        self.function(timeout=7)
        for given, expected in ((None, 7), (0, 0), (5, 5)):
            job = Job.load(self.env, self.partner.with_delay(timeout=given).address_get().uuid)
            self.assertEqual(job.timeout, expected)
            job.store()
            self.assertEqual(job.db_record().timeout, expected)

    def test_both_ways_to_create(self):
        for is_plain in (True, False):
            with mock.patch(
                "odoo.addons.queue_job.job_insert.creates_plainly", lambda *args, ok=is_plain: ok
            ):
                self.assertEqual(self.stored(timeout=12), 12)

    def test_in_a_trap(self):
        with trap_jobs() as trap:
            self.partner.with_delay(timeout=5).address_get()
        self.assertEqual(trap.enqueued_jobs[0].timeout, 5)


class TestTimedOut(TransactionCase):
    """What the next worker makes of a job that the runner has taken from another one."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.partner = cls.env["res.partner"].create({"name": "A"})

    def acquire(self, retry=1, **options):
        """A worker gets the job; returns its record."""
        job = self.partner.with_delay(timeout=5, **options).address_get()
        job.set_enqueued()
        job.retry = retry
        job.exc_name, job.exc_message, job.exc_info = TIMED_OUT, MESSAGE, "more"
        job.store()
        with mock.patch.object(self.env.cr, "commit"):
            self.assertIsNone(acquisition.acquire(self.env, job.uuid))
        return job.db_record()

    def test_it_waits_as_the_retry_pattern_says(self):
        self.env["queue.job.function"].create(
            {"name": "<res.partner>.address_get", "retry_pattern": {1: 60, 2: 3600}}
        )
        record = self.acquire(retry=2, max_retries=3)
        self.assertEqual((record.state, record.retry), ("pending", 2))
        self.assertEqual(record.result, MESSAGE)
        self.assertFalse(record.exc_name or record.exc_message or record.exc_info or record.lease)
        seconds = (record.eta - record.env.cr.now()).total_seconds()
        self.assertTrue(3500 < seconds < 3700, seconds)

    def test_for_ever(self):
        self.assertEqual(self.acquire(retry=99, max_retries=0).state, "pending")

    def test_after_the_last_try_it_fails(self):
        self.env["queue.job.function"].create(
            {"name": "<res.partner>.address_get", "on_fail_method": "message_post"}
        )
        calls = []
        self.patch(
            type(self.partner), "message_post", lambda records, **values: calls.append(values)
        )
        with self.assertLogs("odoo.addons.queue_job.acquisition", "ERROR"):
            record = self.acquire(retry=3, max_retries=3)
        self.assertEqual((record.state, record.retry), ("failed", 3))
        self.assertEqual((record.exc_name, record.exc_message), (TIMED_OUT, MESSAGE))
        self.assertEqual(len(record.message_ids), 1)
        self.assertEqual(
            calls, [{"exc_name": TIMED_OUT, "exc_message": MESSAGE, "exc_info": "more"}]
        )
        record.requeue()
        self.assertEqual((record.state, record.retry, record.exc_name), ("pending", 0, False))

    def test_a_function_whose_jobs_are_never_tried_again_after_it(self):
        self.env["queue.job.function"].create(
            {"name": "<res.partner>.address_get", "never_retried_exceptions": TIMED_OUT}
        )
        with self.assertLogs("odoo.addons.queue_job.acquisition", "ERROR"):
            self.assertEqual(self.acquire(max_retries=5).state, "failed")
