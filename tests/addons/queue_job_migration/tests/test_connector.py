# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
from odoo.addons.queue_job.job import Job
from odoo.addons.queue_job.storage import JobStorage
from odoo.tests import TransactionCase

from ..models.shop_binding import Address, Mode, Money, import_binding


class TestConnector(TransactionCase):
    """The samples of docs/coming_from_connector.rst."""

    def bindings(self, number):
        return self.env["shop.binding"].search([("number", "=", number)])

    def test_function(self):
        env = self.env
        import_binding(env, "shop.binding", "1")
        import_binding.delay(
            env, "shop.binding", "2", mode=Mode.FULL, priority=5, eta=60, description="Import 2"
        )
        self.assertEqual(self.bindings("1").mode, "changes")
        self.assertFalse(self.bindings("2"))
        record = env["queue.job"].search([("name", "=", "Import 2")])
        self.assertEqual((record.channel, record.priority), ("root.shop.import", 5))
        self.assertTrue(record.eta)
        job = Job.load(env, record.uuid)
        job.perform()
        self.assertEqual(self.bindings("2").mode, "full")
        self.assertEqual(job.related_action()["url"], "https://shop.example/orders")

    def test_method(self):
        binding = self.env["shop.binding"].create({"number": "3"})
        job = binding.with_delay().export_binding()
        self.assertEqual(job.channel, "root.shop.export")
        self.assertEqual(job.job_config.retry_pattern, {1: 60, 3: 600})
        self.assertEqual(job.related_action()["url"], "https://shop.example/bindings")

    def test_arguments(self):
        binding = self.env["shop.binding"].create({"number": "4"})
        job = binding.with_delay().receive(Address("shop", 4), Money(1250, "EUR"))
        self.env.flush_all()
        self.env.invalidate_all()
        Job.load(self.env, job.uuid).perform()
        self.assertEqual((binding.number, binding.paid), ("shop/4", 12.5))

    def test_storage(self):
        env = self.env
        binding = env["shop.binding"].create({"number": "5"})
        storage = JobStorage(env)
        uuid = storage.enqueue(import_binding, "shop.binding", args=["6"], priority=3)
        storage.enqueue_resolve_args(import_binding, "shop.binding", "7", mode=Mode.FULL)
        storage.enqueue_resolve_args(binding.export_binding, eta=60)
        if storage.exists(uuid):
            job = storage.load(uuid)
            job.priority = 1
            storage.store(job)
        self.assertEqual(storage.db_record(job).priority, 1)
        job.perform()
        self.assertTrue(self.bindings("6"))
