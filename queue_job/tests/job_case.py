# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""What tests of jobs have in common."""

import json

from odoo.addons.queue_job.job import Job
from odoo.tests import HttpCase, TransactionCase
from odoo.tools import mute_logger


class JobCase(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.partner = cls.env["res.partner"].create({"name": "Azure"})
        cls.model = cls.env["queue.job"]

    def stored(self, **options):
        job = Job(self.model._test_job, **options)
        job.store()
        return job

    def row(self, job):
        self.env.flush_all()
        self.env.cr.execute("SELECT * FROM queue_job WHERE uuid = %s", (job.uuid,))
        return self.env.cr.dictfetchone()


class RpcCase(HttpCase):
    def call_kw(self, model, method, args, kwargs=None):
        """As the web client calls a method.

        :return: dict, the answer: with ``result``, or with ``error`` where it was refused
        """
        params = {"model": model, "method": method, "args": args, "kwargs": kwargs or {}}
        with mute_logger("odoo.http", "odoo.addons.base.models.ir_rule", "odoo.sql_db"):
            answer = self.url_open(
                f"/web/dataset/call_kw/{model}/{method}",
                data=json.dumps({"jsonrpc": "2.0", "method": "call", "params": params}),
                headers={"Content-Type": "application/json"},
            ).json()
        self.env.invalidate_all()
        return answer
