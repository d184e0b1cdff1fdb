# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""The tests that the guide shows, as those of an addon that delays jobs."""

from unittest import TestResult, TestSuite

from odoo.addons.queue_job.job import identity_exact
from odoo.addons.queue_job.tests.common import (
    JobMixin,
    load_doctests,
    mock_with_delay,
    trap_jobs,
)
from odoo.tests import BaseCase, TransactionCase

from ..models import shop_order


class TestShopOrder(TransactionCase, JobMixin):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.orders = cls.env["shop.order"].create([{"name": "1"}, {"name": "2"}])

    def test_confirm(self):
        first, second = self.orders
        with trap_jobs() as trap:
            self.orders.action_confirm()
            trap.assert_jobs_count(2)
            trap.assert_jobs_count(1, only=first.send_confirmation)
            trap.assert_enqueued_job(second.send_confirmation, args=("en_US",))
            self.assertEqual(first.state, "confirmed")
            trap.perform_enqueued_jobs()
            self.assertEqual(first.state, "sent")

    def test_export_later(self):
        with trap_jobs() as trap:
            self.orders.export_later()
        trap.assert_enqueued_job(
            self.orders.export,
            args=("csv",),
            kwargs={},
            properties={"priority": 5, "identity_key": identity_exact},
        )
        (job,) = trap.enqueued_jobs
        self.assertEqual(job.channel, "root.shop.export")
        self.assertEqual(trap.calls[0].properties["max_retries"], 3)

    def test_export_arguments(self):
        with mock_with_delay() as (delayable_cls, delayable):
            self.orders.export_later()
        (recordset,), options = delayable_cls.call_args
        self.assertEqual((recordset, options["priority"]), (self.orders, 5))
        delayable.export.assert_called_once_with("csv")

    def test_real_jobs(self):
        counter = self.job_counter()
        self.orders.action_confirm()
        self.assertEqual(counter.count_created(), 2)
        self.assertEqual(set(counter.search_created().mapped("priority")), {10})
        self.perform_jobs(counter)
        self.assertEqual(set(self.orders.mapped("state")), {"sent"})

    def test_at_once(self):
        orders = self.orders.with_context(queue_job__no_delay=True)
        orders.action_confirm()
        self.assertEqual(set(orders.mapped("state")), {"sent"})

    # -- what the guide says beside the samples

    def test_a_graph_in_a_trap(self):
        with trap_jobs() as trap:
            self.orders.close_day()
            trap.assert_jobs_count(4)
            trap.perform_enqueued_jobs()
            trap.assert_jobs_count(0)
        self.assertEqual(set(self.orders.mapped("uploads")), {1})
        self.assertEqual(set(self.orders.mapped("state")), {"sent"})

    def test_jobs_of_jobs(self):
        with self.trap_jobs() as trap:
            self.orders.with_delay().action_confirm()
            trap.perform_enqueued_jobs()
            self.assertEqual(trap.jobs_count(), 2)
            trap.perform_enqueued_jobs()
        self.assertEqual(set(self.orders.mapped("state")), {"sent"})

    def test_identity_in_a_trap(self):
        with trap_jobs() as trap:
            self.orders.export_later()
            self.orders.export_later()
        self.assertEqual((len(trap.calls), trap.jobs_count()), (2, 1))

    def test_message_of_a_mismatch(self):
        with trap_jobs() as trap:
            self.orders.export_later()
        with self.assertRaises(AssertionError) as caught:
            trap.assert_enqueued_job(self.orders.export, args=("pdf",))
        self.assertIn("Actual enqueued jobs:", str(caught.exception))

    def test_what_a_trap_does_not_see(self):
        with trap_jobs() as trap:
            self.orders.with_delay().export(b"bytes")
        trap.assert_jobs_count(1)


class TestDoctests(BaseCase):
    def test_shop_order(self):
        suite = load_doctests(shop_order)(None, TestSuite(), None)
        result = suite.run(TestResult())
        self.assertTrue(result.wasSuccessful(), result.failures)
        self.assertEqual(result.testsRun, 1)
