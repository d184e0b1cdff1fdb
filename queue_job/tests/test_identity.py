# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
import hashlib

from odoo.addons.queue_job.delay import chain, group
from odoo.addons.queue_job.job import Job, identity_exact, identity_exact_hasher
from odoo.tests import TransactionCase


class TestIdentity(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.model = cls.env["queue.job"]
        cls.partners = cls.env["res.partner"].create([{"name": "1"}, {"name": "2"}])

    def delay(self, key="key"):
        return self.model.with_delay(identity_key=key)._test_job()

    def test_digest(self):
        one, two = self.partners
        job = Job((two + one).write, args=({"é": 1},), kwargs={"b": 1, "a": "x"})
        text = (f"res.partnerwrite{[one.id, two.id]}({{'é': 1}},)[('a', 'x'), ('b', 1)]").encode()
        self.assertEqual(identity_exact(job), hashlib.sha1(text).hexdigest())
        hasher = identity_exact_hasher(job)
        hasher.update(b"more")
        self.assertEqual(hasher.hexdigest(), hashlib.sha1(text + b"more").hexdigest())

    def test_waiting_job_is_reused(self):
        job = self.delay()
        for state in ("pending", "enqueued", "wait_dependencies"):
            job.state = state
            job.store()
            existing = self.delay()
            self.assertEqual(existing._name, "queue.job")
            self.assertEqual(existing, job.db_record())
            self.assertEqual(existing.uuid, job.uuid)
        self.assertEqual(job.job_record_with_same_identity_key(), job.db_record())
        for state in ("started", "done", "failed", "cancelled"):
            job.state = state
            job.store()
            other = self.delay()
            self.assertIsInstance(other, Job)
            self.assertNotEqual(other, job)
            other.state = "done"
            other.store()

    def test_function(self):
        one = self.delay(identity_exact)
        self.assertEqual(one.identity_key, identity_exact(one))
        self.assertEqual(self.delay(identity_exact).uuid, one.uuid)

    def test_function_that_gives_no_key(self):
        one = self.delay(lambda job: None)
        self.assertIsNone(one.identity_key)
        self.assertNotEqual(self.delay(lambda job: None).uuid, one.uuid)

    def test_no_key(self):
        self.assertNotEqual(self.delay(None).uuid, self.delay(None).uuid)

    def calls(self, *keys):
        return [self.model.delayable(identity_key=key)._test_job() for key in keys]

    def test_graph_of_jobs_that_exist(self):
        first = chain(*self.calls("a", None, "b"))
        first.delay()
        count = self.model.search_count([])
        again = self.calls("a", None, "b")
        chain(*again).delay()
        self.assertEqual(self.model.search_count([]), count)
        for call, other in zip(again[::2], first.members[::2], strict=True):
            self.assertEqual(call._generated_job, other._generated_job.db_record())

    def test_graph_with_one_new_job(self):
        self.delay("a")
        count = self.model.search_count([])
        calls = self.calls("a", "new")
        group(*calls).delay()
        self.assertEqual(self.model.search_count([]), count + 2)

    def test_followed_after_it_was_reused(self):
        self.delay("a")
        (call,) = self.calls("a")
        call.delay()
        (other,) = self.calls(None)
        call.on_done(other)
        call.delay()
        self.assertEqual(call._generated_job.uuid, self.delay("a").uuid)
        self.assertEqual(other._generated_job.state, "wait_dependencies")
        self.assertEqual(other._generated_job.depends_on, {call._generated_job})
