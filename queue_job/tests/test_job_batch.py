# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Many jobs moved by hand at once: as one after the other, with few statements."""

from collections import Counter
from unittest import mock

from odoo.addons.queue_job import job_batch
from odoo.addons.queue_job.delay import chain, group
from odoo.addons.queue_job.job import STATES, Job
from odoo.tests import TransactionCase

#: Differ between two rows, or are moments.
OWN_COLUMNS = {"id", "uuid", "graph_uuid", "dependencies", "date_created", "identity_key"}
#: Of a barrier.
MANY = 12


class JobBatchCase(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.model = cls.env["queue.job"]

    def call(self, **options):
        return self.model.delayable(**options)._test_job()

    def records(self, *calls):
        return self.model.browse([call._generated_job.db_record().id for call in calls])

    def delay(self, count):
        jobs = [self.model.with_delay()._test_job() for _number in range(count)]
        return self.model.browse(Job.db_records_from_uuids(self.env, [j.uuid for j in jobs]).ids)

    def set_state(self, records, state):
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE queue_job SET state = %s WHERE id = ANY(%s)", (state, records.ids)
        )
        self.env.invalidate_all()


class TestAsOneAfterTheOther(JobBatchCase):
    def make(self, key):
        """:return: jobs of all kinds, each after those it depends on"""
        alone = [self.call(description=state) for state, _label in STATES]
        first, second, third = (self.call(description=f"chain {n}") for n in range(3))
        chain(first, second, third).delay()
        fathers, sons = ([self.call() for _number in range(MANY)] for _generation in range(2))
        chain(group(*fathers), group(*sons)).delay()
        for call in alone:
            call.delay()
        records = self.records(*alone, first, second, third, *fathers, *sons)
        for record, (state, _label) in zip(records, STATES, strict=False):
            self.set_state(record, state)
        failed = self.records(alone[-1])
        failed.write({"exc_name": "E", "exc_info": "T", "retry": 3, "interruptions": 2})
        failed.write({"date_started": "2020-01-01 00:00:00", "date_done": "2020-01-01 00:01:00"})
        failed.write({"exec_time": 60, "eta": "2020-01-02 00:00:00"})
        # of two with one key
        keyed = self.records(alone[-1], alone[-2])
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE queue_job SET identity_key = %s WHERE id = ANY(%s)", (key, keyed.ids)
        )
        self.env.invalidate_all()
        return records

    def rows(self, records):
        self.env.flush_all()
        self.env.cr.execute(
            "SELECT * FROM queue_job WHERE id = ANY(%s) ORDER BY id", (records.ids,)
        )
        columns = [column.name for column in self.env.cr.description]
        return [self.comparable(zip(columns, row, strict=True)) for row in self.env.cr.fetchall()]

    def comparable(self, items):
        row = {name: value for name, value in items if name not in OWN_COLUMNS}
        for name in row:
            if name.startswith("date_") or name in ("exec_time", "identity_guard"):
                row[name] = bool(row[name])
        return row

    def check(self, *buttons):
        one_by_one, together = self.make("a"), self.make("b")
        for button in buttons:
            for record in one_by_one:
                getattr(record, button)()
            getattr(together, button)()
        expected = self.rows(one_by_one)
        for row, other in zip(self.rows(together), expected, strict=True):
            self.assertEqual(row, other)
        return Counter(row["state"] for row in expected)

    def test_done(self):
        states = self.check("button_done")
        self.assertEqual(set(states), {"done", "started", "cancelled"})

    def test_cancelled(self):
        states = self.check("button_cancelled")
        self.assertEqual(set(states), {"done", "started", "cancelled"})

    def test_requeue(self):
        states = self.check("button_done", "requeue")
        # second and third of the chain, those behind the barrier, and what waits already
        self.assertEqual(states["wait_dependencies"], 2 + MANY)
        self.assertNotIn("done", states)

    def test_requeue_of_cancelled_ones(self):
        states = self.check("button_cancelled", "requeue")
        self.assertEqual(states["wait_dependencies"], 2 + MANY)

    def test_requeue_behind_others(self):
        """Those that are not requeued with them count as well, as far as they are not done."""
        for parents_state, expected in (("done", "pending"), ("failed", "wait_dependencies")):
            fathers, sons = ([self.call() for _number in range(MANY)] for _generation in range(2))
            last = self.call()
            chain(group(*fathers), group(*sons), last).delay()
            fathers, sons, last = self.records(*fathers), self.records(*sons), self.records(last)
            self.set_state(fathers + sons + last, "done")
            self.set_state(fathers[0], parents_state)
            (last + sons).requeue()
            self.assertEqual(set(sons.mapped("state")), {expected})
            self.assertEqual(last.state, "wait_dependencies")

    def test_done_releases_what_is_not_selected(self):
        first, second, third, other = (self.call() for _number in range(4))
        chain(group(first, second), third).delay()
        other.on_done(third).delay()
        first, second, third, other = self.records(first, second, third, other)
        (first + second).button_done()
        self.assertEqual(third.state, "wait_dependencies")
        other.button_done()
        self.assertEqual(third.state, "pending")

    def test_done_opens_a_barrier(self):
        fathers, sons = ([self.call() for _number in range(MANY)] for _generation in range(2))
        chain(group(*fathers), group(*sons)).delay()
        fathers, sons = self.records(*fathers), self.records(*sons)
        fathers[1:].button_done()
        self.assertEqual(set(sons.mapped("state")), {"wait_dependencies"})
        fathers.button_done()
        self.assertEqual(set(sons.mapped("state")), {"pending"})

    def test_a_handler_of_failures_that_is_selected(self):
        for button, expected in (("button_done", "done"), ("button_cancelled", "cancelled")):
            work, handler = self.call(), self.call()
            work.on_error(handler).delay()
            records = self.records(work, handler)
            getattr(records, button)()
            self.env.flush_all()
            self.env.invalidate_all()
            self.assertEqual(records.mapped("state"), [expected] * 2)

    def test_one_moment(self):
        """Also of several batches."""
        records = self.delay(3)
        with mock.patch.object(job_batch, "SIZE", 2):
            records.button_done()
        self.assertEqual(set(records.mapped("state")), {"done"})
        self.assertEqual(len(set(records.mapped("date_done"))), 1)


class TestStatements(JobBatchCase):
    def count(self, button, records):
        self.env.flush_all()
        self.env.invalidate_all()
        before = self.env.cr.sql_log_count
        getattr(records, button)()
        self.env.flush_all()
        return self.env.cr.sql_log_count - before

    def test_few(self):
        records = self.delay(300)
        for button, state in (
            ("button_done", "done"),
            ("requeue", "pending"),
            ("button_cancelled", "cancelled"),
            ("requeue", "pending"),
        ):
            self.assertLess(self.count(button, records), 30, button)
            self.assertEqual(set(records.mapped("state")), {state})

    def test_few_for_graphs(self):
        calls = [self.call() for _number in range(300)]
        for first, second, third in zip(*[iter(calls)] * 3, strict=True):
            chain(first, second, third).delay()
        records = self.records(*calls)
        for button in ("button_done", "requeue", "button_cancelled", "requeue"):
            self.assertLess(self.count(button, records), 30, button)
        self.assertEqual(
            Counter(records.mapped("state")), {"pending": 100, "wait_dependencies": 200}
        )


class TestExtensionPoints(JobBatchCase):
    def test_an_override_of_write_sees_each_job(self):
        cls, seen = type(self.model), []
        write = cls.write

        def override(records, vals):
            if vals.get("state") == "done":
                seen.append((records.ids, set(vals)))
            return write(records, vals)

        override.__module__ = "odoo.addons.some_addon.models.queue_job"
        records = self.delay(2)
        self.patch(cls, "write", override)
        records.button_done()
        self.assertEqual([ids for ids, _names in seen], [[record.id] for record in records])
        self.assertIn("priority", seen[0][1])

    def test_hooks_of_a_model(self):
        cls, seen = type(self.model), []

        def hook(records, job):
            seen.append((job.uuid, job.state))
            return {"worker_pid": 1, "eta_passed": "2020-01-01 00:00:00"}

        records = self.delay(2)
        self.patch(cls, "_job_store_values", hook)
        records.button_done()
        self.assertEqual(seen, [(record.uuid, "done") for record in records])
        self.assertEqual([bool(record.eta_passed) for record in records], [True, True])
        self.assertEqual(set(records.mapped("worker_pid")), {0})
