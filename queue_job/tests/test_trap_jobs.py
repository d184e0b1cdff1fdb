# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
from datetime import timedelta
from unittest import mock

from odoo.addons.queue_job.core.options import OPTION_NAMES
from odoo.addons.queue_job.delay import chain, group
from odoo.addons.queue_job.job import Job, identity_exact
from odoo.tests import TransactionCase

from .common import JobCall, JobCounter, JobMixin, JobsTrap, trap_jobs


class TestTrapJobs(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.model = cls.env["queue.job"]
        cls.partners = cls.env["res.partner"].create([{"name": "1"}, {"name": "2"}])

    def test_calls(self):
        with trap_jobs() as trap:
            self.assertIsInstance(trap, JobsTrap)
            job = self.partners.with_delay(priority=5, eta=15).write({"name": "x"})
        self.assertIsInstance(job, Job)
        self.assertFalse(self.env["queue.job"].search([("uuid", "=", job.uuid)]))
        (call,) = trap.calls
        self.assertIsInstance(call, JobCall)
        self.assertIsInstance(call, tuple)
        method, args, kwargs, properties = call
        self.assertEqual(method, self.partners.write)
        self.assertEqual((args, kwargs), (({"name": "x"},), {}))
        self.assertEqual(properties, {**dict.fromkeys(OPTION_NAMES), "priority": 5, "eta": 15})
        self.assertIsNone(properties["channel"])
        self.assertEqual(call._fields, ("method", "args", "kwargs", "properties"))
        self.assertEqual(trap.enqueued_jobs, [job])
        self.assertEqual(self.partners.mapped("name"), ["1", "2"])

    def test_count(self):
        with trap_jobs() as trap:
            trap.assert_jobs_count(0)
            self.partners.with_delay().address_get()
            self.partners[0].with_delay().address_get()
            self.partners.with_delay().name_search()
        self.assertEqual(trap.jobs_count(), 3)
        self.assertEqual(trap.jobs_count(only=self.partners.address_get), 1)
        self.assertEqual(trap.jobs_count(only=self.partners[1].address_get), 0)
        trap.assert_jobs_count(3)
        trap.assert_jobs_count(1, only=self.partners[0].address_get)
        with self.assertRaises(AssertionError):
            trap.assert_jobs_count(2)

    def test_assert_enqueued_job(self):
        options = {
            "priority": 5,
            "eta": timedelta(hours=1),
            "identity_key": identity_exact,
            "description": "D",
        }
        with trap_jobs() as trap:
            self.partners.with_delay(**options).write({"name": "x"}, k=1)
        found = {"args": ({"name": "x"},), "kwargs": {"k": 1}}
        trap.assert_enqueued_job(self.partners.write, **found)
        trap.assert_enqueued_job(self.partners.with_context(a=1).write, **found, properties=options)
        trap.assert_enqueued_job(self.partners.write, **found, properties={"priority": 5})
        for wrong in (
            {"method": self.partners[0].write, **found},
            {"method": self.partners.read, **found},
            {"method": self.partners.write},
            {"method": self.partners.write, "args": found["args"]},
            {"method": self.partners.write, **found, "args": [{"name": "x"}]},
            {"method": self.partners.write, **found, "properties": {"priority": 6}},
            {"method": self.partners.write, **found, "properties": {"max_retries": 1}},
        ):
            with self.assertRaises(AssertionError):
                trap.assert_enqueued_job(**wrong)

    def test_message(self):
        one, both = self.partners[0], self.partners
        with trap_jobs() as trap:
            with self.assertRaises(AssertionError) as caught:
                trap.assert_enqueued_job(one.write)
            self.assertEqual(
                str(caught.exception),
                f"Job <res.partner({one.id},)>.write() with properties () was not enqueued.\n"
                "Actual enqueued jobs:",
            )
            both.with_delay(
                channel="root.c",
                identity_key="key",
                description="D",
                eta=15,
                max_retries=2,
                priority=5,
            ).address_get(1, foo="two")
            one.with_delay().read()
        with self.assertRaises(AssertionError) as caught:
            trap.assert_enqueued_job(
                one.write, args=(1, "a"), kwargs={"foo": 2}, properties={"eta": 1, "priority": 4}
            )
        self.assertEqual(
            str(caught.exception),
            f"Job <res.partner({one.id},)>.write(1, a, foo=2) with properties"
            " (eta=1, priority=4) was not enqueued.\n"
            "Actual enqueued jobs:\n"
            f" * <res.partner{tuple(both.ids)}>.address_get(1, foo=two) with properties"
            " (priority=5, eta=15)\n"
            f" * <res.partner({one.id},)>.read() with properties (priority=None, eta=None)",
        )
        with self.assertRaises(AssertionError) as caught:
            trap.assert_enqueued_job(both.address_get)
        self.assertIn("address_get(1, foo=two) with properties ()\n", str(caught.exception))

    def test_identity(self):
        with trap_jobs() as trap:
            first = self.partners.with_delay(identity_key="key").address_get()
            second = self.partners.with_delay(identity_key="key").address_get()
            self.partners.with_delay(identity_key="other").address_get()
        self.assertEqual(len(trap.calls), 3)
        trap.assert_jobs_count(2)
        self.assertEqual(first, second)

    def test_perform(self):
        with trap_jobs() as trap:
            low = self.partners[0].with_delay(priority=20).write({"name": "low"})
            high = self.partners[0].with_delay(priority=1).write({"name": "high"})
            trap.perform_enqueued_jobs()
            self.assertEqual(trap.enqueued_jobs, [])
            self.assertEqual(len(trap.calls), 2)
        self.assertEqual(self.partners[0].name, "low")
        self.assertEqual((low.state, high.state, low.result), ("done", "done", True))

    def test_perform_graphs(self):
        done = []

        def method(records, name):
            done.append(name)
            return name

        method.__name__ = "qj_test"
        model = type(self.partners)
        with mock.patch.object(model, "qj_test", method, create=True), trap_jobs() as trap:
            calls = {
                name: self.partners.delayable(priority=ord("z") - ord(name)).qj_test(name)
                for name in "abcd"
            }
            calls["d"].on_done(calls["b"])
            group(calls["b"], chain(calls["c"], calls["a"])).delay()
            self.partners.with_delay().qj_test("single")
            trap.assert_jobs_count(5)
            jobs = {name: call._generated_job for name, call in calls.items()}
            self.assertEqual(jobs["a"].depends_on, {jobs["c"]})
            self.assertTrue(jobs["a"].graph_uuid)
            trap.perform_enqueued_jobs()
        self.assertEqual(done[0], "single")
        self.assertLess(done.index("d"), done.index("b"))
        self.assertLess(done.index("c"), done.index("a"))
        self.assertEqual(jobs["a"].result, "a")

    def test_delayed_meanwhile(self):
        def method(records):
            records.with_delay().address_get()

        method.__name__ = "qj_test"
        model = type(self.partners)
        with mock.patch.object(model, "qj_test", method, create=True), trap_jobs() as outer:
            self.partners.with_delay().qj_test()
            with trap_jobs() as inner:
                outer.perform_enqueued_jobs()
            outer.assert_jobs_count(0)
            inner.assert_jobs_count(1, only=self.partners.address_get)
            self.partners.with_delay().address_get()
            outer.assert_jobs_count(1)
            self.assertEqual(inner.jobs_count(), 1)

    def test_context_is_that_of_a_stored_job(self):
        records = self.partners.with_context(lang="en_US", tz="UTC", other=1)
        with trap_jobs() as trap:
            job = records.with_delay().address_get()
        self.assertEqual(dict(job.recordset.env.context), {"lang": "en_US", "tz": "UTC"})
        self.assertEqual(trap.enqueued_jobs[0].recordset, self.partners)

    def test_no_delay_is_stronger(self):
        counter = JobCounter(self.env)
        with trap_jobs():
            self.partners.with_context(queue_job__no_delay=True).with_delay().write({"name": "now"})
        self.assertEqual(set(self.partners.mapped("name")), {"now"})
        self.assertEqual(counter.count_created(), 0)


class TestJobMixin(TransactionCase, JobMixin):
    def test_counter(self):
        model = self.env["queue.job"]
        model.with_delay()._test_job()
        counter = self.job_counter()
        self.assertIsInstance(counter, JobCounter)
        existing = counter.count_existing()
        self.assertEqual(counter.count_created(), 0)
        job = model.with_delay()._test_job()
        self.assertEqual(counter.count_created(), 1)
        self.assertEqual(counter.count_all(), existing + 1)
        self.assertEqual(counter.count_existing(), existing)
        self.assertEqual(counter.search_created(), job.db_record())
        self.assertEqual(counter.search_all() - counter.existing, job.db_record())
        with mock.patch.object(type(model), "_test_job") as method:
            self.perform_jobs(counter)
        method.assert_called_once_with()
        self.assertEqual(job.db_record().state, "pending")

    def test_perform_jobs_in_order(self):
        partner = self.env["res.partner"].create({"name": "0"})
        counter = self.job_counter()
        for name in "123":
            partner.with_delay().write({"name": name})
        self.perform_jobs(counter)
        self.assertEqual(partner.name, "3")

    def test_trap(self):
        with self.trap_jobs() as trap:
            self.env["queue.job"].with_delay()._test_job()
        trap.assert_jobs_count(1)
