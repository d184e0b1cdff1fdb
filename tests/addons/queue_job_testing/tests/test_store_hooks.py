# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
from odoo.addons.queue_job.job import Job
from odoo.tests import TransactionCase


class TestStoreHooks(TransactionCase):
    def test_specific_hook_wins(self):
        record = self.env["queue.job.testing"].create({"name": "a"})
        job = record.with_delay().rename("b")
        row = job.db_record()
        self.assertEqual((row.testing_note, row.testing_stage), ("of rename", "pending"))
        self.assertEqual((row.name, row.state), ("queue.job.testing.rename", "pending"))
        row = record.with_delay().note().db_record()
        self.assertEqual(
            (row.testing_note, row.name), ("general", "Return what it was called with")
        )

    def test_each_store_sees_the_new_state(self):
        job = self.env["queue.job.testing"].with_delay().rename("b")
        job = Job.load(self.env, job.uuid)
        for move in (job.set_enqueued, job.set_started, job.set_done):
            move()
            job.store()
            self.assertEqual(job.db_record().testing_stage, job.state)
        self.assertEqual(job.db_record().name, "queue.job.testing.rename")

    def test_other_models(self):
        row = self.env["res.partner"].with_delay().address_get().db_record()
        self.assertFalse(row.testing_note)

    def test_context_keys(self):
        records = self.env["queue.job.testing"].with_context(testing_key=1, other_key=2)
        job = Job.load(self.env, records.with_delay().note().uuid)
        self.assertEqual(dict(job.recordset.env.context), {"testing_key": 1})
