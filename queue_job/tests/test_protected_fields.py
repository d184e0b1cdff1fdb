# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
from odoo.addons.queue_job.job import Job
from odoo.exceptions import AccessError, UserError
from odoo.service.model import call_kw, get_public_method
from odoo.tests import TransactionCase

PROTECTED = [
    "uuid",
    "name",
    "date_created",
    "model_name",
    "method_name",
    "func_string",
    "channel_method_name",
    "job_function_id",
    "records",
    "args",
    "kwargs",
]


class TestProtectedFields(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.model = cls.env["queue.job"]
        cls.record = cls.model.with_delay()._test_job().db_record()

    def test_write(self):
        for name in PROTECTED:
            with self.assertRaises(AccessError):
                self.record.write({name: False})
            with self.assertRaises(AccessError):
                self.record.with_context(_job_edit_sentinel=True).write({name: False})
        self.record.with_context(_job_edit_sentinel=self.model.EDIT_SENTINEL).write({"name": "new"})
        self.assertEqual(self.record.name, "new")

    def test_what_admins_change(self):
        values = {
            "priority": 1,
            "eta": "2030-01-01 00:00:00",
            "max_retries": 9,
            "channel": "root.other",
        }
        self.record.write(values)
        self.assertEqual(self.record.channel, "root.other")
        self.assertEqual(self.record.max_retries, 9)
        with self.assertRaises(UserError):
            self.record.max_retries = -1

    def test_create(self):
        values = {
            "uuid": "u",
            "state": "pending",
            "model_name": "res.partner",
            "method_name": "exists",
        }
        record = self.model.create(values)
        self.assertEqual(Job.load(self.env, "u").db_record(), record)

    def test_no_user_creates(self):
        # an administrator, whom an addon has given the right to
        access = self.env.ref("queue_job.access_queue_job_manager")
        access.perm_create = True
        model = self.model.with_user(self.env.ref("base.user_admin"))
        values = {"uuid": "u", "state": "pending"}
        for create in (
            lambda: model.create(values),
            lambda: model.web_save(values, {}),
            lambda: self.record.with_user(model.env.user).copy(),
        ):
            with self.assertRaises(AccessError):
                create()
        self.assertFalse(model.load(["uuid", "state"], [["u", "pending"]])["ids"])

    def test_create_from_outside(self):
        with self.assertRaises(AccessError):
            get_public_method(self.model, "create")
        with self.assertRaises(AccessError):
            call_kw(self.model, "create", [{"uuid": "u", "state": "pending"}], {})
        with self.assertRaises(AccessError):
            call_kw(
                self.model,
                "create",
                [{"uuid": "u", "state": "pending"}],
                {"context": {"_job_edit_sentinel": "EDIT_SENTINEL"}},
            )

    def test_user_gets_no_more_rights(self):
        self.assertTrue(self.record.records.env.su)
        self.record.user_id = self.env.ref("base.user_admin")
        self.assertFalse(self.record.records.env.su)

    def test_user(self):
        user = self.env.ref("base.user_admin")
        self.record.user_id = user
        self.assertEqual(self.record.records.env.uid, user.id)
        self.assertEqual(self.record.user_id, user)
        self.env.flush_all()
        self.env.cr.execute("SELECT records FROM queue_job WHERE id = %s", (self.record.id,))
        self.assertEqual(self.env.cr.fetchone()[0]["uid"], user.id)
