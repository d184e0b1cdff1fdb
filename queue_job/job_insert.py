# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""New jobs become rows.

By one INSERT for many of them where the ORM would do no more than that, else by the ORM:
see ``extension_points.py``.
"""

import json

from .core.channel_config import complete_name
from .core.states import STATES
from .extension_points import creates_plainly, is_plain
from .fields import ArgumentEncoder, JobEncoder, jsonb_text
from .job_values import NO_DEPENDENCIES, TEXTS, all_values, dependencies, hook_values, text

#: How many rows one statement inserts at most.
BATCH = 500

#: Columns that every new row has a value in.
FILLED_COLUMNS = (
    *("uuid", "name", "date_created", "user_id", "company_id", "model_name", "method_name"),
    *("func_string", "channel_method_name", "job_function_id", "channel", "records", "args"),
    *("kwargs", "dependencies", "state", "priority", "retry", "max_retries", "exec_time"),
    "worker_pid",
)

#: Columns in which most new rows have none.
RARE_COLUMNS = (
    *("exc_name", "exc_message", "exc_info", "result", "result_json", "date_enqueued"),
    *(
        "date_started",
        "date_done",
        "date_cancelled",
        "eta",
        "identity_key",
        "identity_scope",
        "graph_uuid",
        "lease",
    ),
)

COLUMNS = frozenset(FILLED_COLUMNS + RARE_COLUMNS)

_STATES = frozenset(state for state, _label in STATES)
_encode = JobEncoder().encode
_encode_arguments = ArgumentEncoder().encode


def create(env, jobs):
    """Insert the rows of new jobs."""
    if not jobs:
        return
    model = env["queue.job"].sudo()
    more = [hook_values(job) for job in jobs]
    try:
        if creates_plainly(model, COLUMNS) and _are_plain(model, more):
            _insert(model, jobs, more)
        else:
            _create_by_orm(model, jobs, more)
    except (TypeError, ValueError):
        for job in jobs:
            _check_arguments(job)
        raise


def _are_plain(model, more):
    names = set().union(*more)
    return all(is_plain(model, name) for name in names)


def _create_by_orm(model, jobs, more):
    model = model.with_context(
        _job_edit_sentinel=model.EDIT_SENTINEL,
        tracking_disable=True,
        mail_create_nosubscribe=True,
    )
    model.create([{**values, **all_values(job)} for job, values in zip(jobs, more, strict=True)])


def _insert(model, jobs, more):
    for start in range(0, len(jobs), BATCH):
        _insert_batch(model, jobs[start : start + BATCH], more[start : start + BATCH])


def _insert_batch(model, jobs, more):
    rare = [name for name in RARE_COLUMNS if any(getattr(job, name) is not None for job in jobs)]
    other = sorted(set().union(*more))
    rows = [
        (*_filled(model, job), *_rare(job, rare), *_other(model, values, other))
        for job, values in zip(jobs, more, strict=True)
    ]
    columns = ", ".join(f'"{name}"' for name in (*FILLED_COLUMNS, *rare, *other))
    places = ", ".join(["%s"] * len(rows))
    model.env.cr.execute(f"INSERT INTO queue_job ({columns}) VALUES {places}", rows)


def _filled(model, job):
    """:return: tuple of the values of :data:`FILLED_COLUMNS`, as the ORM stores them"""
    config = job.job_config
    channel = job._channel or config.channel
    has_dependencies = job._depends_on or job._reverse_depends_on
    if job.state not in _STATES:
        raise ValueError(f"{job.state!r} is no state of a job.")
    return (
        job.uuid,
        _text(job.description),
        job.date_created or None,
        _id(model, "user_id", job.user_id),
        _id(model, "company_id", job.company_id),
        job.model_name,
        job.method_name,
        job.func_string,
        job.job_function_name,
        config.job_function_id,
        complete_name(channel),
        jsonb_text(_encode(job.recordset)),
        jsonb_text(_encode_arguments(job.args)),
        jsonb_text(_encode_arguments(job.kwargs)),
        json.dumps(dependencies(job)) if has_dependencies else NO_DEPENDENCIES,
        job.state,
        int(job.priority or 0),
        int(job.retry or 0),
        int(job.max_retries or 0),
        float(job.exec_time or 0),
        int(job.worker_pid or 0),
    )


def _rare(job, names):
    for name in names:
        value = getattr(job, name)
        yield (text(value) if name in TEXTS else value) or None


def _other(model, values, names):
    for name in names:
        if name in values:
            yield model._fields[name].convert_to_column_insert(values[name], model, values)
        else:
            yield None


def _text(value):
    return value if type(value) is str or value is None else str(value)


def _id(model, name, value):
    return value if type(value) is int else model._fields[name].convert_to_column(value, model)


def _check_arguments(job):
    """:raise TypeError: naming the first argument that can't be stored"""
    for name, value in [*enumerate(job.args, start=1), *job.kwargs.items()]:
        try:
            json.dumps(value, cls=ArgumentEncoder)
        except (TypeError, ValueError) as error:
            raise TypeError(
                f"Argument {name} of {job.job_function_name} can't be kept in a job: {error}."
                " Give values that JSON knows, dates, XML elements, records, or objects of a"
                " class registered with register_argument_type()."
            ) from error
