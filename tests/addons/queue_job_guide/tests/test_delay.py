# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from unittest import mock

from lxml import etree

from odoo.addons.queue_job.job import Job
from odoo.tests import TransactionCase

from ..models.shop_order import once_for_these_orders, once_for_user
from .common import GuideCase


class TestDelay(GuideCase):
    def test_action_confirm(self):
        self.orders.action_confirm()
        rows = self.env["queue.job"].search([("method_name", "=", "send_confirmation")])
        self.assertEqual(len(rows), 3)
        row = rows[0]
        self.assertEqual((row.state, row.priority, row.max_retries), ("pending", 10, 5))
        self.assertEqual(row.name, "Tell the customer that the order is confirmed")
        self.assertEqual(row.args, ["en_US"])
        for row in rows:
            self.assertEqual(self.run_job(Job.load(self.env, row.uuid)).state, "done")
        self.assertEqual(set(self.orders.mapped("state")), {"sent"})

    def test_job(self):
        order = self.order
        job = order.with_delay().export("csv")
        self.assertEqual(job.db_record().state, "pending")
        row = self.run_job(job)
        self.assertEqual((row.state, row.result), ("done", "1 orders as csv"))
        self.assertEqual(order.file_format, "csv")

    def test_readme(self):
        orders = self.orders
        orders.with_delay(priority=5, channel="root.shop").action_confirm()
        row = self.env["queue.job"].search([("method_name", "=", "action_confirm")])
        self.assertEqual((row.priority, row.channel, row.state), (5, "root.shop", "pending"))
        self.assertEqual(self.run_job(Job.load(self.env, row.uuid)).state, "done")
        self.assertEqual(set(orders.mapped("state")), {"confirmed"})

    def test_options(self):
        job = self.order.export_later()
        row = job.db_record()
        self.assertEqual((row.priority, row.max_retries), (5, 3))
        self.assertEqual((row.name, row.channel), ("Export of today", "root.shop.export"))
        self.assertEqual(row.identity_key, job.identity_key)
        self.assertAlmostEqual(
            row.eta, datetime.now() + timedelta(hours=1), delta=timedelta(minutes=5)
        )
        self.assertEqual(self.order.export_later(), row)

    def test_description(self):
        job = self.order.with_delay().renumber()
        self.assertEqual(job.db_record().name, "shop.order.renumber")

    def test_eta(self):
        orders = self.orders
        orders.with_delay(eta=60 * 60).export("csv")
        orders.with_delay(eta=timedelta(days=1)).export("csv")
        orders.with_delay(eta=datetime(2040, 1, 1, 6, 30)).export("csv")
        rows = self.env["queue.job"].search([("method_name", "=", "export")]).sorted("id")
        now = datetime.now()
        self.assertEqual([round((row.eta - now) / timedelta(hours=1)) for row in rows[:2]], [1, 24])
        self.assertEqual(rows[2].eta, datetime(2040, 1, 1, 6, 30))

    def test_eta_with_time_zone(self):
        eta = datetime(2040, 1, 1, 12, tzinfo=timezone(timedelta(hours=2)))
        row = self.order.with_delay(eta=eta).export("csv").db_record()
        self.assertEqual(row.eta, datetime(2040, 1, 1, 10))

    def test_identity_functions(self):
        orders = self.orders
        first = orders.with_delay(identity_key=once_for_these_orders).export("csv")
        again = orders.with_delay(identity_key=once_for_these_orders).export("pdf")
        self.assertEqual(again, first.db_record())
        self.assertNotEqual(
            orders.with_delay(identity_key=once_for_user).export("csv").identity_key,
            orders.with_user(self.env.ref("base.user_admin"))
            .with_delay(identity_key=once_for_user)
            .export("csv")
            .identity_key,
        )
        self.run_job(first)
        third = orders.with_delay(identity_key=once_for_these_orders).export("pdf")
        self.assertNotEqual(third.db_record(), first.db_record())


class TestArguments(GuideCase):
    def load(self, *args, **kwargs):
        job = self.order.with_delay().export(*args, **kwargs)
        return Job.load(self.env, job.uuid)

    def test_what_is_kept(self):
        partner = self.env["res.partner"].create({"name": "Partner"})
        given = {
            "text": "x",
            "list": [1, 2.5, None, True],
            "records": partner,
            "date": date(2040, 1, 1),
            "datetime": datetime(2040, 1, 1, 12, 30),
            "element": etree.fromstring("<a><b/></a>"),
            "tuple": (1, {2, 3}, frozenset("a")),
            "numbers": [Decimal("1.10"), timedelta(minutes=3)],
            "bytes": b"\x00",
        }
        since = self.load("csv", since=given).kwargs["since"]
        self.assertEqual(etree.tostring(since.pop("element")), b"<a><b/></a>")
        given.pop("element")
        self.assertEqual(since, given)

    def test_what_changes(self):
        since = self.load("csv", since={3: "three"}).kwargs["since"]
        self.assertEqual(since, {"3": "three"})

    def test_what_is_refused(self):
        for value in (object(), 1j, {"deep": [lambda: None]}):
            with self.assertRaises(TypeError):
                self.load("csv", since=value)

    def test_field(self):
        with self.assertRaises(AttributeError):
            self.order.with_delay().name  # noqa: B018

    def test_read_when_the_job_runs(self):
        job = self.orders.with_delay().export("csv")
        self.orders[2].unlink()
        self.assertEqual(len(Job.load(self.env, job.uuid).recordset.exists()), 2)


class TestTransaction(GuideCase):
    def test_rolled_back_with_the_caller(self):
        with self.assertRaises(KeyError), self.env.cr.savepoint():
            job = self.order.with_delay().export("csv")
            raise KeyError
        self.assertFalse(job.db_record())

    def test_a_failed_try_leaves_nothing(self):
        model = type(self.order)
        export = model.export

        def fail(orders, file_format):
            export(orders, file_format)
            raise KeyError("no")

        job = self.order.with_delay().export("csv")
        with mock.patch.object(model, "export", fail):
            row = self.run_failing_job(job)
        self.assertEqual((row.state, self.order.file_format), ("failed", False))


class TestEnvironment(TransactionCase):
    def test_who_runs(self):
        user = self.env.ref("base.user_admin")
        company = self.env["res.company"].create({"name": "Second"})
        user.company_ids += company
        orders = self.env["shop.order"].with_user(user).with_company(company)
        orders = orders.with_context(lang="en_US", shop_id=7, other=8)
        row = orders.with_delay().export("csv").db_record()
        self.assertEqual((row.user_id, row.company_id), (user, company))
        env = Job.load(self.env, row.uuid).func.__self__.env
        self.assertEqual((env.user, env.company, env.su), (user, company, False))
        self.assertEqual((env.context["lang"], env.context["shop_id"]), ("en_US", 7))
        self.assertNotIn("other", env.context)
        self.assertEqual(env.context["job_uuid"], row.uuid)
        self.assertTrue(
            Job.load(self.env, orders.sudo().with_delay().export("csv").uuid).recordset.env.su
        )

    def test_change_the_user(self):
        row = self.env["shop.order"].with_delay().export("csv").db_record()
        row.user_id = self.env.ref("base.user_admin")
        self.assertEqual(Job.load(self.env, row.uuid).recordset.env.user, row.user_id)

    def test_without_delay(self):
        orders = self.env["shop.order"].create([{"name": "1"}])
        orders.with_context(queue_job__no_delay=True).action_confirm()
        self.assertEqual(orders.state, "sent")

    def test_old_key(self):
        orders = self.env["shop.order"].create([{"name": "1"}])
        orders.with_context(test_queue_job_no_delay=True).action_confirm()
        self.assertEqual(orders.state, "sent")

    def test_environment_variables(self):
        for name in ("QUEUE_JOB__NO_DELAY", "TEST_QUEUE_JOB_NO_DELAY"):
            orders = self.env["shop.order"].create([{"name": "1"}])
            with mock.patch.dict("os.environ", {name: "1"}):
                orders.close_day()
            self.assertEqual((orders.state, orders.uploads), ("sent", 1))
            self.assertTrue(orders.archived)
