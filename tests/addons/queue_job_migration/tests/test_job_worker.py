# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
import json
from datetime import datetime

from requests.exceptions import ConnectionError, ConnectTimeout

from odoo.addons.queue_job.job import Job
from odoo.exceptions import ValidationError
from odoo.tests import TransactionCase


class TestJobWorker(TransactionCase):
    """The samples of docs/coming_from_job_worker.rst."""

    def setUp(self):
        super().setUp()
        self.binding = self.env["shop.binding"].create({"number": "1"})

    def test_enqueue(self):
        env, binding = self.env, self.binding
        job = env["queue.job"].enqueue(
            "shop.binding",
            "push",
            record_ids=binding.ids,
            args=("42",),
            channel="root.shop",
            priority=5,
            scheduled_at=datetime(2040, 1, 1, 6, 30),
            description="Push 42",
        )
        self.assertEqual((job.state, job.name, job.channel), ("pending", "Push 42", "root.shop"))
        self.assertEqual(job.eta, datetime(2040, 1, 1, 6, 30))
        job.run_now()
        self.assertEqual((job.state, binding.number), ("done", "42"))
        result = json.loads(job.result_json)
        self.assertEqual(result, {"pushed": binding.ids, "number": "42"})

    def test_scheduled_at(self):
        binding, moment = self.binding, datetime(2040, 1, 1, 6, 30)
        first = binding.with_delay(scheduled_at=moment).push("2")
        second = binding.delayable().push("3").set(scheduled_at=3600)
        second.delay()
        self.assertEqual(first.eta, moment)
        self.assertTrue(second._generated_job.eta)

    def test_unique(self):
        binding = self.binding

        def one_push_per_binding(call):
            return f"{call.model_name}.{call.method_name}:{call.recordset.ids}"

        options = {"identity_key": one_push_per_binding, "identity_scope": "started"}
        job = binding.with_delay(**options).push("4")
        job.set_started()
        job.store()
        again = binding.with_delay(identity_key=one_push_per_binding).push("5")
        self.assertEqual(again, job.db_record())

    def test_job_function(self):
        job = Job(self.binding.push, args=("6",))
        policy = job.retry_policy
        self.assertIs(policy.verdict(ConnectTimeout()), True)
        self.assertIs(policy.verdict(ConnectionError()), True)
        self.assertIs(policy.verdict(ValidationError("v")), False)
        waits = []
        for job.retry in range(1, 7):
            waits.append(policy.backoff.seconds(job.retry, lambda _low, high: high))
        self.assertEqual(waits, [10, 30, 90, 270, 600, 600])

    def test_synchronous(self):
        binding = self.binding.with_context(queue_job__no_delay=True)
        binding.with_delay().push("7")
        self.assertEqual(binding.number, "7")
