# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""What nobody may do from outside. Who may do what, cell by cell of ``docs/security.rst``: see the tests of the addon
``queue_job_testing``."""

import logging

from odoo.addons.queue_job.acquisition import OLD_STYLE_PARAMETER
from odoo.exceptions import UserError
from odoo.tests import HttpCase

from .job_case import RpcCase

ACTORS = ("anonymous", "portal", "internal", "user", "other_manager", "manager")
WIZARDS = ("queue.requeue.job", "queue.jobs.to.done", "queue.jobs.to.cancelled")


class TestAccess(RpcCase):
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
        answer = self.call_kw(model, method, args, kwargs)
        return "error" not in answer, answer.get("result")

    def each_actor(self):
        for actor in ACTORS:
            self.become(actor)
            yield actor

    def test_nobody_sends_the_sentinel(self):
        """Of what the job's own code writes with."""
        for actor in self.each_actor():
            allowed, _result = self.rpc(
                "queue.job",
                "write",
                self.record.ids,
                {"method_name": "x"},
                context={"_job_edit_sentinel": "EDIT_SENTINEL"},
            )
            self.assertFalse(allowed, actor)
        self.assertEqual(self.record.method_name, "address_get")

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
            with self.subTest(name), self.assertRaises(UserError):
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
