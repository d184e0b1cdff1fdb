# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Between jobs in memory and their rows in the table ``queue_job``.

Jobs are duck-typed here: ``job`` imports this module, not the other way around.
"""

from collections import defaultdict

from . import identity_guard
from .core.states import DONE, FAILED, WAITING_STATES
from .dependency import write_dependencies
from .dependency_fields import AS_STORED
from .extension_points import writes_plainly
from .failure_handler import write_handlers
from .job_insert import create, finds_identical
from .job_values import (
    READ_ATTRIBUTES,
    READ_FIELDS,
    STORED_ATTRIBUTES,
    TEXTS,
    attributes,
    changing_values,
    dependencies,
    has_hooks,
    has_links,
    hook_values,
    text,
)

#: What the function writes of a job that is done, in the order of its parameters.
_DONE_PARAMETERS = ("retry", "date_done", "exec_time", "result", "result_json")
_DONE_FIELDS = frozenset(("state", *_DONE_PARAMETERS))
_DONE_VALUES = f"%s{', %s' * len(_DONE_PARAMETERS)}"
SETTLE_DONE = f"SELECT queue_job_settle_done({_DONE_VALUES})"
#: … and start another job: ``id channel grant worker_pid lease``.
SETTLE_DONE_AND_CLAIM = f"SELECT queue_job_settle_done({_DONE_VALUES}, %s, %s, %s, %s, %s)"
#: … which is the only one that waits for it, and for nothing else, and comes before another one, or NULL: its id.
SETTLE_PARENT_AND_CLAIM = f"SELECT queue_job_settle_parent({_DONE_VALUES}, %s, %s, %s, %s, %s, %s)"


def find(env, uuids):
    """:return: ``queue.job`` records of these uuids, with superuser rights"""
    return env["queue.job"].sudo().search([("uuid", "in", uuids)], order="id")


def fetch(env, uuids):
    """As :func:`find`, with all that :func:`read` needs, in one statement."""
    model = env["queue.job"].sudo()
    return model.search_fetch([("uuid", "in", uuids)], READ_FIELDS, order="id")


def find_waiting(env, identity_key, scope=None):
    """The job that keeps another one with this key from being created.

    :param str scope: ``started``: one that runs does, too, as it does where that is its own
    :return: ``queue.job`` record, maybe empty
    """
    model = env["queue.job"].sudo()
    if not identity_key:
        return model
    flush_cache(model)
    return model.browse(identity_guard.find(env, identity_key, scope))


def read(record):
    """:return: dict of attributes of the job in the row of ``record``"""
    values = {name: record[name] for name in READ_ATTRIBUTES}
    values["user_id"] = record.user_id.id
    values["company_id"] = record.company_id.id
    return attributes(values, record.with_context(**{AS_STORED: True}).dependencies)


def store(job):
    """Write the row of ``job``, or create it."""
    if _may_update(job):
        _update(job)
    elif _is_new(job):
        job._may_be_stored = True
        if job.identity_guard:
            flush_cache(job.env["queue.job"])
        create(job.env, [job])
    else:
        store_many([job])


def _is_new(job):
    """Whether nothing but its own row is to be written."""
    return not (job._may_be_stored or job._row_id or has_links(job))


def _may_update(job):
    """Whether what has changed of a claimed job can be written past the ORM."""
    return (
        job.claimed_values is not None
        # people are told of a failure
        and job.state != FAILED
        and not has_links(job)
        and updates_plainly(job.env)
    )


def updates_plainly(env):
    """Whether the rows of jobs can be written past the ORM."""
    return writes_plainly(env["queue.job"], STORED_ATTRIBUTES)


def done_statement(job):
    """:return: (SQL, parameters), all that is to be written of a claimed job that is done;
    None: :func:`store` has more to do
    """
    if not _may_update(job) or hook_values(job):
        return None
    statement = _update_statement(job, _differing_values(job))
    job.claimed_values = None
    return statement


def _update(job):
    """Write what differs from the row as it was claimed."""
    record = job.env["queue.job"].browse(job._row_id)
    if values := hook_values(job):
        _edited(record).write(values)
    if values := _differing_values(job):
        flush_cache(record)
        # a conflict is what becomes of a job that somebody has cancelled meanwhile
        job.env.cr.execute(*_update_statement(job, values), log_exceptions=False)
        forget_cache(record, values)
        # Of what is rolled back the row knows nothing: from now on all is written.
        job.claimed_values = None


def _update_statement(job, values):
    """:return: (statement, parameters); the usual outcome has one that is planned only once"""
    if values.get("state") == DONE and _DONE_FIELDS.issuperset(values):
        done = [values.get(name, job.claimed_values[name]) for name in _DONE_PARAMETERS]
        return SETTLE_DONE, (job._row_id, *done)
    assignments = ", ".join(f"{name} = %s" for name in values)
    return f"UPDATE queue_job SET {assignments} WHERE id = %s", (*values.values(), job._row_id)


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
        if name in TEXTS:
            value = text(value) or None
        if value != job.claimed_values[name]:
            values[name] = value
    return values


def searches_at_store(job):
    """Whether :func:`store` of a new job that is to have the guard of its identity key begins with
    :func:`find_waiting`."""
    return _is_new(job) and job.state in WAITING_STATES and finds_identical(job)


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
    new = [job for job in jobs if job.uuid not in records]
    create(env, new)
    write_dependencies(env, jobs, new)
    write_handlers(env, jobs)


def stored_values(jobs):
    """:return: dict of what is in the rows of jobs that were just loaded, for
    :func:`store_changes`"""
    return {job: changing_values(job) for job in jobs}


def store_changes(jobs, stored):
    """Write the rows of loaded jobs, those together whose changes are the same.

    Where an addon wants to know of each job, it is called as ever.

    :param dict stored: of :func:`stored_values`, before the jobs were changed
    """
    if not jobs:
        return
    env = jobs[0].env
    is_plain = updates_plainly(env)
    groups = defaultdict(list)
    for job in jobs:
        if not is_plain or has_hooks(job):
            store(job)
            continue
        values = changing_values(job)
        # of what the job computes the row may have another value
        changes = {
            name: value
            for name, value in values.items()
            if name == "exec_time" or value != stored[job][name]
        }
        groups[tuple(changes.items())].append(job._row_id)
    for changes, ids in groups.items():
        records = _edited(env["queue.job"].browse(ids))
        records.with_context(tracking_disable=True).write(dict(changes))


def _records(env, jobs):
    """:return: dict of the ``queue.job`` records by uuid; a job that was loaded has one"""
    model = env["queue.job"].sudo()
    records = {job.uuid: model.browse(job._row_id) for job in jobs if job._row_id}
    sought = [job.uuid for job in jobs if job._may_be_stored and job.uuid not in records]
    if sought:
        records.update((record.uuid, record) for record in find(env, sought))
    return records


def _write(job, record):
    values = {**hook_values(job), **changing_values(job)}
    if has_links(job):
        values["dependencies"] = dependencies(job)
    # nobody follows a job before it fails
    _edited(record).with_context(tracking_disable=job.state != FAILED).write(values)


def _edited(record):
    """:return: ``record`` for the job's own code to write"""
    return record.sudo().with_context(_job_edit_sentinel=record.EDIT_SENTINEL)
