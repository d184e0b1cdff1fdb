# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Moves by hand of many jobs, with a few statements for each thousand of them."""

from . import dependency, job_storage
from .core.ready_job import ready_jobs
from .core.states import CANCELLED, DONE, PENDING
from .job import Job

#: How many jobs are in memory at once.
SIZE = 1000

#: state -> how a job gets there, and its field that says when
_MOVES = {
    DONE: (Job.set_done, "date_done"),
    CANCELLED: (Job.set_cancelled, "date_cancelled"),
    PENDING: (Job.set_pending, None),
}

#: The states to which jobs can be moved by hand.
STATES = frozenset(_MOVES)

#: Which of some jobs wait for others, once all of them are to run again.
HELD_AMONG = """
    WITH moved AS MATERIALIZED (SELECT unnest(%(ids)s::integer[]) AS id),
    closed_barrier AS MATERIALIZED (
        SELECT barrier_id
          FROM (SELECT DISTINCT place.barrier_id
                  FROM moved
                  JOIN queue_job_barrier place ON place.job_id = moved.id AND NOT place.is_parent
               ) AS barrier_before
         WHERE EXISTS (
            SELECT FROM queue_job_barrier place
              JOIN queue_job parent ON parent.id = place.job_id
             WHERE place.barrier_id = barrier_before.barrier_id AND place.is_parent
               AND (parent.state <> 'done' OR parent.id = ANY(%(ids)s))))
    SELECT id FROM moved
     WHERE EXISTS (
        SELECT FROM queue_job_dependency edge
          JOIN queue_job parent ON parent.id = edge.parent_id
         WHERE edge.child_id = moved.id
           AND (parent.state <> 'done' OR parent.id = ANY(%(ids)s)))
        OR EXISTS (
        SELECT FROM queue_job_barrier place
          JOIN closed_barrier USING (barrier_id)
         WHERE place.job_id = moved.id AND NOT place.is_parent)
"""

#: Make pending what waited for some jobs that are done, and for nothing else.
RELEASE_DEPENDENTS = f"""
    WITH child AS MATERIALIZED (
        SELECT child_id AS id FROM queue_job_dependency WHERE parent_id = ANY(%(ids)s)
         UNION
        SELECT job_id FROM queue_job_barrier
         WHERE NOT is_parent AND barrier_id IN (
            SELECT barrier_id FROM queue_job_barrier WHERE job_id = ANY(%(ids)s) AND is_parent)),
    {ready_jobs("child")}
    UPDATE queue_job SET state = 'pending' FROM ready WHERE queue_job.id = ready.id
    RETURNING queue_job.id
"""


def change_state(records, state, result=None):
    """Move jobs to a state, at one moment, with what follows for the jobs that depend on them.

    :param records: ``queue.job``
    :param str state: one of :data:`STATES`
    :param str result: who has moved them, or why
    """
    if not records:
        return
    env, ids = records.env, records.ids
    held = _held_among(env, ids) if state == PENDING else ()
    uuids = records.mapped("uuid")
    moment = None
    for start in range(0, len(uuids), SIZE):
        moment = _move(env, uuids[start : start + SIZE], state, result, held, moment)
    if state == DONE:
        _release_dependents(env, ids)
    elif state == CANCELLED:
        dependency.cancel_dependents(env, uuids, moment)


def _move(env, uuids, state, result, held, moment):
    """
    :param held: ids of the jobs that have to wait for others
    :param moment: datetime, when the jobs before these were moved
    :return: datetime, when all of them were
    """
    move, date = _MOVES[state]
    jobs = sorted(Job.load_many(env, uuids), key=lambda job: job._row_id)
    stored = job_storage.stored_values(jobs)
    for job in jobs:
        job.is_held = job._row_id in held
        move(job, result=result)
        if date:
            moment = moment or getattr(job, date)
            setattr(job, date, moment)
    job_storage.store_changes(jobs, stored)
    return moment


def _held_among(env, ids):
    """:return: set of ids"""
    env["queue.job"].flush_model()
    env.cr.execute(HELD_AMONG, {"ids": ids})
    return {job_id for (job_id,) in env.cr.fetchall()}


def _release_dependents(env, ids):
    model = env["queue.job"]
    model.flush_model()
    env.cr.execute(RELEASE_DEPENDENTS, {"ids": ids})
    released = [job_id for (job_id,) in env.cr.fetchall()]
    model.browse(released).invalidate_recordset(["state"])
