# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
from unittest import mock

from odoo.addons.queue_job.core.channel_limits import ChannelLimits
from odoo.exceptions import AccessError, ValidationError
from odoo.tests import Form, TransactionCase, new_test_user


class TestChannelLimits(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.root = cls.env.ref("queue_job.channel_root")
        cls.manager = new_test_user(
            cls.env, "qj-manager", groups="base.group_user,queue_job.group_queue_job_manager"
        )
        cls.channel = (
            cls.env["queue.job.channel"]
            .with_user(cls.manager)
            .create({"name": "qj", "parent_id": cls.root.id})
        )

    def notifications(self, change):
        """:return: list of the payloads of the limits that ``change`` notifies"""
        sent = []
        execute = type(self.env.cr).execute

        def spy(cr, query, params=None, **kwargs):
            if "pg_notify" in str(query):
                sent.append(params)
            return execute(cr, query, params, **kwargs)

        with mock.patch.object(type(self.env.cr), "execute", spy):
            change()
        return sent

    def test_paused_jobs_say_so(self):
        """Those of a channel below as well, to whoever sees the job."""
        user = new_test_user(self.env, "qj-user", groups="queue_job.group_queue_job_user")
        jobs = self.env["queue.job"]
        for channel in ("root.qj", "root.qj.sub", "root.qj2", "root"):
            jobs |= self.partner_job(user, channel)
        self.assertEqual(jobs.with_user(user).mapped("paused_channel"), [False] * 4)
        self.channel.action_pause()
        jobs.invalidate_recordset()
        self.assertEqual(
            jobs.with_user(user).mapped("paused_channel"), ["root.qj", "root.qj", False, False]
        )
        jobs.button_cancelled()
        self.assertEqual(jobs.mapped("paused_channel"), [False] * 4)

    def partner_job(self, user, channel):
        job = user.partner_id.with_user(user).with_delay(channel=channel).exists()
        return self.env["queue.job"].browse(job.db_record().id)

    def test_none_by_default(self):
        self.assertEqual(
            self.channel._limits(), ChannelLimits("root.qj", False, 1, False, 0, False)
        )

    def test_form(self):
        with Form(self.channel) as form:
            form.has_limits = True
            form.capacity = 3
            form.rate = 30
            form.rate_unit = "minute"
        self.assertEqual(self.channel._limits(), ChannelLimits("root.qj", True, 3, False, 2, False))
        self.channel.rate_unit = "second"
        self.assertAlmostEqual(self.channel.throttle, 1 / 30)

    def test_mistakes_are_refused_in_the_form(self):
        for values, message in (
            ({"capacity": -1}, "capacity"),
            ({"capacity": 2, "sequential": True}, "sequential"),
            ({"rate": -1}, "rate"),
        ):
            with self.assertRaisesRegex(ValidationError, message), Form(self.channel) as form:
                form.has_limits = True
                for name, value in values.items():
                    setattr(form, name, value)
        with self.assertRaisesRegex(ValidationError, "root channel"), Form(self.root) as form:
            form.has_limits = True
            form.capacity = 0

    def test_root_has_limits_too(self):
        self.root.with_user(self.manager).write({"has_limits": True, "capacity": 4})
        self.assertEqual(self.root._limits().capacity, 4)

    def test_pause_and_resume(self):
        self.channel.action_pause()
        self.assertTrue(self.channel._limits().paused)
        self.channel.action_resume()
        self.assertFalse(self.channel._limits().paused)

    def test_users_change_nothing(self):
        user = new_test_user(
            self.env, "qj-user", groups="base.group_user,queue_job.group_queue_job_user"
        )
        with self.assertRaises(AccessError):
            self.channel.with_user(user).action_pause()

    def test_the_runner_is_told(self):
        expected = [("queue_job_channel", ":limits")]
        for change in (
            self.channel.action_pause,
            lambda: self.channel.write({"capacity": 3}),
            lambda: self.channel.write({"name": "renamed"}),
            lambda: self.channel.create(
                {"name": "new", "parent_id": self.root.id, "has_limits": True}
            ),
            self.channel.unlink,
        ):
            self.assertEqual(self.notifications(change), expected)

    def test_what_does_not_concern_the_runner_is_not_told(self):
        self.assertEqual(
            self.notifications(lambda: self.channel.write({"removal_interval": 3})), []
        )
        self.assertEqual(
            self.notifications(
                lambda: self.channel.create({"name": "new", "parent_id": self.root.id})
            ),
            [],
        )
