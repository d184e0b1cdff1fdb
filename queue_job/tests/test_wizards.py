# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
from odoo.tests import TransactionCase


class TestWizards(TransactionCase):
    def run_wizard(self, model, method, state):
        records = self.env["queue.job"]
        for _number in range(2):
            job = records.with_delay()._test_job()
            job.state = state
            job.store()
            records += records.browse(job.db_record().id)
        wizard = (
            self.env[model]
            .with_context(active_model="queue.job", active_ids=records.ids)
            .create({})
        )
        self.assertEqual(wizard.job_ids, records)
        action = getattr(wizard, method)()
        self.assertEqual(action, {"type": "ir.actions.act_window_close"})
        return set(records.mapped("state"))

    def test_requeue(self):
        states = self.run_wizard("queue.requeue.job", "requeue", "failed")
        self.assertEqual(states, {"pending"})

    def test_done(self):
        states = self.run_wizard("queue.jobs.to.done", "set_done", "failed")
        self.assertEqual(states, {"done"})

    def test_cancelled(self):
        states = self.run_wizard("queue.jobs.to.cancelled", "set_cancelled", "pending")
        self.assertEqual(states, {"cancelled"})

    def test_without_a_selection(self):
        self.assertFalse(self.env["queue.requeue.job"].create({}).job_ids)
