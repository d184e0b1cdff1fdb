from odoo import SUPERUSER_ID, api, http
from odoo.http import request


class BenchmarkController(http.Controller):
    """What a request for a job can't do with less: a route, a cursor of its own, the method, a commit."""

    @http.route(
        "/queue_job_benchmark/start/<int:number>",
        type="http",
        auth="none",
        save_session=False,
        readonly=False,
    )
    def start(self, number):
        with request.env.registry.cursor() as cursor:
            env = api.Environment(cursor, SUPERUSER_ID, {})
            env["queue.job.benchmark"].note_start(number)
        return ""
