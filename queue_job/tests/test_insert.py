# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Rows of new jobs are inserted past the ORM, but where an addon would notice."""

import functools
from datetime import date, datetime
from unittest import mock

from odoo.addons.queue_job import extension_points, job_insert
from odoo.addons.queue_job.delay import group
from odoo.addons.queue_job.job import Job
from odoo.tests import TransactionCase


class InsertCase(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.model = cls.env["queue.job"]
        cls.partner = cls.env["res.partner"].create({"name": "Partner"})

    def delay(self, *args, **kwargs):
        return self.partner.with_delay(**kwargs)._compute_display_name(*args)

    def row(self, job):
        """All columns, as PostgreSQL has them, without what differs between two jobs."""
        self.env.flush_all()
        self.env.cr.execute("SELECT * FROM queue_job WHERE uuid = %s", (job.uuid,))
        row = self.env.cr.dictfetchone()
        return {name: row[name] for name in row.keys() - {"id", "uuid", "identity_guard"}}

    def creations(self):
        """Record what goes through ``create`` of the model, as an addon's override sees it."""
        seen = []
        cls = type(self.model)
        create = cls.create

        def override(records, vals_list):
            seen.extend(vals_list)
            return create(records, vals_list)

        # as addons that patch a model's class do (base_automation, auditlog)
        override.__module__ = "odoo.addons.some_addon.models.queue_job"
        self.patch(cls, "create", override)
        return seen

    def assert_plain(self, expected=True):
        self.assertEqual(
            extension_points.creates_plainly(self.model.sudo(), job_insert.COLUMNS), expected
        )


class TestSameRow(InsertCase):
    """A row is the same whichever way it was made."""

    def assert_same(self, make):
        plain, by_orm = make(), make()
        by_orm.date_created = plain.date_created
        by_orm.eta = plain.eta
        for job, is_plain in ((plain, True), (by_orm, False)):
            with mock.patch.object(job_insert, "creates_plainly", lambda *args, ok=is_plain: ok):
                job.store()
        self.assertEqual(self.row(plain), self.row(by_orm))
        return self.row(plain)

    def job(self, *args, kwargs=None, **options):
        return Job(self.partner._compute_display_name, args=args, kwargs=kwargs, **options)

    def test_the_least(self):
        row = self.assert_same(self.job)
        self.assertTrue(row["date_created"].microsecond)
        self.assertEqual((row["args"], row["kwargs"]), ([], {}))
        self.assertEqual((row["retry"], row["worker_pid"], row["exec_time"]), (0, 0, 0.0))
        self.assertIsNone(row["identity_key"])

    def test_all_options(self):
        def make():
            return self.job(
                priority="7",
                eta=datetime(2030, 1, 2, 3, 4, 5, 678901),
                max_retries=0,
                description="é % \" ' \\",
                channel="mail",
                identity_key="key",
            )

        row = self.assert_same(make)
        self.assertEqual((row["priority"], row["channel"]), (7, "root.mail"))

    def test_arguments(self):
        values = [None, True, 1.5, "é\n\\ '", date(2020, 1, 2), datetime(2020, 1, 2, 3, 4)]
        new = self.partner.new({"name": "New"})

        def make():
            return self.job(
                *values, {"a": [1, {"b": self.partner}]}, new, kwargs={"self_": self.partner}
            )

        self.assert_same(make)

    def test_empty_texts(self):
        self.assert_same(lambda: self.job(description="", channel="", identity_key=""))

    def test_states(self):
        def failed():
            job = self.job()
            job.set_started()
            job.lease, job.date_started = "x", datetime(2020, 1, 1)
            job.retry = 3
            job.result = ["no text"]
            job.set_failed(exc_name="E", exc_message=ValueError("x\x00"), exc_info="…")
            return job

        def done():
            job = self.job()
            job.date_started = datetime(2020, 1, 1)
            job.state, job.date_done = "done", datetime(2020, 1, 1, 0, 0, 3)
            return job

        self.assert_same(failed)
        self.assertEqual(self.assert_same(done)["exec_time"], 3)

    def test_environment(self):
        company = self.env["res.company"].create({"name": "Other"})
        self.partner = self.partner.with_context(
            company_id=None, lang="en_US", tz="UTC", allowed_company_ids=[company.id]
        )
        self.assertIsNone(self.assert_same(self.job)["company_id"])
        self.partner = self.partner.with_context(company_id=company.id).sudo()
        self.assertEqual(self.assert_same(self.job)["company_id"], company.id)
        self.partner = self.partner.browse()
        self.assert_same(self.job)

    def test_job_function(self):
        self.env["queue.job.function"].create(
            {"model_id": self.env["ir.model"]._get_id("res.partner"), "method": "unlink"}
        )
        row = self.assert_same(lambda: Job(self.partner.unlink))
        self.assertTrue(row["job_function_id"])

    def test_dependencies(self):
        parent = self.delay()

        def make():
            job = self.job()
            job.add_depends({parent})
            return job

        self.assertEqual(self.assert_same(make)["state"], "wait_dependencies")

    def test_what_is_wrong_either_way(self):
        for is_plain in (True, False):
            with mock.patch.object(job_insert, "creates_plainly", lambda *args, ok=is_plain: ok):
                job = self.job()
                job.state = "unknown"
                with self.assertRaises(ValueError):
                    job.store()
                with self.assertRaisesRegex(TypeError, "Argument 2"):
                    self.job(1, object()).store()


class TestPlain(InsertCase):
    def test_the_row_is_there_at_once(self):
        self.assert_plain()
        job = self.delay()
        self.env.cr.execute("SELECT state FROM queue_job WHERE uuid = %s", (job.uuid,))
        self.assertEqual(self.env.cr.fetchall(), [("pending",)])

    def test_many_jobs_are_few_statements(self):
        calls = [
            self.partner.delayable()._compute_display_name() for _ in range(job_insert.BATCH + 1)
        ]
        count, statements = self.model.search_count([]), self.env.cr.sql_log_count
        group(*calls).delay()
        self.assertLess(self.env.cr.sql_log_count - statements, 10)
        self.assertEqual(self.model.search_count([]), count + job_insert.BATCH + 1)

    def test_caches(self):
        before = self.model.search_count([])
        job = self.delay()
        self.assertEqual(self.model.search_count([]), before + 1)
        record = job.db_record()
        self.assertEqual((record.state, record.records), ("pending", self.partner))
        self.assertEqual(record.date_created, job.date_created)


class TestOverridden(InsertCase):
    def test_create(self):
        seen = self.creations()
        self.assert_plain(False)
        job = self.delay(priority=3)
        self.assertEqual([(vals["uuid"], vals["priority"]) for vals in seen], [(job.uuid, 3)])

    def test_create_behind_a_decorator(self):
        cls = type(self.model)
        create = cls.create
        name = {"__name__": "odoo.addons.some_addon", "create": create}
        override = eval("lambda records, vals_list: create(records, vals_list)", name)
        self.patch(cls, "create", functools.wraps(create)(override))
        self.assert_plain(False)
        self.delay()

    def test_other_methods_on_the_way(self):
        cls = type(self.model)
        for name in extension_points.CREATE_METHODS:
            original = getattr(cls, name)

            def override(records, *args, _original=original, **kwargs):
                return _original(records, *args, **kwargs)

            override.__module__ = "odoo.addons.some_addon"
            with self.subTest(name), mock.patch.object(cls, name, override):
                self.assert_plain(False)
        self.assert_plain()

    def add_field(self, **values):
        return self.env["ir.model.fields"].create(
            {
                "model_id": self.env["ir.model"]._get_id("queue.job"),
                "name": "x_more",
                "ttype": "char",
                **values,
            }
        )

    def test_stored_computed_field(self):
        self.add_field(
            compute="for job in self: job['x_more'] = (job['name'] or '').upper()",
            depends="name",
            store=True,
        )
        self.assert_plain(False)
        job = self.delay(description="abc")
        self.assertEqual(self.row(job)["x_more"], "ABC")

    def test_stored_related_field(self):
        self.add_field(related="user_id.login", store=True, readonly=True)
        self.assert_plain(False)
        self.assertEqual(self.row(self.delay())["x_more"], self.env.user.login)

    def test_field_with_a_default(self):
        self.add_field()
        self.assert_plain()
        self.assertIsNone(self.row(self.delay())["x_more"])
        self.env["ir.default"].set("queue.job", "x_more", "by default")
        self.assert_plain(False)
        self.assertEqual(self.row(self.delay())["x_more"], "by default")

    def test_field_of_an_addon_with_a_default(self):
        self.add_field()
        field = self.model._fields["x_more"]
        self.patch(field, "default", lambda records: "by default")
        self.registry._field_triggers = dict(self.registry._field_triggers)
        self.assert_plain(False)
        self.assertEqual(self.row(self.delay())["x_more"], "by default")

    def test_constraint(self):
        def check(records):
            """Nothing to say."""

        check._constrains = ("priority",)
        cls = type(self.model)
        self.assertTrue(extension_points._is_created_plainly(self.model, job_insert.COLUMNS))
        self.patch(cls, "_constraint_methods", [check])
        self.assertFalse(extension_points._is_created_plainly(self.model, job_insert.COLUMNS))

    def test_default_in_the_context_and_of_a_user(self):
        name = "eta_passed"
        self.assertFalse(
            extension_points.creates_plainly(
                self.model.with_context(**{f"default_{name}": 1}), job_insert.COLUMNS
            )
        )
        self.assertTrue(
            extension_points.creates_plainly(
                self.model.with_context(default_priority=1, default_x=2), job_insert.COLUMNS
            )
        )
        self.env["ir.default"].set("queue.job", name, "2020-01-01")
        self.assert_plain(False)


class TestHooks(InsertCase):
    """Values of ``_job_store_values`` for fields that need nothing but a column, and others."""

    def test_values_of_the_model(self):
        field = self.env["ir.model.fields"].create(
            {
                "model_id": self.env["ir.model"]._get_id("queue.job"),
                "name": "x_number",
                "ttype": "integer",
            }
        )
        cls = type(self.partner)
        self.patch(cls, "_job_store_values", lambda self, job: {field.name: "5"})
        creations = self.creations_by_orm()
        self.assertEqual(self.row(self.delay())["x_number"], 5)
        self.assertEqual(creations, [])
        cls._job_store_values_for__compute_display_name = hook_of_method
        self.addCleanup(delattr, cls, "_job_store_values_for__compute_display_name")
        self.assertEqual(self.row(self.delay())["x_number"], 6)
        jobs = [
            self.partner.delayable()._compute_display_name(),
            self.model.delayable()._test_job(),
        ]
        group(*jobs).delay()
        numbers = [self.row(call._generated_job)["x_number"] for call in jobs]
        self.assertEqual(numbers, [6, None])

    def test_value_that_needs_the_orm(self):
        cls = type(self.partner)
        values = {"activity_ids": []}
        self.patch(cls, "_job_store_values", lambda self, job: values)
        creations = self.creations_by_orm()
        self.delay()
        self.assertEqual(len(creations), 1)
        values = {"no_such_field": 1}
        with self.assertRaisesRegex(ValueError, "no_such_field"):
            self.delay()

    def creations_by_orm(self):
        seen = []
        by_orm = job_insert._create_by_orm

        def create(model, jobs, more, is_guarded):
            seen.extend(jobs)
            by_orm(model, jobs, more, is_guarded)

        self.patch(job_insert, "_create_by_orm", create)
        return seen


def hook_of_method(records, job):
    return {"x_number": 6}
