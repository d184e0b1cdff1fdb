# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Jobs that run when another one has finally failed: see ``sql/failure_handlers.py``."""

#: Handlers are written as such before anybody can see them. What was written before is left
#: alone: by now they may have run, or be cancelled.
_INSERT = """
    WITH new AS (
        INSERT INTO queue_job_failure_handler (job_id, handler_id)
        SELECT job.id, handler.id
          FROM unnest(%(jobs)s::text[], %(handlers)s::text[]) AS pair (job_uuid, handler_uuid)
          JOIN queue_job job ON job.uuid = pair.job_uuid
          JOIN queue_job handler ON handler.uuid = pair.handler_uuid
            ON CONFLICT DO NOTHING
        RETURNING handler_id)
    UPDATE queue_job SET awaits_failure = TRUE
     WHERE id IN (SELECT handler_id FROM new) AND state = 'wait_dependencies'
       AND awaits_failure IS NOT TRUE;
    UPDATE queue_job SET has_failure_handler = TRUE
     WHERE uuid = ANY(%(jobs)s) AND has_failure_handler IS NOT TRUE;
"""


def write_handlers(env, jobs):
    """Insert which of these jobs handle the failure of which."""
    pairs = sorted((job.uuid, handler.uuid) for job in jobs for handler in job.failure_handlers)
    if not pairs:
        return
    model = env["queue.job"]
    model.flush_model()
    watched, handlers = zip(*pairs, strict=True)
    env.cr.execute(_INSERT, {"jobs": list(watched), "handlers": list(handlers)})
    model.invalidate_model(["awaits_failure", "has_failure_handler"])
