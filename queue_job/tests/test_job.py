# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
from datetime import date, datetime, timedelta
from unittest import mock

from odoo.addons import queue_job
from odoo.addons.queue_job import job as job_module
from odoo.addons.queue_job.job import Job, identity_exact
from odoo.tests import TransactionCase

from .job_case import JobCase


class TestImportPaths(TransactionCase):
    def test_values(self):
        self.assertIs(queue_job.identity_exact, identity_exact)
        self.assertEqual(
            job_module.STATES,
            [
                ("wait_dependencies", "Wait Dependencies"),
                ("pending", "Pending"),
                ("enqueued", "Enqueued"),
                ("started", "Started"),
                ("done", "Done"),
                ("cancelled", "Cancelled"),
                ("failed", "Failed"),
            ],
        )
        for state, _label in job_module.STATES:
            self.assertEqual(getattr(job_module, state.upper()), state)
        self.assertEqual(
            (
                job_module.DEFAULT_PRIORITY,
                job_module.DEFAULT_MAX_RETRIES,
                job_module.RETRY_INTERVAL,
            ),
            (10, 5, 600),
        )


class TestNewJob(JobCase):
    def test_defaults(self):
        before = datetime.now()
        job = Job(self.partner.address_get)
        self.assertEqual(len(job.uuid), 36)
        self.assertEqual(
            (job.state, job.retry, job.max_retries, job.priority), ("pending", 0, 5, 10)
        )
        self.assertEqual((job.args, job.kwargs), ((), {}))
        self.assertEqual((job.model_name, job.method_name), ("res.partner", "address_get"))
        self.assertEqual(job.recordset, self.partner)
        self.assertEqual(job.channel, "root")
        self.assertEqual(job.user_id, self.env.uid)
        self.assertEqual(job.company_id, self.env.company.id)
        self.assertTrue(before <= job.date_created <= datetime.now())
        self.assertEqual(job.job_function_name, "<res.partner>.address_get")
        self.assertEqual(job.job_config, self.env["queue.job.function"].job_default_config())
        self.assertIs(job.env.cr, self.env.cr)
        for name in [
            "graph_uuid",
            "date_enqueued",
            "date_started",
            "date_done",
            "date_cancelled",
            "exec_time",
            "result",
            "exc_name",
            "exc_message",
            "exc_info",
            "eta",
            "identity_key",
            "worker_pid",
        ]:
            self.assertIsNone(getattr(job, name), name)
        self.assertEqual((job.depends_on, job.reverse_depends_on), (set(), set()))

    def test_options(self):
        job = Job(
            self.partner.address_get,
            args=["contact"],
            kwargs={"a": 1},
            priority=0,
            job_uuid="u" * 36,
            max_retries=0,
            description="Look",
            channel="root.sub",
            identity_key="key",
        )
        self.assertEqual(job.args, ("contact",))
        self.assertEqual(job.kwargs, {"a": 1})
        self.assertEqual((job.priority, job.max_retries), (0, 0))
        self.assertEqual((job.uuid, job.description), ("u" * 36, "Look"))
        self.assertEqual((job.channel, job.identity_key), ("root.sub", "key"))

    def test_only_methods_of_recordsets(self):
        class NoModel:
            def method(self):
                pass

        for func in (len, "name", lambda: None, NoModel().method, type(self.partner).read):
            with self.assertRaises(TypeError):
                Job(func)

    def test_func_string(self):
        job = Job(self.partner.write, args=("é", 2), kwargs={"k": [self.partner]})
        self.assertEqual(
            job.func_string,
            f"res.partner({self.partner.id},).write('é', 2, k=[res.partner({self.partner.id},)])",
        )

    def test_description_is_the_first_line_of_the_docstring(self):
        def documented(records):
            """Says what it does

            and more"""

        def undocumented(records):
            pass

        documented.__name__ = undocumented.__name__ = "qj_test"
        with mock.patch.object(type(self.partner), "qj_test", documented, create=True):
            self.assertEqual(Job(self.partner.qj_test).description, "Says what it does")
        with mock.patch.object(type(self.partner), "qj_test", undocumented, create=True):
            self.assertEqual(Job(self.partner.qj_test).description, "res.partner.qj_test")
        self.assertEqual(Job(self.model._test_job).description, "queue.job._test_job")

    def test_eta(self):
        now = datetime(2030, 1, 1, 12)
        with mock.patch("odoo.addons.queue_job.job.datetime") as clock:
            clock.now.return_value = now
            for eta, expected in (
                (15, now + timedelta(seconds=15)),
                (timedelta(hours=1), now + timedelta(hours=1)),
                (now + timedelta(days=1), now + timedelta(days=1)),
                (None, None),
            ):
                self.assertEqual(Job(self.partner.address_get, eta=eta).eta, expected)

    def test_eta_of_a_day(self):
        self.assertEqual(
            Job(self.partner.address_get, eta=date(2040, 1, 1)).eta, datetime(2040, 1, 1)
        )
        self.assertIsNone(Job(self.partner.address_get, eta=0).eta)
        with self.assertRaisesRegex(TypeError, "An eta is"):
            Job(self.partner.address_get, eta=1.5)

    def test_eta_as_text(self):
        job = Job(self.partner.address_get, eta="2040-01-01 06:30:00")
        self.assertEqual(job.eta, datetime(2040, 1, 1, 6, 30))
        with self.assertRaises(ValueError):
            Job(self.partner.address_get, eta="tomorrow")
        with self.assertRaisesRegex(TypeError, "An eta is"):
            Job(self.partner.address_get, eta=[1])

    def test_equal_by_uuid(self):
        one = Job(self.partner.address_get)
        same = Job(self.partner.read, job_uuid=one.uuid)
        other = Job(self.partner.address_get)
        self.assertEqual(one, same)
        self.assertEqual(hash(one), hash(same))
        self.assertNotEqual(one, other)
        self.assertEqual(len({one, same, other}), 2)

    def test_identity_key_gets_the_job(self):
        job = Job(self.partner.address_get, identity_key=lambda job: f"k-{job.method_name}")
        self.assertEqual(job.identity_key, "k-address_get")
