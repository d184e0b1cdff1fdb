# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
from psycopg2 import IntegrityError

from odoo.exceptions import UserError, ValidationError
from odoo.tests import TransactionCase
from odoo.tools import mute_logger


class TestChannel(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.model = cls.env["queue.job.channel"]
        cls.root = cls.env.ref("queue_job.channel_root")
        cls.channel = cls.model.create({"name": "qj", "parent_id": cls.root.id})

    def test_names(self):
        self.assertEqual(self.root.complete_name, "root")
        self.assertEqual(self.channel.complete_name, "root.qj")
        self.assertEqual(self.channel.display_name, "root.qj")
        sub = self.model.create({"name": "sub", "parent_id": self.channel.id})
        self.assertEqual(sub.complete_name, "root.qj.sub")
        self.channel.name = "other"
        self.assertEqual(sub.complete_name, "root.other.sub")
        self.assertEqual(self.channel.removal_interval, 30)
        self.assertFalse(self.channel.job_function_ids)

    def test_unique(self):
        self.assertIn("queue_job_channel_name_uniq", self._constraints())
        with mute_logger("odoo.sql_db"), self.assertRaises(IntegrityError):
            self.model.create({"name": "qj", "parent_id": self.root.id})

    def _constraints(self):
        self.env.cr.execute(
            "SELECT conname FROM pg_constraint WHERE conrelid = 'queue_job_channel'::regclass"
        )
        return [name for (name,) in self.env.cr.fetchall()]

    def test_parent(self):
        with self.assertRaises(ValidationError):
            self.model.create({"name": "orphan"})
        with self.assertRaises(ValidationError):
            self.channel.parent_id = False

    def test_root(self):
        for values in ({"name": "leaf"}, {"parent_id": self.channel.id}):
            with self.assertRaises(UserError):
                self.root.write(values)
        with self.assertRaises(UserError):
            self.root.unlink()
        self.root.removal_interval = 3

    def test_unlink(self):
        self.channel.unlink()
        self.assertFalse(self.channel.exists())

    def test_declared_twice(self):
        model = self.model.with_context(install_mode=True)
        vals = {"name": "qj", "parent_id": self.root.id, "removal_interval": 4}
        other = {"name": "qj", "parent_id": self.channel.id}
        again, new = model.create([vals, other])
        self.assertEqual(again, self.channel)
        self.assertEqual(self.channel.removal_interval, 4)
        self.assertEqual(new.complete_name, "root.qj.qj")
        self.assertEqual(model.create({"name": "root"}), self.root)

    def test_declared_twice_and_not_to_be_updated(self):
        self.env["ir.model.data"].create(
            {
                "module": "queue_job",
                "name": "qj_test",
                "model": self.model._name,
                "res_id": self.channel.id,
                "noupdate": True,
            }
        )
        model = self.model.with_context(install_mode=True)
        vals = {"name": "qj", "parent_id": self.root.id, "removal_interval": 4}
        self.assertEqual(model.create(vals), self.channel)
        self.assertEqual(self.channel.removal_interval, 30)
