# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
from odoo.tests import TransactionCase


class TestDeclaration(TransactionCase):
    """Channels and functions that several records of data files declare are one."""

    def test_channels(self):
        channel = self.env.ref("queue_job_testing.channel_testing")
        again = self.env.ref("queue_job_testing.channel_testing_again")
        self.assertEqual(channel, again)
        self.assertEqual(channel.removal_interval, 5)
        sub = self.env.ref("queue_job_testing.channel_testing_sub")
        self.assertEqual(sub.complete_name, "root.testing.sub")

    def test_root_too(self):
        root = self.env.ref("queue_job.channel_root")
        self.assertEqual(root, self.env.ref("queue_job_testing.channel_root_again"))
        self.assertEqual(root.removal_interval, 5)

    def test_functions(self):
        rename = self.env.ref("queue_job_testing.function_rename")
        self.assertEqual(rename, self.env.ref("queue_job_testing.function_rename_again"))
        self.assertEqual(rename.channel, "root.testing")
        note = self.env.ref("queue_job_testing.function_note")
        self.assertEqual(note.edit_retry_pattern, "{1: 10, 3: 20, 5: (30, 40)}")
        self.assertEqual((note.model_id.model, note.method), ("queue.job.testing", "note"))
        job = self.env["queue.job.testing"].with_delay().note()
        self.assertEqual(job.channel, "root.testing.sub")
        self.assertEqual(job.db_record().channel, "root.testing.sub")
        self.assertEqual(job.db_record().job_function_id, note)

    def test_function_that_is_not_updated(self):
        function = self.env.ref("queue_job.job_function_queue_job__test_job")
        self.assertEqual(function, self.env.ref("queue_job_testing.function_test_job_again"))
        self.assertEqual(function.channel, "root")

    def test_related_action(self):
        record = self.env["queue.job.testing"].with_delay().note().db_record()
        self.assertEqual(
            record.open_related_action(),
            {"type": "testing", "uuid": record.uuid, "kwargs": {"name": "Partner"}},
        )
