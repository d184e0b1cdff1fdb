# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
from odoo.exceptions import AccessError
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

    def test_create(self):
        with self.assertRaises(AccessError):
            self.model.create({"uuid": "u", "state": "pending"})
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
        self.model.with_context(_job_edit_sentinel=self.model.EDIT_SENTINEL).create(
            {"uuid": "u", "state": "pending"}
        )

    def test_user(self):
        user = self.env.ref("base.user_admin")
        self.record.user_id = user
        self.assertEqual(self.record.records.env.uid, user.id)
        self.assertEqual(self.record.user_id, user)
        self.env.flush_all()
        self.env.cr.execute("SELECT records FROM queue_job WHERE id = %s", (self.record.id,))
        self.assertEqual(self.env.cr.fetchone()[0]["uid"], user.id)
