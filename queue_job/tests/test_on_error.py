# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
import logging
from unittest import mock

from odoo.addons.queue_job.controllers.main import RunJobController
from odoo.addons.queue_job.delay import chain, group
from odoo.addons.queue_job.exception import RetryableJobError
from odoo.addons.queue_job.job import Job
from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.tests import TransactionCase
from odoo.tools import mute_logger


class TestOnError(TransactionCase):
    """Jobs that run when another one has finally failed."""

    def setUp(self):
        super().setUp()
        self.calls = []

        def qj_test(records, name, error=None):
            """Do it"""
            self.calls.append(name)
            if error:
                raise {"retry": RetryableJobError, "fail": ValueError}[error](name)

        self.partner = self.env["res.partner"]
        self.startPatcher(mock.patch.object(type(self.partner), "qj_test", qj_test, create=True))

    def call(self, name, error=None, **options):
        return self.partner.delayable(**options).qj_test(name, error)

    def state(self, call):
        self.env.invalidate_all()
        return call._generated_job.db_record().state

    def states(self, *calls):
        return [self.state(call) for call in calls]

    def run_job(self, call):
        logger = logging.getLogger("odoo.addons.queue_job.controllers.main")
        job = Job.load(self.env, call._generated_job.uuid)
        with mock.patch.object(self.env.cr, "rollback"), mock.patch.object(logger, "error"):
            try:
                RunJobController._runjob(self.env, job)
            except ValueError:
                pass
        self.env.flush_all()
        return self.state(call)

    def test_runs_when_it_has_failed(self):
        work, handler = self.call("work", "fail"), self.call("handler")
        self.assertIs(work.on_error(handler), work)
        work.delay()
        self.assertEqual(self.states(work, handler), ["pending", "wait_dependencies"])
        self.assertTrue(work._generated_job.graph_uuid)
        self.assertEqual(self.run_job(work), "failed")
        self.assertEqual(self.state(handler), "pending")
        self.assertEqual(self.run_job(handler), "done")
        self.assertEqual(self.calls, ["work", "handler"])

    def test_cancelled_when_it_succeeds(self):
        work, handler, after = (self.call(name) for name in ("work", "handler", "after"))
        work.on_error(chain(handler, after)).delay()
        self.run_job(work)
        self.assertEqual(self.states(work, handler, after), ["done", "cancelled", "cancelled"])
        self.assertIn("has not failed", handler._generated_job.db_record().result)

    def test_not_before_it_has_finally_failed(self):
        work, handler = self.call("work", "retry", max_retries=2), self.call("handler")
        work.on_error(handler).delay()
        self.assertEqual(self.run_job(work), "pending")
        self.assertEqual(self.state(handler), "wait_dependencies")
        with mock.patch.object(RunJobController, "_settle_failure") as settle:
            settle.side_effect = lambda job, outcome: (job.set_failed(), job.store())
            self.run_job(work)
        self.assertEqual(self.states(work, handler), ["failed", "pending"])

    def test_chain(self):
        for error, expected in (("fail", "pending"), (None, "cancelled")):
            first, second, handler = self.call("1"), self.call("2", error), self.call("handler")
            chain(first, second).on_error(handler).delay()
            self.run_job(first)
            self.assertEqual(
                self.states(first, second, handler), ["done", "pending", "wait_dependencies"]
            )
            self.run_job(second)
            self.assertEqual(self.state(handler), expected)

    def test_group(self):
        one, two, handler = self.call("1", "fail"), self.call("2"), self.call("handler")
        other = self.call("other")
        group(one, two).on_error(handler, other).delay()
        self.run_job(one)
        self.assertEqual(self.states(handler, other), ["pending", "pending"])
        self.run_job(handler)
        self.run_job(two)
        self.assertEqual(self.states(handler, other), ["done", "pending"])

    def test_a_handler_inside_a_chain(self):
        first, second, handler = self.call("1", "fail"), self.call("2"), self.call("handler")
        first.on_error(handler)
        chain(first, second).delay()
        self.run_job(first)
        self.assertEqual(self.states(second, handler), ["wait_dependencies", "pending"])

    def test_split(self):
        partners = self.partner.create([{"name": "A"}, {"name": "B"}])
        work, handler = partners.delayable().qj_test("work"), self.call("handler")
        work.on_error(handler)
        parts = work.split(1)
        parts.delay()
        for part in parts.members:
            self.assertEqual(self.state(handler), "wait_dependencies")
            self.run_job(part)
        self.assertEqual(self.state(handler), "cancelled")

    def test_split_of_nothing(self):
        work, handler, after = (self.call(name) for name in ("work", "handler", "after"))
        work.on_error(chain(handler, after))
        parts = work.split(1)
        parts.delay()
        self.assertEqual(self.states(handler, after), ["cancelled", "cancelled"])

    def test_cancelled_by_hand(self):
        work, handler = self.call("work"), self.call("handler")
        work.on_error(handler).delay()
        work._generated_job.db_record().button_cancelled()
        self.env.flush_all()
        self.assertEqual(self.state(handler), "cancelled")

    def test_a_handler_of_a_handler(self):
        work, handler, last = self.call("work"), self.call("handler"), self.call("last")
        work.on_error(handler)
        handler.on_error(last)
        work.delay()
        self.run_job(work)
        self.assertEqual(self.states(handler, last), ["cancelled", "cancelled"])

    def test_it_waits_for_what_it_depends_on_besides(self):
        work, other, handler = self.call("work", "fail"), self.call("other"), self.call("handler")
        work.on_error(handler)
        other.on_done(handler)
        group(work, other).delay()
        self.run_job(work)
        self.assertEqual(self.state(handler), "wait_dependencies")
        self.run_job(other)
        self.assertEqual(self.state(handler), "pending")

    def test_what_it_depends_on_besides_is_done_before(self):
        work, other, handler = self.call("work", "fail"), self.call("other"), self.call("handler")
        work.on_error(handler)
        other.on_done(handler)
        group(work, other).delay()
        self.run_job(other)
        self.assertEqual(self.state(handler), "wait_dependencies")
        self.run_job(work)
        self.assertEqual(self.state(handler), "pending")

    def test_delayed_before(self):
        work, handler = self.call("work", "fail"), self.call("handler")
        work.delay()
        work.on_error(handler).delay()
        self.run_job(work)
        self.assertEqual(self.state(handler), "pending")

    def test_delayed_again(self):
        """What has become of a handler stays so when its graph grows."""
        for error, expected in (("fail", "done"), (None, "cancelled")):
            work, handler = self.call("work", error), self.call("handler")
            work.on_error(handler).delay()
            self.run_job(work)
            if error:
                self.run_job(handler)
            work.on_done(self.call("after")).delay()
            self.assertEqual(self.state(handler), expected)
            self.assertFalse(handler._generated_job.db_record().awaits_failure)

    def test_delayed_again_while_it_waits(self):
        work, handler = self.call("work", "fail"), self.call("handler")
        work.on_error(handler).delay()
        work.on_done(self.call("after")).delay()
        self.assertEqual(self.state(handler), "wait_dependencies")
        self.run_job(work)
        self.assertEqual(self.state(handler), "pending")

    def test_decided_once(self):
        """A job that is requeued by hand has no handler any more that has run."""
        work, handler = self.call("work", "fail"), self.call("handler")
        work.on_error(handler).delay()
        self.run_job(work)
        self.run_job(handler)
        work._generated_job.db_record().requeue()
        self.env.flush_all()
        self.assertEqual(self.state(handler), "done")
        self.assertEqual(self.run_job(work), "failed")
        self.assertEqual(self.state(handler), "done")
        self.assertEqual(self.calls, ["work", "handler", "work"])

    def requeue(self, call):
        call._generated_job.db_record().requeue()
        self.env.flush_all()
        self.env.invalidate_all()

    def test_requeued_before_the_handler_has_begun(self):
        """It waits for the new outcome, whatever that is."""
        for state in ("pending", "enqueued"):
            for error, expected in (("fail", "pending"), (None, "cancelled")):
                work, handler = self.call("work", "fail"), self.call("handler")
                after = self.call("after")
                work.on_error(chain(handler, after)).delay()
                self.run_job(work)
                record = handler._generated_job.db_record()
                edited = record.with_context(_job_edit_sentinel=record.EDIT_SENTINEL)
                edited.write({"state": state, "lease": "token"})
                self.env.flush_all()
                self.requeue(work)
                self.assertEqual(record.state, "wait_dependencies")
                self.assertEqual((record.awaits_failure, record.lease), (True, False))
                job = Job.load(self.env, work._generated_job.uuid)
                job.set_failed() if error else job.set_done()
                job.store()
                self.env.flush_all()
                self.assertEqual(self.state(handler), expected)
                other = "wait_dependencies" if error else "cancelled"
                self.assertEqual(self.state(after), other)

    def test_taken_for_done_before_the_handler_has_begun(self):
        work, handler = self.call("work", "fail"), self.call("handler")
        work.on_error(handler).delay()
        self.run_job(work)
        work._generated_job.db_record().button_done()
        self.env.flush_all()
        self.assertEqual(self.state(handler), "cancelled")

    def test_cancelled_after_it_has_failed(self):
        """It has failed all the same."""
        work, handler = self.call("work", "fail"), self.call("handler")
        work.on_error(handler).delay()
        self.run_job(work)
        work._generated_job.db_record().button_cancelled()
        self.env.flush_all()
        self.assertEqual(self.state(handler), "pending")

    def test_requeued_after_the_handler_has_begun(self):
        for values in (
            {"state": "started", "date_started": "2020-01-01 00:00:00"},
            {"state": "pending", "retry": 1},
        ):
            work, handler = self.call("work", "fail"), self.call("handler")
            work.on_error(handler).delay()
            self.run_job(work)
            handler._generated_job.db_record().write(values)
            self.env.flush_all()
            self.requeue(work)
            self.assertEqual(self.state(handler), values["state"])

    def test_requeued_while_the_handler_waits_for_others(self):
        work, other, handler = self.call("work", "fail"), self.call("other"), self.call("handler")
        work.on_error(handler)
        other.on_done(handler)
        group(work, other).delay()
        self.run_job(work)
        self.requeue(work)
        self.run_job(other)
        self.assertEqual(self.state(handler), "wait_dependencies")
        self.assertEqual(self.run_job(work), "failed")
        self.assertEqual(self.state(handler), "pending")

    def test_one_of_several_is_requeued(self):
        one, two, handler = (self.call(*args) for args in (("1", "fail"), ("2", "fail"), ("h",)))
        group(one, two).on_error(handler).delay()
        self.run_job(one)
        self.run_job(two)
        self.requeue(one)
        self.assertEqual(self.state(handler), "pending")
        self.requeue(two)
        self.assertEqual(self.state(handler), "wait_dependencies")

    def test_requeued_together_with_its_handler(self):
        work, handler = self.call("work", "fail"), self.call("handler", "fail")
        work.on_error(handler).delay()
        self.run_job(work)
        self.run_job(handler)
        records = self.env["queue.job"].browse(
            [call._generated_job.db_record().id for call in (work, handler)]
        )
        records.requeue()
        self.env.flush_all()
        self.assertEqual(self.states(work, handler), ["pending", "wait_dependencies"])

    def test_no_delay(self):
        self.partner = self.partner.with_context(queue_job__no_delay=True)
        work, handler, after = self.call("work"), self.call("handler"), self.call("after")
        work.on_error(chain(handler, after)).delay()
        self.assertEqual(self.calls, ["work"])
        work = self.call("work", "fail").on_error(self.call("handler"))
        with mute_logger("odoo.addons.queue_job.delay"):
            # the handler is not needed
            with self.assertRaises(ValueError):
                work.delay()
            del work

    def test_trap(self):
        with trap_jobs() as trap:
            work, handler = self.call("work"), self.call("handler")
            work.on_error(handler).delay()
            trap.assert_jobs_count(2)
            trap.perform_enqueued_jobs()
        self.assertEqual(self.calls, ["work"])

    def test_left_waiting(self):
        """Ended where no trigger told: the runner finds it."""
        work, handler = self.call("work"), self.call("handler")
        work.on_error(handler).delay()
        self.env.cr.execute("ALTER TABLE queue_job DISABLE TRIGGER queue_job_tell_handlers")
        self.run_job(work)
        self.assertEqual(self.state(handler), "wait_dependencies")
        self.env.cr.execute(
            "SELECT queue_job_settle_handler(id) FROM queue_job WHERE awaits_failure"
        )
        self.assertEqual(self.state(handler), "cancelled")
