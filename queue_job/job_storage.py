# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Between jobs in memory and their rows in the table ``queue_job``.

Jobs are duck-typed here: ``job`` imports this module, not the other way around.
"""

import json

from .core.states import CANCELLED, DONE, FAILED, WAIT_DEPENDENCIES, WAITING_STATES
from .extension_points import writes_plainly
from .fields import ArgumentEncoder

#: Attributes of a job that each store() writes. Where the name of the field differs,
#: it is in FIELD_NAMES.
STORED_ATTRIBUTES = (
    "state",
    "priority",
    "retry",
    "max_retries",
    "exc_name",
    "exc_message",
    "exc_info",
    "result",
    # after the result, to which it belongs
    "result_json",
    "date_enqueued",
    "date_started",
    "date_done",
    "date_cancelled",
    "exec_time",
    "eta",
    "identity_key",
    "worker_pid",
    "graph_uuid",
    "company_id",
    "lease",
)

#: Fields that are written when the row is created, and never again.
CREATED_FIELDS = (
    "uuid",
    "name",
    "date_created",
    "user_id",
    "model_name",
    "method_name",
    "func_string",
    "channel_method_name",
    "job_function_id",
    "channel",
    "records",
    "args",
    "kwargs",
    "dependencies",
)

#: Fields whose values are the business of the job alone.
CORE_FIELDS = frozenset(STORED_ATTRIBUTES).union(CREATED_FIELDS)

#: Attributes read back from a row besides those of the call itself. ``exec_time`` is
#: computed by the job.
READ_ATTRIBUTES = (
    *(name for name in STORED_ATTRIBUTES if name != "exec_time"),
    "date_created",
    "user_id",
)

#: Fields that make a job.
READ_FIELDS = (*READ_ATTRIBUTES, *CREATED_FIELDS)

#: Attributes that come from the method that the job calls, of which the text is stored.
_TEXTS = ("exc_name", "exc_message", "exc_info", "result")

#: Attributes whose empty value is 0.
_NUMBERS = ("priority", "retry", "max_retries")


def find(env, uuids):
    """:return: ``queue.job`` records of these uuids, with superuser rights"""
    return env["queue.job"].sudo().search([("uuid", "in", uuids)], order="id")


def fetch(env, uuids):
    """As :func:`find`, with all that :func:`read` needs, in one statement."""
    model = env["queue.job"].sudo()
    return model.search_fetch([("uuid", "in", uuids)], READ_FIELDS, order="id")


def find_waiting(env, identity_key):
    """:return: ``queue.job`` record that waits with this key, or an empty one"""
    return (
        env["queue.job"]
        .sudo()
        .search(
            [("identity_key", "=", identity_key), ("state", "in", WAITING_STATES)],
            limit=1,
        )
    )


def read(record):
    """:return: dict of attributes of the job in the row of ``record``"""
    values = {name: record[name] for name in READ_ATTRIBUTES}
    values["user_id"] = record.user_id.id
    values["company_id"] = record.company_id.id
    return attributes(values, record.dependencies)


def attributes(values, dependencies):
    """:return: dict of attributes of a job

    :param values: mapping of the columns :data:`READ_ATTRIBUTES`
    :param dict dependencies: lists of uuids
    """
    result = {name: values[name] or None for name in READ_ATTRIBUTES}
    result.update({name: values[name] or 0 for name in _NUMBERS})
    result["_depends_on_uuids"] = set(dependencies.get("depends_on", ()))
    result["_reverse_depends_on_uuids"] = set(dependencies.get("reverse_depends_on", ()))
    return result


def store(job):
    """Write the row of ``job``, or create it."""
    if _may_update(job):
        _update(job)
    else:
        store_many([job])


def _may_update(job):
    """Whether what has changed of a claimed job can be written past the ORM."""
    return (
        job.claimed_values is not None
        # people are told of a failure
        and job.state != FAILED
        and not (job._depends_on or job._reverse_depends_on)
        and writes_plainly(job.env["queue.job"], STORED_ATTRIBUTES)
    )


def _update(job):
    """Write what differs from the row as it was claimed."""
    record = job.env["queue.job"].browse(job._row_id)
    if values := _hook_values(job):
        _edited(record).write(values)
    if values := _differing_values(job):
        flush_cache(record)
        assignments = ", ".join(f"{name} = %s" for name in values)
        job.env.cr.execute(
            f"UPDATE queue_job SET {assignments} WHERE id = %s",
            (*values.values(), job._row_id),
            # a conflict is what becomes of a job that somebody has cancelled meanwhile
            log_exceptions=False,
        )
        forget_cache(record, values)
        # Of what is rolled back the row knows nothing: from now on all is written.
        job.claimed_values = None


def flush_cache(records):
    """Write what the ORM has not written yet of these jobs, before SQL reads or writes them."""
    transaction = records.env.transaction
    if transaction.field_dirty or transaction.tocompute:
        records.flush_model()


def forget_cache(records, names=None):
    """Let the ORM read again what SQL has written: all fields, or those of ``names``."""
    if records.env.transaction.field_data:
        records.invalidate_recordset(names, flush=False)


def _differing_values(job):
    values = {}
    for name in STORED_ATTRIBUTES:
        value = getattr(job, name)
        if name in _TEXTS:
            value = text(value) or None
        if value != job.claimed_values[name]:
            values[name] = value
    return values


def store_many(jobs):
    """Write the rows of ``jobs``; those that have none are created together."""
    jobs = list(jobs)
    if not jobs:
        return
    env = jobs[0].env
    records = _records(env, jobs)
    for job in jobs:
        job._may_be_stored = True
        if job.uuid in records:
            _write(job, records[job.uuid])
    _create(env, [job for job in jobs if job.uuid not in records])
    _write_dependencies(env, jobs)


def _records(env, jobs):
    """:return: dict of the ``queue.job`` records by uuid; a job that was loaded has one"""
    model = env["queue.job"].sudo()
    records = {job.uuid: model.browse(job._row_id) for job in jobs if job._row_id}
    sought = [job.uuid for job in jobs if job._may_be_stored and job.uuid not in records]
    if sought:
        records.update((record.uuid, record) for record in find(env, sought))
    return records


def _write(job, record):
    values = {**_hook_values(job), **_changing_values(job)}
    if job._depends_on or job._reverse_depends_on:
        values["dependencies"] = _dependencies(job)
    # nobody follows a job before it fails
    _edited(record).with_context(tracking_disable=job.state != FAILED).write(values)


def _edited(record):
    """:return: ``record`` for the job's own code to write"""
    return record.sudo().with_context(_job_edit_sentinel=record.EDIT_SENTINEL)


def _create(env, jobs):
    if not jobs:
        return
    model = env["queue.job"].sudo()
    model = model.with_context(
        _job_edit_sentinel=model.EDIT_SENTINEL,
        tracking_disable=True,
        mail_create_nosubscribe=True,
    )
    values = [{**_hook_values(job), **_all_values(job)} for job in jobs]
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
            json.dumps(value, cls=ArgumentEncoder)
        except (TypeError, ValueError) as error:
            raise TypeError(
                f"Argument {name} of {job.job_function_name} can't be kept in a job: {error}."
                " Give values that JSON knows, dates, XML elements, records, or objects of a"
                " class registered with register_argument_type()."
            ) from error


def _changing_values(job):
    values = {name: text(getattr(job, name)) for name in _TEXTS}
    for name in STORED_ATTRIBUTES:
        if name not in values:
            values[name] = getattr(job, name) or False
    values.update({name: getattr(job, name) for name in _NUMBERS})
    return values


def text(value):
    """:return: str that PostgreSQL can store, or False; whatever a method returned"""
    try:
        result = str(value) if value else ""
    except Exception:
        # some values have no text, or no truth
        result = object.__repr__(value)
    return result.encode(errors="replace").decode().replace("\x00", "") or False


def _dependencies(job):
    return {
        "depends_on": _uuids(job._depends_on, job._depends_on_uuids),
        "reverse_depends_on": _uuids(job._reverse_depends_on, job._reverse_depends_on_uuids),
    }


def _uuids(jobs, more):
    return sorted(more.union(job.uuid for job in jobs))


def _all_values(job):
    """Values that never change after the row is created, and those that do."""
    return {
        **_changing_values(job),
        "uuid": job.uuid,
        "name": job.description,
        "date_created": job.date_created,
        "user_id": job.user_id,
        "model_name": job.model_name,
        "method_name": job.method_name,
        "func_string": job.func_string,
        "channel_method_name": job.job_function_name,
        "job_function_id": job.job_config.job_function_id,
        "channel": job.channel,
        "records": job.recordset,
        "args": job.args,
        "kwargs": job.kwargs,
        "dependencies": _dependencies(job),
    }


def _hook_values(job):
    """What the model adds for fields of its own; the specific hook wins."""
    values = {}
    for name in (
        "_job_store_values",
        f"_job_store_values_for_{job.method_name}",
    ):
        hook = getattr(job.recordset, name, None)
        if hook is not None:
            values.update(hook(job) or {})
    return {name: value for name, value in values.items() if name not in CORE_FIELDS}


def _write_dependencies(env, jobs):
    """Insert the rows (parent, child) that are missing for these jobs."""
    pairs = {(parent.uuid, job.uuid) for job in jobs for parent in job._depends_on}
    pairs |= {(job.uuid, child.uuid) for job in jobs for child in job._reverse_depends_on}
    if not pairs:
        return
    env["queue.job"].flush_model(["uuid"])
    parents, children = zip(*sorted(pairs), strict=True)
    # An edge to a job without a row yet is written when that job is stored.
    env.cr.execute(
        """
        INSERT INTO queue_job_dependency (parent_id, child_id)
        SELECT parent.id, child.id
          FROM unnest(%s::text[], %s::text[]) AS edge (parent_uuid, child_uuid)
          JOIN queue_job parent ON parent.uuid = edge.parent_uuid
          JOIN queue_job child ON child.uuid = edge.child_uuid
            ON CONFLICT DO NOTHING
        """,
        (list(parents), list(children)),
    )
    env["queue.job"].invalidate_model(["dependency_ids", "dependent_ids"])


def release_dependents(job):
    """Make pending the jobs that waited for ``job`` and have no unfinished parent.

    To be called when ``job`` is committed as done, in a READ COMMITTED transaction: of
    two parents that end at once, the one that commits last sees the other one done.
    Children are locked in the order of their ids, so that two releases never wait for
    each other in a circle. Calling it twice changes nothing.
    """
    env = job.env
    env["queue.job"].flush_model(["uuid", "state"])
    env.cr.execute(
        """
        WITH ready AS (
            SELECT child.id
              FROM queue_job parent
              JOIN queue_job_dependency edge ON edge.parent_id = parent.id
              JOIN queue_job child ON child.id = edge.child_id
             WHERE parent.uuid = %(uuid)s
               AND parent.state = %(done)s
               AND child.state = %(waiting)s
               AND NOT EXISTS (
                   SELECT FROM queue_job_dependency other
                     JOIN queue_job unfinished ON unfinished.id = other.parent_id
                    WHERE other.child_id = child.id AND unfinished.state <> %(done)s)
          ORDER BY child.id
               FOR NO KEY UPDATE OF child)
        UPDATE queue_job SET state = 'pending' FROM ready WHERE queue_job.id = ready.id
        RETURNING queue_job.id
        """,
        {"uuid": job.uuid, "done": DONE, "waiting": WAIT_DEPENDENCIES},
    )
    released = [row[0] for row in env.cr.fetchall()]
    env["queue.job"].browse(released).invalidate_recordset(["state"])


def cancel_dependents(job):
    """Cancel the jobs that wait for ``job``, transitively."""
    env = job.env
    env["queue.job"].flush_model()
    env.cr.execute(
        """
        WITH RECURSIVE waiting AS (
            SELECT edge.child_id AS id
              FROM queue_job parent
              JOIN queue_job_dependency edge ON edge.parent_id = parent.id
             WHERE parent.uuid = %(uuid)s AND parent.state = %(cancelled)s
             UNION
            SELECT edge.child_id
              FROM waiting
              JOIN queue_job ON queue_job.id = waiting.id
              JOIN queue_job_dependency edge ON edge.parent_id = waiting.id
             WHERE queue_job.state = %(waiting)s)
        UPDATE queue_job
           SET state = %(cancelled)s, date_cancelled = %(date)s, result = %(result)s
          FROM waiting
         WHERE queue_job.id = waiting.id
           AND queue_job.state = %(waiting)s
        RETURNING queue_job.id
        """,
        {
            "uuid": job.uuid,
            "cancelled": CANCELLED,
            "waiting": WAIT_DEPENDENCIES,
            "date": job.date_cancelled,
            "result": env._("Cancelled because a job it depends on was cancelled"),
        },
    )
    cancelled = [row[0] for row in env.cr.fetchall()]
    env["queue.job"].browse(cancelled).invalidate_recordset()
