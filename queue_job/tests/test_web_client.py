# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""The web client in a browser: the HOOT tests, and a tour through the views."""

from odoo.addons.queue_job.core.states import DONE, FAILED
from odoo.addons.queue_job.delay import chain, group
from odoo.addons.queue_job.models.queue_job import QueueJob
from odoo.tests import HttpCase, tagged


def hoot_id(name):
    """:return: str, the id that HOOT gives to a suite: a 32 bit hash of its full name"""
    value = 0
    for char in name:
        value = (value * 31 + ord(char)) & 0xFFFFFFFF
    return f"{value:08x}"


@tagged("post_install", "-at_install")
class TestWebClient(HttpCase):
    def test_hoot(self):
        self.browser_js(
            "/web/tests?headless&loglevel=2&preset=desktop&timeout=15000"
            f"&id={hoot_id('@queue_job')}",
            "",
            "",
            login="admin",
            timeout=300,
            success_signal="[HOOT] Test suite succeeded",
            error_checker=lambda message: "[HOOT]" not in message,
        )

    def test_tour(self):
        job = self.env["queue.job"].delayable
        fetch, invoice, reserve, tell = (
            job(description=f"Tour: {name}")._test_job()
            for name in ("fetch", "invoice", "reserve", "tell")
        )
        chain(fetch, group(invoice, reserve), tell).delay()
        edited = {"_job_edit_sentinel": QueueJob.EDIT_SENTINEL}
        fetch._generated_job.db_record().with_context(**edited).state = DONE
        invoice._generated_job.db_record().with_context(**edited).write(
            {"state": FAILED, "exc_name": "UserError", "exc_message": "No journal"}
        )
        self.start_tour("/odoo", "queue_job_graph_tour", login="admin")
