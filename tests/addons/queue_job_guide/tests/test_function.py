# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
from .common import GuideCase


class TestFunction(GuideCase):
    def test_channels(self):
        channel = self.env.ref("queue_job_guide.channel_shop_export")
        self.assertEqual(channel.complete_name, "root.shop.export")
        self.assertEqual(channel.removal_interval, 7)
        job = self.order.with_delay().export("csv")
        self.assertEqual(job.channel, "root.shop.export")
        self.assertEqual(self.order.with_delay(channel="root").export("csv").channel, "root")

    def test_function(self):
        row = self.order.with_delay().export("csv").db_record()
        function = self.env.ref("queue_job_guide.job_function_shop_order_export")
        self.assertEqual(row.job_function_id, function)
        action = row.open_related_action()
        self.assertEqual(action["view_mode"], "kanban,form")
        self.assertEqual(action["domain"], [("id", "in", self.order.ids)])

    def test_default_related_action(self):
        action = self.order.with_delay().upload().db_record().open_related_action()
        self.assertEqual((action["res_model"], action["res_id"]), ("shop.order", self.order.id))

    def test_disabled_related_action(self):
        row = self.order.with_delay().renumber().db_record()
        self.assertFalse(self.env["queue.job.function"].job_config(row.channel_method_name)[2])

    def test_two_modules(self):
        function = self.env.ref("queue_job_guide.job_function_shop_order_renumber")
        again = self.env.ref("queue_job_guide.job_function_renumber_again")
        self.assertEqual(function, again)
        self.assertTrue(function.allow_commit)
        self.assertEqual(function.channel, "root.shop")
        self.assertEqual(
            self.env.ref("queue_job_guide.channel_shop"),
            self.env.ref("queue_job_guide.channel_shop_again"),
        )

    def test_allow_commit(self):
        job = self.orders.with_delay().renumber()
        with self.enter_registry_test_mode():
            row = self.run_job(job)
        self.assertEqual(row.state, "done")
        self.assertEqual(self.orders.mapped("name"), ["No. 1", "No. 2", "No. 3"])

    def test_commit_without_it(self):
        function = self.env.ref("queue_job_guide.job_function_shop_order_renumber")
        function.allow_commit = False
        row = self.run_failing_job(self.orders.with_delay().renumber())
        self.assertEqual((row.state, row.exc_name), ("failed", "RuntimeError"))
