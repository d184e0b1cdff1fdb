# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
from odoo.addons.queue_job.delay import chain, group
from odoo.addons.queue_job.job import Job

from .common import GuideCase


class TestGraph(GuideCase):
    def rows(self, method=None):
        rows = self.env["queue.job"].search([("model_name", "=", "shop.order")])
        return rows.filtered(lambda row: method in (None, row.method_name))

    def test_close_day(self):
        self.orders.close_day()
        self.assertEqual(len(set(self.rows().mapped("graph_uuid"))), 1)
        export, upload = self.rows("export"), self.rows("upload")
        rest = self.rows("archive_files") | self.rows("send_confirmation")
        self.assertEqual(export.name, "Write the file for the accountants (split 1/1)")
        self.assertEqual((export.state, upload.state), ("pending", "wait_dependencies"))
        self.assertEqual(upload.dependency_ids, export)
        self.assertEqual(rest.dependency_ids, upload)
        self.run_job(Job.load(self.env, export.uuid))
        self.assertEqual(upload.state, "pending")
        self.run_job(Job.load(self.env, upload.uuid))
        self.assertEqual(set(rest.mapped("state")), {"pending"})

    def test_on_done(self):
        order = self.order
        export = order.delayable().export("csv")
        export.set(priority=1, description="Export first")
        export.on_done(
            order.delayable().send_confirmation("en_US"),
            order.delayable().archive_files(),
        )
        export.delay()
        parent = self.rows("export")
        self.assertEqual((parent.priority, parent.name), (1, "Export first"))
        self.assertEqual(len(parent.dependent_ids), 2)
        self.assertEqual(set(parent.dependent_ids.mapped("state")), {"wait_dependencies"})

    def test_split(self):
        orders = self.orders
        orders.delayable().export("csv").split(2).delay()
        orders.delayable().upload().split(2, chain=True).delay()
        self.assertEqual([len(row.records) for row in self.rows("export").sorted("id")], [2, 1])
        self.assertEqual(set(self.rows("export").mapped("state")), {"pending"})
        first, second = self.rows("upload").sorted("id")
        self.assertEqual(second.dependency_ids, first)

    def test_nesting(self):
        one, two, three = self.orders
        exports = group(
            one.delayable().export("csv"),
            chain(two.delayable().export("csv"), two.delayable().export("pdf")),
        )
        exports.on_done(three.delayable().upload())
        exports.delay()
        parents = self.rows("upload").dependency_ids
        self.assertEqual(
            {(row.records, *row.args) for row in parents}, {(one, "csv"), (two, "pdf")}
        )

    def test_a_parent_fails(self):
        chain(
            self.order.delayable().export("csv", "unexpected"),
            self.order.delayable().upload(),
        ).delay()
        parent, child = self.rows("export"), self.rows("upload")
        job = Job.load(self.env, parent.uuid)
        job.set_failed(exc_name="E")
        job.store()
        self.assertEqual(child.state, "wait_dependencies")
        parent.requeue()
        self.assertEqual(parent.state, "pending")
        parent.button_done()
        self.assertEqual(child.state, "pending")

    def test_cancel(self):
        self.orders.close_day()
        self.rows("export").button_cancelled()
        self.assertEqual(set(self.rows().mapped("state")), {"cancelled"})
        self.assertIn("a job it depends on was cancelled", self.rows("upload").result)

    def test_never_delayed(self):
        with self.assertLogs("odoo.addons.queue_job.delay", "WARNING"):
            self.order.delayable().export("csv")

    def test_add_to_a_graph_later(self):
        export = self.order.delayable().export("csv")
        export.delay()
        export.on_done(self.order.delayable().upload())
        export.delay()
        self.assertEqual(len(self.rows("export")), 1)
        self.assertEqual(self.rows("upload").dependency_ids, self.rows("export"))

    def test_identity_in_a_graph(self):
        def delay():
            chain(
                self.order.delayable(identity_key="export").export("csv"),
                self.order.delayable(identity_key="upload").upload(),
            ).delay()

        delay()
        delay()
        self.assertEqual(len(self.rows()), 2)
        self.run_job(Job.load(self.env, self.rows("export").uuid))
        delay()
        self.assertEqual(len(self.rows()), 4)
