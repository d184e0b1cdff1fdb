# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""New jobs become rows."""

import json

from .fields import JobEncoder
from .job_values import all_values, hook_values


def create(env, jobs):
    if not jobs:
        return
    model = env["queue.job"].sudo()
    model = model.with_context(
        _job_edit_sentinel=model.EDIT_SENTINEL,
        tracking_disable=True,
        mail_create_nosubscribe=True,
    )
    values = [{**hook_values(job), **all_values(job)} for job in jobs]
    try:
        model.create(values)
    except (TypeError, ValueError):
        for job in jobs:
            _check_arguments(job)
        raise


def _check_arguments(job):
    """:raise TypeError: naming the first argument that can't be stored"""
    for name, value in [*enumerate(job.args, start=1), *job.kwargs.items()]:
        try:
            json.dumps(value, cls=JobEncoder)
        except (TypeError, ValueError) as error:
            raise TypeError(
                f"Argument {name} of {job.job_function_name} can't be kept in a job: {error}."
                " Give values that JSON knows, dates, XML elements or records."
            ) from error
