# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
from odoo.addons.queue_job.exception import NoSuchJobError
from odoo.addons.queue_job.job import Job
from odoo.addons.queue_job.storage import JobStorage, OpenERPJobStorage
from odoo.tests import TransactionCase

from .test_declaration import import_partner


class TestStorage(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.storage = JobStorage(cls.env)
        cls.partner = cls.env["res.partner"].create({"name": "A"})

    def test_old_name(self):
        self.assertIs(OpenERPJobStorage, JobStorage)
        self.assertIs(JobStorage(self.partner).env, self.partner.env)

    def test_enqueue_a_method(self):
        uuid = self.storage.enqueue(
            self.partner.write, args=[{"name": "B"}], priority=3, description="D"
        )
        job = self.storage.load(uuid)
        self.assertEqual((job.recordset, job.args), (self.partner, ({"name": "B"},)))
        self.assertEqual((job.priority, job.description), (3, "D"))
        job.perform()
        self.assertEqual(self.partner.name, "B")

    def test_enqueue_a_function(self):
        uuid = self.storage.enqueue(
            import_partner, "res.partner", args=("C",), kwargs={"ref": "r"}, eta=60
        )
        job = self.storage.load(uuid)
        self.assertTrue(job.eta)
        self.assertEqual(job.perform().ref, "r")

    def test_enqueue_and_resolve(self):
        uuid = self.storage.enqueue_resolve_args(self.partner.write, {"name": "B"}, max_retries=7)
        self.assertEqual(self.storage.load(uuid).max_retries, 7)
        uuid = self.storage.enqueue_resolve_args(
            import_partner, "res.partner", "D", ref="r", priority=2
        )
        job = self.storage.load(uuid)
        self.assertEqual((job.priority, job.kwargs, job.args[1:]), (2, {"ref": "r"}, ("D",)))

    def test_every_option(self):
        for func in (self.partner.write, import_partner):
            model = () if func != import_partner else ("res.partner",)
            uuid = self.storage.enqueue_resolve_args(
                func, *model, {}, timeout=9, scheduled_at=60, identity_scope="started", channel="x"
            )
            job = self.storage.load(uuid)
            self.assertEqual((job.timeout, job.channel, job.kwargs), (9, "root.x", {}))
            self.assertTrue(job.eta)

    def test_model_name(self):
        with self.assertRaisesRegex(ValueError, "is a method"):
            self.storage.enqueue(self.partner.write, "res.partner")
        with self.assertRaisesRegex(ValueError, "give the name of a model"):
            self.storage.enqueue(import_partner)
        with self.assertRaisesRegex(ValueError, "give the name of a model"):
            self.storage.enqueue_resolve_args(import_partner)

    def test_look_up(self):
        job = Job(self.partner.write, args=({},), identity_key="qj-storage")
        self.assertFalse(self.storage.exists(job.uuid))
        self.assertFalse(self.storage.db_record(job))
        self.assertFalse(self.storage.job_record_with_same_identity_key("qj-storage"))
        with self.assertRaises(NoSuchJobError):
            self.storage.load(job.uuid)
        self.storage.store(job)
        record = job.db_record()
        self.assertTrue(self.storage.exists(job.uuid))
        self.assertEqual(self.storage.db_record(job), record)
        self.assertEqual(self.storage.db_record_from_uuid(job.uuid), record)
        self.assertEqual(self.storage.load(job.uuid), job)
        self.assertEqual(self.storage.job_record_with_same_identity_key("qj-storage"), record)
        self.assertFalse(self.storage.job_record_with_same_identity_key(None))
        self.assertEqual(
            self.storage.enqueue(self.partner.write, args=({},), identity_key="qj-storage"),
            job.uuid,
        )
