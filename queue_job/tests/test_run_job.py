# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
import logging
from contextlib import contextmanager
from unittest import mock

from odoo.addons.queue_job.controllers.main import RunJobController
from odoo.addons.queue_job.delay import chain
from odoo.addons.queue_job.exception import FailedJobError, JobError
from odoo.addons.queue_job.job import Job
from odoo.tests import HttpCase, TransactionCase

LOGGER = "odoo.addons.queue_job.controllers.main"


class RunJobCase(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.model = cls.env["queue.job"]

    def run_job(self, job):
        RunJobController._runjob(self.env, job)

    def run_failing_job(self, job, controller=RunJobController):
        """Not with assertRaises(), which rolls back what was stored."""
        with self.assertLogs(LOGGER, logging.ERROR) as logs:
            try:
                controller._runjob(self.env, job)
            except Exception as error:
                return error, logs
        self.fail("the job did not fail")

    def enqueued(self, **options):
        job = self.model.with_delay(**options)._test_job()
        job.set_enqueued()
        job.store()
        return job


class TestAcquire(RunJobCase):
    def acquire(self, uuid):
        with mock.patch.object(self.env.cr, "commit") as commit:
            return RunJobController._acquire_job(env=self.env, job_uuid=uuid), commit

    def test_enqueued(self):
        job, commit = self.acquire(self.enqueued().uuid)
        commit.assert_called_once_with()
        self.assertIsInstance(job, Job)
        self.assertEqual(job.state, "started")
        self.assertEqual(job.db_record().state, "started")
        self.assertTrue(job.db_record().date_started)
        self.assertTrue(job.lock())

    def assert_not_acquired(self, uuid):
        with self.assertLogs(level=logging.WARNING) as logs:
            job, commit = self.acquire(uuid)
        commit.assert_not_called()
        self.assertIsNone(job)
        self.assertIn(
            f"was requested to run job {uuid}, but it does not exist",
            logs.records[0].getMessage(),
        )

    def test_missing(self):
        self.assert_not_acquired("missing")

    def test_found_dead_at_its_last_try(self):
        job = self.enqueued(max_retries=3)
        job.retry, job.exc_name, job.exc_message = 3, "JobFoundDead", "The worker is gone"
        job.store()
        with self.assertLogs("odoo.addons.queue_job.acquisition", logging.ERROR):
            acquired, _commit = self.acquire(job.uuid)
        self.assertIsNone(acquired)
        record = job.db_record()
        self.assertEqual(
            (record.state, record.exc_name, record.retry), ("failed", "JobFoundDead", 3)
        )
        self.assertEqual(len(record.message_ids), 1)

    def test_found_dead_before_its_last_try(self):
        job = self.enqueued(max_retries=3)
        job.retry = 2
        job.store()
        acquired, _commit = self.acquire(job.uuid)
        self.assertEqual(acquired.state, "started")

    def test_any_other_state(self):
        for state, _label in self.model._fields["state"].selection:
            if state != "enqueued":
                job = self.enqueued()
                job.state = state
                job.store()
                self.assert_not_acquired(job.uuid)
                self.assertEqual(job.db_record().state, state)


class TestRunJob(RunJobCase):
    def test_done(self):
        job = self.model.with_delay()._test_job()
        with mock.patch.object(type(self.model), "_test_job", return_value="result") as method:
            self.run_job(job)
        method.assert_called_once_with()
        record = job.db_record()
        self.assertEqual((record.state, record.result, record.retry), ("done", "result", 1))
        self.assertTrue(record.date_done)

    def test_acquired_before(self):
        job = self.enqueued()
        with mock.patch.object(self.env.cr, "commit"):
            job = RunJobController._acquire_job(self.env, job.uuid)
        self.run_job(job)
        self.assertEqual(job.db_record().state, "done")
        self.assertGreaterEqual(job.db_record().exec_time, 0)

    def test_failed(self):
        job = self.model.with_delay()._test_job(failure_rate=1)
        error, logs = self.run_failing_job(job)
        self.assertIsInstance(error, JobError)
        self.assertEqual(len(logs.records), 1)
        self.assertIn("Traceback (most recent call last)", logs.output[0])
        record = job.db_record()
        self.assertEqual(record.state, "failed")
        self.assertEqual(record.exc_name, "odoo.addons.queue_job.exception.JobError")
        self.assertEqual(record.exc_message, "This test job fails, as it was told to")
        self.assertIn("Traceback (most recent call last)", record.exc_info)
        self.assertEqual(record.retry, 1)

    def test_a_failed_try_is_undone(self):
        def method(records):
            records.env["res.partner"].create({"name": "undone"})
            raise KeyError("a", "b")

        method.__name__ = "_test_job"
        job = self.model.with_delay()._test_job()
        with mock.patch.object(type(self.model), "_test_job", method):
            error, _logs = self.run_failing_job(job)
        self.assertIsInstance(error, KeyError)
        self.assertFalse(self.env["res.partner"].search([("name", "=", "undone")]))
        record = job.db_record()
        self.assertEqual((record.exc_name, record.exc_message), ("KeyError", "a"))

    def test_a_failure_that_an_addon_breaks(self):
        """It would be tried again and again."""

        def store_values(partner, job):
            if job.state == "failed":
                raise ValueError("no room for failures")
            return {}

        cls = type(self.model)
        self.startPatcher(mock.patch.object(cls, "_job_store_values", store_values, create=True))
        job = self.model.with_delay()._test_job(failure_rate=1)
        with self.assertLogs("odoo.addons.queue_job.settlement", logging.ERROR) as logs:
            self.run_failing_job(job)
        self.assertIn("no room for failures", logs.output[0])
        record = job.db_record()
        self.assertEqual((record.state, record.retry), ("failed", 1))
        self.assertTrue(record.exc_name.endswith("JobError"))
        self.assertTrue(record.exc_message and record.exc_info)

    def test_failures_are_stored_in_a_temporary_environment(self):
        job = self.model.with_delay()._test_job(failure_rate=1)
        with mock.patch.object(Job, "in_temporary_env") as temporary:
            self.run_failing_job(job)
        temporary.return_value.__enter__.assert_called()
        self.assertEqual(job.db_record().state, "failed")

    def test_with_test_cursors(self):
        job = self.model.with_delay()._test_job(failure_rate=1)
        with self.enter_registry_test_mode():
            self.run_failing_job(job)
        self.assertEqual(job.db_record().state, "failed")
        self.assertIs(job.env.cr, self.env.cr)

    def test_retry(self):
        job = self.model.with_delay()._test_job(failure_rate=1, failure_retry_seconds=30)
        with mock.patch.object(self.env.cr, "rollback") as rollback:
            self.run_job(job)
        rollback.assert_called_once_with()
        record = job.db_record()
        self.assertEqual((record.state, record.retry), ("pending", 1))
        self.assertTrue(record.eta)
        self.assertFalse(record.date_started or record.worker_pid)
        self.assertIn("30", record.result)

    def test_tries_used_up(self):
        job = self.model.with_delay(max_retries=1)._test_job(
            failure_rate=1, failure_retry_seconds=30
        )
        error, _logs = self.run_failing_job(job)
        self.assertIsInstance(error, FailedJobError)
        self.assertRegex(str(error), r"^Max\. retries \(1\) reached: ")
        self.assertEqual(job.db_record().state, "failed")

    def test_commit_is_forbidden(self):
        job = self.model.with_delay()._test_job(commit_within_job=True)
        error, _logs = self.run_failing_job(job)
        self.assertIsInstance(error, RuntimeError)
        self.assertEqual(job.db_record().exc_name, "RuntimeError")

    def test_dependents_go_on(self):
        first, second, third = (self.model.delayable()._test_job() for _ in range(3))
        chain(first, second, third).delay()
        self.run_job(first._generated_job)
        states = [d._generated_job.db_record().state for d in (first, second, third)]
        self.assertEqual(states, ["done", "pending", "wait_dependencies"])

    def test_dependents_of_a_failed_job_wait(self):
        first = self.model.delayable()._test_job(failure_rate=1)
        second = self.model.delayable()._test_job()
        chain(first, second).delay()
        self.run_failing_job(first._generated_job)
        self.assertEqual(second._generated_job.db_record().state, "wait_dependencies")
        first._generated_job.db_record().button_done()
        self.assertEqual(second._generated_job.db_record().state, "pending")

    def test_the_steps_can_be_overridden(self):
        job = self.model.with_delay()._test_job(failure_rate=1)
        values = {"exc_info": "I", "exc_name": "N", "exc_message": "M"}

        class Controller(RunJobController):
            @classmethod
            def _get_failure_values(cls, job, traceback_txt, exception):
                return values

        self.run_failing_job(job, Controller)
        self.assertEqual(job.db_record().exc_message, "M")

    def test_failure_values(self):
        class SomeError(Exception):
            def __str__(self):
                return "as text"

        get = RunJobController._get_failure_values
        self.assertEqual(
            get(None, "Traceback", ValueError("first", 2)),
            {"exc_info": "Traceback", "exc_name": "ValueError", "exc_message": "first"},
        )
        values = get(None, "Traceback", SomeError())
        self.assertEqual(values["exc_name"], f"{__name__}.SomeError")
        self.assertEqual(values["exc_message"], "as text")
        self.assertEqual(get(None, "", SomeError({"a": 1}))["exc_message"], {"a": 1})

    def test_on_fail_hook(self):
        self.env.ref("queue_job.job_function_queue_job__test_job").on_fail_method = "_test_on_fail"
        job = self.model.with_delay()._test_job(failure_rate=1)
        with mock.patch.object(type(self.model), "_test_on_fail") as hook:
            self.run_failing_job(job)
        hook.assert_called_once()
        self.assertEqual(hook.call_args.args, ())
        self.assertEqual(set(hook.call_args.kwargs), {"exc_info", "exc_name", "exc_message"})


class TestRoute(HttpCase):
    def runjob(self, uuid, **parameters):
        query = "&".join(f"{key}={value}" for key, value in parameters.items())
        return self.url_open(
            f"/queue_job/runjob?job_uuid={uuid}&{query}",
            headers={"X-Odoo-Database": self.env.cr.dbname},
        )

    @contextmanager
    def job(self, **arguments):
        job = self.env["queue.job"].with_delay()._test_job(**arguments)
        job.set_enqueued()
        job.store()
        yield job
        self.env.invalidate_all()

    def test_done(self):
        with self.job() as job:
            response = self.runjob(job.uuid, db=self.env.cr.dbname)
        self.assertEqual((response.status_code, response.text), (200, ""))
        self.assertEqual(job.db_record().state, "done")

    def test_failed(self):
        with self.job(failure_rate=1) as job, self.assertLogs(LOGGER, logging.ERROR) as logs:
            response = self.runjob(job.uuid)
        self.assertEqual(response.status_code, 200)
        self.assertEqual(len(logs.records), 1)
        self.assertEqual(job.db_record().state, "failed")

    def test_retry(self):
        with self.job(failure_rate=1, failure_retry_seconds=9) as job:
            self.assertEqual(self.runjob(job.uuid).status_code, 200)
        self.assertEqual(job.db_record().state, "pending")

    def test_unknown(self):
        with self.assertLogs(LOGGER, logging.WARNING):
            response = self.runjob("unknown")
        self.assertEqual((response.status_code, response.text), (200, ""))
