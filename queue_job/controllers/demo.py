# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""A route that creates test jobs, to try an installation."""

import random

from werkzeug.exceptions import BadRequest, Forbidden

from odoo import http
from odoo.http import request

from ..delay import chain, group

MAX_SIZE = 1000


class CreateTestJobController(http.Controller):
    @http.route("/queue_job/create_test_job", type="http", auth="user", methods=["GET"])
    def create_test_job(
        self,
        priority=None,
        max_retries=None,
        channel=None,
        description="Test job",
        size=1,
        failure_rate=0,
        job_duration=0,
        commit_within_job=False,
        failure_retry_seconds=0,
        **kw,
    ):
        """Create one test job, or a random graph of them.

        :param priority, max_retries, channel, description: job options
        :param size: int, number of jobs
        :param failure_rate, job_duration, commit_within_job, failure_retry_seconds: see
            ``queue.job._test_job``
        :return: the uuid of the job or of the graph, as text
        """
        if not request.env.user.has_group("base.group_erp_manager"):
            raise Forbidden(request.env._("Only access rights managers create test jobs."))
        options = {
            "priority": _number(int, "priority", priority),
            "max_retries": _number(int, "max_retries", max_retries),
            "channel": channel or None,
        }
        arguments = {
            "failure_rate": _number(float, "failure_rate", failure_rate) or 0,
            "job_duration": _number(float, "job_duration", job_duration) or 0,
            "commit_within_job": commit_within_job in ("1", "true", "True", True),
            "failure_retry_seconds": _number(int, "failure_retry_seconds", failure_retry_seconds)
            or 0,
        }
        size = _number(int, "size", size) or 1
        if not 0 < size <= MAX_SIZE:
            raise BadRequest(f"size: a number from 1 to {MAX_SIZE}, not {size}")
        calls = [
            request.env["queue.job"]
            .delayable(description=_numbered(description, number, size), **options)
            ._test_job(**arguments)
            for number in range(1, size + 1)
        ]
        _random_graph(calls).delay()
        job = calls[0]._generated_job
        if size == 1:
            return f"job uuid: {job.uuid}"
        return f"graph uuid: {job.graph_uuid}"


def _number(convert, name, value):
    """:raise BadRequest: naming the parameter"""
    if value in (None, "", False):
        return None
    try:
        return convert(value)
    except ValueError:
        raise BadRequest(f"{name}: {value!r} is not a number") from None


def _numbered(description, number, size):
    return description if size == 1 else f"{description} #{number}"


def _random_graph(calls):
    """Groups of a few calls each, one after the other."""
    levels = []
    rest = list(calls)
    while rest:
        count = random.randint(1, max(1, min(len(rest), len(calls) // 3)))
        levels.append(group(*rest[:count]))
        rest = rest[count:]
    return chain(*levels)
