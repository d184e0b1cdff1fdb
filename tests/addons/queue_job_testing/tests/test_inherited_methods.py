# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""What ``queue.job`` inherits: whoever may not see or change a job can't by any public method."""

from odoo.exceptions import AccessError
from odoo.service.model import call_kw, get_public_method
from odoo.tests import TransactionCase, new_test_user
from odoo.tools import mute_logger

SECRET = "qj-only-for-some"
TABLES = ("queue_job", "mail_message", "mail_followers", "mail_activity")
GROUPS = {
    "portal": "base.group_portal",
    "internal": "base.group_user",
    "user": "base.group_user,queue_job.group_queue_job_user",
    "other": "base.group_user,queue_job.group_queue_job_manager",
}


class TestInheritedMethods(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        other = cls.env["res.company"].create({"name": "Other"})
        cls.users = [
            new_test_user(
                cls.env,
                f"qj_{name}",
                groups=groups,
                company_id=(other if name == "other" else cls.env.company).id,
            )
            for name, groups in GROUPS.items()
        ]
        job = cls.env["res.partner"].with_delay(description=SECRET).search_count([SECRET])
        cls.record = job.db_record()
        job.set_failed(exc_name=SECRET, exc_message=SECRET, exc_info=SECRET)
        job.store()

    def public_methods(self):
        model = self.env["queue.job"]
        for name in dir(type(model)):
            try:
                get_public_method(model, name)
            except (AccessError, AttributeError):
                continue
            yield name

    def argument_lists(self):
        """Yield lists of arguments such as many methods take."""
        ids, domain = self.record.ids, [["id", "in", self.record.ids]]
        names = ["name", "func_string", "exc_info", "display_name"]
        specification = {name: {} for name in names}
        values = {"priority": 99}
        yield [ids]
        yield [ids, names]
        yield [ids, values]
        yield [ids, specification]
        yield [ids, values, specification]
        yield [domain]
        yield [domain, names]
        yield [domain, ["name"], ["name"]]
        yield [domain, specification]
        yield [SECRET, domain]
        yield [["id", "priority"], [[str(self.record.id), "99"]]]
        yield [["uuid", "state"], [["crafted", "pending"]]]

    def everything(self):
        found = []
        self.env.flush_all()
        for table in TABLES:
            self.env.cr.execute(f"SELECT t::text FROM {table} t ORDER BY id")
            found.append(self.env.cr.fetchall())
        return found

    def call(self, user, name, arguments):
        """:return: what the method returned, as text, and what is in the database then"""
        model = self.env["queue.job"].with_user(user)
        result = None
        self.env.cr.execute("SAVEPOINT called")
        try:
            result = call_kw(model, name, arguments, {})
            self.env.flush_all()
            return repr(result), self.everything()
        except Exception:
            # whatever it is: refused
            return "", None
        finally:
            self.env.cr.clear()
            self.env.cr.execute("ROLLBACK TO SAVEPOINT called")
            self.env.invalidate_all(flush=False)

    @mute_logger(
        *("odoo.sql_db", "odoo.models", "odoo.addons.base.models.ir_rule"),
        *("odoo.addons.mail.models.mail_thread", "py.warnings"),
    )
    def test_every_public_method(self):
        before = self.everything()
        names = set(self.public_methods())
        self.assertLess({"read", "web_read", "export_data", "message_post", "load"}, names)
        for user in self.users:
            for name in sorted(names):
                for arguments in self.argument_lists():
                    with self.subTest(user=user.login, method=name, arguments=arguments):
                        shown, after = self.call(user, name, arguments)
                        self.assertIn(after, (None, before))
                        if arguments[0] != SECRET:
                            self.assertNotIn(SECRET, shown)

    def test_it_would_be_seen(self):
        admin = self.env.ref("base.user_admin")
        shown, _after = self.call(admin, "read", [self.record.ids, ["name"]])
        self.assertIn(SECRET, shown)
        before = self.everything()
        _shown, after = self.call(admin, "write", [self.record.ids, {"priority": 99}])
        self.assertNotIn(after, (None, before))
