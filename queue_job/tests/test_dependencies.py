# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
import json

from markupsafe import escape

from odoo.addons.queue_job.delay import chain, group
from odoo.addons.queue_job.job import Job
from odoo.tests import TransactionCase


class TestDependencies(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.model = cls.env["queue.job"]

    def job(self):
        return Job(self.model._test_job)

    def test_add_depends(self):
        parent, child = self.job(), self.job()
        child.add_depends({parent})
        self.assertEqual(child.depends_on, {parent})
        self.assertEqual(parent.reverse_depends_on, {child})
        self.assertEqual(child._depends_on, {parent})
        self.assertEqual(parent._reverse_depends_on, {child})
        self.assertEqual((parent.state, child.state), ("pending", "wait_dependencies"))
        self.assertFalse(parent.db_record() or child.db_record())
        self.assertTrue(parent.should_check_dependents())
        self.assertFalse(child.should_check_dependents())
        with self.assertRaises(ValueError):
            child.add_depends({child})

    def test_on_a_job_that_is_done(self):
        parent, child = self.job(), self.job()
        parent.set_done()
        child.add_depends({parent})
        self.assertEqual(child.state, "pending")
        child.set_pending()
        self.assertEqual(child.state, "pending")
        parent.set_pending()
        child.set_pending()
        self.assertEqual(child.state, "wait_dependencies")

    def test_stored(self):
        parent, child = self.job(), self.job()
        parent.store()
        empty = {"depends_on": [], "reverse_depends_on": []}
        self.assertEqual(parent.db_record().dependencies, empty)
        child.add_depends({parent})
        self.assertEqual(parent.db_record().dependencies, empty)
        child.store()
        self.assertEqual(parent.db_record().dependencies, empty)
        self.assertEqual(
            child.db_record().dependencies,
            {"depends_on": [parent.uuid], "reverse_depends_on": []},
        )
        parent.store()
        self.assertEqual(
            parent.db_record().dependencies,
            {"depends_on": [], "reverse_depends_on": [child.uuid]},
        )
        self.assertEqual(parent.db_record().dependent_ids, child.db_record())
        self.assertEqual(child.db_record().dependency_ids, parent.db_record())
        self.assertEqual(Job.load(self.env, child.uuid).depends_on, {parent})
        self.assertEqual(Job.load(self.env, parent.uuid).reverse_depends_on, {child})

    def test_child_stored_first(self):
        parent, child = self.job(), self.job()
        child.add_depends({parent})
        child.store()
        parent.store()
        self.assertEqual(child.db_record().dependency_ids, parent.db_record())

    def test_child_that_the_row_of_its_parent_does_not_know(self):
        parent, child = self.job(), self.job()
        parent.store()
        child.add_depends({parent})
        child.store()
        running = Job.load(self.env, parent.uuid)
        self.assertFalse(running.should_check_dependents())
        running.set_started()
        running.store()
        self.assertTrue(running.lock())
        self.assertTrue(running.should_check_dependents())

    def test_moves_keep_the_dependencies(self):
        parent, child = self.job(), self.job()
        child.add_depends({parent})
        Job.store_many([parent, child])
        loaded = Job.load(self.env, parent.uuid)
        loaded.set_enqueued()
        loaded.store()
        loaded.set_started()
        loaded.store()
        self.assertEqual(
            loaded.db_record().dependencies,
            {"depends_on": [], "reverse_depends_on": [child.uuid]},
        )

    def test_json_without_all_keys(self):
        parent, child = self.job(), self.job()
        Job.store_many([parent, child])
        for text, expected in (
            ("{}", set()),
            (None, set()),
            (json.dumps({"depends_on": [parent.uuid, "unknown"]}), {parent}),
        ):
            self.env.flush_all()
            self.env.cr.execute(
                "UPDATE queue_job SET dependencies = %s WHERE uuid = %s", (text, child.uuid)
            )
            self.env.invalidate_all()
            loaded = Job.load(self.env, child.uuid)
            self.assertEqual(loaded.depends_on, expected)
            self.assertEqual(loaded.reverse_depends_on, set())
            loaded.set_pending()
            self.assertEqual(loaded.state, "wait_dependencies" if expected else "pending")

    def test_a_parent_that_was_deleted(self):
        parent, child = self.job(), self.job()
        child.add_depends({parent})
        Job.store_many([parent, child])
        parent.db_record().unlink()
        loaded = Job.load(self.env, child.uuid)
        self.assertEqual(loaded.depends_on, set())
        loaded.set_pending()
        self.assertEqual(loaded.state, "pending")

    def test_enqueue_waiting(self):
        one, two, child = self.job(), self.job(), self.job()
        child.add_depends({one, two})
        Job.store_many([one, two, child])
        for parent, state in ((one, "wait_dependencies"), (two, "pending")):
            parent.set_done()
            parent.store()
            parent.enqueue_waiting()
            self.assertEqual(child.db_record().state, state)
        child = Job.load(self.env, child.uuid)
        child.set_done()
        child.store()
        two.enqueue_waiting()
        self.assertEqual(child.db_record().state, "done")

    def test_cancel_dependent_jobs(self):
        parent, child, grandchild = self.job(), self.job(), self.job()
        child.add_depends({parent})
        grandchild.add_depends({child})
        Job.store_many([parent, child, grandchild])
        parent.set_cancelled()
        parent.store()
        parent.cancel_dependent_jobs()
        self.assertEqual(grandchild.db_record().state, "cancelled")

    def test_deleting_an_unfinished_parent_cancels(self):
        parent, child = self.job(), self.job()
        child.add_depends({parent})
        Job.store_many([parent, child])
        record = child.db_record()
        parent.db_record().unlink()
        self.assertEqual(record.state, "cancelled")

    def test_deleting_a_done_parent_does_not(self):
        parent, child, other = self.job(), self.job(), self.job()
        child.add_depends({parent, other})
        Job.store_many([parent, child, other])
        parent.set_done()
        parent.store()
        parent.db_record().unlink()
        self.assertEqual(child.db_record().state, "wait_dependencies")

    def test_search(self):
        a, b, c = calls = [self.model.delayable()._test_job() for _ in range(3)]
        chain(a, group(b, c)).delay()
        a, b, c = (call._generated_job.db_record() for call in calls)
        all_of_them = [("id", "in", (a + b + c).ids)]

        def search(*condition):
            return self.model.search([*all_of_them, condition], order="id")

        self.assertEqual(search("dependency_ids", "in", a.ids), b + c)
        self.assertEqual(search("dependency_ids", "=", a.id), b + c)
        self.assertEqual(search("dependent_ids", "in", (b + c).ids), a)
        self.assertEqual(search("dependency_ids", "any", [("state", "=", "pending")]), b + c)
        self.assertEqual(search("dependency_ids", "any", [("state", "=", "done")]), a.browse())
        self.assertEqual(search("dependent_ids", "not any", [("id", "=", b.id)]), b + c)
        self.assertEqual(search("dependency_ids", "not any", [("id", "=", a.id)]), a)
        self.assertEqual(search("dependency_ids", "=", False), a)
        self.assertEqual(search("dependency_ids", "!=", False), b + c)
        self.assertEqual(search("dependency_ids.state", "=", "pending"), b + c)

    def test_graph(self):
        calls = [
            self.model.delayable(description=f"<b>{name}</b>")._test_job(job_duration="<&>")
            for name in "ab"
        ]
        chain(*calls).delay()
        a, b = (call._generated_job.db_record() for call in calls)
        graph = {
            "nodes": [
                {
                    "id": record.id,
                    "title": f"<strong>{escape(record.display_name)}</strong><br/>"
                    f"{escape(record.func_string)}",
                    "color": "#D2E5FF",
                    "border": "#2B7CE9",
                    "shadow": True,
                }
                for record in (a, b)
            ],
            "edges": [[a.id, b.id]],
        }
        self.assertEqual(a.dependency_graph, graph)
        self.assertEqual(b.dependency_graph, graph)
        self.assertIn("&lt;b&gt;a", graph["nodes"][0]["title"])
        single = self.model.with_delay()._test_job().db_record()
        self.assertEqual(single.dependency_graph, {})
        a.button_done()
        self.env.invalidate_all()
        self.assertNotEqual(a.dependency_graph["nodes"][0]["color"], "#D2E5FF")
