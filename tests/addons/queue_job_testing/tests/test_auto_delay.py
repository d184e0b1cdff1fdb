# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
import functools
import inspect

from odoo.addons.queue_job.job import Job
from odoo.addons.queue_job.tests.common import JobMixin
from odoo.tests import TransactionCase, tagged


# hooks are registered when all modules are loaded
@tagged("post_install", "-at_install")
class TestAutoDelay(TransactionCase, JobMixin):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.record = cls.env["queue.job.testing"].create({"name": "before"})

    def test_always(self):
        job = self.record.auto_always("x")
        self.assertIsInstance(job, Job)
        row = job.db_record()
        self.assertEqual((row.priority, row.name), (3, "auto x"))
        self.assertEqual((row.method_name, row.args), ("auto_always", ["x"]))
        self.assertEqual(self.record.name, "before")

    def test_inside_a_job(self):
        job = Job.load(self.env, self.record.auto_always("x").uuid)
        self.assertEqual(job.perform(), "ran")
        self.assertEqual(self.record.name, "x")
        self.assertEqual(self.record.with_context(job_uuid="any").auto_always("y"), "ran")
        self.assertIsInstance(self.record.with_context(job_uuid=False).auto_always("y"), Job)

    def test_without_delay(self):
        record = self.record.with_context(queue_job__no_delay=True)
        self.assertEqual(record.auto_always("y"), "ran")

    def test_context_key(self):
        self.assertEqual(self.record.auto_with_key(), "ran")
        self.assertIsInstance(
            self.record.with_context(testing_auto_delay=True).auto_with_key(), Job
        )

    def test_origin(self):
        method = type(self.record).auto_always
        self.assertNotEqual(method.origin, method)
        self.assertEqual(method.origin(self.record, "z"), "ran")
        self.assertEqual(method.__name__, "auto_always")

    def test_patch(self):
        model = self.env["queue.job.testing"]
        origin = model.undocumented.__func__
        patched = model._patch_job_auto_delay("undocumented", context_key="k")
        self.addCleanup(delattr, type(model), "undocumented")
        self.assertIs(patched.origin, origin)
        self.assertIs(self.record.undocumented(), True)
        self.assertIsInstance(self.record.with_context(k=1).undocumented(), Job)

    def test_put_in_the_class_by_the_caller(self):
        """As a wrapper of what is there: addons know of no other way."""
        model = self.env["queue.job.testing"]
        patched = model._patch_job_auto_delay("undocumented", context_key="k")
        self.addCleanup(delattr, type(model), "undocumented")
        type(model).undocumented = functools.update_wrapper(patched, type(model).undocumented)
        self.assertEqual(str(inspect.signature(type(model).undocumented)), "(self)")
        self.assertIs(self.record.undocumented(), True)
        self.assertIsInstance(self.record.with_context(k=1).undocumented(), Job)

    def test_trapped(self):
        with self.trap_jobs() as trap:
            self.record.auto_always("x")
        trap.assert_enqueued_job(self.record.auto_always, args=("x",), properties={"priority": 3})
        trap.perform_enqueued_jobs()
        self.assertEqual(self.record.name, "x")
