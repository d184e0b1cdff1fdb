# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Each cell of the table in ``docs/security.rst``, over HTTP, and nothing is missing in it."""

import time
from contextlib import contextmanager

from odoo.addons.queue_job.acquisition import OLD_STYLE_PARAMETER
from odoo.addons.queue_job.core import parked
from odoo.addons.queue_job.tests.job_case import RpcCase
from odoo.tests import TransactionCase, new_test_user
from odoo.tools import mute_logger

from .security_table import DOCUMENT, own_methods, own_models, read_rows, routes

REFUSALS = ("odoo.exceptions.AccessError", "odoo.http.SessionExpiredException")
GROUPS = {
    "portal": "base.group_portal",
    "internal": "base.group_user",
    "user": "base.group_user,queue_job.group_queue_job_user",
    "other company": "base.group_user,queue_job.group_queue_job_manager",
    "manager": "base.group_user,queue_job.group_queue_job_manager",
}
OPTIONS = "of options"
CALL = "of what makes the call"
WIZARDS = ("queue.requeue.job", "queue.jobs.to.done", "queue.jobs.to.cancelled")

#: What makes a call, each with a value from outside.
PROTECTED = {
    "uuid": "u",
    "method_name": "unlink",
    "model_name": "res.users",
    "func_string": "x",
    "records": {"_type": "odoo_recordset", "model": "res.users", "ids": [1], "uid": 1, "su": True},
    "args": [1],
    "kwargs": {"a": 1},
    "lease": "x",
    "dependency_ids": [],
}

#: method -> the arguments after the ids; of those that are not here, none
ARGUMENTS = {
    "write": [{}],
    "message_post": [],
    "_change_job_state": ["done"],
    "_write": [{"priority": 3}],
    "name_create": ["x"],
    "web_save": [{"uuid": "crafted", "state": "pending"}, {}],
    "enqueue": ["res.partner", "unlink"],
    "job_config": ["<res.partner>.read"],
    "job_function_name": ["res.partner", "read"],
    "identity_scope_of": ["<res.partner>.read"],
    "retry_policy": ["<res.partner>.read"],
    "timeout_of": ["<res.partner>.read"],
}
#: Methods of a model, which take no ids.
OF_MODEL = ("search", "create", "name_create", "enqueue", "job_default_config", "job_function_name")

#: (model, method) -> (field, before, after)
EFFECTS = {
    ("queue.job", "write"): ("priority", 10, 3),
    ("queue.job", "requeue"): ("state", "failed", "pending"),
    ("queue.job", "button_done"): ("state", "pending", "done"),
    ("queue.job", "button_cancelled"): ("state", "pending", "cancelled"),
    ("queue.job", "button_stop"): ("state", "started", "cancelled"),
    ("queue.job", "run_now"): ("state", "pending", "done"),
    ("queue.job.channel", "action_pause"): ("paused", False, True),
    ("queue.job.channel", "action_resume"): ("paused", True, False),
    **{(wizard, "requeue"): ("state", "failed", "pending") for wizard in WIZARDS},
    ("queue.jobs.to.done", "set_done"): ("state", "pending", "done"),
    ("queue.jobs.to.cancelled", "set_cancelled"): ("state", "pending", "cancelled"),
}


class ParkedBody:
    """What follows the head of a parked request, not at once, as the worker expects it."""

    def __init__(self, query):
        self.parts = [parked.CALL, parked.pack(query)]

    def __len__(self):
        return parked.BODY_SIZE

    def __iter__(self):
        for part in self.parts:
            time.sleep(0.2)
            yield part


class TestNothingIsMissing(TransactionCase):
    def setUp(self):
        super().setUp()
        self.rows = read_rows()

    def test_methods(self):
        """Those of the addon, and what its models have of their rows."""
        listed = {(row.model, row.name) for row in self.rows if row.model}
        self.assertFalse(own_methods(self.env) - listed)

    def test_rows_are_of_something(self):
        for row in self.rows:
            if row.model:
                self.assertTrue(hasattr(type(self.env[row.model]), row.name), row[:3])

    def test_routes(self):
        self.assertEqual({row.name for row in self.rows if not row.model} - {""}, routes())

    def test_models(self):
        self.assertIn("queue.jobs.to.done", own_models(self.env))
        self.assertLessEqual(own_models(self.env), {row.model for row in self.rows})

    def ours(self, model):
        data = self.env["ir.model.data"].search(
            [("module", "=", "queue_job"), ("model", "=", model)]
        )
        return self.env[model].browse(data.mapped("res_id")), data.mapped("name")

    def test_access_rights(self):
        """They are those of the two groups, on models of which the table says something."""
        rights, _names = self.ours("ir.model.access")
        groups, _names = self.ours("res.groups")
        self.assertEqual(len(groups), 2)
        self.assertTrue(rights)
        self.assertLessEqual(rights.group_id, groups)
        self.assertTrue(all(right.group_id for right in rights))
        self.assertLessEqual(set(rights.model_id.mapped("model")), {row.model for row in self.rows})

    def test_record_rules(self):
        _rules, names = self.ours("ir.rule")
        text = DOCUMENT.read_text()
        self.assertTrue(names)
        for name in names:
            self.assertIn(f"``{name}``", text)


class TestCells(RpcCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        other = cls.env["res.company"].create({"name": "Other"})
        cls.users = {
            column: new_test_user(
                cls.env,
                f"qj_{column}".replace(" ", "_"),
                groups=groups,
                company_id=(other if column == "other company" else cls.env.company).id,
            )
            for column, groups in GROUPS.items()
        }
        cls.job = cls.of_user(cls.env.user)
        cls.own_job = cls.of_user(cls.users["user"])
        cls.rows = read_rows()

    @classmethod
    def of_user(cls, user):
        partner = cls.env["res.partner"].search([], limit=1)
        record = partner.with_user(user).with_delay().address_get().db_record()
        record.company_id = cls.env.company
        return record

    def become(self, column):
        if column == "anonymous":
            self.authenticate(None, None)
        else:
            login = self.users[column].login
            self.authenticate(login, login)

    def rpc(self, model, method, args):
        """:return: str or None, the name of the error; and what it returned"""
        answer = self.call_kw(model, method, args)
        error = answer.get("error")
        return error and error["data"]["name"], answer.get("result")

    @contextmanager
    def undone(self):
        """What happens inside is undone."""
        self.env.flush_all()
        self.env.cr.execute("SAVEPOINT cell")
        try:
            yield
        finally:
            self.env.invalidate_all(flush=False)
            self.env.cr.execute("ROLLBACK TO SAVEPOINT cell")
            self.env.registry.clear_cache()

    def everything(self):
        tables = ("queue_job", "queue_job_channel", "queue_job_function", "mail_message")
        found = []
        for table in tables:
            self.env.cr.execute(f"SELECT t::text FROM {table} t ORDER BY id")
            found.append(self.env.cr.fetchall())
        return found

    def test_cells(self):
        rows = [row for row in self.rows if row.model]
        self.assertGreater(len(rows), 50)
        for column in rows[0].cells:
            self.become(column)
            for row in rows:
                for values in PROTECTED.items() if row.note == CALL else [None]:
                    with self.subTest(who=column, what=row[:3], values=values):
                        self.try_cell(row, row.cells[column], values)

    def try_cell(self, row, cell, values):
        self.assertIn(cell, ("–", "yes", "own", "none"))
        others = {"own": "none" if row.name == "search" else "–"}.get(cell, cell)
        with self.undone():
            self.call(row, others, self.job, values)
        if cell == "own":
            with self.undone():
                self.call(row, "yes", self.own_job, values)

    def call(self, row, cell, job, values):
        record, looked_at = self.target(row, job)
        field, value, expected = EFFECTS.get((row.model, row.name), (None, None, None))
        if row.note == CALL:
            field = None
        if field:
            looked_at.sudo()[field] = value
        self.env.flush_all()
        before = self.everything()
        error, result = self.rpc(row.model, row.name, self.arguments(row, record, values))
        if cell == "–":
            self.assertIn(error, REFUSALS)
        else:
            self.assertIsNone(error)
        if cell == "yes":
            if row.name == "search":
                self.assertEqual(result, record.ids)
            if field:
                self.assertEqual(looked_at.sudo()[field], expected)
        else:
            self.assertEqual(self.everything(), before)
        if cell == "none" and row.name == "search":
            self.assertEqual(result, [])

    def target(self, row, job):
        """:return: the record that the method is called on, and that on which it has its effect"""
        if row.model in WIZARDS:
            # a wizard is for whoever has made it
            owner = self.session.uid or self.env.uid
            wizard = self.env[row.model].with_user(owner).sudo().create({"job_ids": job.ids})
            return wizard, job
        if row.model == "queue.job.channel":
            root = self.env.ref("queue_job.channel_root").id
            record = self.env[row.model].create({"name": "tried", "parent_id": root})
        elif row.model == "queue.job.function":
            record = self.env[row.model].create({"name": "<res.partner>.unlink"})
        elif row.model in ("queue.job", "base"):
            record = job
        else:
            record = self.env[row.model].search([], limit=1)
        return record, record

    def arguments(self, row, record, values):
        if row.name == "create":
            root = self.env.ref("queue_job.channel_root").id
            created = {
                "queue.job": {"uuid": "crafted", "state": "pending", "method_name": "unlink"},
                "queue.job.channel": {"name": "created", "parent_id": root},
                "queue.job.function": {"name": "<res.partner>.read"},
            }
            return [created.get(row.model, {})]
        arguments = ARGUMENTS.get(row.name, [])
        if row.name == "search":
            arguments = [[("uuid", "=", record.uuid)]]
        elif row.name == "read":
            arguments = [["display_name"]]
        elif row.note == OPTIONS:
            arguments = [{"priority": 3}]
        elif row.note == CALL:
            arguments = [dict([values]), *([{}] if row.name == "web_save" else [])]
        if row.name in OF_MODEL:
            return arguments
        ids = [] if row.name == "web_save" and row.note != CALL else record.ids
        return [ids, *arguments]

    # -- routes

    def test_routes(self):
        self.job.write({"state": "enqueued"})
        rows = [row for row in self.rows if not row.model]
        calls = (
            *(self.call_without_grant, self.call_old_style),
            *(self.park_without_grant, self.create_test_job),
        )
        for row, call in zip(rows, calls, strict=True):
            for column, cell in row.cells.items():
                self.become(column)
                with self.subTest(who=column, what=row.note), self.undone():
                    self.assertEqual(call(), cell)

    def run_job(self, lease, park=False):
        self.env.cr.execute("UPDATE queue_job SET lease = %s WHERE id = %s", (lease, self.job.id))
        path, query = "/queue_job/runjob", f"db={self.env.cr.dbname}&job_uuid={self.job.uuid}"
        with mute_logger("odoo.addons.queue_job.controllers.main"):
            if park:
                response = self.url_open(f"{path}/park", data=ParkedBody(query))
            else:
                response = self.url_open(f"{path}?{query}")
        self.assertEqual((response.status_code, response.text), (200, ""))
        self.assertEqual(response.request.method, "POST" if park else "GET")
        self.env.invalidate_all()
        return {"enqueued": "nothing", "done": "runs it"}[self.job.state]

    def call_without_grant(self):
        self.env["ir.config_parameter"].set_param(OLD_STYLE_PARAMETER, "False")
        self.assertEqual(self.run_job(None), "nothing")
        return self.run_job("0123456789abcdef")

    def call_old_style(self):
        self.env["ir.config_parameter"].set_param(OLD_STYLE_PARAMETER, "True")
        self.assertEqual(self.run_job("0123456789abcdef"), "nothing")
        return self.run_job(None)

    def park_without_grant(self):
        self.env["ir.config_parameter"].set_param(OLD_STYLE_PARAMETER, "False")
        self.assertEqual(self.run_job(None, park=True), "nothing")
        return self.run_job("0123456789abcdef", park=True)

    def create_test_job(self):
        before = self.everything()
        with mute_logger("odoo.http"):
            response = self.url_open("/queue_job/create_test_job", allow_redirects=False)
        self.assertEqual(self.everything(), before)
        return {303: "login", 403: "–"}[response.status_code]
