# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
from datetime import datetime, timedelta

from odoo.addons.queue_job.exception import JobError, NoSuchJobError
from odoo.addons.queue_job.job import Job

from .job_case import JobCase


class TestStore(JobCase):
    def test_round_trip(self):
        eta = datetime.now().replace(microsecond=0) + timedelta(hours=1)
        job = Job(
            self.partner.write,
            args=({"name": "x"},),
            kwargs={"k": 1},
            priority=3,
            eta=eta,
            max_retries=7,
            description="Write",
            channel="root.sub",
            identity_key="key",
        )
        job.store()
        row = self.row(job)
        self.assertEqual(row["state"], "pending")
        self.assertEqual(row["name"], "Write")
        self.assertEqual(row["date_created"], job.date_created)
        self.assertEqual(row["channel"], "root.sub")
        self.assertEqual(row["channel_method_name"], "<res.partner>.write")
        self.assertEqual(row["func_string"], job.func_string)
        self.assertEqual(row["records"]["_type"], "odoo_recordset")
        self.assertEqual(row["dependencies"], '{"depends_on": [], "reverse_depends_on": []}')
        self.env.invalidate_all()
        loaded = Job.load(self.env, job.uuid)
        for name in [
            "uuid",
            "state",
            "priority",
            "eta",
            "max_retries",
            "description",
            "channel",
            "identity_key",
            "recordset",
            "args",
            "kwargs",
            "model_name",
            "method_name",
            "date_created",
            "user_id",
            "company_id",
            "graph_uuid",
            "result",
            "func_string",
            "retry",
        ]:
            self.assertEqual(getattr(loaded, name), getattr(job, name), name)
        self.assertEqual(loaded.db_record(), job.db_record())
        self.assertEqual(loaded.db_record()._name, "queue.job")

    def test_result_is_text(self):
        job = self.stored()
        for result, expected in (
            ("text", "text"),
            (12, "12"),
            ({"a": 1}, "{'a': 1}"),
            (self.partner, str(self.partner)),
            ("", None),
            (0, None),
            (False, None),
            ("nul\x00", "nul"),
        ):
            job.result = result
            job.store()
            self.assertEqual(self.row(job)["result"], expected)

    def test_results_without_a_text(self):
        class NoText:
            def __str__(self):
                raise ValueError("no text")

        class NoTruth:
            def __bool__(self):
                raise ValueError("no truth")

        job = self.stored()
        for job.result in (NoText(), NoTruth(), "\ud800"):
            job.store()
            self.assertTrue(self.row(job)["result"])

    def test_falsy_result_replaces_the_one_before(self):
        job = self.stored()
        job.result = "postponed"
        job.store()
        job.result = None
        job.store()
        self.assertFalse(job.db_record().result)

    def test_message_of_any_type(self):
        job = self.stored()
        job.set_failed(exc_name="KeyError", exc_message=("a", 1), exc_info="Traceback\x00")
        job.store()
        self.assertEqual(self.row(job)["exc_message"], "('a', 1)")
        self.assertEqual(self.row(job)["exc_info"], "Traceback")

    def test_a_second_store_does_not_write_what_is_protected(self):
        job = self.stored(description="One")
        job.db_record().with_context(_job_edit_sentinel=self.model.EDIT_SENTINEL).name = "Two"
        job.set_enqueued()
        job.store()
        self.assertEqual(job.db_record().name, "Two")
        self.assertEqual(job.db_record().state, "enqueued")

    def test_load_missing(self):
        with self.assertRaises(NoSuchJobError):
            Job.load(self.env, "missing")
        job = self.stored()
        self.assertEqual(Job.load_many(self.env, [job.uuid, "missing"]), {job})
        self.assertEqual(Job.load_many(self.env, []), set())
        self.assertEqual(
            Job.db_records_from_uuids(self.env, [job.uuid, "missing"]), job.db_record()
        )
        self.assertFalse(Job(self.model._test_job).db_record())

    def test_least_row(self):
        self.env.cr.execute(
            "INSERT INTO queue_job (uuid, state, model_name, method_name)"
            " VALUES ('least', 'pending', 'res.partner', 'read')"
        )
        job = Job.load(self.env, "least")
        self.assertEqual(job.recordset, self.env["base"])
        self.assertEqual((job.args, job.kwargs), ((), {}))
        self.assertEqual((job.depends_on, job.reverse_depends_on), (set(), set()))
        self.assertTrue(job.db_record().display_name is not None)
        self.assertEqual(job.user_id, self.env.uid)

    def test_a_model_that_is_gone(self):
        job = self.stored()
        self.env.cr.execute(
            """UPDATE queue_job SET method_name = 'gone', records = jsonb_build_object(
            '_type', 'odoo_recordset', 'model', 'no.such.model', 'ids', '[1]'::jsonb)
            WHERE uuid = %s""",
            (job.uuid,),
        )
        self.env.invalidate_all()
        loaded = Job.load(self.env, job.uuid)
        with self.assertRaisesRegex(JobError, f"records in the row of job {job.uuid}"):
            loaded.perform()
        loaded.db_record().button_cancelled()
        self.assertEqual(loaded.db_record().state, "cancelled")

    def test_few_statements(self):
        self.partner.with_delay().address_get()
        self.env.flush_all()
        with self.assertQueryCount(1):
            job = self.partner.with_delay().address_get()
            self.env.flush_all()
        self.env.invalidate_all()
        self.env.user.company_id  # noqa: B018
        with self.assertQueryCount(1):
            job = Job.load(self.env, job.uuid)
        job.set_enqueued()
        with self.assertQueryCount(2):
            job.store()
            self.env.flush_all()

    def test_raw_delete(self):
        parent, child = Job(self.model._test_job), Job(self.model._test_job)
        child.add_depends({parent})
        Job.store_many([parent, child])
        self.env.flush_all()
        self.env.cr.execute("DELETE FROM queue_job")
        self.env.invalidate_all()
        self.assertFalse(self.model.search_count([]))

    def test_anyone_may_enqueue_and_load(self):
        user = self.env["res.users"].create(
            {"name": "Nobody", "login": "qj_nobody", "group_ids": [(6, 0, [])]}
        )
        job = self.partner.with_user(user).with_delay().address_get()
        self.assertEqual(job.user_id, user.id)
        self.assertEqual(job.db_record().user_id, user)
        self.assertEqual(Job.load(self.env(user=user), job.uuid).user_id, user.id)

    def test_store_with_defaults_in_the_context(self):
        records = self.partner.with_context(
            default_state="failed", default_name="x", default_result="y", default_lease="z"
        )
        job = records.with_delay().address_get()
        row = self.row(job)
        self.assertEqual((row["state"], row["result"], row["lease"]), ("pending", None, None))
