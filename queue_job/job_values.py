# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""What is in the row of a job, made of its attributes, and the other way round."""

import json

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
    "identity_scope",
    "timeout",
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
CORE_FIELDS = frozenset(STORED_ATTRIBUTES).union(CREATED_FIELDS, ["identity_guard"])

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
TEXTS = ("exc_name", "exc_message", "exc_info", "result")

#: Attributes whose empty value is 0.
NUMBERS = ("priority", "retry", "max_retries", "timeout")


#: Column ``dependencies`` of a job without any.
NO_DEPENDENCIES = json.dumps({"depends_on": [], "reverse_depends_on": []})


def attributes(values, dependencies):
    """:return: dict of attributes of a job

    :param values: mapping of the columns :data:`READ_ATTRIBUTES`
    :param dict dependencies: lists of uuids
    """
    result = {name: values[name] or None for name in READ_ATTRIBUTES}
    result.update({name: values[name] or 0 for name in NUMBERS})
    result["_depends_on_uuids"] = set(dependencies.get("depends_on", ()))
    result["_reverse_depends_on_uuids"] = set(dependencies.get("reverse_depends_on", ()))
    result["_is_at_barrier"] = bool(dependencies.get("barrier"))
    return result


def changing_values(job):
    values = {name: text(getattr(job, name)) for name in TEXTS}
    for name in STORED_ATTRIBUTES:
        if name not in values:
            values[name] = getattr(job, name) or False
    values.update({name: getattr(job, name) for name in NUMBERS})
    return values


def text(value):
    """:return: str that PostgreSQL can store, or False; whatever a method returned"""
    try:
        result = str(value) if value else ""
    except Exception:
        # some values have no text, or no truth
        result = object.__repr__(value)
    return result.encode(errors="replace").decode().replace("\x00", "") or False


def all_values(job):
    """Values that never change after the row is created, and those that do."""
    return {
        **changing_values(job),
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
        "dependencies": dependencies(job),
    }


def has_links(job):
    """Whether the job object knows of dependencies that its row may not know yet."""
    return bool(
        job._depends_on or job._reverse_depends_on or job._barriers_before or job._barriers_behind
    )


def dependencies(job):
    """:return: dict of what the row says; who is beyond a barrier is not in it"""
    value = {
        "depends_on": _uuids(job._depends_on, job._depends_on_uuids),
        "reverse_depends_on": _uuids(job._reverse_depends_on, job._reverse_depends_on_uuids),
    }
    if job._is_at_barrier or job._barriers_before or job._barriers_behind:
        value["barrier"] = True
    return value


def _uuids(jobs, more):
    return sorted(more.union(job.uuid for job in jobs))


def has_hooks(job):
    """Whether the model may add values of its own."""
    cls = type(job.recordset)
    hook = getattr(cls, "_job_store_values", None)
    return (
        getattr(hook, "__module__", "") != f"{__package__}.models.base"
        or getattr(cls, f"_job_store_values_for_{job.method_name}", None) is not None
    )


def hook_values(job):
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
