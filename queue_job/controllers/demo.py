# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""A route that creates test jobs, to try an installation."""

import math
import random

from werkzeug.exceptions import BadRequest, Forbidden

from odoo import http
from odoo.http import request

from ..delay import chain, group

MAX_SIZE = 1000

#: What a column of integers holds.
MAX_INTEGER = 2**31 - 1

#: How long a test job may take, and be postponed: a year, in seconds.
MAX_SECONDS = 366 * 24 * 3600


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
            "priority": _integer("priority", priority, -MAX_INTEGER - 1),
            "max_retries": _integer("max_retries", max_retries),
            "channel": _line("channel", channel) or None,
        }
        arguments = {
            "failure_rate": _number("failure_rate", failure_rate, 1),
            "job_duration": _number("job_duration", job_duration, MAX_SECONDS),
            "commit_within_job": commit_within_job in ("1", "true", "True", True),
            "failure_retry_seconds": _integer(
                "failure_retry_seconds", failure_retry_seconds, 0, MAX_SECONDS
            )
            or 0,
        }
        size = _integer("size", size, 1, MAX_SIZE) or 1
        description = _line("description", description)
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


def _integer(name, value, least=0, most=MAX_INTEGER):
    """:return: int or None :raise BadRequest: naming the parameter"""
    return _parsed(int, name, value, least, most)


def _number(name, value, most):
    """:return: float, 0 by default :raise BadRequest: naming the parameter"""
    return _parsed(float, name, value, 0, most) or 0


def _parsed(convert, name, value, least, most):
    if value in (None, "", False):
        return None
    try:
        number = convert(value)
    except ValueError:
        number = math.nan
    # what is no number is not between any two
    if not least <= number <= most:
        raise BadRequest(f"{name}: a number from {least} to {most} is expected, not {value!r}")
    return number


def _line(name, value):
    """:return: str :raise BadRequest: there is something in it that no line of text has"""
    if value and not value.isprintable():
        raise BadRequest(f"{name}: a line of text is expected, not {value!r}")
    return value


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
