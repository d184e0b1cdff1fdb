# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Who may do what from outside: each cell of the table in ``docs/security.rst``, over HTTP."""

import json
import logging

from odoo.addons.queue_job.execution import OLD_STYLE_PARAMETER
from odoo.tests import HttpCase
from odoo.tools import mute_logger

ACTORS = ("anonymous", "portal", "internal", "user", "other_manager", "manager")
MANAGERS = ("other_manager", "manager")
OWN = ("manager",)

#: method of queue.job -> (arguments after the ids, who may call it on a job of somebody else)
JOB_CALLS = {
    "read": ([["name", "state", "args"]], OWN),
    "write": ([{"priority": 3}], OWN),
    "requeue": ([], OWN),
    "button_done": ([], OWN),
    "button_cancelled": ([], OWN),
    "button_stop": ([], OWN),
    "run_now": ([], OWN),
    "open_related_action": ([], OWN),
    "open_graph_jobs": ([], OWN),
    "unlink": ([], ()),
    "copy": ([], ()),
    "_change_job_state": (["done"], ()),
    "_test_job": ([], ()),
    "_write": ([{"priority": 3}], ()),
    "__class__": ([], ()),
}
PROTECTED = {
    "uuid": "u",
    "method_name": "unlink",
    "model_name": "res.users",
    "func_string": "x",
    "records": {"_type": "odoo_recordset", "model": "res.users", "ids": [1], "uid": 1, "su": True},
    "args": [1],
    "kwargs": {"a": 1},
    "lease": "x",
}
WIZARDS = ("queue.requeue.job", "queue.jobs.to.done", "queue.jobs.to.cancelled")


class TestAccess(HttpCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.job = cls.env["res.partner"].search([], limit=1).with_delay().address_get()
        cls.record = cls.job.db_record()
        other = cls.env["res.company"].create({"name": "Other"})
        groups = {
            "portal": "base.group_portal",
            "internal": "base.group_user",
            "user": "base.group_user,queue_job.group_queue_job_user",
            "other_manager": "base.group_user,queue_job.group_queue_job_manager",
            "manager": "base.group_user,queue_job.group_queue_job_manager",
        }
        for actor, names in groups.items():
            ids = [cls.env.ref(name).id for name in names.split(",")]
            company = other if actor == "other_manager" else cls.env.company
            cls.env["res.users"].create(
                {
                    "name": actor,
                    "login": f"qj_{actor}",
                    "password": f"qj_{actor}_password",
                    "group_ids": [(6, 0, ids)],
                    "company_id": company.id,
                    "company_ids": [(6, 0, company.ids)],
                }
            )
        cls.record.company_id = cls.env.company

    def become(self, actor):
        if actor == "anonymous":
            self.authenticate(None, None)
        else:
            self.authenticate(f"qj_{actor}", f"qj_{actor}_password")

    def rpc(self, model, method, *args, **kwargs):
        """:return: bool, whether it was allowed; and what it returned"""
        params = {"model": model, "method": method, "args": args, "kwargs": kwargs}
        with mute_logger("odoo.http", "odoo.addons.base.models.ir_rule", "odoo.sql_db"):
            answer = self.url_open(
                f"/web/dataset/call_kw/{model}/{method}",
                data=json.dumps({"jsonrpc": "2.0", "method": "call", "params": params}),
                headers={"Content-Type": "application/json"},
            ).json()
        self.env.invalidate_all()
        return "error" not in answer, answer.get("result")

    def each_actor(self):
        for actor in ACTORS:
            self.become(actor)
            yield actor

    def assert_allowed(self, actor, allowed, model, method, *args):
        with self.subTest(actor=actor, model=model, method=method):
            self.assertEqual(self.rpc(model, method, *args)[0], actor in allowed)

    def test_methods_of_jobs(self):
        for actor in self.each_actor():
            for method, (arguments, allowed) in JOB_CALLS.items():
                self.assert_allowed(
                    actor, allowed, "queue.job", method, self.record.ids, *arguments
                )
            if actor not in OWN:
                self.assertEqual((self.record.state, self.record.priority), ("pending", 10))

    def test_creation(self):
        for actor in self.each_actor():
            values = {"uuid": "crafted", "state": "pending", "method_name": "unlink"}
            for method in ("create", "web_save", "name_create"):
                arguments = {"create": [[values]], "name_create": ["x"]}.get(
                    method, [[], values, {}]
                )
                self.assert_allowed(actor, (), "queue.job", method, *arguments)
        self.assertFalse(self.record.search([("uuid", "=", "crafted")]))

    def test_what_makes_a_call_is_protected(self):
        before = self.record.read(list(PROTECTED))
        for actor in self.each_actor():
            for name, value in PROTECTED.items():
                for method in ("write", "web_save"):
                    arguments = [{name: value}, *([{}] if method == "web_save" else [])]
                    self.assert_allowed(actor, (), "queue.job", method, self.record.ids, *arguments)
            sentinel = {"_job_edit_sentinel": "EDIT_SENTINEL"}
            allowed, _result = self.rpc(
                "queue.job", "write", self.record.ids, {"method_name": "x"}, context=sentinel
            )
            self.assertFalse(allowed)
        self.assertEqual(self.record.read(list(PROTECTED)), before)

    def test_search(self):
        """A user finds the jobs that run as them, a manager those of their companies."""
        own = self.env["res.users"].search([("login", "=", "qj_user")])
        users_job = self.env["res.partner"].with_user(own).with_delay().address_get().db_record()
        found = {
            "user": {users_job.id},
            "other_manager": set(),
            "manager": {users_job.id, self.record.id},
        }
        ids = [users_job.id, self.record.id]
        for actor in self.each_actor():
            allowed, result = self.rpc("queue.job", "search", [("id", "in", ids)])
            self.assertEqual(allowed, actor in found, actor)
            self.assertEqual(set(result or ()), found.get(actor, set()), actor)

    def test_channels_and_functions(self):
        channel = self.env.ref("queue_job.channel_root")
        function = self.env.ref("queue_job.job_function_queue_job__test_job")
        for actor in self.each_actor():
            readers = ("user", *MANAGERS)
            for record in (channel, function):
                self.assert_allowed(actor, readers, record._name, "read", record.ids, ["name"])
                self.assert_allowed(actor, MANAGERS, record._name, "write", record.ids, {})
            values = {"name": f"c_{actor}", "parent_id": channel.id}
            self.assert_allowed(actor, MANAGERS, "queue.job.channel", "create", [values])
            values = {"name": f"<res.partner>.{'read' if actor == 'manager' else 'search'}"}
            self.assert_allowed(actor, MANAGERS, "queue.job.function", "create", [values])

    def test_wizards(self):
        for actor in self.each_actor():
            for model in WIZARDS:
                self.assert_allowed(actor, MANAGERS, model, "create", [{}])

    def test_a_wizard_does_not_reach_other_companies(self):
        self.become("other_manager")
        for model, method in zip(WIZARDS, ("requeue", "set_done", "set_cancelled"), strict=True):
            values = {"job_ids": [(6, 0, self.record.ids)]}
            allowed, result = self.rpc(model, "create", [values])
            if allowed:
                self.rpc(model, method, result)
            self.assertEqual(self.record.state, "pending")

    # -- routes

    def enqueue(self, lease):
        self.job.set_enqueued()
        self.job.lease = lease
        self.job.store()
        self.env.flush_all()

    def call_runjob(self, parameters=""):
        """:return: str, the state of the job after the request"""
        path = f"/queue_job/runjob?db={self.env.cr.dbname}&job_uuid={self.job.uuid}"
        response = self.url_open(path + parameters)
        self.assertEqual((response.status_code, response.text), (200, ""))
        self.env.invalidate_all()
        return self.record.state

    def allow_old_style_calls(self, value):
        self.env["ir.config_parameter"].set_param(OLD_STYLE_PARAMETER, value)

    def assert_runs_nothing(self, actor):
        for grant in ("", "&grant=", "&grant=wrong", "&grant=%25", f"&hints={self.record.id}"):
            with (
                self.subTest(actor=actor, grant=grant),
                self.assertLogs("odoo.addons.queue_job.controllers.main", logging.WARNING),
            ):
                self.assertEqual(self.call_runjob(grant), "enqueued")

    def test_nobody_runs_a_job(self):
        """The job of a runner's request has a token that nobody can guess."""
        for allowed in ("False", "True"):
            self.allow_old_style_calls(allowed)
            self.enqueue("0123456789abcdef")
            for actor in self.each_actor():
                self.assert_runs_nothing(actor)

    def test_nobody_runs_a_job_without_token(self):
        self.allow_old_style_calls("False")
        for lease in (None, ""):
            self.enqueue(lease)
            for actor in self.each_actor():
                self.assert_runs_nothing(actor)

    def test_old_style_calls(self):
        """They run a job whose row has no token, and nothing that they hint at."""
        self.allow_old_style_calls("True")
        hinted = self.env["res.partner"].with_delay().search_count([]).db_record()
        for actor in self.each_actor():
            self.enqueue(None)
            self.assertEqual(self.call_runjob(f"&hints={hinted.id}"), "done", actor)
            self.assertEqual(hinted.state, "pending", actor)

    def test_who_creates_test_jobs(self):
        for actor in self.each_actor():
            with mute_logger("odoo.http"):
                response = self.url_open("/queue_job/create_test_job", allow_redirects=False)
            self.assertEqual(response.status_code, 303 if actor == "anonymous" else 403, actor)
        self.authenticate("admin", "admin")
        self.assertIn("job uuid", self.url_open("/queue_job/create_test_job").text)


class TestMarkup(HttpCase):
    """Names, arguments and errors are text, wherever they are shown."""

    EVIL = "<img src=x onerror=alert(1)>\n2026-01-01 00:00:00,000 1 CRITICAL db odoo: forged"

    def test_graph_and_chatter(self):
        job = self.env["res.partner"].with_delay(description=self.EVIL).search_count([(self.EVIL,)])
        record = job.db_record()
        title = str(record._dependency_graph_node()["title"])
        self.assertNotIn("<img", title)
        self.assertIn("&lt;img", title)
        job.set_failed(exc_name="E", exc_message=self.EVIL, exc_info=self.EVIL)
        job.store()
        self.assertNotIn("<img", record.message_ids[:1].body)

    def test_func_string_is_one_line(self):
        job = self.env["res.partner"].with_delay().search_count([], note=self.EVIL)
        self.assertNotIn("\n", job.func_string)

    def test_secrets_are_not_shown(self):
        job = self.env["res.partner"].with_delay().search_count([], api_key="hidden", limit=3)
        self.assertNotIn("hidden", job.func_string)
        self.assertIn("api_key='***', limit=3", job.func_string)
        self.assertEqual(job.db_record().kwargs["api_key"], "hidden")


class TestRelatedActionRights(HttpCase):
    """A manager chooses the function of a related action, but not the rights it has."""

    def setUp(self):
        super().setUp()
        base = self.env.ref("base.group_user") + self.env.ref("queue_job.group_queue_job_manager")
        self.manager = self.env["res.users"].create(
            {"name": "M", "login": "qj_related", "group_ids": [(6, 0, base.ids)]}
        )
        self.record = self.env["queue.job"].with_user(self.manager).with_delay()._test_job()
        self.record = self.record.db_record().with_user(self.manager)

    def open(self, name, **kwargs):
        function = self.env.ref("queue_job.job_function_queue_job__test_job")
        function.with_user(self.manager).edit_related_action = repr(
            {"func_name": name, "kwargs": kwargs}
        )
        return self.record.open_related_action()

    def test_methods_of_every_model(self):
        values = {"uuid": "crafted", "state": "pending", "method_name": "unlink"}
        for name, kwargs in {
            "create": {"vals_list": [values]},
            "unlink": {},
            "sudo": {},
            "_write": {"vals": {"method_name": "unlink"}},
            "__setattr__": {},
        }.items():
            with self.subTest(name), self.assertRaises(ValueError):
                self.open(name, **kwargs)

    def test_rights(self):
        seen = []
        self.patch(
            type(self.env["queue.job"]),
            "related_action_open_record",
            lambda record: seen.append(record.env) or {"type": "x"},
        )
        self.open("related_action_open_record")
        self.assertFalse(seen[0].su)
        self.assertEqual(seen[0].uid, self.manager.id)
