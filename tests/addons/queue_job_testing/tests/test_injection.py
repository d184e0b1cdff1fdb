# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Names, arguments and errors with markup, newlines, escapes of terminals and NUL, wherever shown."""

import logging
from unittest import mock

from odoo.addons.queue_job.controllers.main import RunJobController
from odoo.addons.queue_job.delay import chain
from odoo.addons.queue_job.exception import RetryableJobError
from odoo.tests import TransactionCase, new_test_user

FORGED = "2026-01-01 00:00:00,000 1 CRITICAL db odoo.sql_db: forged"
EVIL = f"<img src=x onerror=alert(1)>\n{FORGED}\r{FORGED}\u2028{FORGED}\x1b[2J\x1b]0;owned\x07"
NUL = "a\x00b"
ADDON = "odoo.addons.queue_job"


class InjectionCase(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.manager = new_test_user(
            cls.env,
            "qj_manager",
            groups="base.group_user,queue_job.group_queue_job_manager",
            email="qj_manager@example.com",
            notification_type="email",
        )
        cls.partner = cls.env["res.partner"].create({"name": EVIL})

    def fail(self, error, **kwargs):
        """:return: a job, delayed, of a method that raises ``error``"""

        def qj_fail(records, *args, **kwargs):
            raise error

        self.patch(type(self.partner), "qj_fail", qj_fail)
        return self.partner.with_delay(**kwargs).qj_fail(EVIL, NUL, key=EVIL)

    def patch(self, target, name, value):
        self.startPatcher(mock.patch.object(target, name, value, create=True))


class TestLog(InjectionCase):
    def assert_harmless(self, captured):
        self.assertTrue(captured.records)
        for record in captured.records:
            first, *others = logging.Formatter("%(message)s").format(record).split("\n")
            for line in (first, *others):
                self.assertTrue(line.replace("\t", "").isprintable(), line)
            self.assertFalse([line for line in others if line and not line.startswith("    ")])

    def run_job(self, job):
        # as a request does, which stops at nothing
        RunJobController._run_and_report(self.env, job)

    def test_failed(self):
        job = self.fail(ValueError(EVIL + NUL), description=EVIL)
        with self.assertLogs(ADDON, "DEBUG") as captured:
            self.run_job(job)
        self.assert_harmless(captured)
        self.assertIn("forged", captured.output[0])

    def test_hook_on_failure(self):
        self.env["queue.job.function"].create(
            {"name": "<res.partner>.qj_fail", "on_fail_method": "qj_fail"}
        )
        with self.assertLogs(ADDON, "DEBUG") as captured:
            self.run_job(self.fail(ValueError(EVIL)))
        self.assertEqual(len(captured.records), 2)
        self.assert_harmless(captured)

    def test_postponed(self):
        job = self.fail(RetryableJobError(EVIL, seconds=3))
        with (
            mock.patch.object(self.env.cr, "rollback"),
            self.assertLogs(ADDON, "DEBUG") as captured,
        ):
            self.run_job(job)
        self.assert_harmless(captured)

    def test_run_now(self):
        job = self.fail(ValueError(EVIL), description=EVIL)
        with self.assertLogs(ADDON, "DEBUG") as captured:
            job.run_now()
        self.assert_harmless(captured)

    def test_message_that_can_not_be_posted(self):
        def message_failed(records):
            raise ValueError(EVIL)

        self.patch(type(self.env["queue.job"]), "_message_failed_job", message_failed)
        with self.assertLogs(ADDON, "DEBUG") as captured:
            self.run_job(self.fail(ValueError("x")))
        self.assertEqual(len(captured.records), 2)
        self.assert_harmless(captured)

    def test_not_settled(self):
        job = self.fail(ValueError("x"))

        def settle(job, outcome):
            raise OSError(EVIL)

        self.patch(RunJobController, "_settle_failure", settle)
        with self.assertLogs(ADDON, "DEBUG") as captured:
            self.run_job(job)
        self.assertIn("could not be settled", captured.output[0])
        self.assert_harmless(captured)


class TestMarkup(InjectionCase):
    def setUp(self):
        super().setUp()
        job = self.fail(ValueError(EVIL + NUL), description=EVIL)
        self.startPatcher(mock.patch.object(logging.getLogger(ADDON), "disabled", True))
        with self.assertLogs(ADDON):
            RunJobController._run_and_report(self.env, job)
        self.record = job.db_record()
        self.assertEqual(self.record.state, "failed")

    def test_chatter_and_mail(self):
        message = self.record.message_ids
        self.assertEqual(len(message), 1)
        self.assertIn("&lt;img", message.body)
        self.assertNotIn("<img src=x", message.body)
        mail = self.env["mail.mail"].search([("mail_message_id", "=", message.id)])
        self.assertTrue(mail)
        self.assertNotIn("<img src=x", mail.body_html)
        # a header is one line
        self.assertNotRegex(mail.subject or "", "[\r\n]")
        self.assertNotRegex(message.subject or "", "[\r\n]")

    def test_row(self):
        """It is kept, but for what PostgreSQL can't hold."""
        self.assertEqual(self.record.exc_message, EVIL + "ab")
        self.assertEqual(self.record.name, EVIL)
        self.assertNotIn("\n", self.record.func_string)
        self.assertNotIn("\x1b", self.record.func_string)
        self.assertNotIn("\x00", self.record.func_string)
        self.assertEqual(self.record.args, [EVIL, NUL])

    def test_graph(self):
        first, second = self.partner.delayable(description=EVIL).qj_fail(EVIL), self.partner
        second = second.delayable(description=EVIL).qj_fail(key=EVIL)
        chain(first, second).delay()
        graph = first._generated_job.db_record().dependency_graph
        self.assertEqual(len(graph["nodes"]), 2)
        for node in graph["nodes"]:
            self.assertNotIn("<img", node["title"])
            self.assertIn("&lt;img", node["title"])
