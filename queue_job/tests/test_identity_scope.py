# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
from odoo.addons.queue_job.core.states import STARTED
from odoo.addons.queue_job.delay import group
from odoo.addons.queue_job.job import Job
from odoo.tests import Form, TransactionCase

from .test_declaration import without_more


class TestIdentityScope(TransactionCase):
    """Unique also while a job with the same key runs, where somebody asks for it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.partner = cls.env["res.partner"].create({"name": "A"})

    def delay(self, scope=None, key="qj-scope"):
        return self.partner.with_delay(identity_key=key, identity_scope=scope).address_get()

    def start(self, job):
        job.set_started()
        job.store()
        return job.db_record()

    def end(self, job, state="done"):
        job.state = state
        job.store()

    def test_only_while_waiting_by_default(self):
        job = self.delay()
        self.assertFalse(job.db_record().identity_scope)
        self.assertEqual(self.delay(), job.db_record())
        self.start(job)
        self.assertNotEqual(self.delay().uuid, job.uuid)

    def test_asked_for_by_the_running_job(self):
        job = self.delay("started")
        record = self.start(job)
        self.assertEqual(record.identity_scope, "started")
        for scope in (None, "waiting", "started"):
            self.assertEqual(self.delay(scope), record)
        for state in ("done", "failed", "cancelled"):
            self.end(job, state)
            self.assertFalse(Job.load(self.env, job.uuid).job_record_with_same_identity_key())
        self.assertNotEqual(self.delay("started").uuid, job.uuid)

    def test_the_guard_is_kept_while_it_runs(self):
        """So that no process can create another one, whatever it sees."""
        job = self.delay("started")
        for move, guard in (
            (job.set_enqueued, "qj-scope"),
            (job.set_started, "qj-scope"),
            (job.set_pending, "qj-scope"),
            (job.set_started, "qj-scope"),
            (job.set_done, None),
        ):
            move()
            job.store()
            self.env.flush_all()
            self.env.cr.execute("SELECT identity_guard FROM queue_job WHERE uuid = %s", (job.uuid,))
            self.assertEqual(self.env.cr.fetchone()[0], guard)

    def test_asked_for_by_the_new_one(self):
        record = self.start(self.delay())
        self.assertEqual(self.delay("started"), record)
        self.assertEqual(self.delay("started"), record)

    def test_stored_and_loaded(self):
        job = Job.load(self.env, self.delay("started").uuid)
        self.assertEqual(job.identity_scope, "started")
        job.store()
        self.assertEqual(job.db_record().identity_scope, "started")
        self.assertFalse(self.delay("started", key=None).db_record().identity_scope)

    def test_job_function(self):
        function = self.env["queue.job.function"].create({"name": "<res.partner>.address_get"})
        with Form(function) as form:
            form.identity_scope = "started"
        record = self.start(self.delay())
        self.assertEqual(record.identity_scope, "started")
        self.assertEqual(self.delay(), record)
        # the call goes before
        self.assertIsNone(
            self.partner.with_delay(identity_key="other", identity_scope="waiting")
            .address_get()
            .identity_scope
        )
        function.identity_scope = "waiting"
        self.assertIsNone(self.delay(key="third").identity_scope)

    def test_every_way_to_ask(self):
        options = {"identity_key": "qj-ways", "identity_scope": "started"}
        record = self.env["queue.job"].enqueue("res.partner", "address_get", **options)
        self.start(Job.load(self.env, record.uuid))
        for delayable in (
            self.partner.delayable(**options),
            self.partner.delayable().set(**options),
            self.partner.delayable().set(options),
        ):
            delayable.address_get().delay()
            self.assertEqual(delayable._generated_job, record)
        function = without_more.delay(self.env, "res.partner", **options)
        self.assertEqual(function, record)
        split = self.partner.delayable(identity_scope="started").address_get().split(1)
        self.assertEqual([part.identity_scope for part in split.members], ["started"])
        split.delay()

    def test_in_a_graph(self):
        record = self.start(self.delay("started"))
        call = self.partner.delayable(identity_key="qj-scope").address_get()
        group(call).delay()
        self.assertEqual(call._generated_job, record)

    def test_unknown(self):
        with self.assertRaisesRegex(ValueError, "identity scope"):
            self.delay("for ever")
        delayable = self.partner.delayable()
        with self.assertRaisesRegex(ValueError, "identity scope"):
            delayable.set(identity_scope=STARTED + "!")
        delayable.address_get().delay()


class TestIdentityKeyFunction(TransactionCase):
    def test_what_it_gets(self):
        partner = self.env["res.partner"].create({"name": "A"})
        seen = []

        def key(call):
            names = ("model_name", "method_name", "args", "kwargs", "recordset")
            seen.append(tuple(getattr(call, name) for name in names))
            return "qj-key"

        job = partner.with_delay(identity_key=key).write({"name": "B"})
        self.assertEqual(job.identity_key, "qj-key")
        record = self.env["queue.job"].enqueue(
            "res.partner", "write", partner.ids, kwargs={"vals": {}}, identity_key=key
        )
        self.assertEqual(record, job.db_record())
        self.assertEqual(
            seen,
            [
                ("res.partner", "write", ({"name": "B"},), {}, partner),
                ("res.partner", "write", (), {"vals": {}}, partner),
            ],
        )
