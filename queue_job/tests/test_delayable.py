# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
import gc
import logging
from datetime import timedelta
from unittest import mock

from odoo.addons.queue_job.delay import (
    Delayable,
    DelayableChain,
    DelayableGroup,
    DelayableRecordset,
)
from odoo.addons.queue_job.job import Job, identity_exact
from odoo.addons.queue_job.models import base
from odoo.tests import TransactionCase

LOGGER = "odoo.addons.queue_job.delay"
OPTIONS = {
    "priority": 5,
    "eta": 15,
    "max_retries": 2,
    "description": "D",
    "channel": "root.sub",
    "identity_key": identity_exact,
}


class Records(list):
    """Has what is needed of a recordset before it is delayed."""

    _name = "records"

    def method(self, *args, **kwargs):
        """Do it"""


class TestWithDelay(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.partner = cls.env["res.partner"].create({"name": "Azure"})

    def test_creates_the_job_at_once(self):
        binding = self.partner.with_delay(**OPTIONS)
        self.assertIsInstance(binding, DelayableRecordset)
        self.assertEqual(binding.recordset, self.partner)
        for name, value in OPTIONS.items():
            self.assertEqual(getattr(binding.delayable, name), value)
        job = binding.address_get(["contact"])
        self.assertIsInstance(job, Job)
        record = job.db_record()
        self.assertEqual(
            (record.priority, record.max_retries, record.name, record.channel),
            (5, 2, "D", "root.sub"),
        )
        self.assertEqual(record.identity_key, identity_exact(job))
        self.assertEqual((job.eta - job.date_created).seconds, 15)
        self.assertEqual(record.args, [["contact"]])
        self.assertEqual(record.records, self.partner)
        self.assertFalse(record.graph_uuid)

    def test_the_class_is_looked_up_at_each_call(self):
        with mock.patch.object(base, "DelayableRecordset") as cls:
            self.partner.with_delay(priority=4)
        cls.assert_called_once_with(
            self.partner,
            priority=4,
            eta=None,
            max_retries=None,
            description=None,
            channel=None,
            identity_key=None,
        )

    def test_only_methods(self):
        with self.assertRaises(AttributeError):
            self.partner.with_delay().name  # noqa: B018
        with self.assertRaises(AttributeError):
            self.partner.with_delay().no_such_method()

    def test_private_methods(self):
        job = self.partner.with_delay()._compute_display_name()
        self.assertEqual(job.method_name, "_compute_display_name")

    def test_a_method_with_the_name_of_ours(self):
        def method(records):
            return "method"

        for name in ("_job_options", "_perform_now", "delay", "split", "set"):
            method.__name__ = name
            with mock.patch.object(type(self.partner), name, method, create=True):
                self.assertEqual(getattr(self.partner.with_delay(), name)().method_name, name)


class TestDelayable(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.partners = cls.env["res.partner"].create(
            [{"name": f"Partner {number}"} for number in range(5)]
        )

    def delayable(self, recordset=None, **options):
        """One that does not warn."""
        delayable = Delayable(Records([1, 2, 3]) if recordset is None else recordset, **options)
        self.addCleanup(setattr, delayable, "_generated_job", True)
        return delayable

    def test_call(self):
        delayable = self.partners.delayable()
        self.assertIs(delayable.address_get(["contact"], a=1), delayable)
        self.assertEqual(delayable._job_args, (["contact"],))
        self.assertEqual(delayable._job_kwargs, {"a": 1})
        self.assertEqual(delayable._job_method, self.partners.address_get)
        self.assertIsNone(delayable._generated_job)
        delayable.delay()
        self.assertIsInstance(delayable._generated_job, Job)

    def test_field(self):
        with self.assertRaisesRegex(AttributeError, "only methods can be delayed"):
            self.delayable(self.partners).name  # noqa: B018

    def test_set(self):
        delayable = self.delayable()
        self.assertIs(delayable.set(priority=1, eta=timedelta(1)), delayable)
        self.assertIs(delayable.set({"channel": "root.a", "max_retries": 3}), delayable)
        self.assertEqual(
            (delayable.priority, delayable.eta, delayable.channel, delayable.max_retries),
            (1, timedelta(1), "root.a", 3),
        )
        for wrong in ({"recordset": 1}, {"_generated_job": 1}, {"size": 2}):
            with self.assertRaises(ValueError):
                delayable.set(wrong)
            with self.assertRaises(ValueError):
                delayable.set(**wrong)

    def test_repr_and_warning(self):
        delayable = self.env["res.partner"].delayable().address_get(1, a=2)
        text = "Delayable(res.partner().address_get((1,), {'a': 2}))"
        self.assertEqual(repr(delayable), text)
        with self.assertLogs(LOGGER, logging.WARNING) as logs:
            gc.disable()
            self.addCleanup(gc.enable)
            del delayable
        self.assertEqual(
            [record.getMessage() for record in logs.records],
            [f"Delayable {text} was prepared but never delayed"],
        )

    def test_no_warning_when_refused(self):
        """Its error says it."""
        with self.assertNoLogs(LOGGER, logging.WARNING):
            with self.assertRaises(TypeError):
                self.partners.with_delay(eta=[1]).address_get()
            with self.assertRaises(AttributeError):
                self.partners.with_delay().qj_missing()
            gc.collect()

    def test_no_warning_when_delayed(self):
        delayable = self.partners.delayable().address_get()
        delayable.delay()
        truthy = self.partners.delayable().address_get()
        truthy._generated_job = mock.Mock()
        with self.assertNoLogs(LOGGER, logging.WARNING):
            del delayable, truthy
            gc.collect()

    def test_each_of_a_graph_warns_once(self):
        group = DelayableGroup(*(Delayable(Records()).method(number) for number in range(3)))
        with self.assertLogs(LOGGER, logging.WARNING) as logs:
            del group
            gc.collect()
        self.assertEqual(len(logs.records), 3)

    def test_a_mock_for_a_recordset(self):
        recordset = mock.MagicMock(spec=["method", "__contains__"])
        recordset.__contains__.return_value = False
        delayable = self.delayable(recordset).method(1)
        self.assertEqual(delayable._job_method, recordset.method)
        recordset.__contains__.assert_called_with("method")

    def test_no_method_was_called(self):
        with self.assertRaises(ValueError):
            self.delayable(self.partners).delay()
        with self.assertRaises(ValueError):
            self.delayable().split(2)

    # -- split

    def parts(self, composed):
        return [(list(part.recordset), part.description) for part in composed.members]

    def silence(self, composed):
        for part in composed.members:
            part._generated_job = True

    def test_split(self):
        delayable = Delayable(Records([1, 2, 3, 4, 5]), priority=4).method(1, a=2)
        group = delayable.split(2)
        self.addCleanup(self.silence, group)
        self.assertIs(type(group), DelayableGroup)
        self.assertEqual(
            self.parts(group),
            [
                ([1, 2], "Do it (split 1/3)"),
                ([3, 4], "Do it (split 2/3)"),
                ([5], "Do it (split 3/3)"),
            ],
        )
        self.assertEqual(group._delayables, set(group.members))
        for part in group.members:
            self.assertEqual((part.priority, part._job_args, part._job_kwargs), (4, (1,), {"a": 2}))
            self.assertEqual(part._job_method.__self__, part.recordset)
        with self.assertNoLogs(LOGGER, logging.WARNING):
            del delayable

    def test_split_into_a_chain(self):
        delayable = Delayable(Records([1, 2, 3]), description="Mine").method()
        chain = delayable.split(size=2, chain=True)
        self.addCleanup(self.silence, chain)
        self.assertIs(type(chain), DelayableChain)
        self.assertEqual(
            self.parts(chain), [([1, 2], "Mine (split 1/2)"), ([3], "Mine (split 2/2)")]
        )

    def test_split_records(self):
        group = self.partners.delayable().address_get(["contact"]).split(2)
        group.delay()
        jobs = [part._generated_job for part in group.members]
        self.assertEqual([len(job.recordset) for job in jobs], [2, 2, 1])
        self.assertEqual(len({job.graph_uuid for job in jobs}), 1)
        self.assertEqual({job.state for job in jobs}, {"pending"})

    def test_split_keeps_its_place(self):
        before = self.partners[0].delayable().address_get()
        delayable = self.partners.delayable().address_get()
        after = self.partners[0].delayable().address_get()
        before.on_done(delayable)
        delayable.on_done(after)
        parts = delayable.split(3).members
        before.delay()
        before, after, *parts = (d._generated_job for d in (before, after, *parts))
        self.assertEqual(after.depends_on, set(parts))
        self.assertEqual([part.depends_on for part in parts], [{before}] * 2)

    def test_split_member_of_a_group(self):
        member = self.partners.delayable().address_get()
        group = DelayableGroup(member)
        parts = member.split(3)
        self.assertEqual(group._delayables, {parts})
        group.delay()
        self.assertTrue(all(part._generated_job.db_record() for part in parts.members))

    # -- delay again

    def test_delay_twice_creates_once(self):
        delayable = self.partners.delayable().address_get()
        delayable.delay()
        job = delayable._generated_job
        delayable.delay()
        self.assertIs(delayable._generated_job, job)
        self.assertEqual(self.env["queue.job"].search_count([("uuid", "=", job.uuid)]), 1)

    def test_a_later_dependency(self):
        first = self.partners.delayable().address_get()
        first.delay()
        job = first._generated_job
        second = self.partners.delayable().address_get()
        first.on_done(second)
        second.delay()
        self.assertIs(first._generated_job, job)
        record = job.db_record()
        self.assertEqual(record.dependencies["reverse_depends_on"], [second._generated_job.uuid])
        self.assertEqual(second._generated_job.state, "wait_dependencies")
        self.assertTrue(record.graph_uuid)
        self.assertEqual(record.graph_uuid, second._generated_job.graph_uuid)

    def test_a_later_dependency_on_a_job_that_is_done_by_then(self):
        first = self.partners.delayable().address_get()
        first.delay()
        first._generated_job.db_record().button_done()
        second = self.partners.delayable().address_get()
        first.on_done(second).delay()
        self.assertEqual(first._generated_job.db_record().state, "done")
        self.assertEqual(second._generated_job.db_record().state, "pending")
