# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
from unittest import mock

from psycopg2 import errors

from odoo.addons.queue_job.delay import chain
from odoo.addons.queue_job.exception import RetryableJobError
from odoo.exceptions import AccessError, UserError
from odoo.tests import TransactionCase, new_test_user


class TestRunNow(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.manager = new_test_user(
            cls.env, "qj-manager", groups="base.group_user,queue_job.group_queue_job_manager"
        )
        cls.partner = cls.env["res.partner"].create({"name": "before"})
        cls.logger = "odoo.addons.queue_job.models.queue_job_run_now"

    def setUp(self):
        super().setUp()
        self.error = None

        def qj_test(records, name="after"):
            """Rename"""
            records.write({"name": name})
            records.env.flush_all()
            if self.error:
                raise self.error
            return records.env.context["job_uuid"]

        cls = type(self.partner)
        self.startPatcher(mock.patch.object(cls, "qj_test", qj_test, create=True))

    def job(self, **options):
        return self.partner.with_delay(**options).qj_test()

    def run_now(self, job):
        record = job.db_record()
        self.assertTrue(self.env["queue.job"].with_user(self.manager).browse(record.id).run_now())
        return record

    def test_done(self):
        job = self.job(eta=3600, channel="root.x")
        record = self.run_now(job)
        self.assertEqual(self.partner.name, "after")
        self.assertEqual((record.state, record.result, record.retry), ("done", job.uuid, 1))
        self.assertTrue(record.date_started and record.date_done and record.worker_pid)
        self.assertGreaterEqual(record.exec_time, 0)

    def test_of_a_job_object(self):
        job = self.job()
        job.run_now()
        self.assertEqual((job.state, job.result), ("done", job.uuid))

    def test_failed(self):
        self.error = ValueError("no")
        with self.assertLogs(self.logger, "WARNING"):
            record = self.run_now(self.job())
        self.assertEqual(self.partner.name, "before")
        self.assertEqual(
            (record.state, record.exc_name, record.exc_message), ("failed", "ValueError", "no")
        )
        self.assertIn("ValueError", record.exc_info)
        self.assertTrue(record.message_ids)
        # and again, after it was mended
        self.error = None
        record.run_now()
        self.assertEqual((record.state, record.exc_name, record.retry), ("done", False, 1))

    def test_after_an_error_of_the_database(self):
        self.error = None

        def broken(records):
            records.env.cr.execute("SELECT 1 / 0", log_exceptions=False)

        with mock.patch.object(type(self.partner), "broken", broken, create=True):
            job = self.partner.with_delay().broken()
            with self.assertLogs(self.logger, "WARNING"):
                record = self.run_now(job)
        self.assertEqual(record.exc_name, "psycopg2.errors.DivisionByZero")

    def test_hook_on_failure(self):
        self.env["queue.job.function"].create(
            {"name": "<res.partner>.qj_test", "on_fail_method": "qj_hook"}
        )
        told = []

        def qj_hook(records, **values):
            told.append((records, values["exc_message"]))
            records.write({"name": "told"})

        self.error = ValueError("no")
        with (
            mock.patch.object(type(self.partner), "qj_hook", qj_hook, create=True),
            self.assertLogs(self.logger, "WARNING"),
        ):
            self.run_now(self.job())
        self.assertEqual((told, self.partner.name), ([(self.partner, "no")], "told"))

    def test_hook_that_fails(self):
        self.env["queue.job.function"].create(
            {"name": "<res.partner>.qj_test", "on_fail_method": "no_such_hook"}
        )
        self.error = ValueError("no")
        with self.assertLogs(self.logger, "ERROR"):
            self.assertEqual(self.run_now(self.job()).state, "failed")

    def test_retried(self):
        self.error = RetryableJobError("not yet", seconds=60)
        record = self.run_now(self.job())
        self.assertEqual((record.state, record.retry, record.result), ("pending", 1, "not yet"))
        self.assertTrue(record.eta)
        self.assertFalse(record.lease or record.date_started)
        self.assertEqual(self.partner.name, "before")

    def test_last_try(self):
        self.error = RetryableJobError("not yet")
        with self.assertLogs(self.logger, "WARNING"):
            record = self.run_now(self.job(max_retries=1))
        self.assertEqual(record.state, "failed")
        self.assertIn("Max. retries (1)", record.exc_message)

    def test_conflict(self):
        """The transaction has to be repeated as a whole."""
        self.error = errors.SerializationFailure("conflict")
        record = self.job().db_record()
        with self.assertRaises(errors.SerializationFailure):
            record.run_now()
        self.assertEqual(record.state, "pending")

    def test_dependents(self):
        first, second = self.partner.delayable().qj_test(), self.partner.delayable().qj_test("x")
        chain(first, second).delay()
        record = self.run_now(first._generated_job)
        self.assertEqual(record.state, "done")
        waiting = second._generated_job.db_record()
        self.assertEqual(waiting.state, "pending")
        self.run_now(second._generated_job)
        self.assertEqual(self.partner.name, "x")

    def test_states(self):
        for state in ("enqueued", "failed", "done", "cancelled"):
            job = self.job()
            job.state = state
            job.store()
            self.assertEqual(self.run_now(job).state, "done")
        for state, label in (("started", "Started"), ("wait_dependencies", "Wait Dependencies")):
            job = self.job()
            job.state = state
            job.store()
            with self.assertRaisesRegex(UserError, f"in the state {label} and can't be run now"):
                self.run_now(job)

    def test_what_would_wait_is_not_run(self):
        """Cancelled with the job that it depends on: requeued it would wait."""
        first, second = self.partner.delayable().qj_test(), self.partner.delayable().qj_test("x")
        chain(first, second).delay()
        first._generated_job.db_record().button_cancelled()
        waiting = second._generated_job.db_record()
        self.assertEqual(waiting.state, "cancelled")
        with self.assertRaisesRegex(UserError, "depends on"):
            self.run_now(second._generated_job)
        self.assertEqual((waiting.state, self.partner.name), ("cancelled", "before"))

    def test_nothing_of_the_context_of_who_runs_it(self):
        """The job has its own company, language and time zone, as in the queue."""
        company = self.env["res.company"].create({"name": "Second"})
        user = new_test_user(
            self.env, "qj-two", company_ids=[(6, 0, company.ids)], company_id=company.id
        )
        told = []

        def context(records, fail=False):
            told.append((records.env.company, records.env.companies, records.env.context))
            if fail:
                raise ValueError("no")

        foreign = {
            "lang": "xx_XX",
            "tz": "Asia/Tokyo",
            "allowed_company_ids": self.env.company.ids,
            "active_id": 3,
            "default_name": "of the form",
            "queue_job__no_delay": True,
        }
        self.env["queue.job.function"].create(
            {"name": "<res.partner>.context", "on_fail_method": "qj_hook"}
        )

        def hook(records, **values):
            context(records)

        records = self.partner.with_user(user)
        with (
            mock.patch.object(type(self.partner), "context", context, create=True),
            mock.patch.object(type(self.partner), "qj_hook", hook, create=True),
            self.assertLogs(self.logger, "WARNING"),
        ):
            for fail in (False, True):
                job = records.with_delay().context(fail)
                job.db_record().with_context(**foreign).run_now()
        self.assertEqual(len(told), 3)
        for found, companies, kept in told:
            self.assertEqual((found, companies), (company, company))
            self.assertEqual(set(kept), {"job_uuid"})

    def test_several(self):
        """In the order of their priorities; none when one can't be run."""
        records = self.partner.with_delay(priority=20).qj_test("second").db_record()
        records += self.partner.with_delay(priority=5).qj_test("first").db_record()
        records.run_now()
        self.assertEqual(self.partner.name, "second")
        waiting = self.job()
        started = self.job()
        started.state = "started"
        started.store()
        with self.assertRaises(UserError):
            (waiting.db_record() + started.db_record()).run_now()
        self.assertEqual(waiting.db_record().state, "pending")

    def test_jobs_that_commit(self):
        self.env["queue.job.function"].create(
            {"name": "<res.partner>.qj_test", "allow_commit": True}
        )
        with self.assertRaisesRegex(UserError, "may commit"):
            self.run_now(self.job())

    def test_committing_is_forbidden(self):
        def commits(records):
            records.env.cr.commit()

        with mock.patch.object(type(self.partner), "commits", commits, create=True):
            job = self.partner.with_delay().commits()
            with self.assertLogs(self.logger, "WARNING"):
                self.assertEqual(self.run_now(job).exc_name, "RuntimeError")

    def test_user(self):
        user = new_test_user(
            self.env, "qj-user", groups="base.group_user,queue_job.group_queue_job_user"
        )
        job = self.partner.with_user(user).with_delay().qj_test()
        with self.assertRaises(AccessError):
            job.db_record().with_user(user).run_now()

        def who(records):
            return records.env.uid

        with mock.patch.object(type(self.partner), "who", who, create=True):
            job = self.partner.with_user(user).with_delay().who()
            self.assertEqual(self.run_now(job).result, str(user.id))

    def test_button(self):
        arch = self.env["queue.job"].with_user(self.manager).get_view(view_type="form")["arch"]
        self.assertIn('name="run_now"', arch)
