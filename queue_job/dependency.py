# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Dependencies between the rows of jobs: written, and followed when a parent ends."""

from .core.states import CANCELLED, DONE, WAIT_DEPENDENCIES


def write_dependencies(env, jobs):
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
           SET state = %(cancelled)s, date_cancelled = %(date)s, result = %(result)s,
               result_json = NULL
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
