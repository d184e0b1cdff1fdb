# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Groups before groups meet at a barrier, and nobody notices."""

from unittest import mock

from odoo.addons.queue_job import dependency
from odoo.addons.queue_job.core.barrier import Barrier
from odoo.addons.queue_job.delay import chain, group
from odoo.addons.queue_job.job import Job
from odoo.addons.queue_job.models import queue_job_graph
from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.tests import TransactionCase

SIZE = 11


class TestBarrier(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.model = cls.env["queue.job"]

    def calls(self, count=SIZE):
        return [self.model.delayable(description=str(n))._test_job() for n in range(count)]

    def jobs(self, calls):
        return [call._generated_job for call in calls]

    def delay(self):
        """:return: the jobs of three groups, each before the next, and of a last one"""
        groups = [self.calls(), self.calls(), self.calls()]
        (last,) = self.calls(1)
        chain(*(group(*calls) for calls in groups), last).delay()
        return [*map(self.jobs, groups), last._generated_job]

    def records(self, jobs):
        return Job.db_records_from_uuids(self.env, [job.uuid for job in jobs])

    def count(self, table):
        self.env.cr.execute(f"SELECT count(*) FROM {table}")
        return self.env.cr.fetchone()[0]

    def states(self, jobs):
        self.env.flush_all()
        self.env.invalidate_all()
        return set(self.records(jobs).mapped("state"))

    def done(self, *jobs):
        for job in jobs:
            job.set_done()
            job.store()
            job.enqueue_waiting()

    def test_few_rows(self):
        self.assertTrue(Barrier.is_worth(range(SIZE), range(SIZE)))
        before = self.count("queue_job_dependency"), self.count("queue_job_barrier")
        self.delay()
        self.assertEqual(self.count("queue_job_dependency") - before[0], SIZE)
        self.assertEqual(self.count("queue_job_barrier") - before[1], 4 * SIZE)

    def test_a_small_graph_has_edges(self):
        before = self.count("queue_job_barrier")
        chain(group(*self.calls(3)), group(*self.calls(3))).delay()
        self.assertEqual(self.count("queue_job_barrier"), before)

    def test_in_memory(self):
        first, second, third, last = self.delay()
        self.assertEqual({job.state for job in first}, {"pending"})
        self.assertEqual({job.state for job in (*second, *third, last)}, {"wait_dependencies"})
        self.assertEqual(second[0].depends_on, set(first))
        self.assertEqual(second[0].reverse_depends_on, set(third))
        self.assertEqual(third[0].depends_on, set(second))
        self.assertEqual(third[0].reverse_depends_on, {last})
        self.assertTrue(first[0].should_check_dependents())
        self.assertFalse(last.should_check_dependents())
        self.assertEqual(len({job.graph_uuid for job in (*first, *second, *third, last)}), 1)

    def test_loaded(self):
        first, second, third, last = self.delay()
        loaded = Job.load(self.env, third[0].uuid)
        self.assertEqual(loaded.depends_on, set(second))
        self.assertEqual(loaded.reverse_depends_on, {last})
        loaded = Job.load(self.env, first[0].uuid)
        self.assertEqual((loaded.depends_on, loaded.reverse_depends_on), (set(), set(second)))
        loaded.set_started()
        loaded.store()
        self.assertTrue(loaded.lock())
        self.assertTrue(loaded.has_dependents)

    def test_dependencies_are_readable(self):
        first, second, third, last = self.delay()

        def uuids(jobs):
            return sorted(job.uuid for job in jobs)

        (record,) = self.records(third[:1])
        expected = {"depends_on": uuids(second), "reverse_depends_on": [last.uuid]}
        self.assertEqual(record.dependencies, expected)
        self.assertEqual(record.read(["dependencies"])[0]["dependencies"], expected)
        for job in (third[0], Job.load(self.env, third[0].uuid)):
            job.depends_on  # noqa: B018
            job.store()
        self.env.flush_all()
        self.env.cr.execute("SELECT dependencies FROM queue_job WHERE id = %s", (record.id,))
        self.assertNotIn(second[0].uuid, self.env.cr.fetchone()[0])
        self.env.invalidate_all()
        self.assertEqual(record.dependencies, expected)
        self.assertEqual(self.records(first)[0].dependencies["depends_on"], [])

    def test_fields_and_searches(self):
        first, second, third, last = map(self.records, [*(jobs := self.delay())[:3], [jobs[3]]])
        self.assertEqual(second[0].dependency_ids, first)
        self.assertEqual(second[0].dependent_ids, third)
        self.assertEqual((first.dependent_ids, last.dependency_ids), (second, third))
        ours = first + second + third + last

        def search(*condition):
            return self.model.search([("id", "in", ours.ids), condition], order="id")

        self.assertEqual(search("dependency_ids", "in", first[0].ids), second)
        self.assertEqual(search("dependent_ids", "in", third[0].ids), second)
        self.assertEqual(search("dependency_ids", "any", [("state", "=", "pending")]), second)
        self.assertEqual(search("dependent_ids", "any", [("id", "=", last.id)]), third)
        not_any = [("state", "=", "wait_dependencies")]
        self.assertEqual(search("dependency_ids", "not any", not_any), first + second)
        self.assertEqual(search("dependency_ids", "=", False), first)
        self.assertEqual(search("dependent_ids", "=", False), last)
        self.assertEqual(search("dependency_ids.name", "=", "3").ids, (second + third + last).ids)
        edges = first[0].dependency_graph["edges"]
        self.assertEqual(len(edges), 2 * SIZE * SIZE + SIZE)

    def test_the_picture_of_a_large_graph(self):
        size = 80
        one, two = self.calls(size), self.calls(size)
        element = chain(group(*one), group(*two))
        two[0].on_done(*self.calls(1))
        element.delay()
        one, two = (self.records(self.jobs(calls)) for calls in (one, two))
        graph = one[0].dependency_graph
        self.assertEqual(graph["barriers"], [[one.ids, two.ids]])
        self.assertEqual(graph["edges"], [[two[0].id, two[0].dependent_ids.id]])
        self.assertEqual(len(graph["nodes"]), 2 * size + 1)
        self.assertNotIn("left_out", graph)
        with mock.patch.object(queue_job_graph, "MAX_NODES", 20):
            self.env.invalidate_all()
            graph = two[3].dependency_graph
        nodes = {node["id"] for node in graph["nodes"]}
        self.assertEqual((len(nodes), graph["left_out"]), (20, 2 * size + 1 - 20))
        self.assertIn(two[3].id, nodes)
        self.assertTrue(nodes.intersection(one.ids))
        self.assertEqual(
            sorted(map(tuple, graph["edges"])),
            [(a, b) for a in one.ids for b in two.ids if nodes.issuperset((a, b))],
        )

    def test_rows_read_for_many(self):
        """As many as there are places at the barrier, not the square of that."""
        size = 150
        one, two = self.calls(size), self.calls(size)
        chain(group(*one), group(*two)).delay()
        one, two = (self.records(self.jobs(calls)) for calls in (one, two))
        pairs, barriers = dependency.links_among(self.env, (one + two).ids)
        self.assertEqual((pairs, barriers), ([], [(one.ids, two.ids)]))
        self.assertEqual(self.env.cr.rowcount, 2 * size)
        (two + one).button_cancelled()
        self.assertEqual(set(one.mapped("result")), {f"Cancelled by {self.env.user.name}"})
        self.assertEqual(
            set(two.mapped("result")), {"Cancelled because a job it depends on was cancelled"}
        )
        self.assertEqual(set(two.mapped("date_cancelled")), {max(one.mapped("date_cancelled"))})

    def test_linked_twice(self):
        first, second, *_rest = self.delay()
        second[0].add_depends({first[0]})
        second[0].store()
        self.assertEqual(len(self.records(second)[0].dependency_ids), SIZE)
        self.assertEqual(len(self.records(second)[0].dependencies["depends_on"]), SIZE)

    def test_a_job_that_waits_already(self):
        """A worker may be about to start it: it has to find that the row has changed meanwhile."""
        for parents, siblings in ((1, 0), (SIZE, SIZE)):
            with self.subTest(parents=parents):
                first, second = self.calls(2)
                chain(first, second).delay()
                self.env.flush_all()
                before = self.version(second._generated_job)
                behind = group(second, *self.calls(siblings))
                group(*self.calls(parents)).on_done(behind).delay()
                self.env.flush_all()
                self.assertNotEqual(self.version(second._generated_job), before)

    def test_a_new_parent_that_is_stored_alone(self):
        first, second = self.calls(2)
        chain(first, second).delay()
        self.env.flush_all()
        before = self.version(second._generated_job)
        parent = Job(self.model._test_job)
        Job.load(self.env, second._generated_job.uuid).add_depends({parent})
        parent.store()
        self.env.flush_all()
        self.assertNotEqual(self.version(second._generated_job), before)

    def test_a_parent_that_is_stored_again(self):
        """Nothing is new for the child: several parents that end at once must not conflict."""
        first, second = self.calls(2)
        chain(first, second).delay()
        self.env.flush_all()
        before = self.version(second._generated_job)
        first._generated_job.store()
        self.env.flush_all()
        self.assertEqual(self.version(second._generated_job), before)

    def version(self, job):
        self.env.cr.execute("SELECT ctid FROM queue_job WHERE uuid = %s", [job.uuid])
        return self.env.cr.fetchone()

    def test_release(self):
        first, second, third, last = self.delay()
        self.done(*first[1:])
        self.assertEqual(self.states(second), {"wait_dependencies"})
        self.done(first[0])
        self.assertEqual(self.states(second), {"pending"})
        self.assertEqual(self.states(third), {"wait_dependencies"})
        self.done(*second)
        self.assertEqual(self.states(third), {"pending"})
        self.done(*third)
        self.assertEqual(self.states([last]), {"pending"})
        first[0].enqueue_waiting()
        self.assertEqual(self.states([last]), {"pending"})

    def test_release_behind_an_edge_and_a_barrier(self):
        one, two, (single,) = self.calls(), self.calls(), self.calls(1)
        graph = group(*one).on_done(group(*two))
        single.on_done(two[0])
        graph.delay()
        self.done(*self.jobs(one))
        self.assertEqual(self.states(self.jobs(two[1:])), {"pending"})
        self.assertEqual(self.states(self.jobs(two[:1])), {"wait_dependencies"})
        self.done(single._generated_job)
        self.assertEqual(self.states(self.jobs(two[:1])), {"pending"})

    def test_two_barriers(self):
        one, two, behind = self.calls(), self.calls(), self.calls()
        end = group(*behind)
        group(*one).on_done(end)
        group(*two).on_done(end)
        end.delay()
        one, two, behind = map(self.jobs, (one, two, behind))
        self.done(*one)
        self.assertEqual(self.states(behind), {"wait_dependencies"})
        self.done(*two)
        self.assertEqual(self.states(behind), {"pending"})

    def test_requeue(self):
        first, second, *_rest = self.delay()
        self.done(*first)
        loaded = Job.load(self.env, second[0].uuid)
        loaded.set_pending()
        self.assertEqual(loaded.state, "pending")
        self.records(first[:1]).requeue()
        loaded.set_pending()
        self.assertEqual(loaded.state, "wait_dependencies")

    def test_cancel(self):
        first, second, third, last = self.delay()
        self.records(first[:1]).button_cancelled()
        self.assertEqual(self.states([*second, *third, last]), {"cancelled"})
        self.assertEqual(self.states(first), {"cancelled", "pending"})

    def test_delete(self):
        first, second, *_rest = self.delay()
        self.env.flush_all()
        self.env.cr.execute(
            "DELETE FROM queue_job WHERE uuid IN %s", (tuple(job.uuid for job in first[1:]),)
        )
        self.env.invalidate_all()
        self.assertEqual(self.records(second)[0].dependency_ids, self.records(first))
        self.records(first).unlink()
        self.assertEqual(self.states(second), {"cancelled"})

    def test_delayed_again(self):
        one, two = self.calls(), self.calls()
        graph = group(*one).on_done(group(*two))
        graph.delay()
        before = self.count("queue_job_barrier")
        (more,) = self.calls(1)
        graph.on_done(more)
        graph.delay()
        self.assertEqual(self.count("queue_job_barrier"), before)
        self.assertEqual(more._generated_job.depends_on, set(self.jobs(one)))
        self.assertEqual(two[0]._generated_job.depends_on, set(self.jobs(one)))
        self.assertEqual(two[0]._generated_job.state, "wait_dependencies")

    def test_merged_graph(self):
        one, two = self.calls(), self.calls()
        element = chain(group(*one), group(*two))
        graph = element._graph._connect_graphs()
        self.assertEqual(graph.vertices(), {*one, *two})
        self.assertEqual(len(graph.edges()), SIZE * SIZE)
        element.delay()

    def test_circle(self):
        one, two = group(*self.calls()), group(*self.calls())
        one.on_done(two)
        two.on_done(one)
        with self.assertRaisesRegex(ValueError, "cycle"):
            one.delay()
        for call in (*one.members, *two.members):
            call._generated_job = True

    def test_trap(self):
        with trap_jobs() as trap:
            one, two = self.calls(), self.calls()
            chain(group(*one), group(*two)).delay()
            trap.assert_jobs_count(2 * SIZE)
            self.assertEqual(two[0]._generated_job.depends_on, set(self.jobs(one)))
            trap.perform_enqueued_jobs()
        self.assertEqual({job.state for job in self.jobs([*one, *two])}, {"done"})
