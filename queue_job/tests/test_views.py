# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""The views, actions and menus: what other addons inherit from and people use."""

from ast import literal_eval
from collections import defaultdict

from lxml import etree

from odoo.addons.queue_job.core.states import (
    CANCELLED,
    CLOSABLE_STATES,
    DONE,
    FAILED,
    PENDING,
    REQUEUABLE_STATES,
    STATES,
)
from odoo.addons.queue_job.models.queue_job import QueueJob
from odoo.exceptions import AccessError
from odoo.tests import Form, TransactionCase, new_test_user, tagged
from odoo.tools.safe_eval import safe_eval

EXTERNAL_IDS = """
    group_queue_job_manager queue_job_comp_rule channel_root mt_job_failed
    job_function_queue_job__test_job
    menu_queue_job_root menu_queue menu_queue_job menu_queue_job_channel
    menu_queue_job_function
    action_queue_job action_queue_job_channel action_queue_job_function
    action_requeue_job action_set_jobs_done action_set_jobs_cancelled
    view_queue_job_form view_queue_job_tree view_queue_job_pivot view_queue_job_graph
    view_queue_job_search
    view_queue_job_channel_form view_queue_job_channel_tree view_queue_job_channel_search
    view_queue_job_function_form view_queue_job_function_tree
    view_queue_job_function_search
    view_requeue_job view_set_jobs_done view_set_jobs_cancelled
"""

FILTERS = """
    retried last_24_hours last_7_days last_30_days
    group_by_channel group_by_job_function_id group_by_state group_by_priority
    group_by_model_name group_by_exc_name group_by_exc_message group_by_graph
    group_by_date_created
"""


@tagged("post_install", "-at_install")
class TestViews(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.manager = new_test_user(
            cls.env,
            "queue-job-manager",
            groups="base.group_user,queue_job.group_queue_job_manager",
        )
        cls.user = new_test_user(cls.env, "queue-job-nobody", groups="base.group_user")

    def _view(self, name):
        view = self.env.ref(f"queue_job.{name}")
        return etree.fromstring(self.env[view.model].get_view(view.id, view.type)["arch"])

    def _job(self, state=PENDING, **values):
        record = self.env["queue.job"].with_delay(description="a job")._test_job().db_record()
        record = record.with_context(_job_edit_sentinel=QueueJob.EDIT_SENTINEL)
        record.write({"state": state, **values})
        return self.env["queue.job"].browse(record.id)

    def test_external_ids(self):
        for name in EXTERNAL_IDS.split():
            self.assertTrue(self.env.ref(f"queue_job.{name}", raise_if_not_found=False), name)

    def test_action_context_is_a_literal(self):
        context = literal_eval(self.env.ref("queue_job.action_queue_job").context)
        filters = {node.get("name") for node in self._view("view_queue_job_search").iter("filter")}
        for key in context:
            self.assertIn(key.removeprefix("search_default_"), filters)

    def test_form_has_what_others_inherit(self):
        form = self._view("view_queue_job_form")
        for path in (
            "header/button[@name='requeue']",
            "header/button[@name='button_done']",
            "header/button[@name='button_cancelled']",
            "header/field[@name='state'][@widget='statusbar']",
            "sheet/div[@name='button_box']/button[@name='open_related_action']",
            "sheet/div[@name='button_box']/button[@name='open_graph_jobs']",
            "sheet//notebook/page[@name='results']//group[@name='result']",
            "sheet//notebook/page[@name='results']//group[@name='exc_info']",
            "sheet//notebook/page[@name='dependencies']"
            "//field[@name='dependency_graph'][@widget='job_directed_graph']",
            "chatter",
        ):
            self.assertTrue(form.xpath(path), path)

    def test_other_views_have_what_others_inherit(self):
        for name, paths in {
            "queue_job_search": ["field[@name='exc_message']", "field[@name='priority']"],
            "queue_job_channel_search": ["field[@name='name']"],
            "queue_job_function_search": [".//filter[@name='group_by_channel']"],
            "requeue_job": ["group/field[@name='job_ids']/list", "footer/button[@name='requeue']"],
            "set_jobs_done": ["group/field[@name='job_ids']", "footer/button[@name='set_done']"],
            "set_jobs_cancelled": [
                "group/field[@name='job_ids']",
                "footer/button[@name='set_cancelled']",
            ],
        }.items():
            view = self._view(f"view_{name}")
            for path in paths:
                self.assertTrue(view.xpath(path), f"{name}: {path}")

    def test_jobs_are_not_created_by_hand(self):
        for name in ("form", "tree", "kanban"):
            view = self._view(f"view_queue_job_{name}")
            self.assertIn(view.get("create"), ("0", "False", "false"), name)

    def test_buttons_show_in_the_states_they_work_in(self):
        shown = defaultdict(set)
        # as it is here: other addons may have added buttons
        form = etree.fromstring(self.env.ref("queue_job.view_queue_job_form").arch)
        for button in form.xpath("header/button"):
            for state, _label in STATES:
                if not safe_eval(button.get("invisible"), {"state": state}):
                    self.assertNotIn(state, shown[button.get("name")], "shown twice")
                    shown[button.get("name")].add(state)
        self.assertEqual(
            shown,
            {
                "requeue": set(REQUEUABLE_STATES),
                "button_done": set(CLOSABLE_STATES),
                "button_cancelled": set(CLOSABLE_STATES),
                "button_stop": {"started"},
                "run_now": {PENDING, FAILED},
            },
        )

    def test_search_filters(self):
        job = self._job()
        names = set()
        for node in self._view("view_queue_job_search").iter("filter"):
            names.add(node.get("name"))
            if node.get("domain"):
                self.env["queue.job"].search(literal_eval(node.get("domain")), limit=1)
            if node.get("context"):
                group_by = literal_eval(node.get("context"))["group_by"]
                groups = self.env["queue.job"].formatted_read_group(
                    [("id", "=", job.id)], [group_by], ["__count"]
                )
                self.assertEqual([group["__count"] for group in groups], [1], group_by)
        self.assertGreaterEqual(names, {state for state, _label in STATES})
        self.assertGreaterEqual(names, set(FILTERS.split()))

    def _found_by(self, filter_name, job):
        [node] = self._view("view_queue_job_search").xpath(f"//filter[@name='{filter_name}']")
        domain = literal_eval(node.get("domain"))
        return bool(self.env["queue.job"].search([*domain, ("id", "=", job.id)]))

    def test_filter_retried(self):
        for state, retry, found in (
            (PENDING, 0, False),
            (PENDING, 1, True),
            (DONE, 1, False),
            (DONE, 2, True),
            (FAILED, 5, True),
        ):
            self.assertEqual(
                self._found_by("retried", self._job(state, retry=retry)), found, (state, retry)
            )

    def test_filters_by_age(self):
        for age, found in (
            ("1 hour", {"last_24_hours", "last_7_days", "last_30_days"}),
            ("2 days", {"last_7_days", "last_30_days"}),
            ("8 days", {"last_30_days"}),
            ("31 days", set()),
        ):
            job = self._job()
            self.env.cr.execute(
                "UPDATE queue_job SET date_created = date_created - %s::interval WHERE id = %s",
                (age, job.id),
            )
            job.invalidate_recordset()
            names = ("last_24_hours", "last_7_days", "last_30_days")
            self.assertEqual({name for name in names if self._found_by(name, job)}, found, age)

    def test_menu_is_for_managers(self):
        menu = self.env.ref("queue_job.menu_queue_job")
        visible = self.env["ir.ui.menu"].with_user(self.manager)._visible_menu_ids()
        self.assertIn(menu.id, visible)
        visible = self.env["ir.ui.menu"].with_user(self.user)._visible_menu_ids()
        self.assertNotIn(menu.id, visible)
        with self.assertRaises(AccessError):
            self.env["queue.job"].with_user(self.user).search([])

    def test_manager_edits_a_job(self):
        job = self._job().with_user(self.manager)
        with Form(job) as form:
            form.priority = 3
            form.channel = "root.other"
        self.assertEqual((job.priority, job.channel), (3, "root.other"))

    def test_manager_makes_a_channel_and_a_function(self):
        Channel = self.env["queue.job.channel"].with_user(self.manager)
        with Form(Channel) as form:
            form.name = "export"
            form.parent_id = self.env.ref("queue_job.channel_root")
        self.assertEqual(form.record.complete_name, "root.export")
        Function = self.env["queue.job.function"].with_user(self.manager)
        with Form(Function) as form:
            form.model_id = self.env.ref("base.model_res_users")
            form.method = "preference_save"
            form.channel_id = Channel.search([("complete_name", "=", "root.export")])
            form.edit_retry_pattern = "{1: 10, 5: (60, 120)}"
        self.assertEqual(form.record.name, "<res.users>.preference_save")
        self.assertEqual(
            self.env["queue.job.function"].job_config(form.record.name).retry_pattern,
            {1: 10, 5: (60, 120)},
        )

    def test_root_channel_form(self):
        root = self.env.ref("queue_job.channel_root").with_user(self.manager)
        with Form(root) as form:
            form.removal_interval = 10
        self.assertEqual(root.removal_interval, 10)

    def test_manager_finds_models(self):
        """A manager need not be an administrator to choose a model in the form."""
        found = self.env["ir.model"].with_user(self.manager).name_search("res.partner")
        self.assertTrue(found)

    def test_actions_on_a_selection(self):
        for action, state, method, expected in (
            ("action_requeue_job", FAILED, "requeue", PENDING),
            ("action_set_jobs_done", PENDING, "set_done", DONE),
            ("action_set_jobs_cancelled", PENDING, "set_cancelled", CANCELLED),
        ):
            jobs = self._job(state) | self._job(state)
            action = self.env.ref(f"queue_job.{action}")
            self.assertEqual(action.target, "new")
            self.assertEqual(action.binding_model_id.model, "queue.job")
            wizards = (
                self.env[action.res_model]
                .with_user(self.manager)
                .with_context(active_model="queue.job", active_ids=jobs.ids)
            )
            with Form(wizards, action.view_id) as form:
                self.assertEqual(len(form.job_ids), 2)
            getattr(form.record, method)()
            self.assertEqual(jobs.mapped("state"), [expected] * 2)
