# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
from odoo.tests import HttpCase


class TestCreateTestJob(HttpCase):
    def create_jobs(self, login="admin", **parameters):
        self.authenticate(login, login)
        known = self.env["queue.job"].search([])
        query = "&".join(f"{key}={value}" for key, value in parameters.items())
        response = self.url_open(f"/queue_job/create_test_job?{query}")
        self.env.invalidate_all()
        return response, self.env["queue.job"].search([], order="id") - known

    def test_one(self):
        response, job = self.create_jobs(
            priority=3,
            max_retries=7,
            channel="root.test",
            description="Mine",
            failure_rate=0.5,
            job_duration=2,
            commit_within_job="true",
            failure_retry_seconds=4,
        )
        self.assertEqual(response.status_code, 200)
        self.assertIn(job.uuid, response.text)
        self.assertEqual(
            (job.priority, job.max_retries, job.channel, job.name, job.method_name),
            (3, 7, "root.test", "Mine", "_test_job"),
        )
        self.assertEqual(
            job.kwargs,
            {
                "failure_rate": 0.5,
                "job_duration": 2,
                "commit_within_job": True,
                "failure_retry_seconds": 4,
            },
        )
        self.assertFalse(job.graph_uuid)
        self.assertEqual(job.user_id, self.env.ref("base.user_admin"))

    def test_defaults(self):
        _response, job = self.create_jobs()
        self.assertEqual((job.priority, job.max_retries, job.channel), (10, 5, "root"))

    def test_graph(self):
        _response, jobs = self.create_jobs(size=6, channel="root.test")
        self.assertEqual(len(jobs), 6)
        self.assertEqual(len(set(jobs.mapped("graph_uuid"))), 1)
        self.assertEqual(set(jobs.mapped("channel")), {"root.test"})

    def test_only_for_managers(self):
        self.env["res.users"].create(
            {
                "name": "User",
                "login": "qj_user",
                "password": "qj_user",
                "group_ids": [(6, 0, [self.env.ref("base.group_user").id])],
            }
        )
        response, jobs = self.create_jobs(login="qj_user")
        self.assertEqual(response.status_code, 403)
        self.assertFalse(jobs)

    def test_wrong_numbers(self):
        response, jobs = self.create_jobs(priority="x")
        self.assertEqual((response.status_code, jobs.ids), (400, []))
