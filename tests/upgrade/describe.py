# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Describes what a database holds, by public names alone, so that both addons can be asked; run in ``odoo shell``."""

import json

from odoo.addons.queue_job.job import Job
from odoo.exceptions import UserError

COLUMNS = [
    "uuid",
    "graph_uuid",
    "name",
    "model_name",
    "method_name",
    "func_string",
    "state",
    "priority",
    "exc_name",
    "exc_message",
    "exc_info",
    "result",
    "date_created",
    "date_started",
    "date_enqueued",
    "date_done",
    "date_cancelled",
    "exec_time",
    "eta",
    "retry",
    "max_retries",
    "channel_method_name",
    "channel",
    "identity_key",
    "worker_pid",
    "extension_note",
]


def describe(env):
    """Print a JSON object of the jobs, functions and channels."""
    # without the shell's own context, which a worker has not got either
    env = env(context={})
    jobs = env["queue.job"].search([], order="id")
    found = {
        "jobs": {job.name: describe_job(job) for job in jobs},
        "functions": {
            function.name: describe_function(function)
            for function in env["queue.job.function"].search([])
        },
        "channels": {
            channel.complete_name: [
                channel.name,
                channel.parent_id.complete_name,
                channel.removal_interval,
            ]
            for channel in env["queue.job.channel"].search([])
        },
    }
    print(json.dumps(found, default=repr))


def describe_job(row):
    job = Job.load(row.env, row.uuid)
    records = row.records
    return {
        **{name: row[name] for name in COLUMNS},
        "user": row.user_id.login,
        "company": row.company_id.name,
        "function": row.job_function_id.name,
        "args": repr(list(row.args)),
        "kwargs": repr(row.kwargs),
        "records": [
            repr(records),
            records.env.user.login,
            records.env.su,
            dict(records.env.context),
        ],
        "job": [
            job.uuid,
            job.state,
            repr(job.args),
            repr(job.kwargs),
            job.retry,
            job.user_id,
            job.company_id,
        ],
        "parents": sorted(parent.description for parent in job.depends_on),
        "children": sorted(child.description for child in job.reverse_depends_on),
        "related_action": related_action(row),
        "messages": [
            [message.id, message.body, message.subtype_id.name, message.author_id.name]
            for message in row.message_ids.sorted("id")
        ],
        "followers": sorted(
            [follower.partner_id.name, sorted(follower.subtype_ids.mapped("name"))]
            for follower in row.message_follower_ids
        ),
        "activities": row.activity_ids.mapped("summary"),
    }


def related_action(row):
    try:
        return row.open_related_action()
    except UserError:
        return None


def describe_function(function):
    config = function.job_config(function.name)._asdict()
    config["on_fail_method_name"] = config["on_fail_method_name"] or None
    return {
        "model": function.model_id.model,
        "method": function.method,
        "channel": function.channel,
        "edit_retry_pattern": function.edit_retry_pattern,
        "edit_related_action": function.edit_related_action,
        "config": config,
    }
