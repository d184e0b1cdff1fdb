# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Rows of claimed jobs are written past the ORM, but where an addon would notice."""

from datetime import datetime, timedelta
from unittest import mock

from psycopg2.errors import SerializationFailure

from odoo import api
from odoo.addons.queue_job import acquisition, execution, job_storage, settlement
from odoo.addons.queue_job.controllers.main import RunJobController
from odoo.addons.queue_job.exception import NoSuchJobError, RetryableJobError
from odoo.addons.queue_job.job import Job
from odoo.addons.queue_job.outcome import Return
from odoo.addons.queue_job.slot_cursor import GRANT_KEY
from odoo.tests import TransactionCase

COLUMNS = (
    *job_storage.READ_ATTRIBUTES,
    "exec_time",
    "name",
    "func_string",
    "dependencies",
)
#: What differs between two jobs, or two runs of one.
OF_THE_RUN = {
    "uuid",
    "lease",
    "date_created",
    "date_enqueued",
    "date_started",
    "date_done",
    "exec_time",
}


class ClaimedJobCase(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.model = cls.env["queue.job"]
        cls.partner = cls.env["res.partner"].create({"name": "Partner"})

    def enqueued(self, **options):
        job = self.partner.with_delay(description="Job", **options)._compute_display_name()
        job.set_enqueued()
        job.store()
        return job

    def acquire(self, uuid, **context):
        with mock.patch.object(self.env.cr, "commit"):
            return acquisition.acquire(self.env(context=context), uuid)

    def row(self, uuid):
        self.env.flush_all()
        self.env.cr.execute(f"SELECT {', '.join(COLUMNS)} FROM queue_job WHERE uuid = %s", (uuid,))
        return self.env.cr.dictfetchone()

    def run_claimed(self, uuid):
        RunJobController._runjob(self.env, self.acquire(uuid))

    def orm_writes(self):
        """Record what goes through ``write`` of the model, as an addon's override sees it."""
        seen = []
        cls = type(self.model)
        write = cls.write

        def override(records, vals):
            seen.append(dict(vals))
            return write(records, vals)

        # as addons that patch a model's class do (base_automation, auditlog)
        override.__module__ = "odoo.addons.some_addon.models.queue_job"
        self.patch(cls, "write", override)
        return seen


class TestClaim(ClaimedJobCase):
    def test_the_job_is_that_of_its_row(self):
        uuid = self.enqueued(priority=3, max_retries=7).uuid
        job, loaded = self.acquire(uuid), Job.load(self.env, uuid)
        self.assertEqual(job.state, "started")
        for name in (
            *job_storage.READ_ATTRIBUTES,
            *("uuid", "recordset", "model_name", "method_name", "args", "kwargs", "channel"),
            *("description", "func_string", "job_config"),
        ):
            self.assertEqual(getattr(job, name), getattr(loaded, name), name)

    def test_a_grant_in_the_row_has_to_be_known(self):
        job = self.enqueued()
        job.lease = "token"
        job.store()
        for context in ({}, {GRANT_KEY: "guess"}):
            with self.assertRaises(NoSuchJobError):
                self.acquire(job.uuid, **context)
        acquired = self.acquire(job.uuid, **{GRANT_KEY: "token"})
        self.assertNotEqual(acquired.lease, "token")

    def test_a_hint_has_to_be_due_pending_and_of_the_channel(self):
        job = self.partner.with_delay(channel="root.a")._compute_display_name()
        later = self.partner.with_delay(channel="root.a", eta=60)._compute_display_name()
        enqueued = self.enqueued(channel="root.a")
        with mock.patch.object(self.env.cr, "commit"):
            for refused, channel in ((job, "root.b"), (later, "root.a"), (enqueued, "root.a")):
                row_id = refused.db_record().id
                self.assertIsNone(acquisition.acquire_hint(self.env, row_id, channel))
            claimed = acquisition.acquire_hint(self.env, job.db_record().id, "root.a")
        self.assertEqual(claimed, job)
        self.assertEqual(job.db_record().state, "started")

    def test_the_cache_of_the_orm_follows(self):
        record = self.enqueued().db_record()
        self.assertEqual((record.state, record.date_started), ("enqueued", False))
        self.run_claimed(record.uuid)
        self.assertEqual((record.state, record.retry), ("done", 1))
        self.assertTrue(record.date_started and record.date_done)


class TestClock(ClaimedJobCase):
    """The clock of a worker need not be that of PostgreSQL."""

    def setUp(self):
        super().setUp()
        self.uuid = self.enqueued().uuid
        clock = self.startPatcher(mock.patch("odoo.addons.queue_job.job.datetime"))
        clock.now.return_value = datetime(2001, 1, 1)
        self.env.cr.execute("SELECT clock_timestamp() AT TIME ZONE 'UTC'")
        (self.now,) = self.env.cr.fetchone()

    def assert_soon(self, moment, seconds=0):
        self.assertLess(abs(moment - self.now - timedelta(seconds=seconds)), timedelta(seconds=30))

    def test_done(self):
        self.run_claimed(self.uuid)
        row = self.row(self.uuid)
        self.assert_soon(row["date_started"])
        self.assertLessEqual(row["date_started"], row["date_done"])
        self.assertLess(row["exec_time"], 30)

    def test_tried_again(self):
        error = RetryableJobError("not now", seconds=3600)
        with (
            mock.patch.object(type(self.partner), "_compute_display_name", side_effect=error),
            mock.patch.object(self.env.cr, "rollback"),
        ):
            self.run_claimed(self.uuid)
        self.assert_soon(self.row(self.uuid)["eta"], seconds=3600)


class TestUpdate(ClaimedJobCase):
    def test_no_write_of_the_orm_where_nobody_notices(self):
        uuid = self.enqueued().uuid
        with mock.patch.object(job_storage, "store_many") as store_many:
            self.run_claimed(uuid)
        store_many.assert_not_called()
        self.assertEqual(self.row(uuid)["state"], "done")

    def test_both_ways_make_equal_rows(self):
        direct, through_orm = self.enqueued().uuid, self.enqueued().uuid
        self.run_claimed(direct)
        self.orm_writes()
        self.run_claimed(through_orm)
        first, second = (
            {name: value for name, value in self.row(uuid).items() if name not in OF_THE_RUN}
            for uuid in (direct, through_orm)
        )
        self.assertEqual(first, second)

    def test_an_override_of_write_sees_each_move(self):
        uuid = self.enqueued().uuid
        seen = self.orm_writes()
        self.run_claimed(uuid)
        self.assertEqual([vals["state"] for vals in seen], ["started", "done"])

    def test_a_stored_field_computed_from_a_state_is_computed(self):
        model = self.model
        field = model._fields["state"]
        dependent = mock.Mock(store=True)
        with mock.patch.object(
            type(model.pool),
            "get_dependent_fields",
            lambda _registry, of: [dependent] if of == field else [],
        ):
            # a registry that is set up again has new triggers
            self.patch(model.pool, "_field_triggers", dict(model.pool._field_triggers))
            self.assertFalse(job_storage.writes_plainly(model, job_storage.STORED_ATTRIBUTES))
        self.patch(model.pool, "_field_triggers", dict(model.pool._field_triggers))
        self.assertTrue(job_storage.writes_plainly(model, job_storage.STORED_ATTRIBUTES))

    def test_a_constraint_of_another_addon_is_checked(self):
        @api.constrains("state")
        def check(self):
            pass

        self.patch(type(self.model), "_constraint_methods", [check])
        self.patch(self.model.pool, "_field_triggers", dict(self.model.pool._field_triggers))
        self.assertFalse(job_storage.writes_plainly(self.model, job_storage.STORED_ATTRIBUTES))

    def test_what_was_rolled_back_is_written_again(self):
        job = self.acquire(self.enqueued(eta=timedelta(0)).uuid)
        settle = execution._settle_done

        def settle_and_fail(job):
            settle(job)
            raise RetryableJobError("later", seconds=60)

        with (
            mock.patch.object(execution, "_settle_done", settle_and_fail),
            mock.patch.object(self.env.cr, "rollback"),
        ):
            RunJobController._runjob(self.env, job)
        row = self.row(job.uuid)
        self.assertEqual((row["state"], row["retry"], row["date_done"]), ("pending", 1, None))
        self.assertEqual(row["result"], "later")

    def test_a_failure_is_written_by_the_orm(self):
        job = self.acquire(self.enqueued().uuid)
        job.set_failed(exc_name="Error", exc_message="why", exc_info="traceback")
        job.store()
        self.assertEqual(len(job.db_record().message_ids), 1)


class TestSettle(ClaimedJobCase):
    def test_it_does_not_overwrite_what_another_has_just_written(self):
        job = self.acquire(self.enqueued().uuid)
        row_id = job.db_record().id

        def lose_the_race(_job):
            self.env.flush_all()
            self.env.cr.execute(
                "UPDATE queue_job SET state = 'cancelled', lease = NULL WHERE id = %s", (row_id,)
            )
            self.env.invalidate_all(flush=False)
            raise SerializationFailure("could not serialize access due to concurrent update")

        with (
            mock.patch.object(Job, "store", autospec=True, side_effect=lose_the_race) as store,
            self.assertLogs("odoo.addons.queue_job.settlement", "WARNING"),
        ):
            settlement.settle_return(job, Return("lost"))
        self.assertEqual(store.call_count, 1)
        self.assertEqual(self.row(job.uuid)["state"], "cancelled")
