# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
import gc
import logging
from unittest import mock

from odoo.addons.queue_job.delay import (
    Delayable,
    DelayableGraph,
    DelayableGroup,
    Graph,
    chain,
    group,
)
from odoo.addons.queue_job.job import Job
from odoo.tests import TransactionCase


class TestGraph(TransactionCase):
    def test_graph(self):
        graph = Graph()
        graph.add_vertex("e")
        for edge in ("ab", "bc", "ac", "cd"):
            graph.add_edge(*edge)
        self.assertEqual(graph.vertices(), set("abcde"))
        self.assertEqual(sorted(graph.edges()), [("a", "b"), ("a", "c"), ("b", "c"), ("c", "d")])
        self.assertEqual(graph.root_vertices(), {"a", "e"})
        self.assertEqual(sorted(graph.paths("a")), [list("abcd"), list("acd")])
        order = list(graph.topological_sort())
        self.assertEqual([v for v in order if v != "e"], list("abcd"))
        self.assertEqual(set(repr(graph).splitlines()), {"a → b → c → d", "a → c → d", "e"})
        self.assertEqual(Graph({"a": {"b"}, "b": set()}).edges(), [("a", "b")])
        self.assertEqual(Graph({"a": set()})._graph, {"a": set()})


class TestComposition(TransactionCase):
    """Which of the jobs a b c … waits for which."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.model = cls.env["queue.job"]

    def setUp(self):
        super().setUp()
        self.calls = {
            name: self.model.delayable(description=name)._test_job() for name in "abcdefg"
        }
        for call in self.calls.values():
            self.addCleanup(setattr, call, "_generated_job", True)

    def edges(self, element):
        element.delay()
        return " ".join(
            sorted(
                f"{parent.description}{job.description}"
                for job in self.jobs()
                for parent in job.depends_on
            )
        )

    def jobs(self):
        return [call._generated_job for call in self.calls.values() if call._generated_job]

    def assert_stored(self):
        """The rows say the same as the jobs in memory."""
        for job in self.jobs():
            record = job.db_record()
            self.assertEqual(
                record.dependencies,
                {
                    "depends_on": sorted(parent.uuid for parent in job.depends_on),
                    "reverse_depends_on": sorted(c.uuid for c in job.reverse_depends_on),
                },
            )
            self.assertEqual(
                set(record.dependency_ids.mapped("uuid")), {j.uuid for j in job.depends_on}
            )
            self.assertEqual(
                set(record.dependent_ids.mapped("uuid")),
                {j.uuid for j in job.reverse_depends_on},
            )
            self.assertEqual(record.state, "wait_dependencies" if job.depends_on else "pending")

    def test_on_done(self):
        a, b, c, d, *_rest = self.calls.values()
        self.assertIs(a.on_done(b, c), a)
        b.on_done(d)
        c.on_done(d)
        self.assertEqual(self.edges(d), "ab ac bd cd")
        self.assertEqual(len(self.jobs()), 4)
        self.assertEqual(len({job.graph_uuid for job in self.jobs()}), 1)
        self.assertTrue(self.jobs()[0].graph_uuid)
        self.assert_stored()

    def test_chain(self):
        a, b, c, *_rest = self.calls.values()
        self.assertEqual(self.edges(chain(a, b, c)), "ab bc")
        self.assert_stored()

    def test_group(self):
        a, b, c, *_rest = self.calls.values()
        self.assertEqual(self.edges(group(a, b).on_done(c)), "ac bc")
        self.assert_stored()

    def test_nested(self):
        for build, expected in (
            (lambda a, b, c, d, e, f, g: chain(chain(a, b), c), "ab bc"),
            (lambda a, b, c, d, e, f, g: chain(a, chain(b, c), d), "ab bc cd"),
            (lambda a, b, c, d, e, f, g: chain(group(a, b), group(c, d)), "ac ad bc bd"),
            (lambda a, b, c, d, e, f, g: chain(a, group(b, chain(c, d)), e), "ab ac be cd de"),
            (
                lambda a, b, c, d, e, f, g: group(chain(a, b), chain(c, d)).on_done(
                    group(e, chain(f, g))
                ),
                "ab be bf cd de df fg",
            ),
            (lambda a, b, c, d, e, f, g: chain(group(group(a), b), c), "ac bc"),
            (lambda a, b, c, d, e, f, g: chain(chain(chain(a, b), c), chain(d)), "ab bc cd"),
            (lambda a, b, c, d, e, f, g: chain(a, group(), b), "ab"),
            (lambda a, b, c, d, e, f, g: chain(a).on_done(chain(b, c)), "ab bc"),
        ):
            with self.subTest(expected=expected):
                for name in self.calls:
                    self.calls[name]._generated_job = True
                    self.calls[name] = self.model.delayable(description=name)._test_job()
                self.assertEqual(self.edges(build(*self.calls.values())), expected)
                self.assert_stored()
        for call in self.calls.values():
            call._generated_job = call._generated_job or True

    def test_a_top_element_delays_all(self):
        a, b, c, *_rest = self.calls.values()
        inner = group(a, b)
        inner.on_done(c)
        a.delay()
        self.assertEqual(len(self.jobs()), 3)

    def test_delayables_of_a_group(self):
        a, b, *_rest = self.calls.values()
        self.assertEqual(group(a, b)._delayables, {a, b})
        self.assertIsInstance(group(a), DelayableGroup)

    def test_connect_graphs(self):
        a, b, c, *_rest = self.calls.values()
        element = chain(group(a, b), c)
        graph = element._graph._connect_graphs()
        self.assertEqual(graph._graph, {a: {c}, b: {c}, c: set()})

    def test_one_job_has_no_graph(self):
        a, *_rest = self.calls.values()
        group(a).delay()
        self.assertFalse(a._generated_job.db_record().graph_uuid)

    def test_two_graphs(self):
        a, b, c, d, *_rest = self.calls.values()
        group(a, b).delay()
        group(c, d).delay()
        a.on_done(c)
        with self.assertRaises(ValueError):
            a.delay()
        jobs = [Job(self.model._test_job) for _ in range(3)]
        DelayableGraph._ensure_same_graph_uuid(jobs[:1])
        self.assertIsNone(jobs[0].graph_uuid)
        jobs[0].graph_uuid = "known"
        DelayableGraph._ensure_same_graph_uuid(jobs)
        self.assertEqual({job.graph_uuid for job in jobs}, {"known"})

    def test_a_circle(self):
        a, b, *_rest = self.calls.values()
        a.on_done(b)
        b.on_done(a)
        with self.assertRaisesRegex(ValueError, "cycle"):
            a.delay()

    def test_an_element_of_mocks_touches_no_environment(self):
        recordset = mock.MagicMock(spec=["method", "__contains__"])
        recordset.__contains__.return_value = False
        calls = [Delayable(recordset).method(number) for number in range(2)]
        graph = chain(*calls)._graph._connect_graphs()
        self.assertEqual(graph.edges(), [tuple(calls)])
        with self.assertLogs("odoo.addons.queue_job.delay", logging.WARNING):
            del calls, graph
            gc.collect()
