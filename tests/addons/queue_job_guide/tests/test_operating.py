# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
from datetime import datetime, timedelta

from odoo.tests import HttpCase, TransactionCase, new_test_user, tagged

#: What docs/operating.rst shows.
WAITING = """
SELECT channel, state, count(*), min(date_created) AS oldest
  FROM queue_job
 WHERE state NOT IN ('done', 'cancelled')
 GROUP BY channel, state
 ORDER BY channel, state
"""


class TestOperating(TransactionCase):
    def test_query(self):
        self.env["shop.order"].with_delay().export("csv")
        self.env.flush_all()
        self.env.cr.execute(WAITING)
        rows = {row[:2]: row[2] for row in self.env.cr.fetchall()}
        self.assertEqual(rows["root.shop.export", "pending"], 1)

    def test_retention(self):
        old = datetime.now() - timedelta(days=8)
        jobs = [
            self.env["shop.order"].with_delay(channel=name).upload()
            for name in ("root.shop.export", "root.shop", "root.shop.export.undeclared")
        ]
        failed = self.env["shop.order"].with_delay(channel="root.shop.export").upload()
        failed.set_failed(exc_name="E")
        failed.date_created = old
        failed.store()
        for job in jobs:
            job.set_done()
            job.date_done = old
            job.store()
        self.env["queue.job"]._gc_old_jobs()
        self.assertEqual(
            [bool(job.db_record()) for job in [*jobs, failed]], [False, True, True, True]
        )

    def test_requeue_counts_anew(self):
        job = self.env["shop.order"].with_delay().upload()
        job.retry = 5
        job.set_failed(exc_name="E")
        job.store()
        job.db_record().requeue()
        self.assertEqual((job.db_record().state, job.db_record().retry), ("pending", 0))


@tagged("post_install", "-at_install")
class TestCreateTestJob(HttpCase):
    def test_urls(self):
        new_test_user(self.env, "queue_job_guide", groups="base.group_erp_manager")
        self.authenticate("queue_job_guide", "queue_job_guide")
        for url in (
            "/queue_job/create_test_job",
            "/queue_job/create_test_job?size=20&job_duration=1&channel=root.test",
            "/queue_job/create_test_job?failure_rate=1&failure_retry_seconds=10&max_retries=3",
        ):
            with self.subTest(url=url):
                response = self.url_open(url)
                self.assertEqual(response.status_code, 200)
                self.assertIn("uuid:", response.text)
