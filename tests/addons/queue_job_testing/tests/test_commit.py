# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
from odoo.addons.queue_job.controllers.main import RunJobController
from odoo.addons.queue_job.job import Job
from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.tests import TransactionCase


class TestCommit(TransactionCase):
    def test_own_cursor(self):
        record = self.env["queue.job.testing"].create({"name": "before"})
        others = {"one": record, "two": record}
        job = Job(record.rename_and_commit, args=("after",), kwargs={"others": others})
        job.store()
        with self.enter_registry_test_mode():
            cursors = set(job.perform())
        self.assertEqual(len(cursors), 1)
        self.assertNotIn(self.env.cr, cursors)
        self.assertEqual(record.name, "after")
        self.assertIs(job.recordset.env.cr, self.env.cr)
        self.assertIs(job.kwargs["others"]["one"].env.cr, self.env.cr)

    def test_run(self):
        record = self.env["queue.job.testing"].create({"name": "before"})
        job = record.with_delay().rename_and_commit("after")
        with self.enter_registry_test_mode():
            RunJobController._runjob(self.env, Job.load(self.env, job.uuid))
        self.assertEqual((job.db_record().state, record.name), ("done", "after"))

    def test_in_the_transaction_of_the_caller(self):
        """Without delay, and in a trap: a cursor of its own would not see the record."""
        name = "<queue.job.testing>.rename_where_commits_are_allowed"
        self.env["queue.job.function"].create({"name": name, "allow_commit": True})
        record = self.env["queue.job.testing"].create({"name": "before"})
        now = record.with_context(queue_job__no_delay=True)
        job = now.with_delay().rename_where_commits_are_allowed("after")
        self.assertIs(job.result, self.env.cr)
        self.assertEqual(record.name, "after")
        with trap_jobs() as trap:
            record.with_delay().rename_where_commits_are_allowed("last")
            trap.perform_enqueued_jobs()
        self.assertEqual(record.name, "last")
