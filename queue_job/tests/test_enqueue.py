# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
from datetime import datetime, timedelta

from odoo.addons.queue_job.job import Job, identity_exact
from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.exceptions import AccessError
from odoo.service.model import get_public_method
from odoo.tests import TransactionCase


class TestEnqueue(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.partners = cls.env["res.partner"].create([{"name": "A"}, {"name": "B"}])
        cls.jobs = cls.env["queue.job"]

    def test_call(self):
        record = self.jobs.enqueue(
            "res.partner", "write", self.partners.ids, args=({"name": "C"},), description="D"
        )
        self.assertEqual(record._name, "queue.job")
        self.assertEqual((record.state, record.name), ("pending", "D"))
        job = Job.load(self.env, record.uuid)
        self.assertEqual((job.recordset, job.args), (self.partners, ({"name": "C"},)))
        job.perform()
        self.assertEqual(self.partners.mapped("name"), ["C", "C"])

    def test_model_method(self):
        record = self.jobs.enqueue("res.partner", "search_count", kwargs={"domain": []})
        self.assertEqual((record.records, record.kwargs), (self.env["res.partner"], {"domain": []}))

    def test_options(self):
        options = {
            "channel": "root.x",
            "priority": 3,
            "max_retries": 2,
            "eta": 60,
            "description": "D",
            "identity_key": identity_exact,
        }
        with trap_jobs() as trap:
            self.jobs.enqueue("res.partner", "address_get", **options)
        self.assertEqual(trap.calls[0].properties, options)

    def test_identity(self):
        first, again = (
            self.jobs.enqueue("res.partner", "address_get", identity_key="qj-e") for _time in "12"
        )
        self.assertEqual(first, again)

    def test_user_and_context(self):
        user = self.env.ref("base.user_admin")
        jobs = self.jobs.with_user(user).with_context(lang="en_US")
        record = jobs.enqueue("res.partner", "address_get")
        self.assertEqual(record.user_id, user)
        self.assertEqual(record.records.env.context["lang"], "en_US")

    def test_no_delay(self):
        jobs = self.jobs.with_context(queue_job__no_delay=True)
        record = jobs.enqueue("res.partner", "write", self.partners.ids, [{"name": "now"}])
        self.assertEqual(record, self.jobs)
        self.assertEqual(self.partners[0].name, "now")

    def test_unknown_model(self):
        with self.assertRaisesRegex(ValueError, "no model 'no.model'"):
            self.jobs.enqueue("no.model", "write")

    def test_unknown_method(self):
        for name in ("no_method", "name", "_name", "__init__", None):
            with self.assertRaisesRegex(ValueError, "res.partner has no method"):
                self.jobs.enqueue("res.partner", name)
        with self.assertRaises(TypeError):
            self.jobs.enqueue("res.partner", "write", nonsense=1)

    def test_one_record(self):
        record = self.jobs.enqueue("res.partner", "address_get", self.partners[0].id)
        self.assertEqual(record.records, self.partners[0])

    def test_model_without_table(self):
        self.assertTrue(self.jobs.enqueue("ir.qweb", "get_view"))

    def test_records_that_are_not_there(self):
        gone = self.partners[1].id
        self.partners[1].unlink()
        with self.assertRaisesRegex(ValueError, rf"no records {gone}, 987654321 of res.partner"):
            self.jobs.enqueue("res.partner", "write", [self.partners[0].id, gone, 987654321])
        for ids in ("12", [self.partners[0]], ["1"], {"id": 1}, [None]):
            with self.assertRaisesRegex(TypeError, "record_ids"):
                self.jobs.enqueue("res.partner", "write", ids)

    def test_wrong_arguments(self):
        for args in ("text", {"name": "C"}, 5):
            with self.assertRaisesRegex(TypeError, "args is a list or a tuple"):
                self.jobs.enqueue("res.partner", "write", self.partners.ids, args)
        with self.assertRaisesRegex(TypeError, "kwargs is a dict"):
            self.jobs.enqueue("res.partner", "write", kwargs=[1])
        with self.assertRaisesRegex(TypeError, "Argument 1 of <res.partner>.write"):
            self.jobs.enqueue("res.partner", "write", self.partners.ids, [object()])

    def test_not_over_rpc(self):
        with self.assertRaises(AccessError):
            get_public_method(self.jobs, "enqueue")


class TestScheduledAt(TransactionCase):
    MOMENT = datetime(2040, 1, 2, 3)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.partner = cls.env["res.partner"]

    def test_an_alias_of_eta(self):
        moment = self.MOMENT
        job = self.partner.with_delay(scheduled_at=moment).address_get()
        self.assertEqual(job.db_record().eta, moment)
        for delayable in (
            self.partner.delayable(scheduled_at=moment),
            self.partner.delayable().set(scheduled_at=moment),
            self.partner.delayable().set({"scheduled_at": moment}),
        ):
            delayable.address_get().delay()
            self.assertEqual(delayable._generated_job.eta, moment)
        record = self.env["queue.job"].enqueue("res.partner", "address_get", scheduled_at=moment)
        self.assertEqual(record.eta, moment)

    def test_every_form(self):
        for form in (60, timedelta(minutes=1)):
            job = self.partner.with_delay(scheduled_at=form).address_get()
            self.assertLessEqual(abs(job.eta - datetime.now() - timedelta(minutes=1)).seconds, 60)

    def test_both(self):
        self.partner.with_delay(eta=60, scheduled_at=60).address_get()
        wrong = {"eta": 60, "scheduled_at": 61}
        with self.assertRaisesRegex(ValueError, "eta and scheduled_at"):
            self.partner.with_delay(**wrong)
        with self.assertRaisesRegex(ValueError, "eta and scheduled_at"):
            self.partner.delayable(**wrong)
        with self.assertRaisesRegex(ValueError, "eta and scheduled_at"):
            self.env["queue.job"].enqueue("res.partner", "address_get", **wrong)
        delayable = self.partner.delayable()
        with self.assertRaisesRegex(ValueError, "eta and scheduled_at"):
            delayable.set(**wrong)
        delayable.address_get().delay()
