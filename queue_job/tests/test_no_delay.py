# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
import logging
from unittest import mock

from odoo.addons.queue_job.delay import chain, group
from odoo.addons.queue_job.job import Job
from odoo.addons.queue_job.utils import must_run_without_delay
from odoo.tests import TransactionCase

LOGGER = "odoo.addons.queue_job.utils"


class TestNoDelay(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.partner = cls.env["res.partner"].create({"name": "Azure"})

    def assert_runs_now(self, record):
        name = f"{record.name}+"
        job = record.with_delay().write({"name": name})
        self.assertIsInstance(job, Job)
        self.assertEqual((job.state, job.result), ("done", True))
        self.assertFalse(job.db_record())
        self.assertEqual(record.name, name)

    def test_context(self):
        for key in ("queue_job__no_delay", "test_queue_job_no_delay"):
            self.assertTrue(must_run_without_delay(self.env(context={key: True})))
            self.assert_runs_now(self.partner.with_context(**{key: True}))
            self.assertFalse(must_run_without_delay(self.env(context={key: False})))

    def test_environment(self):
        for name in ("QUEUE_JOB__NO_DELAY", "TEST_QUEUE_JOB_NO_DELAY"):
            with mock.patch.dict("os.environ", {name: "1"}):
                self.assert_runs_now(self.partner)
            with mock.patch.dict("os.environ", {name: "0"}):
                self.assertFalse(must_run_without_delay(self.env))
        self.assertFalse(must_run_without_delay(self.env))

    def test_one_is_enough_for_the_graph(self):
        done = []

        def method(records, name):
            done.append(name)

        method.__name__ = "qj_test"
        now = self.partner.with_context(queue_job__no_delay=True)
        with mock.patch.object(type(self.partner), "qj_test", method, create=True):
            a, b, c = (self.partner.delayable().qj_test(name) for name in "abc")
            d = now.delayable().qj_test("d")
            chain(a, group(c, b), d).delay()
        self.assertEqual(done[0], "a")
        self.assertEqual(set(done[1:3]), {"b", "c"})
        self.assertEqual(done[3], "d")
        self.assertFalse(a._generated_job.db_record())

    def test_log(self):
        with self.assertNoLogs(LOGGER):
            must_run_without_delay(self.env(context={"queue_job__no_delay": True}))
        with mock.patch("odoo.addons.queue_job.utils.in_test_mode", return_value=False):
            with self.assertLogs(LOGGER) as logs:
                must_run_without_delay(self.env(context={"queue_job__no_delay": True}))
            self.assertEqual([r.levelno for r in logs.records], [logging.INFO])
            with (
                mock.patch.dict("os.environ", {"QUEUE_JOB__NO_DELAY": "1"}),
                self.assertLogs(LOGGER) as logs,
            ):
                must_run_without_delay(self.env)
            self.assertEqual([r.levelno for r in logs.records], [logging.WARNING])
