# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
from contextlib import contextmanager

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

    @contextmanager
    def refused(self, text):
        with self.assertRaises(ValidationError) as caught:
            yield
        self.assertIn(text, str(caught.exception))

    def test_name(self):
        for name in (False, "", " "):
            with self.refused("needs a name"):
                self.model.create({"name": name, "parent_id": self.root.id})
            with self.refused("needs a name"):
                self.channel.name = name
        with self.refused("needs a name"):
            self.model.create({})

    def test_cycle(self):
        sub = self.model.create({"name": "sub", "parent_id": self.channel.id})
        for below in (sub, self.channel):
            with self.refused("below itself"):
                self.channel.parent_id = below

    def test_created_by_its_name(self):
        """As the web client does where a channel is chosen."""
        channel_id, name = self.model.name_create("root.qj.sub.leaf")
        self.assertEqual(name, "root.qj.sub.leaf")
        leaf = self.model.browse(channel_id)
        self.assertEqual(leaf.parent_id.parent_id, self.channel)
        self.assertEqual(self.model.name_create("qj.sub.leaf")[0], channel_id)
        self.assertEqual(self.model.name_create("other")[1], "root.other")

    def test_removal_interval(self):
        for days in (-1, 999999):
            with self.refused("from 0 to"):
                self.channel.removal_interval = days
        self.channel.removal_interval = 0

    def test_jobs_move_along(self):
        """Those that wait or have failed; for the others it would be too late, or a lie."""
        sub = self.model.create({"name": "sub", "parent_id": self.channel.id})
        jobs = {}
        for state, _label in self.env["queue.job"]._fields["state"].selection:
            job = self.env["queue.job"].with_delay(channel=sub.complete_name)._test_job()
            jobs[state] = job.db_record()
            jobs[state].with_context(
                _job_edit_sentinel=self.env["queue.job"].EDIT_SENTINEL
            ).state = state
        elsewhere = self.env["queue.job"].with_delay(channel="root.qj2.sub")._test_job().db_record()
        self.channel.name = "renamed"
        moved = {state for state, job in jobs.items() if job.channel == "root.renamed.sub"}
        self.assertEqual(moved, {"wait_dependencies", "pending", "failed"})
        self.assertEqual(elsewhere.channel, "root.qj2.sub")
        sub.parent_id = self.root
        self.assertEqual(jobs["pending"].channel, "root.sub")
        self.assertEqual(jobs["done"].channel, "root.qj.sub")

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
