# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""New jobs become rows.

By one INSERT for many of them where the ORM would do no more than that, else by the ORM:
see ``extension_points.py``.
"""

import json
from functools import lru_cache

from . import identity_guard, insert_buffer
from .core.channel_config import complete_name
from .core.states import STATES
from .extension_points import creates_plainly, is_plain
from .fields import ArgumentEncoder, JobEncoder, jsonb_text
from .insert_buffer import BATCH
from .job_values import (
    NO_DEPENDENCIES,
    TEXTS,
    all_values,
    dependencies,
    has_hooks,
    has_links,
    hook_values,
    text,
)

#: Columns that every new row has a value in.
FILLED_COLUMNS = (
    *("uuid", "name", "date_created", "model_name", "method_name", "func_string"),
    *("channel_method_name", "channel", "records", "args", "kwargs", "dependencies", "state"),
    *("user_id", "company_id", "job_function_id", "priority", "retry", "max_retries"),
    *("exec_time", "worker_pid", "timeout"),
)

#: Columns in which most new rows have none.
RARE_COLUMNS = (
    *("exc_name", "exc_message", "exc_info", "result", "result_json", "date_enqueued"),
    *("date_started", "date_done", "date_cancelled", "eta", "identity_key", "graph_uuid", "lease"),
    *("identity_guard", "identity_scope"),
)

COLUMNS = frozenset(FILLED_COLUMNS + RARE_COLUMNS)

#: SQL of the first nine of them, and of the dependencies of a job without any.
_PLACES = ", ".join(["%s"] * 9)
_NO_DEPENDENCIES = f"'{NO_DEPENDENCIES}'"

_STATES = frozenset(state for state, _label in STATES)
_encode = JobEncoder().encode
_encode_arguments = ArgumentEncoder().encode


def create(env, jobs):
    """Insert the rows of new jobs.

    :raise IdentityTaken: the only one is to have the guard of its key, which is taken
    """
    if not jobs:
        return
    model = env["queue.job"]
    is_guarded = jobs[0].identity_guard and len(jobs) == 1
    more = [hook_values(job) for job in jobs]
    try:
        if not (creates_plainly(model, COLUMNS) and _are_plain(model, more)):
            _create_by_orm(model, jobs, more, is_guarded)
        elif is_guarded:
            head, rows = _statement(model, jobs, more)
            identity_guard.insert(env, jobs[0], head + insert_buffer.joined(env.cr, rows))
        else:
            for start in range(0, len(jobs), BATCH):
                _insert(model, jobs[start : start + BATCH], more[start : start + BATCH])
    except (TypeError, ValueError):
        for job in jobs:
            _check_arguments(job)
        raise
    if not is_guarded:
        identity_guard.take_free_guards(env, jobs)


def finds_identical(job):
    """Whether :func:`create` looks for a job with the identity key of ``job``, which is to have
    its guard: so nobody else has to."""
    return creates_plainly(job.env["queue.job"], COLUMNS) and not has_hooks(job)


def _are_plain(model, more):
    return all(is_plain(model, name) for values in more for name in values)


def _create_by_orm(model, jobs, more, is_guarded):
    model = model.sudo().with_context(
        _job_edit_sentinel=model.EDIT_SENTINEL,
        tracking_disable=True,
        mail_create_nosubscribe=True,
    )
    vals_list = [
        {**values, **all_values(job), "identity_guard": job.identity_guard}
        for job, values in zip(jobs, more, strict=True)
    ]
    if is_guarded:
        identity_guard.insert_by(model.env, jobs[0], lambda: model.create(vals_list))
    else:
        model.create(vals_list)


def _insert(model, jobs, more):
    cr = model.env.cr
    head, rows = _statement(model, jobs, more)
    if len(jobs) == 1 and _is_safe(jobs[0]) and insert_buffer.can_wait(cr):
        insert_buffer.add(cr, head, rows[0])
    else:
        cr.execute(head + insert_buffer.joined(cr, rows))


def _statement(model, jobs, more):
    """:return: (the INSERT up to ``VALUES``, list of rows as bytes)"""
    rare = [name for job in jobs for name in RARE_COLUMNS if getattr(job, name) is not None]
    rare = sorted(set(rare)) if rare else rare
    other = sorted(set().union(*more)) if any(more) else []
    head = _head((*FILLED_COLUMNS, *rare, *other))
    return head, [
        _row(model, job, added, rare, other) for job, added in zip(jobs, more, strict=True)
    ]


def _is_safe(job):
    """Whether PostgreSQL takes all values: else who delays the job is told at once."""
    numbers = (job.priority, job.max_retries, job.retry)
    return all(abs(int(number or 0)) < 2**31 for number in numbers)


@lru_cache(maxsize=100)
def _head(columns):
    names = ", ".join(f'"{name}"' for name in columns)
    return f"INSERT INTO queue_job ({names}) VALUES "


def _row(model, job, added, rare, other):
    """:return: bytes, the values of a row as they are sent"""
    template, values = _filled(model, job)
    if rare or other:
        values += [*_rare(job, rare), *_other(model, added, other)]
        template += ", %s" * (len(rare) + len(other))
    return model.env.cr.mogrify(f"({template})", values)


def _filled(model, job):
    """The values of :data:`FILLED_COLUMNS`, as the ORM stores them.

    :return: their SQL, and a list of those for which a placeholder is in it: psycopg2 takes
        longer for a number than for a text
    """
    if job.state not in _STATES:
        raise ValueError(f"{job.state!r} is no state of a job.")
    name = job.job_function_name
    config = job._functions.job_config(name)
    values = [
        job.uuid,
        _text(job.description),
        job.date_created or None,
        job.model_name,
        job.method_name,
        job.func_string,
        name,
        complete_name(job._channel or config.channel),
        jsonb_text(_encode(job.recordset)),
    ]
    places = [_PLACES]
    if type(job.args) is not tuple or job.args:
        places.append("%s")
        values.append(jsonb_text(_encode_arguments(job.args)))
    else:
        places.append("'[]'")
    if type(job.kwargs) is not dict or job.kwargs:
        places.append("%s")
        values.append(jsonb_text(_encode_arguments(job.kwargs)))
    else:
        places.append("'{}'")
    if has_links(job):
        places.append("%s")
        values.append(json.dumps(dependencies(job)))
    else:
        places.append(_NO_DEPENDENCIES)
    places += (
        f"'{job.state}'",
        _id(model, "user_id", job.user_id),
        _id(model, "company_id", job.company_id),
        _id(model, "job_function_id", config.job_function_id),
        str(int(job.priority or 0)),
        str(int(job.retry or 0)),
        str(int(job.max_retries or 0)),
        str(float(job.exec_time or 0)),
        str(int(job.worker_pid or 0)),
        "NULL" if job.timeout is None else str(int(job.timeout)),
    )
    return ", ".join(places), values


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
    """:return: str, SQL of the id of a record"""
    if type(value) is not int:
        value = model._fields[name].convert_to_column(value, model)
    return "NULL" if value is None else str(int(value))


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
