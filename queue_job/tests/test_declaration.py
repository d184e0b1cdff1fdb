# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
import logging
from unittest import mock

from odoo.addons.queue_job import declaration
from odoo.addons.queue_job.controllers.main import RunJobController
from odoo.addons.queue_job.exception import JobError, RetryableJobError
from odoo.addons.queue_job.job import Job, identity_exact, job, related_action
from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.tests import TransactionCase


@job(default_channel="shop.import", retry_pattern={1: 7})
@related_action(action="open_it", view="form")
def import_partner(env, model_name, name, **values):
    """Import a partner

    from nowhere
    """
    if name == "later":
        raise RetryableJobError("not yet")
    return env[model_name].create({"name": name, **values})


@job
def without_more(env, model_name):
    return env.uid, env.company, env.context.get("lang"), env.context.get("job_uuid")


@job(timeout=9)
def limited(env, model_name):
    """Runs nine seconds at most"""


class DeclarationCase(TransactionCase):
    def declare(self, *decorators, name="qj_test", model="res.partner"):
        """Add a decorated method to a model; the outermost decorator is first."""

        def method(records):
            """Do it"""

        method.__name__ = name
        method.__qualname__ = f"Partner.{name}"
        for decorator in reversed(decorators):
            with self.assertWarns(DeprecationWarning) as caught:
                method = decorator(method)
            self.assertEqual(len(caught.warnings), 1)
            self.assertEqual(caught.filename, __file__)
        cls = type(self.env[model])
        self.startPatcher(mock.patch.object(cls, name, method, create=True))
        self.addCleanup(self.env.registry.clear_cache)
        self.env.registry.clear_cache()
        return method

    def config(self, name="<res.partner>.qj_test"):
        return self.env["queue.job.function"].job_config(name)


class TestDeclaredMethod(DeclarationCase):
    def test_defaults(self):
        self.declare(
            job(default_channel="shop.export", retry_pattern={1: 5, "3": (6, 7)}),
            related_action(action="open_it", view="form"),
        )
        self.assertEqual(
            self.config(),
            (
                "root.shop.export",
                {1: 5, 3: (6, 7)},
                True,
                "open_it",
                {"view": "form"},
                None,
                False,
                None,
            ),
        )
        delayed = self.env["res.partner"].with_delay().qj_test()
        self.assertEqual(delayed.channel, "root.shop.export")
        self.assertEqual(delayed.db_record().channel, "root.shop.export")
        delayed.retry = 2
        self.assertEqual(delayed._get_retry_seconds(), 5)

    def test_without_parentheses(self):
        self.declare(job)
        self.assertEqual(self.config(), self.env["queue.job.function"].job_default_config())

    def test_a_job_function_goes_before(self):
        self.declare(job(default_channel="shop", retry_pattern={1: 5}))
        self.env["queue.job.function"].create({"name": "<res.partner>.qj_test"})
        self.assertEqual((self.config().channel, self.config().retry_pattern), ("root", {}))

    def test_no_action(self):
        self.declare(related_action(action=None))
        self.assertIsNone(self.env["res.partner"].with_delay().qj_test().related_action())

    def test_actions(self):
        delayed = []

        def open_it(records, **kwargs):
            return {"ids": records.ids, **kwargs}

        self.startPatcher(
            mock.patch.object(type(self.env["queue.job"]), "open_it", open_it, create=True)
        )
        for action in ("open_it", open_it):
            self.declare(related_action(action=action, view="form"))
            delayed.append(self.env["res.partner"].with_delay().qj_test())
            record = delayed[-1].db_record()
            expected = {"ids": record.ids, "view": "form"}
            self.assertEqual(delayed[-1].related_action(), expected)
            self.assertEqual(record.open_related_action(), expected)

    def test_an_override_need_not_declare_again(self):
        self.declare(job(default_channel="shop"), related_action(action=None))

        class Override(type(self.env["res.partner"])):
            _register = False

            def qj_test(self):
                return super().qj_test()

        def overriding(records):
            """Override"""

        overriding.__qualname__ = "Override.qj_test"
        found = declaration.of_method(Override, "qj_test")
        self.assertEqual((found.channel, found.related_action), ("root.shop", (None, {})))
        with self.assertWarns(DeprecationWarning):
            Override.qj_test = job(default_channel="other")(overriding)
        found = declaration.of_method(Override, "qj_test")
        self.assertEqual((found.channel, found.related_action), ("root.other", (None, {})))

    def test_wrong_pattern(self):
        with self.assertRaisesRegex(ValueError, "retry pattern"):
            job(retry_pattern={"x": 1})(lambda records: None)


class TestDeclaredFunction(DeclarationCase):
    PATH = "odoo.addons.queue_job.tests.test_declaration.import_partner"

    def run_job(self, delayed):
        with mock.patch.object(self.env.cr, "rollback"):
            RunJobController._runjob(self.env, Job.load(self.env, delayed.uuid))
        return delayed.db_record()

    def test_called_directly(self):
        partner = import_partner(self.env, "res.partner", "A", ref="r")
        self.assertEqual((partner._name, partner.name, partner.ref), ("res.partner", "A", "r"))
        self.assertFalse(self.env["queue.job"].search([("method_name", "=", "_run_job_function")]))

    def test_delay(self):
        delayed = import_partner.delay(self.env, "res.partner", "Delayed", ref="r")
        record = delayed.db_record()
        self.assertEqual(record.name, "Import a partner")
        self.assertEqual(record.channel, "root.shop.import")
        self.assertEqual(record.channel_method_name, self.PATH)
        self.assertEqual(record.model_name, "res.partner")
        self.assertIn(self.PATH, record.func_string)
        self.assertFalse(self.env["res.partner"].search([("name", "=", "Delayed")]))
        self.env.flush_all()
        self.env.invalidate_all()
        self.assertEqual(self.run_job(delayed).state, "done")
        self.assertEqual(self.env["res.partner"].search([("name", "=", "Delayed")]).ref, "r")

    def test_options(self):
        with trap_jobs() as trap:
            delayed = import_partner.delay(
                self.env,
                "res.partner",
                "A",
                priority=3,
                eta=60,
                max_retries=2,
                description="Mine",
                channel="root.other",
                identity_key=identity_exact,
            )
        self.assertEqual(
            trap.calls[0].properties,
            {
                "priority": 3,
                "eta": 60,
                "max_retries": 2,
                "description": "Mine",
                "channel": "root.other",
                "identity_key": identity_exact,
            },
        )
        self.assertEqual(delayed.channel, "root.other")
        self.assertEqual(delayed.description, "Mine")
        delayed = import_partner.delay(self.env, "res.partner", "A", scheduled_at=60)
        self.assertTrue(delayed.eta)
        with self.assertRaisesRegex(ValueError, "two names"):
            import_partner.delay(self.env, "res.partner", "A", eta=1, scheduled_at=60)

    def test_same_identity(self):
        first = import_partner.delay(self.env, "res.partner", "A", identity_key="qj-once")
        again = import_partner.delay(self.env, "res.partner", "A", identity_key="qj-once")
        self.assertEqual(again, first.db_record())

    def test_environment(self):
        user = self.env.ref("base.user_admin")
        env = self.env(user=user, su=False, context={"lang": "en_US"})
        delayed = without_more.delay(env, "res.partner")
        self.assertEqual(delayed.channel, "root")
        self.assertEqual(delayed.description, declaration.path_of(without_more))
        loaded = Job.load(self.env, delayed.uuid)
        self.assertEqual(loaded.perform(), (user.id, env.company, "en_US", delayed.uuid))

    def test_no_delay(self):
        env = self.env(context={"queue_job__no_delay": True})
        import_partner.delay(env, "res.partner", "At once")
        self.assertTrue(self.env["res.partner"].search([("name", "=", "At once")]))

    def test_retry_pattern_and_action(self):
        delayed = import_partner.delay(self.env, "res.partner", "later")
        record = self.run_job(delayed)
        self.assertEqual((record.state, record.result), ("pending", "not yet"))
        job_config = Job.load(self.env, delayed.uuid).job_config
        self.assertEqual(job_config.retry_pattern, {1: 7})
        self.assertEqual(job_config.related_action_func_name, "open_it")
        self.assertEqual(job_config.related_action_kwargs, {"view": "form"})
        loaded = Job.load(self.env, delayed.uuid)
        self.assertEqual(loaded._get_retry_seconds(), 7)

    def failing(self, path):
        delayed = self.env["res.partner"].with_delay()._run_job_function(path)
        with self.assertLogs("odoo.addons.queue_job.controllers.main", logging.ERROR):
            # not assertRaises(), which rolls back
            try:
                RunJobController._runjob(self.env, Job.load(self.env, delayed.uuid))
            except JobError:
                pass
        record = delayed.db_record()
        self.assertEqual(record.state, "failed")
        return record.exc_message

    def test_a_row_that_names_another_function(self):
        with mock.patch("os.system") as system:
            for path in ("os.system", "odoo.addons.queue_job.tests.test_declaration.x", "", 1):
                self.assertIn("declared with @job", self.failing(path))
        system.assert_not_called()

    def test_addon_not_installed(self):
        installed = self.env.registry._init_modules - {"queue_job"}
        with mock.patch.object(self.env.registry, "_init_modules", installed):
            self.assertIn("is not installed", self.failing(self.PATH))
            with self.assertRaisesRegex(JobError, "is not installed"):
                import_partner.delay(self.env, "res.partner", "A")

    def test_outside_of_addons(self):
        def somewhere(env, model_name):
            pass

        somewhere.__module__, somewhere.__qualname__ = "somewhere", "somewhere"
        with mock.patch.dict(declaration._functions):
            job(somewhere)
            with self.assertRaisesRegex(JobError, "is not installed"):
                somewhere.delay(self.env, "res.partner")

    def test_nested_functions_have_no_delay(self):
        with self.assertWarns(DeprecationWarning):
            nested = job(lambda records: None)
        self.assertFalse(hasattr(nested, "delay"))
