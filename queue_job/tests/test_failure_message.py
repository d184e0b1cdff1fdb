# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
from unittest import mock

from odoo.addons.queue_job.job import Job
from odoo.tests import TransactionCase


class TestFailureMessage(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.model = cls.env["queue.job"]
        cls.group = cls.env.ref("queue_job.group_queue_job_manager")
        cls.user, cls.manager, cls.stranger = cls.env["res.users"].create(
            [
                {"name": "User", "login": "qj_user", "email": "u@example.com"},
                {
                    "name": "Manager",
                    "login": "qj_manager",
                    "email": "m@example.com",
                    "group_ids": [(4, cls.group.id)],
                },
                {
                    "name": "Stranger",
                    "login": "qj_stranger",
                    "email": "s@example.com",
                    "group_ids": [(4, cls.group.id)],
                },
            ]
        )
        company = cls.env["res.company"].create({"name": "Strange"})
        cls.stranger.write({"company_ids": [(4, company.id)], "company_id": company.id})
        cls.job = cls.model.with_user(cls.user).sudo().with_delay()._test_job()
        cls.record = cls.model.browse(cls.job.db_record().id)

    def fail_job(self):
        self.job.set_failed(exc_info="Traceback", exc_name="KeyError", exc_message="m")
        self.job.store()
        self.env.flush_all()
        self.env.cr.flush()

    def test_creating_logs_and_subscribes_nothing(self):
        self.assertFalse(self.record.message_ids)
        self.assertFalse(self.record.message_follower_ids)

    def test_exactly_one_message(self):
        self.fail_job()
        self.assertEqual(len(self.record.message_ids), 1)
        self.assertEqual(
            self.record.message_ids.subtype_id, self.env.ref("queue_job.mt_job_failed")
        )
        self.assertFalse(self.record.message_ids.tracking_value_ids)

    def test_followers(self):
        self.fail_job()
        partners = self.record.message_partner_ids
        self.assertIn(self.manager.partner_id, partners)
        self.assertIn(self.user.partner_id, partners)
        self.assertNotIn(self.stranger.partner_id, partners)

    def test_without_the_creator(self):
        with mock.patch.object(type(self.model), "_subscribe_job_creator", lambda records: False):
            self.fail_job()
        self.assertNotIn(self.user.partner_id, self.record.message_partner_ids)
        self.assertIn(self.manager.partner_id, self.record.message_partner_ids)

    def test_domain(self):
        domain = self.model._subscribe_users_domain()
        self.assertIs(type(domain), list)
        self.assertIn(self.stranger, self.env["res.users"].search(domain))
        domain = self.record._subscribe_users_domain()
        self.assertIs(type(domain), list)
        self.assertIn(("company_id", "in", self.env.company.ids), domain)
        users = self.env["res.users"].search([*domain, ("login", "!=", "qj_manager")])
        self.assertNotIn(self.manager, users)
        self.assertNotIn(self.stranger, users)

    def test_a_write_by_hand(self):
        self.manager.group_ids += self.env.ref("base.group_user")
        self.record.with_user(self.manager).write({"state": "failed"})
        self.assertEqual(len(self.record.sudo().message_ids), 1)

    def test_other_text(self):
        with mock.patch.object(
            type(self.model), "_message_failed_job", lambda record: "Look at this"
        ):
            self.fail_job()
        self.assertIn("Look at this", self.record.message_ids.body)

    def test_who_cannot_be_told(self):
        with (
            mock.patch.object(type(self.model), "message_post", side_effect=ValueError),
            self.assertLogs("odoo.addons.queue_job.models.queue_job_message", "ERROR"),
        ):
            self.fail_job()
        self.assertEqual(self.record.state, "failed")

    def test_other_moves_say_nothing(self):
        job = Job.load(self.env, self.job.uuid)
        job.set_started()
        job.store()
        job.set_done()
        job.store()
        self.env.flush_all()
        self.env.cr.flush()
        self.assertFalse(self.record.message_ids)

    def test_needaction(self):
        self.assertEqual(self.model._needaction_domain_get(), [("state", "=", "failed")])
