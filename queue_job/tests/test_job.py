# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
import os
from datetime import date, datetime, timedelta
from unittest import mock

from odoo.addons import queue_job
from odoo.addons.queue_job import job as job_module
from odoo.addons.queue_job.exception import (
    FailedJobError,
    JobError,
    NoSuchJobError,
    RetryableJobError,
)
from odoo.addons.queue_job.job import Job, identity_exact
from odoo.tests import TransactionCase


class TestImportPaths(TransactionCase):
    def test_values(self):
        self.assertIs(queue_job.identity_exact, identity_exact)
        self.assertEqual(
            job_module.STATES,
            [
                ("wait_dependencies", "Wait Dependencies"),
                ("pending", "Pending"),
                ("enqueued", "Enqueued"),
                ("started", "Started"),
                ("done", "Done"),
                ("cancelled", "Cancelled"),
                ("failed", "Failed"),
            ],
        )
        for state, _label in job_module.STATES:
            self.assertEqual(getattr(job_module, state.upper()), state)
        self.assertEqual(
            (
                job_module.DEFAULT_PRIORITY,
                job_module.DEFAULT_MAX_RETRIES,
                job_module.RETRY_INTERVAL,
            ),
            (10, 5, 600),
        )


class JobCase(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.partner = cls.env["res.partner"].create({"name": "Azure"})
        cls.model = cls.env["queue.job"]

    def stored(self, **options):
        job = Job(self.model._test_job, **options)
        job.store()
        return job

    def row(self, job):
        self.env.flush_all()
        self.env.cr.execute("SELECT * FROM queue_job WHERE uuid = %s", (job.uuid,))
        return self.env.cr.dictfetchone()


class TestNewJob(JobCase):
    def test_defaults(self):
        before = datetime.now()
        job = Job(self.partner.address_get)
        self.assertEqual(len(job.uuid), 36)
        self.assertEqual(
            (job.state, job.retry, job.max_retries, job.priority), ("pending", 0, 5, 10)
        )
        self.assertEqual((job.args, job.kwargs), ((), {}))
        self.assertEqual((job.model_name, job.method_name), ("res.partner", "address_get"))
        self.assertEqual(job.recordset, self.partner)
        self.assertEqual(job.channel, "root")
        self.assertEqual(job.user_id, self.env.uid)
        self.assertEqual(job.company_id, self.env.company.id)
        self.assertTrue(before <= job.date_created <= datetime.now())
        self.assertEqual(job.job_function_name, "<res.partner>.address_get")
        self.assertEqual(job.job_config, self.env["queue.job.function"].job_default_config())
        self.assertIs(job.env.cr, self.env.cr)
        for name in [
            "graph_uuid",
            "date_enqueued",
            "date_started",
            "date_done",
            "date_cancelled",
            "exec_time",
            "result",
            "exc_name",
            "exc_message",
            "exc_info",
            "eta",
            "identity_key",
            "worker_pid",
        ]:
            self.assertIsNone(getattr(job, name), name)
        self.assertEqual((job.depends_on, job.reverse_depends_on), (set(), set()))

    def test_options(self):
        job = Job(
            self.partner.address_get,
            args=["contact"],
            kwargs={"a": 1},
            priority=0,
            job_uuid="u" * 36,
            max_retries=0,
            description="Look",
            channel="root.sub",
            identity_key="key",
        )
        self.assertEqual(job.args, ("contact",))
        self.assertEqual(job.kwargs, {"a": 1})
        self.assertEqual((job.priority, job.max_retries), (0, 0))
        self.assertEqual((job.uuid, job.description), ("u" * 36, "Look"))
        self.assertEqual((job.channel, job.identity_key), ("root.sub", "key"))

    def test_only_methods_of_recordsets(self):
        class NoModel:
            def method(self):
                pass

        for func in (len, "name", lambda: None, NoModel().method, type(self.partner).read):
            with self.assertRaises(TypeError):
                Job(func)

    def test_func_string(self):
        job = Job(self.partner.write, args=("é", 2), kwargs={"k": [self.partner]})
        self.assertEqual(
            job.func_string,
            f"res.partner({self.partner.id},).write('é', 2, k=[res.partner({self.partner.id},)])",
        )

    def test_description_is_the_first_line_of_the_docstring(self):
        def documented(records):
            """Says what it does

            and more"""

        def undocumented(records):
            pass

        documented.__name__ = undocumented.__name__ = "qj_test"
        with mock.patch.object(type(self.partner), "qj_test", documented, create=True):
            self.assertEqual(Job(self.partner.qj_test).description, "Says what it does")
        with mock.patch.object(type(self.partner), "qj_test", undocumented, create=True):
            self.assertEqual(Job(self.partner.qj_test).description, "res.partner.qj_test")
        self.assertEqual(Job(self.model._test_job).description, "queue.job._test_job")

    def test_eta(self):
        now = datetime(2030, 1, 1, 12)
        with mock.patch("odoo.addons.queue_job.job.datetime") as clock:
            clock.now.return_value = now
            for eta, expected in (
                (15, now + timedelta(seconds=15)),
                (timedelta(hours=1), now + timedelta(hours=1)),
                (now + timedelta(days=1), now + timedelta(days=1)),
                (None, None),
            ):
                self.assertEqual(Job(self.partner.address_get, eta=eta).eta, expected)

    def test_eta_of_a_day(self):
        self.assertEqual(
            Job(self.partner.address_get, eta=date(2040, 1, 1)).eta, datetime(2040, 1, 1)
        )
        self.assertIsNone(Job(self.partner.address_get, eta=0).eta)
        with self.assertRaisesRegex(TypeError, "An eta is"):
            Job(self.partner.address_get, eta=1.5)

    def test_eta_as_text(self):
        job = Job(self.partner.address_get, eta="2040-01-01 06:30:00")
        self.assertEqual(job.eta, datetime(2040, 1, 1, 6, 30))
        with self.assertRaises(ValueError):
            Job(self.partner.address_get, eta="tomorrow")
        with self.assertRaisesRegex(TypeError, "An eta is"):
            Job(self.partner.address_get, eta=[1])

    def test_equal_by_uuid(self):
        one = Job(self.partner.address_get)
        same = Job(self.partner.read, job_uuid=one.uuid)
        other = Job(self.partner.address_get)
        self.assertEqual(one, same)
        self.assertEqual(hash(one), hash(same))
        self.assertNotEqual(one, other)
        self.assertEqual(len({one, same, other}), 2)

    def test_identity_key_gets_the_job(self):
        job = Job(self.partner.address_get, identity_key=lambda job: f"k-{job.method_name}")
        self.assertEqual(job.identity_key, "k-address_get")


class TestMoves(JobCase):
    def setUp(self):
        super().setUp()
        patcher = mock.patch("odoo.addons.queue_job.job.datetime")
        self.clock = self.startPatcher(patcher)
        self.now = datetime(2030, 1, 1, 12, 0, 0, 123456)
        self.clock.now.side_effect = lambda: self.now
        self.job = Job(self.model._test_job)

    def test_to_done(self):
        job = self.job
        job.set_enqueued()
        self.assertEqual((job.state, job.date_enqueued), ("enqueued", self.now))
        self.now += timedelta(seconds=1)
        job.set_started()
        self.assertEqual((job.state, job.date_started), ("started", self.now))
        self.assertEqual(job.worker_pid, os.getpid())
        job.exc_name, job.exc_info = "KeyError", "Traceback"
        self.now += timedelta(seconds=2.5)
        job.set_done(result="ok")
        self.assertEqual((job.state, job.date_done), ("done", self.now))
        self.assertEqual((job.exc_name, job.exc_info), (None, None))
        self.assertEqual((job.exec_time, job.result), (2.5, "ok"))

    def test_pid_comes_from_the_system(self):
        with mock.patch("os.getpid", return_value=99):
            self.job.set_started()
        self.assertEqual(self.job.worker_pid, 99)

    def test_set_pending_clears(self):
        job = self.job
        job.set_enqueued()
        job.set_started()
        job.set_done()
        job.retry = 3
        job.set_pending(result="again", reset_retry=False)
        self.assertEqual((job.state, job.retry, job.result), ("pending", 3, "again"))
        self.assertEqual(
            (job.date_enqueued, job.date_started, job.date_done, job.worker_pid), (None,) * 4
        )
        job.set_cancelled(result="no")
        self.assertEqual((job.state, job.date_cancelled, job.result), ("cancelled", self.now, "no"))
        job.set_pending()
        self.assertEqual((job.state, job.retry, job.date_cancelled), ("pending", 0, None))

    def test_set_failed(self):
        self.job.set_failed(exc_info="Traceback", exc_name="KeyError", exc_message="k")
        self.assertEqual(
            (self.job.state, self.job.exc_info, self.job.exc_name, self.job.exc_message),
            ("failed", "Traceback", "KeyError", "k"),
        )

    def test_postpone(self):
        self.job.exc_name, self.job.exc_info = "KeyError", "Traceback"
        self.job.postpone(result="later", seconds=60)
        self.assertEqual(self.job.eta, self.now + timedelta(seconds=60))
        self.assertEqual(
            (self.job.result, self.job.exc_name, self.job.exc_info), ("later", None, None)
        )
        self.job.postpone()
        self.assertEqual(self.job.eta, self.now + timedelta(seconds=600))

    def test_the_clock_is_all_that_is_needed_of_datetime(self):
        """Tests freeze time by patching the name: isinstance would not work on it."""
        job = self.job
        job.store()
        loaded = Job.load(self.env, job.uuid)
        loaded.set_enqueued()
        loaded.set_started()
        loaded.store()
        loaded.perform()
        loaded.set_done()
        loaded.store()
        self.assertEqual(Job.load(self.env, job.uuid).exec_time, 0)


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


class TestPerform(JobCase):
    def patched(self, method):
        self.startPatcher(mock.patch.object(type(self.partner), "qj_test", method, create=True))

    def test_perform(self):
        def method(records, *args, **kwargs):
            return records, args, kwargs, records.env.context

        method.__name__ = "qj_test"
        self.patched(method)
        job = Job(self.partner.qj_test, args=(1,), kwargs={"k": 2})
        job.store()
        records, args, kwargs, context = job.perform()
        self.assertEqual((records, args, kwargs), (self.partner, (1,), {"k": 2}))
        self.assertEqual(context["job_uuid"], job.uuid)
        self.assertEqual(job.retry, 1)
        self.assertEqual(job.result[1], (1,))
        self.assertEqual(self.row(job)["retry"], 0)
        self.assertEqual(self.row(job)["state"], "pending")

    def test_commit_is_forbidden(self):
        commit = self.env.cr.commit
        job = Job(self.model._test_job, kwargs={"commit_within_job": True})
        with self.assertRaises(RuntimeError):
            job.perform()
        self.assertIs(self.env.cr.commit, commit)

    def test_tries(self):
        def method(records, ignore_retry):
            raise RetryableJobError("not now", ignore_retry=ignore_retry)

        method.__name__ = "qj_test"
        self.patched(method)
        job = Job(self.partner.qj_test, args=(False,), max_retries=3)
        for retry in (1, 2):
            with self.assertRaisesRegex(RetryableJobError, "not now"):
                job.perform()
            self.assertEqual(job.retry, retry)
        with self.assertRaisesRegex(FailedJobError, r"^Max\. retries \(3\) reached: not now"):
            job.perform()
        job = Job(self.partner.qj_test, args=(True,), max_retries=1)
        with self.assertRaises(RetryableJobError):
            job.perform()
        self.assertEqual(job.retry, 0)
        job = Job(self.partner.qj_test, args=(False,), max_retries=0)
        job.retry = 1000
        with self.assertRaises(RetryableJobError):
            job.perform()

    def test_on_fail_of_no_function_does_nothing(self):
        Job(self.partner.address_get).on_fail({"exc_name": "KeyError"})


class TestLock(JobCase):
    def test_only_a_started_job(self):
        job = self.stored()
        job.add_lock_record()
        self.assertFalse(job.lock())
        job.set_started()
        job.store()
        self.assertTrue(job.lock())
        self.assertTrue(Job.load(self.env, job.uuid).lock())

    def test_one_that_was_taken_back(self):
        job = self.stored()
        job.set_started()
        job.store()
        other = Job.load(self.env, job.uuid)
        other.set_pending()
        other.set_started()
        other.store()
        self.assertFalse(job.lock())
        self.assertTrue(other.lock())
