# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""SQL: which of some waiting jobs have no unfinished parent.

So the runner releases many jobs at once; a worker, which has one parent that ended, has a function
for that in ``sql/release.py``. A barrier is judged once, however many jobs wait behind it. Jobs
mostly end in the order of their ids, so that an unfinished parent is found soonest from the highest
id down.
"""

# The state of a parent is looked up for each: a join could go through all jobs from the last one.
# And the state of a job that waits is not written as an equality, which could be looked up: that
# would go through all that wait.

#: An unfinished parent of the job ``queue_job``, itself and not behind a barrier.
_UNFINISHED_PARENT = """
    SELECT edge.parent_id
      FROM queue_job_dependency edge
     WHERE edge.child_id = queue_job.id
       AND (SELECT state FROM queue_job parent WHERE parent.id = edge.parent_id) <> 'done'
  ORDER BY edge.parent_id DESC
     LIMIT 1
"""

#: An unfinished parent before the barrier ``{barrier}.barrier_id``.
_UNFINISHED_BEFORE = """
    SELECT place.job_id
      FROM queue_job_barrier place
     WHERE place.barrier_id = {barrier}.barrier_id AND place.is_parent
       AND (SELECT state FROM queue_job parent WHERE parent.id = place.job_id) <> 'done'
  ORDER BY place.job_id DESC
     LIMIT 1
"""


def open_barriers(source):
    """:return: SQL, ``barrier_id`` of those in ``source`` all of whose parents are done"""
    return f"""
        SELECT barrier_id FROM {source}
         WHERE ({_UNFINISHED_BEFORE.format(barrier=source)}) IS NULL
    """


def ready_jobs(source):
    """
    :param str source: name of a common table expression with a column ``id``
    :return: SQL, more common table expressions; the last, ``ready``, has the ids of the jobs
        that are to be released and that nobody else is working at, and locks their rows in the
        order of the ids, so that two releases never wait for each other in a circle
    """
    return f"""
    barrier_before AS MATERIALIZED (
        SELECT DISTINCT place.barrier_id
          FROM {source}
          JOIN queue_job_barrier place ON place.job_id = {source}.id AND NOT place.is_parent),
    closed_barrier AS MATERIALIZED (
        SELECT barrier_id FROM barrier_before
         WHERE ({_UNFINISHED_BEFORE.format(barrier="barrier_before")}) IS NOT NULL),
    ready AS (
        SELECT queue_job.id
          FROM queue_job
          JOIN {source} ON {source}.id = queue_job.id
         WHERE queue_job.state IS NOT DISTINCT FROM 'wait_dependencies'
           AND queue_job.awaits_failure IS NOT TRUE
           AND ({_UNFINISHED_PARENT}) IS NULL
           AND NOT EXISTS (
               SELECT FROM queue_job_barrier place
                 JOIN closed_barrier ON closed_barrier.barrier_id = place.barrier_id
                WHERE place.job_id = queue_job.id AND NOT place.is_parent)
      ORDER BY queue_job.id
           FOR NO KEY UPDATE OF queue_job SKIP LOCKED)
    """
