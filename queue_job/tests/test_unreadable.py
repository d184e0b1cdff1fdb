# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Rows with JSON that PostgreSQL takes and Python does not: they can be looked at and moved."""

import contextlib
import json
from unittest import mock

from odoo.addons.queue_job import identity_guard
from odoo.addons.queue_job.controllers.main import RunJobController
from odoo.addons.queue_job.exception import JobError
from odoo.addons.queue_job.job import Job
from odoo.exceptions import UserError
from odoo.tests import HttpCase, TransactionCase, new_test_user, tagged
from odoo.tools import mute_logger

DIGITS = "9" * 5000
DEEP = "[" * 3000 + "]" * 3000
#: Python parses it, and does not walk through it.
DEEP_ENOUGH = "[" * 600 + "]" * 600

#: field -> what somebody has left in the column
CASES = [
    *((name, text) for name in ("args", "kwargs", "records") for text in (DIGITS, DEEP)),
    *(("args", f"[{DEEP_ENOUGH}]"), ("kwargs", DEEP_ENOUGH), ("records", DEEP_ENOUGH)),
    *(("dependencies", text) for text in (DEEP, "no JSON", '["a"]', '{"depends_on": 1}')),
]
FIELDS = ("args", "kwargs", "records", "dependencies")


class UnreadableCase:
    def make(self, name, text, state="pending"):
        job = self.env["res.partner"].with_delay().address_get()
        record = self.env["queue.job"].browse(job.db_record().id)
        self.env.cr.execute(
            f"UPDATE queue_job SET {name} = %s, state = %s WHERE id = %s", (text, state, record.id)
        )
        self.env.invalidate_all()
        return record

    def each(self, **options):
        """Call a function with the name of a field, what is in it, and the record of a new job."""

        def decorate(function):
            for name, text in CASES:
                with self.subTest(name=name, text=text[:20]):
                    function(name, text, self.make(name, text, **options))

        return decorate


class TestUnreadable(UnreadableCase, TransactionCase):
    def test_read(self):
        @self.each()
        def check(name, text, record):
            (values,) = record.read()
            shown = str(values[name])
            self.assertTrue(text in shown or "too deep" in shown or "[[[[" in shown)
            # all that is shown can be sent
            json.dumps(values, default=str)

    def test_other_rows_of_the_same_statement(self):
        other = self.env["res.partner"].with_delay().address_get().db_record()

        @self.each()
        def check(_name, _text, record):
            records = (record + other).with_env(record.env)
            records.fetch(FIELDS)
            self.assertEqual(records[1].records, self.env["res.partner"])

    def test_export(self):
        @self.each()
        def check(name, text, record):
            ((exported,),) = record.export_data([name])["datas"]
            # records are exported as their fields, of which there are none
            is_shown = text[:20] in str(exported) or "too deep" in str(exported)
            self.assertEqual(is_shown, name != "records")

    def test_run(self):
        """It fails and says why."""

        @self.each(state="enqueued")
        def check(name, _text, record):
            with (
                mock.patch.object(self.env.cr, "commit"),
                self.assertLogs("odoo.addons.queue_job", "WARNING"),
            ):
                job = RunJobController._acquire_job(self.env, record.uuid)
                if job is not None:
                    # assertRaises() would undo what is written
                    with contextlib.suppress(JobError):
                        RunJobController._runjob(self.env, job)
            self.env.invalidate_all()
            self.assertEqual(record.state, "failed")
            self.assertRegex(
                record.exc_message,
                "be (read|loaded) from its row|in the row of job|Nothing can be made",
            )

    def test_run_now(self):
        @self.each()
        def check(name, _text, record):
            with mute_logger("odoo.addons.queue_job.models.queue_job_run_now"):
                record.run_now()
            # dependencies are rows by themselves
            self.assertEqual(record.state, "done" if name == "dependencies" else "failed")

    def test_moves(self):
        @self.each()
        def check(_name, _text, record):
            for button, state in (
                ("button_done", "done"),
                ("requeue", "pending"),
                ("button_cancelled", "cancelled"),
                ("requeue", "pending"),
            ):
                getattr(record, button)()
                self.env.flush_all()
                self.env.invalidate_all()
                self.assertEqual(record.state, state)

    def test_what_is_unreadable_stays_as_it_is(self):
        @self.each()
        def check(name, text, record):
            record.button_done()
            record.requeue()
            self.env.flush_all()
            self.env.cr.execute(f"SELECT {name}::text FROM queue_job WHERE id = %s", (record.id,))
            self.assertEqual(self.env.cr.fetchone()[0].replace(" ", ""), text.replace(" ", ""))

    def test_the_holder_of_a_key(self):
        """Read on another cursor, without the ORM."""

        @contextlib.contextmanager
        def this_cursor():
            # in a test the job is in the transaction of the test
            yield self.env.cr

        @self.each()
        def check(name, text, record):
            self.env.cr.execute(
                "UPDATE queue_job SET identity_guard = uuid WHERE id = %s", (record.id,)
            )
            (expected,) = record.read()
            self.env.invalidate_all()
            with mock.patch.object(self.registry, "cursor", this_cursor):
                holder = identity_guard._holder(self.env, record.uuid)
            self.assertEqual(holder, record)
            with self.assertQueryCount(0):
                values = {field: holder[field] for field in ("uuid", "state", "retry")}
            self.assertEqual(values, {field: expected[field] for field in values})
            self.assertEqual(holder.read([name])[0][name], expected[name])

    def test_another_user(self):
        """Nothing of the records is lost."""
        gone = {"_type": "odoo_recordset", "model": "no.model", "ids": [1]}
        user = self.env.ref("base.user_admin")
        for text in (DIGITS, DEEP, json.dumps(gone)):
            record = self.make("records", text)
            with self.subTest(text=text[:20]), self.assertRaisesRegex(UserError, "another user"):
                record.user_id = user
        record = self.make("args", DIGITS)
        record.user_id = user
        self.assertEqual(record.records.env.user, user)

    def test_unlink(self):
        @self.each()
        def check(_name, _text, record):
            record.unlink()
            self.assertFalse(record.exists())

    def test_on_another_cursor(self):
        """On which its failure is written."""

        @self.each()
        def check(_name, _text, record):
            job = Job.load(self.env, record.uuid)
            with job._on_own_cursor():
                self.assertIsNot(job.env.cr, self.env.cr)

    def test_a_function(self):
        record = self.make("args", DIGITS)
        self.env.cr.execute("UPDATE queue_job SET method_name = '_run_job_function'")
        self.env.invalidate_all()
        job = Job.load(self.env, record.uuid)
        with self.assertRaisesRegex(Exception, "in the row of job"):
            job.perform()

    def test_related_action(self):
        @self.each()
        def check(_name, _text, record):
            with self.assertRaises(UserError):
                record.open_related_action()


@tagged("post_install", "-at_install")
class TestUnreadableInTheWebClient(UnreadableCase, HttpCase):
    def call(self, method, *args, **kwargs):
        params = {"model": "queue.job", "method": method, "args": args, "kwargs": kwargs}
        return self.make_jsonrpc_request(f"/web/dataset/call_kw/queue.job/{method}", params)

    def test_rpc(self):
        groups = "base.group_user,base.group_allow_export,queue_job.group_queue_job_manager"
        new_test_user(self.env, "qj_manager", groups=groups)
        self.authenticate("qj_manager", "qj_manager")
        specification = {name: {} for name in (*FIELDS, "name", "state", "func_string")}

        @self.each()
        def check(name, _text, record):
            (row,) = self.call("web_read", [record.id], specification=specification)
            self.assertTrue(row[name])
            views = self.call("get_views", [[False, "form"], [False, "list"]])
            for kind in ("form", "list"):
                fields = views["models"]["queue.job"]["fields"]
                shown = {
                    field: {}
                    for field in fields
                    if f'name="{field}"' in views["views"][kind]["arch"]
                }
                domain = [("id", "=", record.id)]
                found = self.call("web_search_read", domain, shown)
                self.assertEqual(found["length"], 1)
            self.call("export_data", [record.id], [name, "name"])
            self.call("button_cancelled", [record.id])
            self.call("requeue", [record.id])
            (row,) = self.call("read", [record.id], ["state"])
            self.assertEqual(row["state"], "pending")
