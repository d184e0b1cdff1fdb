# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
import hashlib
from contextlib import contextmanager
from unittest import mock

from odoo.addons.queue_job import job_insert
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


class TestIdentityGuard(TransactionCase):
    """Who holds the guard of a key; see also tests/postgres/test_identity.py."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.model = cls.env["queue.job"]

    def guard(self, job):
        self.env.flush_all()
        self.env.cr.execute("SELECT identity_guard FROM queue_job WHERE uuid = %s", (job.uuid,))
        return self.env.cr.fetchone()[0]

    def call(self, key="key"):
        return self.model.delayable(identity_key=key)._test_job()

    def delay(self, key="key"):
        return self.model.with_delay(identity_key=key)._test_job()

    def test_a_delayed_job_has_it_while_it_waits(self):
        job = self.delay()
        self.assertEqual(self.guard(job), "key")
        job.set_started()
        job.store()
        self.assertIsNone(self.guard(job))
        job.set_pending()
        job.store()
        self.assertEqual(self.guard(job), "key")
        self.assertIsNone(self.guard(self.delay(None)))

    def test_a_retry_beside_a_newer_job(self):
        old = self.delay()
        old.set_started()
        old.store()
        new = self.delay()
        old.set_pending(reset_retry=False)
        old.store()
        self.assertEqual((self.guard(old), self.guard(new)), (None, "key"))
        new.db_record().button_cancelled()
        self.assertEqual((self.guard(old), self.guard(new)), (None, None))

    def test_the_orm_takes_it_as_well(self):
        with mock.patch.object(job_insert, "creates_plainly", lambda *args: False):
            self.assertEqual(self.guard(self.delay()), "key")

    def test_in_a_graph_the_first_has_it(self):
        self.delay("a")
        calls = [self.call("a"), self.call("b"), self.call("b")]
        group(*calls).delay()
        guards = [self.guard(call._generated_job) for call in calls]
        self.assertEqual((guards[0], sorted(map(str, guards[1:]))), (None, ["None", "b"]))

    def test_a_job_that_is_stored_by_itself_never_fails_for_it(self):
        job = self.delay()
        other = Job(self.model._test_job, identity_key="key")
        other.store()
        self.assertEqual((self.guard(job), self.guard(other)), ("key", None))

    def test_rows_of_before_have_none(self):
        """Two jobs of an older version may wait with one key."""
        jobs = [Job(self.model._test_job, identity_key="key") for _ in range(2)]
        Job.store_many(jobs)
        self.env.cr.execute("UPDATE queue_job SET identity_guard = NULL WHERE identity_key = 'key'")
        self.assertIn(self.delay().uuid, [job.uuid for job in jobs])
        for job in jobs:
            job.set_enqueued()
            job.store()
            job.set_started()
            job.store()
        self.assertEqual(self.guard(self.delay()), "key")

    def test_a_key_that_was_taken_meanwhile(self):
        """The search does not see it yet, the index does."""
        job = self.delay()
        with (
            mock.patch.object(
                Job, "job_record_with_same_identity_key", lambda job: self.model.browse()
            ),
            mock.patch.object(self.registry, "cursor", self.this_cursor),
        ):
            found = self.delay()
        self.assertEqual((found._name, found), ("queue.job", job.db_record()))
        self.assertEqual((found.uuid, found.state), (job.uuid, "pending"))
        self.env.cr.execute("SELECT current_setting('lock_timeout')")
        self.assertEqual(self.env.cr.fetchone(), ("0",))

    @contextmanager
    def this_cursor(self):
        """In a test the job is in the transaction of the test."""
        yield self.env.cr
