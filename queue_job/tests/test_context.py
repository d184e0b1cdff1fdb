# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
from unittest import mock

from odoo.addons.queue_job.delay import chain
from odoo.addons.queue_job.job import Job
from odoo.exceptions import AccessError
from odoo.tests import TransactionCase


class TestContext(TransactionCase):
    """As whom, for which company and with which context a job runs."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company = cls.env["res.company"].create({"name": "Second"})
        cls.user = cls.env["res.users"].create(
            {
                "name": "User",
                "login": "qj_user",
                "company_ids": [(6, 0, [cls.env.company.id, cls.company.id])],
            }
        )
        cls.partner = cls.env["res.partner"].create({"name": "Azure"}).with_user(cls.user)

    def setUp(self):
        super().setUp()

        def method(records):
            return records.env

        method.__name__ = "qj_test"
        self.startPatcher(mock.patch.object(type(self.partner), "qj_test", method, create=True))

    def perform(self, records, job=None):
        """:return: environment of the method of a stored and loaded job"""
        job = job or records.with_delay().qj_test()
        self.env.flush_all()
        self.env.invalidate_all()
        loaded = Job.load(self.env, job.uuid)
        self.assertEqual(loaded.user_id, self.user.id)
        return loaded.perform()

    def test_keys(self):
        keys = ("tz", "lang", "allowed_company_ids", "force_company", "active_test")
        self.assertEqual(self.partner._job_prepare_context_before_enqueue_keys(), keys)
        kept = {"tz": "UTC", "lang": "en_US", "allowed_company_ids": [1], "active_test": False}
        records = self.partner.with_context(**kept, active_id=2, bin_size=True)
        self.assertEqual(records._job_prepare_context_before_enqueue(), kept)

    def test_user_and_context(self):
        env = self.perform(self.partner.with_context(lang="en_US", active_id=3))
        self.assertEqual((env.uid, env.su), (self.user.id, False))
        self.assertEqual(env.context["lang"], "en_US")
        self.assertNotIn("active_id", env.context)
        self.assertTrue(self.perform(self.partner.sudo()).su)

    def test_other_user(self):
        job = self.partner.with_delay().qj_test()
        other = self.env.ref("base.user_admin")
        self.env["queue.job"].browse(job.db_record().id).user_id = other
        loaded = Job.load(self.env, job.uuid)
        self.assertEqual(loaded.user_id, other.id)
        self.assertEqual(loaded.perform().uid, other.id)

    def test_company(self):
        records = self.partner.with_company(self.company)
        job = records.with_delay().qj_test()
        self.assertEqual(job.company_id, self.company.id)
        self.assertEqual(job.db_record().company_id, self.company)
        self.assertEqual(self.perform(None, job).company, self.company)

    def test_company_of_the_context(self):
        for company_id in (self.company.id, None):
            records = self.partner.with_context(company_id=company_id)
            job = records.with_delay().qj_test()
            self.assertEqual(job.company_id, company_id)
            self.assertEqual(job.db_record().company_id.id or None, company_id)
            loaded = Job.load(self.env, job.uuid)
            self.assertEqual(loaded.company_id, company_id)
        records = self.partner.with_context(company_id=self.company.id)
        self.assertEqual(self.perform(records).company, self.company)

    def test_allowed_companies(self):
        ids = [self.company.id, self.env.company.id]
        env = self.perform(self.partner.with_context(allowed_company_ids=ids))
        self.assertEqual(env.companies.ids, ids)
        self.assertEqual(env.company, self.company)

    def test_the_user_works_elsewhere_by_now(self):
        job = self.partner.with_delay().qj_test()
        first = self.user.company_id
        self.user.company_id = self.company
        env = self.perform(None, job)
        self.assertEqual((env.company, env.companies), (first, first + self.company))

    def test_a_company_that_the_user_has_lost(self):
        job = self.partner.with_company(self.company).with_delay().qj_test()
        self.user.company_ids -= self.company
        with self.assertRaises(AccessError):
            _ = self.perform(None, job).company

    def test_companies_without_the_key(self):
        """A model that keeps no companies in its jobs has that of the caller all the same."""
        keys = {"return_value": ("lang",)}
        name = "_job_prepare_context_before_enqueue_keys"
        with mock.patch.object(type(self.partner), name, **keys):
            job = self.partner.with_company(self.company).with_context(tz="UTC").with_delay()
            job = job.qj_test()
            self.env.flush_all()
        env = self.perform(None, job)
        self.assertEqual(env.company, self.company)
        self.assertNotIn("tz", env.context)

    def test_graph(self):
        """Each job has the context of its own records."""
        calls = [
            records.delayable().qj_test()
            for records in (self.partner, self.partner.with_company(self.company))
        ]
        chain(*calls).delay()
        companies = [self.perform(None, call._generated_job).company for call in calls]
        self.assertEqual(companies, [self.user.company_id, self.company])

    def test_without_delay(self):
        context = {"queue_job__no_delay": True, "tz": "Asia/Tokyo", "lang": "en_US"}
        records = self.partner.with_company(self.company).with_context(**context)
        call = records.delayable().qj_test()
        call.delay()
        for env in (records.with_delay().qj_test().result, call._generated_job.result):
            self.assertEqual(env.company, self.company)
            self.assertEqual({key: env.context[key] for key in context}, context)

    def test_a_user_who_is_gone(self):
        job = self.partner.with_delay().qj_test()
        self.env.cr.execute(
            """UPDATE queue_job
                  SET user_id = NULL, records = jsonb_set(records, '{uid}', '987654')
                WHERE uuid = %s""",
            (job.uuid,),
        )
        self.env.invalidate_all()
        loaded = Job.load(self.env, job.uuid)
        self.assertEqual(loaded.recordset.env.uid, 987654)
        loaded.db_record().button_cancelled()
        self.assertEqual(loaded.db_record().state, "cancelled")

    def test_failure_hook(self):
        self.env["queue.job.function"].create(
            {"name": "<res.partner>.qj_test", "on_fail_method": "qj_failed"}
        )
        calls = []

        def failed(records, **kwargs):
            calls.append((records.env, kwargs))

        with mock.patch.object(type(self.partner), "qj_failed", failed, create=True):
            job = self.partner.with_context(lang="en_US").with_delay().qj_test()
            values = {"exc_info": "I", "exc_name": "N", "exc_message": "M"}
            Job.load(self.env, job.uuid).on_fail(values)
        ((env, kwargs),) = calls
        self.assertEqual(kwargs, values)
        self.assertEqual((env.uid, env.context["lang"]), (self.user.id, "en_US"))
        self.assertEqual(env.context["job_uuid"], job.uuid)
