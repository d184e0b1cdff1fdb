# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
from lxml import etree

from odoo.addons.queue_job.job import Job
from odoo.tests import tagged

from .common import GuideCase


# methods are patched when all modules are loaded
@tagged("post_install", "-at_install")
class TestExtension(GuideCase):
    def test_store_hooks(self):
        row = self.orders.with_delay().export("csv").db_record()
        self.assertEqual((row.shop_order_count, row.shop_file_format), (3, "csv"))
        row = self.orders.with_delay().upload().db_record()
        self.assertEqual((row.shop_order_count, row.shop_file_format), (3, False))

    def test_views(self):
        arch = etree.fromstring(self.env["queue.job"].get_view(view_type="form")["arch"])
        self.assertTrue(arch.xpath("//field[@name='shop_order_count']"))
        arch = etree.fromstring(self.env["queue.job"].get_view(view_type="search")["arch"])
        (found,) = arch.xpath("//filter[@name='failed_exports']")
        domain = found.get("domain")
        self.assertEqual(domain, "[('state', '=', 'failed'), ('shop_file_format', '!=', False)]")
        job = self.orders.with_delay().export("csv")
        job.set_failed(exc_name="E")
        job.store()
        found = self.env["queue.job"].search(
            [("state", "=", "failed"), ("shop_file_format", "!=", False)]
        )
        self.assertEqual(found, job.db_record())

    def test_auto_delay(self):
        orders = self.orders
        job = orders.with_context(archive_later=True).archive_files(compress=False)
        self.assertIsInstance(job, Job)
        row = job.db_record()
        self.assertEqual((row.priority, row.name), (20, "Archive files"))
        self.assertFalse(any(orders.mapped("archived")))
        self.run_job(job)
        self.assertTrue(all(orders.mapped("archived")))

    def test_no_auto_delay(self):
        self.orders.archive_files()
        self.assertTrue(all(self.orders.mapped("archived")))
