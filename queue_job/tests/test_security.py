# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
from lxml import etree

from odoo.exceptions import AccessError
from odoo.tests import TransactionCase


class TestSecurity(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.group = cls.env.ref("queue_job.group_queue_job_manager")
        base = cls.env.ref("base.group_user")
        cls.user, cls.manager = cls.env["res.users"].create(
            [
                {"name": "U", "login": "qj_u", "group_ids": [(6, 0, base.ids)]},
                {"name": "M", "login": "qj_m", "group_ids": [(6, 0, (base + cls.group).ids)]},
            ]
        )

    def test_group(self):
        privilege = self.env.ref("queue_job.privilege_queue_job")
        self.assertEqual(self.group.privilege_id, privilege)
        self.assertEqual(privilege.category_id, self.env.ref("queue_job.module_category_queue_job"))
        for user in ("base.user_root", "base.user_admin"):
            self.assertIn(
                self.env.ref(user).sudo(), self.group.with_context(active_test=False).user_ids
            )
        data = self.env["ir.model.data"].search(
            [("module", "=", "queue_job"), ("name", "=", "group_queue_job_manager")]
        )
        self.assertFalse(data.noupdate)

    def test_a_user_sees_nothing(self):
        record = self.env["res.partner"].with_user(self.user).with_delay().address_get().db_record()
        for model in ("queue.job", "queue.job.channel", "queue.job.function"):
            with self.assertRaises(AccessError):
                self.env[model].with_user(self.user).search([])
        with self.assertRaises(AccessError):
            record.with_user(self.user).button_done()

    def test_a_manager(self):
        record = self.env["res.partner"].with_user(self.user).with_delay().address_get().db_record()
        record = record.with_user(self.manager)
        self.assertIn(record, record.search([]))
        record.priority = 1
        record.button_done()
        with self.assertRaises(AccessError):
            record.unlink()
        channel = (
            self.env["queue.job.channel"]
            .with_user(self.manager)
            .create({"name": "c", "parent_id": self.env.ref("queue_job.channel_root").id})
        )
        channel.unlink()
        self.env["queue.job.function"].with_user(self.manager).create(
            {"name": "<res.partner>.read"}
        ).unlink()

    def test_companies(self):
        company = self.env["res.company"].create({"name": "Second"})
        partner = self.env["res.partner"]
        own = partner.with_delay().address_get().db_record()
        other = partner.with_company(company).with_delay().address_get().db_record()
        none = partner.with_context(company_id=None).with_delay().address_get().db_record()
        self.assertEqual(other.company_id, company)
        found = self.env["queue.job"].with_user(self.manager).search([])
        self.assertIn(own, found)
        self.assertIn(none, found)
        self.assertNotIn(other, found)

    def test_companies_of_a_graph(self):
        """Of a graph that goes through several companies each manager sees a part."""
        company = self.env["res.company"].create({"name": "Second"})
        partner = self.env["res.partner"]
        first = partner.delayable().address_get()
        second = partner.with_company(company).delayable().address_get()
        first.on_done(second).delay()
        jobs = self.env["queue.job"].with_user(self.manager)
        own = jobs.browse(first._generated_job.db_record().id)
        other = jobs.browse(second._generated_job.db_record().id)
        self.assertEqual([node["id"] for node in own.dependency_graph["nodes"]], own.ids)
        self.assertEqual(own.graph_jobs_count, 1)
        self.assertFalse(own.dependent_ids)
        self.assertEqual(own.open_graph_jobs()["domain"], [("id", "in", own.ids)])
        self.assertFalse(jobs.search([("dependency_ids", "in", own.ids)]))
        for button in ("requeue", "button_done", "button_cancelled", "run_now", "button_stop"):
            with self.assertRaises(AccessError):
                getattr(other, button)()


class TestUserGroup(TransactionCase):
    """Users see the jobs that run as them, and change nothing."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.group = cls.env.ref("queue_job.group_queue_job_user")
        cls.manager_group = cls.env.ref("queue_job.group_queue_job_manager")
        groups = cls.env.ref("base.group_user") + cls.group
        cls.user, cls.other = cls.env["res.users"].create(
            [
                {"name": login, "login": login, "group_ids": [(6, 0, groups.ids)]}
                for login in ("qj_one", "qj_other")
            ]
        )
        cls.own, cls.foreign = (
            cls.env["res.partner"].with_user(user).with_delay().address_get().db_record()
            for user in (cls.user, cls.other)
        )

    def test_groups(self):
        self.assertIn(self.group, self.manager_group.all_implied_ids)
        self.assertNotIn(self.manager_group, self.group.all_implied_ids)
        self.assertEqual(self.group.privilege_id, self.manager_group.privilege_id)

    def test_sees_own_jobs(self):
        jobs = self.env["queue.job"].with_user(self.user)
        self.assertEqual(jobs.search([("model_name", "=", "res.partner")]), self.own)
        own = self.own.with_user(self.user)
        self.assertEqual(own.state, "pending")
        own.get_views([(False, "form"), (False, "list"), (False, "search")])
        specification = {name: {} for name in ("name", "result", "dependency_graph", "records")}
        specification["job_function_id"] = {"fields": {"display_name": {}}}
        own.web_read(specification)
        self.assertTrue(own.open_graph_jobs())
        with self.assertRaises(AccessError):
            self.foreign.with_user(self.user).read(["name"])

    def test_of_a_graph_only_own_jobs(self):
        first = self.env["res.partner"].with_user(self.user).delayable().address_get()
        second = self.env["res.partner"].with_user(self.other).delayable().address_get()
        first.on_done(second).delay()
        own = first._generated_job.db_record().with_user(self.user)
        self.assertEqual([node["id"] for node in own.dependency_graph["nodes"]], own.ids)
        self.assertEqual(own.graph_jobs_count, 1)

    def test_changes_nothing(self):
        own = self.own.with_user(self.user)
        self.own.state = "failed"
        for button in ("requeue", "button_done", "button_cancelled", "button_stop"):
            with self.assertRaises(AccessError):
                getattr(own, button)()
        with self.assertRaises(AccessError):
            own.priority = 1
        with self.assertRaises(AccessError):
            own.unlink()
        self.assertEqual(self.own.state, "failed")
        wizard = self.env["queue.requeue.job"].with_user(self.user)
        with self.assertRaises(AccessError):
            wizard.create({})
        for model in ("queue.job.channel", "queue.job.function"):
            self.env[model].with_user(self.user).search([])
            with self.assertRaises(AccessError):
                self.env[model].with_user(self.user).create({"name": "x"})

    def test_menus(self):
        def visible(user):
            menus = self.env["ir.ui.menu"].with_user(user)._visible_menu_ids()
            names = ("menu_queue_job_root", "menu_queue_job", "menu_queue_job_channel")
            return [name for name in names if self.env.ref(f"queue_job.{name}").id in menus]

        self.assertEqual(visible(self.user), ["menu_queue_job_root", "menu_queue_job"])
        self.user.group_ids += self.manager_group
        self.assertEqual(len(visible(self.user)), 3)

    def test_buttons_are_not_shown(self):
        buttons = {"requeue", "button_done", "button_cancelled", "button_stop"}
        for view_type in ("form", "list"):
            arch = self.env["queue.job"].with_user(self.user).get_view(view_type=view_type)["arch"]
            names = {node.get("name") for node in etree.fromstring(arch).iter("button")}
            self.assertFalse(names & buttons)
        bindings = self.env["ir.actions.actions"].with_user(self.user).get_bindings("queue.job")
        self.assertNotIn("Requeue Jobs", [action["name"] for action in bindings.get("action", [])])

    def test_a_manager_sees_all(self):
        self.user.group_ids += self.manager_group
        found = self.env["queue.job"].with_user(self.user).search([])
        self.assertLessEqual(self.own + self.foreign, found)


class TestExternalIds(TransactionCase):
    def test_names(self):
        for name in [
            "group_queue_job_manager",
            "group_queue_job_user",
            "queue_job_user_rule",
            "queue_job_manager_rule",
            "privilege_queue_job",
            "module_category_queue_job",
            "queue_job_comp_rule",
            "channel_root",
            "mt_job_failed",
            "job_function_queue_job__test_job",
            "menu_queue_job_root",
            "menu_queue",
            "menu_queue_job",
            "menu_queue_job_channel",
            "menu_queue_job_function",
            "action_queue_job",
            "action_queue_job_channel",
            "action_queue_job_function",
            "action_requeue_job",
            "action_set_jobs_done",
            "action_set_jobs_cancelled",
            "view_queue_job_form",
            "view_queue_job_tree",
            "view_queue_job_pivot",
            "view_queue_job_graph",
            "view_queue_job_search",
            "view_queue_job_channel_form",
            "view_queue_job_channel_tree",
            "view_queue_job_channel_search",
            "view_queue_job_function_form",
            "view_queue_job_function_tree",
            "view_queue_job_function_search",
            "view_requeue_job",
            "view_set_jobs_done",
            "view_set_jobs_cancelled",
        ]:
            self.assertTrue(self.env.ref(f"queue_job.{name}"), name)

    def test_columns(self):
        columns = [
            "uuid",
            "graph_uuid",
            "user_id",
            "company_id",
            "name",
            "model_name",
            "method_name",
            "records",
            "dependencies",
            "args",
            "kwargs",
            "func_string",
            "state",
            "priority",
            "exc_name",
            "exc_message",
            "exc_info",
            "result",
            "date_created",
            "date_started",
            "date_enqueued",
            "date_done",
            "date_cancelled",
            "exec_time",
            "eta",
            "retry",
            "max_retries",
            "channel_method_name",
            "job_function_id",
            "channel",
            "identity_key",
            "worker_pid",
        ]
        self.env.cr.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_name = 'queue_job'"
        )
        existing = {name for (name,) in self.env.cr.fetchall()}
        self.assertFalse(set(columns) - existing)
        self.assertFalse(existing & {"create_uid", "create_date", "write_uid", "write_date"})
        fields = self.env["queue.job"].fields_get()
        types = {
            "state": "selection",
            "user_id": "many2one",
            "company_id": "many2one",
            "job_function_id": "many2one",
            "result": "text",
            "exc_info": "text",
            "exc_message": "char",
            "exec_time": "float",
            "channel": "char",
            "dependency_ids": "many2many",
            "dependent_ids": "many2many",
            "dependency_graph": "serialized",
            "graph_jobs_count": "integer",
        }
        self.assertEqual({name: fields[name]["type"] for name in types}, types)
        self.assertEqual(fields["exec_time"]["aggregator"], "avg")
        self.assertTrue(self.env["queue.job"]._fields["exc_message"].tracking)
        self.assertTrue(fields["dependency_ids"]["searchable"])
