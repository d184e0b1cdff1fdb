# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
from odoo.exceptions import UserError
from odoo.tests import TransactionCase


class TestFunction(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.model = cls.env["queue.job.function"]
        cls.channel = cls.env["queue.job.channel"].create(
            {"name": "qj", "parent_id": cls.env.ref("queue_job.channel_root").id}
        )
        cls.function = cls.model.create({"name": "<res.partner>.address_get"})

    def test_name(self):
        self.assertEqual(self.function.model_id.model, "res.partner")
        self.assertEqual(self.function.method, "address_get")
        self.assertEqual(self.function.channel_id, self.env.ref("queue_job.channel_root"))
        self.assertEqual(self.function.channel, "root")
        self.function.name = "<res.users>.read"
        self.assertEqual(self.function.model_id.model, "res.users")
        self.assertEqual(self.function.method, "read")
        self.function.method = "write"
        self.assertEqual(self.function.name, "<res.users>.write")
        self.assertEqual(self.model.job_function_name("a.b", "c"), "<a.b>.c")

    def test_wrong_names(self):
        for name in ("<no.such.model>.read", "res.partner.read", "<res.partner>read", "x"):
            with self.assertRaises(UserError):
                self.model.create({"name": name})
                self.env.flush_all()

    def test_default_config(self):
        config = self.model.job_default_config()
        self.assertEqual(config, ("root", {}, True, None, {}, None, False, None))
        self.assertEqual(self.model.job_config("<res.partner>.none"), config)
        self.assertEqual(
            self.model.JobConfig._fields,
            (
                "channel",
                "retry_pattern",
                "related_action_enable",
                "related_action_func_name",
                "related_action_kwargs",
                "job_function_id",
                "allow_commit",
                "on_fail_method_name",
            ),
        )

    def config(self):
        return self.model.job_config("<res.partner>.address_get")

    def test_config_follows_each_change(self):
        self.assertEqual(
            self.config()._replace(job_function_id=None), self.model.job_default_config()
        )
        self.assertEqual(self.config().job_function_id, self.function.id)
        self.function.write(
            {
                "channel_id": self.channel.id,
                "edit_retry_pattern": "{1: 10, 2: [3, 4]}",
                "edit_related_action": "{'enable': False, 'func_name': 'f', 'kwargs': {'a': 1}}",
                "allow_commit": True,
                "on_fail_method": "fail",
            }
        )
        self.assertEqual(
            self.config(),
            self.model.JobConfig(
                "root.qj", {1: 10, 2: (3, 4)}, False, "f", {"a": 1}, self.function.id, True, "fail"
            ),
        )
        self.channel.name = "renamed"
        self.assertEqual(self.config().channel, "root.renamed")
        self.function.unlink()
        self.assertEqual(self.config(), self.model.job_default_config())
        self.model.create({"name": "<res.partner>.address_get", "allow_commit": True})
        self.assertTrue(self.config().allow_commit)

    def test_config_is_cached(self):
        self.config()
        with self.assertQueryCount(0):
            self.config()

    def test_config_for_everybody(self):
        user = self.env["res.users"].create({"name": "U", "login": "qj_u", "group_ids": []})
        self.assertTrue(self.model.with_user(user).job_config("<res.partner>.address_get"))

    def test_retry_pattern(self):
        function = self.function
        self.assertEqual(function.edit_retry_pattern, "{}")
        function.edit_retry_pattern = "{1: 10, 5: [60, 90], 10: (600, 900)}"
        self.env.flush_all()
        self.env.invalidate_all()
        self.assertEqual(function.edit_retry_pattern, "{1: 10, 5: (60, 90), 10: (600, 900)}")
        function.retry_pattern = {1: 10, 3: (4, 5)}
        self.env.flush_all()
        self.env.invalidate_all()
        self.assertEqual(function.edit_retry_pattern, "{1: 10, 3: (4, 5)}")
        function.edit_retry_pattern = ""
        self.assertEqual(self.config().retry_pattern, {})
        for wrong in ("{", "{'a': 10}", "{1: (1, 2, 3)}", "{1: (1,)}", "[1]", "{1.5: 2}", "x"):
            with self.assertRaises(UserError):
                function.edit_retry_pattern = wrong
                self.env.flush_all()

    def test_retry_pattern_of_before(self):
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE queue_job_function SET retry_pattern = %s WHERE id = %s",
            ('{"1": -5}', self.function.id),
        )
        self.env.invalidate_all()
        self.env.registry.clear_cache()
        self.assertEqual(self.function.edit_retry_pattern, "{'1': -5}")
        with self.assertLogs("odoo.addons.queue_job.models.queue_job_function", "WARNING"):
            self.assertEqual(self.config().retry_pattern, {})

    def test_names_of_methods(self):
        for name in ("method", "on_fail_method"):
            for wrong in ("a b", "a;b", "a.b", "1a"):
                with self.assertRaises(UserError) as caught:
                    self.function.write({name: wrong})
                self.assertIn(wrong, str(caught.exception))
        self.function.on_fail_method = False

    def test_related_action(self):
        function = self.function
        self.assertEqual(function.edit_related_action, "{}")
        function.edit_related_action = "{'func_name': 'f'}"
        self.env.flush_all()
        self.env.invalidate_all()
        self.assertEqual(function.related_action, {"func_name": "f"})
        self.assertEqual(function.edit_related_action, "{'func_name': 'f'}")
        for wrong in ("{", "[]", "{'function': 'f'}", "{'kwargs': 1}", "f()"):
            with self.assertRaises(UserError):
                function.edit_related_action = wrong
                self.env.flush_all()

    def test_declared_twice(self):
        model = self.model.with_context(install_mode=True)
        by_name = {"name": "<res.partner>.address_get", "on_fail_method": "fail"}
        by_parts = {
            "model_id": self.env["ir.model"]._get_id("res.partner"),
            "method": "address_get",
            "allow_commit": True,
        }
        self.assertEqual(model.create([by_name, by_parts]), self.function + self.function)
        self.assertEqual(self.function.on_fail_method, "fail")
        self.assertTrue(self.config().allow_commit)

    def test_declared_twice_and_not_to_be_updated(self):
        function = self.env.ref("queue_job.job_function_queue_job__test_job")
        again = self.model.with_context(install_mode=True).create(
            {"name": "<queue.job>._test_job", "channel_id": self.channel.id}
        )
        self.assertEqual(again, function)
        self.assertEqual(function.channel, "root")

    def test_nameless(self):
        self.model.create([{"method": "a"}, {"method": "b"}])
        self.env.flush_all()
