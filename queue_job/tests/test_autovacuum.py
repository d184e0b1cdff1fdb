# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
from datetime import datetime, timedelta
from unittest import mock

from odoo.addons.queue_job.models import queue_job_retention
from odoo.tests import TransactionCase


class TestAutovacuum(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.model = cls.env["queue.job"]
        cls.env.cr.execute("DELETE FROM queue_job")
        cls.root = cls.env.ref("queue_job.channel_root")
        cls.channel = cls.env["queue.job.channel"].create(
            {"name": "qj", "parent_id": cls.root.id, "removal_interval": 5}
        )

    def record(self, days, channel="root", state="done", name="date_done"):
        job = self.model.with_delay(channel=channel)._test_job()
        record = self.model.browse(job.db_record().id)
        record.write({"state": state, name: datetime.now() - timedelta(days=days)})
        return record

    def collect(self):
        result = self.model._gc_old_jobs()
        return result

    def test_interval(self):
        self.assertEqual(self.model._removal_interval, 30)
        kept = self.record(29) + self.record(4, "root.qj") + self.record(29, "root.unknown")
        pending = self.model.with_delay()._test_job().db_record()
        old = (
            self.record(30)
            + self.record(5, "root.qj")
            + self.record(30, "root.unknown")
            + self.record(31, name="date_cancelled", state="cancelled")
        )
        self.assertEqual(self.collect(), (4, False))
        self.assertFalse(old.exists())
        self.assertEqual(len(kept.exists()), 3)
        self.assertTrue(pending.exists())

    def test_row_with_an_absurd_interval(self):
        self.env.cr.execute(
            "UPDATE queue_job_channel SET removal_interval = 999999 WHERE id = %s",
            [self.channel.id],
        )
        self.channel.invalidate_recordset()
        self.record(99, "root.qj")
        self.record(31)
        self.assertEqual(self.collect(), (1, False))

    def test_whatever_the_state(self):
        record = self.record(31, state="failed")
        self.assertEqual(self.collect(), (1, False))
        self.assertFalse(record.exists())

    def test_root_counts_for_unknown_channels(self):
        self.root.removal_interval = 3
        self.record(3, "root.unknown")
        self.assertEqual(self.collect(), (1, False))

    def test_batches(self):
        self.assertEqual(queue_job_retention.GC_BATCH, 1000)
        for _number in range(5):
            self.record(31)
        self.record(6, "root.qj")
        with mock.patch.object(queue_job_retention, "GC_BATCH", 3):
            self.assertEqual(self.collect(), (3, True))
            self.assertEqual(self.collect(), (3, False))
            self.assertEqual(self.collect(), (0, False))
