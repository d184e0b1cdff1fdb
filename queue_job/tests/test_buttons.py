# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
from odoo.addons.queue_job.delay import chain, group
from odoo.addons.queue_job.job import STATES, Job
from odoo.exceptions import UserError
from odoo.tests import TransactionCase


class ButtonCase(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.model = cls.env["queue.job"]

    def record(self, state="pending"):
        job = self.model.with_delay()._test_job()
        job.state = state
        job.store()
        return self.model.browse(job.db_record().id)

    def records(self, *calls):
        return self.model.browse([call._generated_job.db_record().id for call in calls])

    def calls(self, count):
        return [self.model.delayable()._test_job() for _number in range(count)]


class TestButtons(ButtonCase):
    def moves(self, button):
        """Which states the button moves to which."""
        moves = {}
        for state, _label in STATES:
            record = self.record(state)
            getattr(record, button)()
            if record.state != state:
                moves[state] = record.state
        return moves

    def test_from_where_they_work(self):
        self.assertEqual(
            self.moves("requeue"), dict.fromkeys(("failed", "done", "cancelled"), "pending")
        )
        closable = ("wait_dependencies", "pending", "enqueued", "failed")
        self.assertEqual(self.moves("button_done"), dict.fromkeys(closable, "done"))
        self.assertEqual(self.moves("button_cancelled"), dict.fromkeys(closable, "cancelled"))

    def test_requeue(self):
        record = self.record("failed")
        record.write({"retry": 5, "date_done": "2020-01-01 00:00:00", "worker_pid": 3})
        record.requeue()
        self.assertEqual((record.retry, record.date_done, record.worker_pid), (0, False, 0))

    def test_results(self):
        record = self.record()
        record.button_done()
        self.assertEqual(record.result, f"Manually set to done by {self.env.user.name}")
        self.assertTrue(record.date_done)
        record = self.record()
        record.button_cancelled()
        self.assertIn(self.env.user.name, record.result)
        self.assertTrue(record.date_cancelled)

    def test_change_state(self):
        record = self.record("failed")
        record._change_job_state("done", result="why")
        self.assertEqual((record.state, record.result), ("done", "why"))
        record._change_job_state("pending")
        self.assertEqual(record.state, "pending")
        record._change_job_state("cancelled")
        self.assertEqual(record.state, "cancelled")
        for state in ("enqueued", "started", "failed", "wait_dependencies", "x"):
            with self.assertRaises(ValueError):
                record._change_job_state(state)

    def test_by_a_manager(self):
        user = self.env["res.users"].create(
            {
                "name": "Manager",
                "login": "qj_m",
                "group_ids": [
                    (4, self.env.ref("queue_job.group_queue_job_manager").id),
                    (4, self.env.ref("base.group_user").id),
                ],
            }
        )
        record = self.record("failed")
        record.with_user(user).button_done()
        self.assertEqual(record.result, "Manually set to done by Manager")
        record.with_user(user).requeue()
        self.assertEqual(record.state, "pending")


class TestDependents(ButtonCase):
    def test_done_goes_on(self):
        a, b, c = calls = self.calls(3)
        chain(group(a, b), c).delay()
        a, b, c = self.records(*calls)
        a.button_done()
        self.assertEqual(c.state, "wait_dependencies")
        b.button_done()
        self.assertEqual(c.state, "pending")

    def test_done_of_a_chain(self):
        calls = self.calls(3)
        chain(*calls).delay()
        records = self.records(*calls)
        records.button_done()
        self.assertEqual(records.mapped("state"), ["done"] * 3)

    def test_requeued_child_waits_for_its_parent(self):
        calls = self.calls(2)
        chain(*calls).delay()
        parent, child = self.records(*calls)
        (parent + child).button_done()
        (child + parent).requeue()
        self.assertEqual((parent.state, child.state), ("pending", "wait_dependencies"))
        parent.button_done()
        child.button_done()
        child.requeue()
        self.assertEqual(child.state, "pending")

    def test_cancel_is_transitive(self):
        a, b, c, d = calls = self.calls(4)
        a.on_done(b)
        chain(b, c).delay()
        d.delay()
        a, b, c, d = self.records(*calls)
        a.button_cancelled()
        self.assertEqual((a + b + c + d).mapped("state"), ["cancelled"] * 3 + ["pending"])
        for child in b + c:
            self.assertEqual(child.result, "Cancelled because a job it depends on was cancelled")
            self.assertEqual(child.date_cancelled, a.date_cancelled)
        self.assertNotEqual(a.result, b.result)

    def test_cancel_of_all_selected(self):
        calls = self.calls(3)
        chain(*calls).delay()
        a, b, c = self.records(*calls)
        (c + a + b).button_cancelled()
        for child in b + c:
            self.assertEqual(child.result, "Cancelled because a job it depends on was cancelled")
            self.assertEqual(child.date_cancelled, a.date_cancelled)

    def test_cancel_leaves_what_is_done(self):
        calls = self.calls(3)
        chain(*calls).delay()
        a, b, c = self.records(*calls)
        b.button_done()
        a.button_cancelled()
        self.assertEqual((a + b + c).mapped("state"), ["cancelled", "done", "pending"])

    def test_parent_whose_row_does_not_know_its_child(self):
        parent, child = Job(self.model._test_job), Job(self.model._test_job)
        parent.store()
        child.add_depends({parent})
        child.store()
        record = Job.load(self.env, parent.uuid).db_record()
        self.assertEqual(record.dependencies["reverse_depends_on"], [])
        record.button_done()
        self.assertEqual(child.db_record().state, "pending")


class TestRelatedAction(ButtonCase):
    def record_of(self, recordset):
        return recordset.with_delay().address_get().db_record()

    def test_open_record(self):
        partners = self.env["res.partner"].create([{"name": "1"}, {"name": "2"}])
        self.assertTrue(self.record_of(partners).has_related_action)
        self.assertIsNone(self.record_of(partners.browse()).related_action_open_record())
        self.assertEqual(
            self.record_of(partners[0]).open_related_action(),
            {
                "name": "Related Record",
                "type": "ir.actions.act_window",
                "view_mode": "form",
                "res_model": "res.partner",
                "res_id": partners[0].id,
            },
        )
        self.assertEqual(
            self.record_of(partners).open_related_action(),
            {
                "name": "Related Records",
                "type": "ir.actions.act_window",
                "view_mode": "list,form",
                "res_model": "res.partner",
                "domain": [("id", "in", partners.ids)],
            },
        )

    def test_none(self):
        record = self.record_of(self.env["res.partner"])
        self.assertFalse(record.has_related_action)
        with self.assertRaises(UserError):
            record.open_related_action()

    def test_disabled(self):
        partner = self.env["res.partner"].create({"name": "1"})
        self.env["queue.job.function"].create(
            {
                "name": "<res.partner>.address_get",
                "edit_related_action": "{'enable': False}",
            }
        )
        record = self.record_of(partner)
        self.assertIsNone(Job.load(self.env, record.uuid).related_action())
        self.assertFalse(record.has_related_action)
        with self.assertRaises(UserError):
            record.open_related_action()

    def test_wrong_method(self):
        partner = self.env["res.partner"].create({"name": "1"})
        function = self.env["queue.job.function"].create({"name": "<res.partner>.address_get"})
        for name in ("qj_missing", "unlink", "__init__"):
            function.related_action = {"func_name": name}
            self.assertTrue(self.record_of(self.env["res.partner"]).has_related_action)
            with self.assertRaises(UserError) as caught:
                self.record_of(partner).open_related_action()
            self.assertIn(name, str(caught.exception))

    def test_graph_jobs(self):
        calls = self.calls(2)
        chain(*calls).delay()
        records = self.records(*calls)
        action = records[0].open_graph_jobs()
        self.assertEqual(action["res_model"], "queue.job")
        self.assertEqual(self.model.search(action["domain"]), records.sorted())
        self.assertEqual(records.mapped("graph_jobs_count"), [2, 2])
        single = self.record()
        self.assertEqual(single.graph_jobs_count, 0)
        self.assertEqual(self.model.search(single.open_graph_jobs()["domain"]), single)
