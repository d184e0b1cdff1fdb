# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Dependencies between the rows of jobs: written, and followed when a parent ends.

Two jobs are linked by a row of ``queue_job_dependency``, or many with many by a barrier, in
``queue_job_barrier``.
"""

from .core.ready_job import open_barriers
from .core.states import CANCELLED, WAIT_DEPENDENCIES

#: Edges to a job without a row yet are written when that job is stored.
INSERT_EDGES = """
    INSERT INTO queue_job_dependency (parent_id, child_id)
    SELECT parent.id, child.id
      FROM unnest(%(parents)s::text[], %(children)s::text[]) AS edge (parent_uuid, child_uuid)
      JOIN queue_job parent ON parent.uuid = edge.parent_uuid
      JOIN queue_job child ON child.uuid = edge.child_uuid
        ON CONFLICT DO NOTHING
 RETURNING child_id
"""

INSERT_BARRIER = """
    INSERT INTO queue_job_barrier (barrier_id, is_parent, job_id)
    SELECT %(barrier)s, place.is_parent, queue_job.id
      FROM (SELECT unnest(%(parents)s::text[]) AS uuid, TRUE AS is_parent
             UNION ALL
            SELECT unnest(%(children)s::text[]), FALSE) AS place
      JOIN queue_job USING (uuid)
        ON CONFLICT DO NOTHING
 RETURNING CASE WHEN NOT is_parent THEN job_id END
"""

#: Rows that have got another parent: a worker that is about to start one, in a snapshot from before, finds that it has changed
#: (``queue_job_settle_parent`` in ``sql/functions.py``).
TOUCH = f"""
    UPDATE queue_job SET lease = lease
     WHERE uuid = ANY(%s) AND id = ANY(%s) AND state = '{WAIT_DEPENDENCIES}'
"""

#: Make pending the children of a job that is done, as far as they have no unfinished parent: see
#: ``sql/release.py``.
RELEASE_DEPENDENTS = """
    SELECT job_id, is_next FROM queue_job_release(%s, %s, %s::integer[])
"""

#: Cancel the jobs that wait for some cancelled ones, those that wait for them, and so on. Each
#: barrier is gone through once, from whichever of its parents it is reached first.
CANCEL_DEPENDENTS = f"""
    WITH RECURSIVE reached AS (
        SELECT 'job' AS kind, id::bigint AS id FROM queue_job
         WHERE uuid = ANY(%(uuids)s) AND state = '{CANCELLED}'
         UNION
        SELECT next.kind, next.id
          FROM reached
         CROSS JOIN LATERAL (
            SELECT 'job', edge.child_id
              FROM queue_job_dependency edge
             WHERE reached.kind = 'job' AND edge.parent_id = reached.id
             UNION ALL
            SELECT 'barrier', place.barrier_id
              FROM queue_job_barrier place
             WHERE reached.kind = 'job' AND place.job_id = reached.id AND place.is_parent
             UNION ALL
            SELECT 'job', place.job_id
              FROM queue_job_barrier place
             WHERE reached.kind = 'barrier' AND place.barrier_id = reached.id
               AND NOT place.is_parent) AS next (kind, id)
          LEFT JOIN queue_job ON next.kind = 'job' AND queue_job.id = next.id
         WHERE next.kind = 'barrier' OR queue_job.state = '{WAIT_DEPENDENCIES}'),
    waiting AS (
        SELECT queue_job.id
          FROM queue_job JOIN reached ON reached.kind = 'job' AND reached.id = queue_job.id
         WHERE queue_job.state = '{WAIT_DEPENDENCIES}'
      ORDER BY queue_job.id
           FOR NO KEY UPDATE OF queue_job)
    UPDATE queue_job
       SET state = '{CANCELLED}', date_cancelled = %(date)s, result = %(result)s,
           result_json = NULL
      FROM waiting
     WHERE queue_job.id = waiting.id
    RETURNING queue_job.id
"""

#: What some jobs have to do with each other: as parents and children themselves, or at a barrier
#: that has places on both sides for some of them.
LINKS_AMONG = """
    WITH place AS (
        SELECT barrier_id, is_parent, job_id FROM queue_job_barrier WHERE job_id = ANY(%(ids)s))
    SELECT NULL AS barrier_id, parent_id, child_id
      FROM queue_job_dependency
     WHERE parent_id = ANY(%(ids)s) AND child_id = ANY(%(ids)s)
     UNION ALL
    SELECT barrier_id, CASE WHEN is_parent THEN job_id END, CASE WHEN NOT is_parent THEN job_id END
      FROM place
     WHERE barrier_id IN (SELECT barrier_id FROM place WHERE is_parent
                       INTERSECT SELECT barrier_id FROM place WHERE NOT is_parent)
  ORDER BY 1, 2, 3
"""

#: Which of some jobs have others waiting behind them, or had.
PARENTS_AMONG = """
    SELECT parent_id FROM queue_job_dependency WHERE parent_id = ANY(%(ids)s)
     UNION
    SELECT job_id FROM queue_job_barrier WHERE job_id = ANY(%(ids)s) AND is_parent
"""

#: Whether a job stands behind a barrier with an unfinished parent.
IS_HELD = f"""
    WITH barrier_before AS (
        SELECT place.barrier_id
          FROM queue_job
          JOIN queue_job_barrier place ON place.job_id = queue_job.id AND NOT place.is_parent
         WHERE queue_job.uuid = %(uuid)s)
    SELECT FROM barrier_before
     WHERE barrier_id NOT IN ({open_barriers("barrier_before")})
     LIMIT 1
"""

ACROSS_BARRIERS = """
    SELECT other.is_parent, array_agg(DISTINCT queue_job.uuid)
      FROM queue_job_barrier place
      JOIN queue_job_barrier other
        ON other.barrier_id = place.barrier_id AND other.is_parent <> place.is_parent
      JOIN queue_job ON queue_job.id = other.job_id
     WHERE place.job_id = %(id)s
  GROUP BY other.is_parent
"""


def write_dependencies(env, jobs, new=()):
    """Insert what is missing of the edges and barriers of these jobs.

    :param new: those of them that have just got a row
    """
    pairs = {(parent.uuid, job.uuid) for job in jobs for parent in job._depends_on}
    pairs |= {(job.uuid, child.uuid) for job in jobs for child in job._reverse_depends_on}
    barriers = {
        barrier: None
        for some, is_new in ((jobs, False), (new, True))
        for job in some
        for barrier in (*job._barriers_before, *job._barriers_behind)
        if is_new or not barrier.id
    }
    if not (pairs or barriers):
        return
    env["queue.job"].flush_model(["uuid"])
    added = []
    if pairs:
        parents, children = zip(*sorted(pairs), strict=True)
        env.cr.execute(INSERT_EDGES, {"parents": list(parents), "children": list(children)})
        added = env.cr.fetchall()
    for barrier in barriers:
        added += _write_barrier(env.cr, barrier)
    children = {child for _parent, child in pairs}
    children |= {job.uuid for barrier in barriers for job in barrier.children}
    if added and (waiting := children.difference(job.uuid for job in new)):
        env.cr.execute(TOUCH, [list(waiting), [child_id for (child_id,) in added]])
    env["queue.job"].invalidate_model(["dependency_ids", "dependent_ids"])


def _write_barrier(cr, barrier):
    """:return: list of rows: the id of a job that stands behind it now and did not, or NULL"""
    if not barrier.id:
        cr.execute("SELECT nextval('queue_job_barrier_id_seq')")
        (barrier.id,) = cr.fetchone()
    cr.execute(
        INSERT_BARRIER,
        {
            "barrier": barrier.id,
            "parents": [job.uuid for job in barrier.parents],
            "children": [job.uuid for job in barrier.children],
        },
    )
    return cr.fetchall()


def uuids_across_barriers(env, job_id):
    """:return: dict of two sets: ``depends_on``, ``reverse_depends_on``"""
    env.cr.execute(ACROSS_BARRIERS, {"id": job_id})
    found = {is_parent: set(uuids) for is_parent, uuids in env.cr.fetchall()}
    return {
        "depends_on": found.get(True, set()),
        "reverse_depends_on": found.get(False, set()),
    }


def links_among(env, ids):
    """What some jobs have to do with each other, in as many steps as there are rows for it.

    :param ids: list of int
    :return: list of pairs (parent, child) of ids; and a list of pairs (parents, children) of lists
        of ids, for barriers that each of the parents stands before and each of the children behind
    """
    env["queue.job"].flush_model(["uuid"])
    env.cr.execute(LINKS_AMONG, {"ids": list(ids)})
    pairs, barriers = [], {}
    for barrier, parent, child in env.cr.fetchall():
        if barrier is None:
            pairs.append((parent, child))
        else:
            parents, children = barriers.setdefault(barrier, ([], []))
            (parents if child is None else children).append(child or parent)
    return pairs, list(barriers.values())


def parents_among(env, ids):
    """:return: set of ids, of those jobs that others wait for, or have waited for"""
    env["queue.job"].flush_model(["uuid"])
    env.cr.execute(PARENTS_AMONG, {"ids": list(ids)})
    return {row[0] for row in env.cr.fetchall()}


def is_held(job):
    """Whether a stored job stands behind a barrier that is closed."""
    job.env["queue.job"].flush_model(["uuid", "state"])
    job.env.cr.execute(IS_HELD, {"uuid": job.uuid})
    return bool(job.env.cr.rowcount)


def release_statement(job):
    """:return: (SQL, parameters), what :func:`release_dependents` does in the database"""
    channel, before = job.successor or (None, ())
    return RELEASE_DEPENDENTS, (job.uuid, channel, list(before))


def release_dependents(job):
    """Make pending the jobs that waited for ``job`` and have no unfinished parent.

    To be called when ``job`` is committed as done, in a READ COMMITTED transaction: of
    two parents that end at once, the one that commits last sees the other one done.
    Calling it twice changes nothing.

    Where ``job`` has a ``successor``, the one that fits is left to the caller to run: the runner
    is not told of it, and its id is in ``job.next_id``.
    """
    env = job.env
    released, job.released = job.released, None
    if released is None:
        env["queue.job"].flush_model(["uuid", "state"])
        env.cr.execute(*release_statement(job))
        released = env.cr.fetchall()
    job.next_id = next((job_id for job_id, is_next in released if is_next), None)
    ids = [job_id for job_id, _is_next in released]
    env["queue.job"].browse(ids).invalidate_recordset(["state"])


def cancel_dependents(env, uuids, date):
    """Cancel the jobs that wait for some cancelled ones, transitively.

    One of them at a time, each would go through all that stand behind a barrier.

    :param list uuids: of those that are cancelled
    :param datetime date: when they were
    """
    env["queue.job"].flush_model()
    env.cr.execute(
        CANCEL_DEPENDENTS,
        {
            "uuids": uuids,
            "date": date,
            "result": env._("Cancelled because a job it depends on was cancelled"),
        },
    )
    cancelled = [row[0] for row in env.cr.fetchall()]
    env["queue.job"].browse(cancelled).invalidate_recordset()
