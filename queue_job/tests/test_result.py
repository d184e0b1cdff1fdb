# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
import json
from datetime import date
from unittest import mock

from odoo.addons.queue_job.controllers.main import RunJobController
from odoo.addons.queue_job.core.result import LIMIT
from odoo.addons.queue_job.job import Job
from odoo.tests import TransactionCase


class Strange:
    def __str__(self):
        raise KeyError


class TestResult(TransactionCase):
    """What is kept of what a method returns."""

    def run_job(self, value):
        """:return: record of a job, done, whose method returned ``value``"""

        def method(records):
            return value

        method.__name__ = "qj_test"
        cls = type(self.env["res.partner"])
        with mock.patch.object(cls, "qj_test", method, create=True):
            job = self.env["res.partner"].with_delay().qj_test()
            RunJobController._runjob(self.env, Job.load(self.env, job.uuid))
        self.env.invalidate_all()
        return job.db_record()

    def kept(self, value):
        record = self.run_job(value)
        self.assertEqual(record.state, "done")
        return record.result, record.result_json

    def test_structures(self):
        value = {"é": [1, 2.5, None, True], "deep": {"a": "b"}}
        text, as_json = self.kept(value)
        self.assertEqual(text, str(value))
        self.assertEqual(json.loads(as_json), value)
        self.assertIn("é", as_json)
        self.assertEqual(self.kept((1, 2)), ("(1, 2)", "[1, 2]"))

    def test_numbers_and_what_is_false(self):
        self.assertEqual(self.kept(3), ("3", "3"))
        self.assertEqual(self.kept(True), ("True", "true"))
        for value, as_json in ((0, "0"), (False, "false"), ([], "[]"), ({}, "{}")):
            self.assertEqual(self.kept(value), (False, as_json))

    def test_text_stays_text(self):
        self.assertEqual(self.kept("a\x00b"), ("ab", False))
        self.assertEqual(self.kept('{"a": 1}'), ('{"a": 1}', False))
        self.assertEqual(self.kept(""), (False, False))
        self.assertEqual(self.kept(None), (False, False))

    def test_what_json_does_not_know(self):
        partner = self.env.user.partner_id
        circle = []
        circle.append(circle)
        for value in (partner, {1}, date(2030, 1, 1), [object], float("nan"), circle):
            self.assertEqual(self.kept(value), (str(value), False))
        self.assertFalse(self.kept(Strange())[1])

    def test_characters_that_no_column_holds(self):
        self.assertEqual(self.kept(["\x00"])[1], '["\\u0000"]')
        self.assertEqual(self.kept(["\ud800"])[1], '["?"]')

    def test_long(self):
        value = ["é" * 1000] * 100
        text, as_json = self.kept(value)
        self.assertEqual(text, str(value))
        kept, mark = as_json.split(" … ")
        self.assertEqual(
            mark, f"(cut: {len(json.dumps(value, ensure_ascii=False).encode())} bytes)"
        )
        self.assertLessEqual(len(kept.encode()), LIMIT)
        self.assertGreater(len(kept.encode()), LIMIT - 4)
        fits = "[" + "1" * (LIMIT - 2) + "]"
        with mock.patch("json.dumps", return_value=fits):
            self.assertEqual(Job.result_json.fget(mock.Mock(_result=[], _result_json=None)), fits)

    def test_stored_again(self):
        record = self.run_job({"a": 1})
        job = Job.load(self.env, record.uuid)
        self.assertEqual(job.result_json, '{"a": 1}')
        job.store()
        self.assertEqual(record.result_json, '{"a": 1}')

    def test_another_result_replaces_both(self):
        record = self.run_job({"a": 1})
        record.requeue()
        self.assertEqual((record.result, record.result_json), ("{'a': 1}", '{"a": 1}'))
        record.button_done()
        self.assertIn("Manually", record.result)
        self.assertFalse(record.result_json)

    def test_form(self):
        arch = self.env["queue.job"].get_view(view_type="form")["arch"]
        self.assertIn('name="result_json"', arch)
