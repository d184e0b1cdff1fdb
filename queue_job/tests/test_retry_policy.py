# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
import logging
import sys
from datetime import datetime, timedelta
from unittest import mock

from psycopg2 import errors

from odoo.addons.queue_job.controllers.main import RunJobController
from odoo.addons.queue_job.core.retry import RetryPolicy
from odoo.addons.queue_job.exception import FailedJobError, RetryableJobError
from odoo.addons.queue_job.job import Job
from odoo.exceptions import UserError, ValidationError
from odoo.tests import Form, TransactionCase


class Library:
    class Refused(Exception):
        pass


class Strange(Exception):
    def __str__(self):
        raise KeyError


class TestRetryPolicy(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.model = cls.env["queue.job.function"]
        cls.function = cls.model.create({"name": "<res.partner>.qj_test"})

    def setUp(self):
        super().setUp()
        self.error = None

        def method(records):
            raise self.error

        method.__name__ = "qj_test"
        cls = type(self.env["res.partner"])
        self.startPatcher(mock.patch.object(cls, "qj_test", method, create=True))

    def run_job(self, error, max_retries=5, job=None):
        """:return: record of the job after a try that raised ``error``"""
        self.error = error
        job = job or self.env["res.partner"].with_delay(max_retries=max_retries).qj_test()
        quiet = self.assertLogs("odoo.addons.queue_job.controllers.main", logging.DEBUG)
        with mock.patch.object(self.env.cr, "rollback"), quiet as caught:
            logging.getLogger(quiet.logger_name).debug("so that something is logged")
            try:
                RunJobController._runjob(self.env, Job.load(self.env, job.uuid))
            except type(error):
                pass
            except FailedJobError:
                self.assertIn("Max. retries", caught.output[-1])
        return job.db_record()

    # -- backoff

    def test_growing_waits(self):
        self.function.write({"backoff_base": 10, "backoff_factor": 3, "backoff_cap": 200})
        job = self.env["res.partner"].with_delay(max_retries=0).qj_test()
        waits = []
        now = datetime(2030, 1, 1)
        with mock.patch("odoo.addons.queue_job.job.datetime") as clock:
            clock.now.return_value = now
            for _try in range(5):
                record = self.run_job(RetryableJobError("no"), job=job)
                waits.append((record.eta - now).total_seconds())
            self.assertEqual(waits, [10, 30, 90, 200, 200])
            record = self.run_job(RetryableJobError("no", seconds=7), job=job)
            self.assertEqual(record.eta - now, timedelta(seconds=7))

    def test_random_part(self):
        self.function.write({"backoff_base": 100, "backoff_jitter": 0.5})
        job = Job(self.env["res.partner"].qj_test)
        job.retry = 2
        with mock.patch("random.randint", return_value=123) as randint:
            self.assertEqual(job._get_retry_seconds(), 123)
        randint.assert_called_once_with(100, 200)

    def test_wrong_numbers_are_refused(self):
        for values in (
            {"backoff_base": -1},
            {"backoff_factor": 0.5},
            {"backoff_cap": 5},
            {"backoff_jitter": 2},
            {"retry_pattern": {1: 10}},
        ):
            with self.assertRaises(ValidationError):
                self.function.write({"backoff_base": 10, **values})
        # without a first wait the others say nothing
        self.function.write({"backoff_base": 0, "backoff_factor": 0, "retry_pattern": {1: 10}})

    def test_form(self):
        with Form(self.function) as form:
            form.backoff_base = 10
            form.backoff_cap = 60
            form.retried_exceptions = "KeyError"
        self.assertEqual(self.model.retry_policy("<res.partner>.qj_test").backoff.cap, 60)
        with self.assertRaisesRegex(ValidationError, "longest wait"), Form(self.function) as form:
            form.backoff_cap = 1
        with self.assertRaisesRegex(ValidationError, "no name"), Form(self.function) as form:
            form.retried_exceptions = "Key Error()"

    # -- errors

    def test_retried(self):
        self.function.retried_exceptions = "LookupError\nodoo.exceptions.UserError"
        for error in (KeyError("k"), UserError("u"), ValidationError("v")):
            record = self.run_job(error)
            self.assertEqual((record.state, record.retry), ("pending", 1))
            self.assertTrue(record.eta)
            self.assertIn(str(error.args[0]), record.result)
        self.assertEqual(self.run_job(ValueError("v")).state, "failed")

    def test_retried_until_the_tries_are_used_up(self):
        self.function.retried_exceptions = "KeyError"
        record = self.run_job(KeyError("k"), max_retries=1)
        self.assertEqual(record.state, "failed")
        self.assertEqual(record.exc_name, "odoo.addons.queue_job.exception.FailedJobError")
        self.assertEqual(record.exc_message, "Max. retries (1) reached: 'k'")

    def test_what_has_failed_for_good_is_not_retried(self):
        self.function.retried_exceptions = "Exception"
        self.assertEqual(self.run_job(FailedJobError("x"), max_retries=0).state, "failed")
        self.assertEqual(self.run_job(RetryableJobError("x"), max_retries=1).state, "failed")

    def test_an_error_without_text(self):
        self.function.retried_exceptions = "Exception"
        self.assertEqual(self.run_job(Strange()).state, "pending")
        self.assertEqual(self.run_job(Strange(), max_retries=1).state, "failed")

    def test_never_retried(self):
        self.function.never_retried_exceptions = (
            "odoo.addons.queue_job.exception.RetryableJobError\npsycopg2.OperationalError"
        )
        record = self.run_job(RetryableJobError("r"))
        self.assertEqual((record.state, record.exc_message), ("failed", "r"))
        record = self.run_job(errors.SerializationFailure("s"))
        self.assertEqual(record.state, "failed")

    def test_conflicts_keep_their_wait(self):
        self.function.write({"backoff_base": 100, "retried_exceptions": "Exception"})
        now = datetime(2030, 1, 1)
        with mock.patch("odoo.addons.queue_job.job.datetime") as clock:
            clock.now.return_value = now
            record = self.run_job(errors.SerializationFailure("s"))
            self.assertEqual(record.eta, now + timedelta(seconds=5))

    def test_wrong_names_are_refused(self):
        for values in (
            {"retried_exceptions": "Key Error()"},
            {"never_retried_exceptions": "a..b"},
            {"retried_exceptions": "KeyError", "never_retried_exceptions": "KeyError"},
        ):
            with self.assertRaises(ValidationError):
                self.function.write(values)

    def test_classes_that_are_not_there_are_refused(self):
        """Who mistypes a name would wait for ever for its jobs to be retried."""
        for name in (
            "KeyErorr",
            "odoo.exceptions.UserErorr",
            "odoo.exceptions_.UserError",
            "no_such_library.Error",
            "odoo.addons.no_such_addon.Error",
            "queue_job.exception.RetryableJobError",
        ):
            with self.assertRaisesRegex(ValidationError, f"no class {name}"):
                self.function.retried_exceptions = f"KeyError\n{name}"

    def test_what_is_no_exception_is_refused(self):
        for name in ("dict", "odoo.models.Model", "json.loads", "odoo.exceptions"):
            with self.assertRaisesRegex(ValidationError, f"{name} is no class of exceptions"):
                self.function.never_retried_exceptions = name

    def test_other_names_of_a_class_are_refused(self):
        """Errors are known by the name that their class has where it is defined."""
        for name, own in (
            ("IOError", "OSError"),
            ("json.JSONDecodeError", "json.decoder.JSONDecodeError"),
            ("requests.ConnectionError", "requests.exceptions.ConnectionError"),
        ):
            with self.assertRaisesRegex(ValidationError, f"{name} is {own}: write"):
                self.function.retried_exceptions = name
            self.function.retried_exceptions = own

    def test_classes_of_a_class(self):
        name = f"{__name__}.Library.Refused"
        self.function.retried_exceptions = name
        self.assertEqual(self.run_job(Library.Refused()).state, "pending")

    def test_modules_that_are_not_loaded_yet(self):
        """They are there, and that is all that can be known without running their code."""
        name = "xml.dom.expatbuilder"
        self.assertNotIn(name, sys.modules)
        self.function.retried_exceptions = f"{name}.ParseEscape"
        self.assertNotIn(name, sys.modules)

    # -- the configuration

    def test_default(self):
        self.assertEqual(self.model.retry_policy("<res.partner>.none"), RetryPolicy())
        self.assertEqual(self.model.retry_policy("<res.partner>.qj_test"), RetryPolicy())

    def test_follows_each_change_and_is_cached(self):
        name = "<res.partner>.qj_test"
        self.model.retry_policy(name)
        self.function.retried_exceptions = "KeyError"
        self.assertEqual(self.model.retry_policy(name).retried, {"KeyError"})
        with self.assertQueryCount(0):
            self.model.retry_policy(name)
        self.function.unlink()
        self.assertEqual(self.model.retry_policy(name), RetryPolicy())

    def test_a_try_that_has_aborted_its_transaction(self):
        """Nothing is looked up when the try has failed."""
        self.function.retried_exceptions = "psycopg2.errors.DivisionByZero"

        def method(records):
            records.env.registry.clear_cache()
            records.env.cr.execute("SELECT 1 / 0", log_exceptions=False)

        method.__name__ = "qj_test"
        with mock.patch.object(type(self.env["res.partner"]), "qj_test", method):
            job = Job.load(self.env, self.env["res.partner"].with_delay().qj_test().uuid)
            with self.assertRaises(errors.DivisionByZero):
                job.perform()
            self.assertIs(job.retry_policy.verdict(errors.DivisionByZero()), True)
