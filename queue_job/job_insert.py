# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""New jobs become rows.

By one INSERT for many of them where the ORM would do no more than that, else by the ORM:
see ``extension_points.py``.
"""

import json
from functools import lru_cache, partial

from . import identity_guard
from .core.channel_config import complete_name
from .core.states import STATES
from .extension_points import creates_plainly, is_plain
from .fields import ArgumentEncoder, JobEncoder, jsonb_text
from .job_values import (
    NO_DEPENDENCIES,
    TEXTS,
    all_values,
    dependencies,
    has_links,
    hook_values,
    text,
)

#: How many rows one statement inserts at most.
BATCH = 500

#: Columns that every new row has a value in.
FILLED_COLUMNS = (
    *("uuid", "name", "date_created", "user_id", "company_id", "model_name", "method_name"),
    *("func_string", "channel_method_name", "job_function_id", "channel", "records", "args"),
    *("kwargs", "dependencies", "state", "priority", "retry", "max_retries", "exec_time"),
    *("worker_pid", "timeout"),
)

#: Columns in which most new rows have none.
RARE_COLUMNS = (
    *("exc_name", "exc_message", "exc_info", "result", "result_json", "date_enqueued"),
    *("date_started", "date_done", "date_cancelled", "eta", "identity_key", "graph_uuid", "lease"),
    *("identity_guard", "identity_scope"),
)

COLUMNS = frozenset(FILLED_COLUMNS + RARE_COLUMNS)

_STATES = frozenset(state for state, _label in STATES)
_encode = JobEncoder().encode
_encode_arguments = ArgumentEncoder().encode


def create(env, jobs):
    """Insert the rows of new jobs.

    :raise IdentityTaken: the only one is to have the guard of its key, which is taken
    """
    if not jobs:
        return
    if jobs[0].identity_guard and len(jobs) == 1:
        identity_guard.insert(env, jobs[0].identity_guard, partial(_create, env, jobs))
    else:
        _create(env, jobs)
        identity_guard.take_free_guards(env, jobs)


def _create(env, jobs, before="", behind=""):
    """:param str before, behind: SQL, statements around the INSERT"""
    model = env["queue.job"]
    more = [hook_values(job) for job in jobs]
    try:
        if creates_plainly(model, COLUMNS) and _are_plain(model, more):
            for start in range(0, len(jobs), BATCH):
                _insert(
                    model, jobs[start : start + BATCH], more[start : start + BATCH], before, behind
                )
        else:
            if before:
                env.cr.execute(before)
            _create_by_orm(model, jobs, more)
            if behind:
                env.cr.execute(behind)
    except (TypeError, ValueError):
        for job in jobs:
            _check_arguments(job)
        raise


def _are_plain(model, more):
    return all(is_plain(model, name) for values in more for name in values)


def _create_by_orm(model, jobs, more):
    model = model.sudo().with_context(
        _job_edit_sentinel=model.EDIT_SENTINEL,
        tracking_disable=True,
        mail_create_nosubscribe=True,
    )
    model.create(
        [
            {**values, **all_values(job), "identity_guard": job.identity_guard}
            for job, values in zip(jobs, more, strict=True)
        ]
    )


def _insert(model, jobs, more, before, behind):
    rare = [name for job in jobs for name in RARE_COLUMNS if getattr(job, name) is not None]
    rare = sorted(set(rare)) if rare else rare
    other = sorted(set().union(*more))
    values = []
    for job, added in zip(jobs, more, strict=True):
        values += _filled(model, job)
        if rare:
            values += _rare(job, rare)
        if other:
            values += _other(model, added, other)
    statement = _statement((*FILLED_COLUMNS, *rare, *other), len(jobs))
    # that a key is taken is no error to be logged
    statement = f"{before}{statement};{behind}"
    model.env.cr.execute(statement, values, log_exceptions=not before)


@lru_cache(maxsize=100)
def _statement(columns, count):
    # One flat list of values: psycopg2 takes long for tuples.
    row = ", ".join(["%s"] * len(columns))
    names = ", ".join(f'"{name}"' for name in columns)
    return f"INSERT INTO queue_job ({names}) VALUES " + ", ".join([f"({row})"] * count)


def _filled(model, job):
    """:return: tuple of the values of :data:`FILLED_COLUMNS`, as the ORM stores them"""
    if job.state not in _STATES:
        raise ValueError(f"{job.state!r} is no state of a job.")
    name = job.job_function_name
    config = job._functions.job_config(name)
    return (
        job.uuid,
        _text(job.description),
        job.date_created or None,
        _id(model, "user_id", job.user_id),
        _id(model, "company_id", job.company_id),
        job.model_name,
        job.method_name,
        job.func_string,
        name,
        config.job_function_id,
        complete_name(job._channel or config.channel),
        jsonb_text(_encode(job.recordset)),
        jsonb_text(_encode_arguments(job.args))
        if type(job.args) is not tuple or job.args
        else "[]",
        jsonb_text(_encode_arguments(job.kwargs))
        if type(job.kwargs) is not dict or job.kwargs
        else "{}",
        _dependencies(job),
        job.state,
        int(job.priority or 0),
        int(job.retry or 0),
        int(job.max_retries or 0),
        float(job.exec_time or 0),
        int(job.worker_pid or 0),
        job.timeout,
    )


def _dependencies(job):
    return json.dumps(dependencies(job)) if has_links(job) else NO_DEPENDENCIES


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
