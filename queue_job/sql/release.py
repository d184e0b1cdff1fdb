# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""The function that releases the jobs that wait for one that is done.

A worker calls it once for each parent, and all but the last one of a child or of a barrier find
that it is too early. So it looks first for an unfinished parent near the one that has ended, which
costs a few rows; all are looked at only where there is none. The runner has a statement of its own,
``core/ready_job.py``, for many jobs at once.
"""

from ..core.notification import SILENT_RELEASE
from .catalogue import drop_functions, install_functions
from .functions import NOTICE_LOST_CLIENT

#: How many parents are looked at on each side of the one that has ended. Jobs end in the order
#: of their ids, or in the opposite one, a few at a time: those that are still to end are next to
#: it. Looking from one end would cost the square of the number of parents in one of these orders.
_NEAR = 16
#: How long a child is waited for that somebody has locked: so long a worker does nothing else. Then the runner
#: releases it, when it looks at what waits.
LOCK_TIMEOUT = "1s"


def _unfinished(parents, column):
    """SQL: an unfinished one of some parents, or NULL; sought near ``_id`` first.

    :param str parents: from the name of a table to a condition
    :param str column: of that table, the id of the parent
    :return: dict: one ``above`` near ``_id``; one ``elsewhere``; one ``anywhere``
    """

    def among(source):
        return f"""
            (SELECT place.id FROM ({source}) AS place
              WHERE (SELECT state FROM queue_job parent WHERE parent.id = place.id) <> 'done'
              LIMIT 1)"""

    above, below, everywhere = (
        among(f"SELECT {column} AS id FROM {parents} {rest}")
        for rest in (
            f"AND {column} > _id ORDER BY {column} LIMIT {_NEAR}",
            f"AND {column} < _id ORDER BY {column} DESC LIMIT {_NEAR}",
            f"ORDER BY {column} DESC",
        )
    )
    # in this order, which the planner leaves alone
    return {
        "above": above,
        "elsewhere": f"coalesce({below}, {everywhere})",
        "anywhere": f"coalesce({above}, {below}, {everywhere})",
    }


def _before_barrier(barrier):
    return _unfinished(f"queue_job_barrier WHERE barrier_id = {barrier} AND is_parent", "job_id")


def _before_child(child):
    return _unfinished(f"queue_job_dependency WHERE child_id = {child}", "parent_id")


_BEFORE_BARRIER = _before_barrier("barrier.id")["anywhere"]
_BEFORE_CHILD = _before_child("child.id")["anywhere"]

#: What nearly all parents that stand before one barrier find, by a statement that is begun sooner.
_BEFORE_THE_BARRIER = _before_barrier("_barriers[1]")["above"]

#: Equality could be looked up: PostgreSQL would go through all jobs that wait, for each parent.
_WAITS = "state IS NOT DISTINCT FROM 'wait_dependencies'"

#: READ COMMITTED, each statement sees what is committed before it begins: whoever is seen
#: unfinished will look, later, at a table in which this parent is done. The rows are locked in
#: the order of their ids, so that two releases never wait for each other in a circle.
#:
#: A slot that may go on with one of the jobs, in its channel and before those that are next there,
#: is told which: that one is not notified, or the runner would send it elsewhere at the same time.
#:
#: Small statements, of which a job in a chain needs the few that have something to do: each is
#: planned anew with each request. Where nothing was written before, as in the transaction of a
#: worker that only releases, the commit need not wait for the disk: what a crash takes back, the
#: runner releases.
_RELEASE = f"""
#variable_conflict use_column
DECLARE
    _id integer;
    _barriers bigint[];
    _closed bigint[];
    _children integer[];
    _next integer;
    _timeout text := current_setting('lock_timeout');
    _ text;
BEGIN{NOTICE_LOST_CLIENT}
    SELECT queue_job.id,
           ARRAY(SELECT child_id FROM queue_job_dependency WHERE parent_id = queue_job.id),
           ARRAY(SELECT barrier_id FROM queue_job_barrier
                  WHERE job_id = queue_job.id AND is_parent)
      INTO _id, _children, _barriers
      FROM queue_job WHERE uuid = _uuid AND state = 'done';
    IF _id IS NULL THEN
        RETURN;
    END IF;
    IF cardinality(_children) = 0 AND cardinality(_barriers) = 1 THEN
        IF {_BEFORE_THE_BARRIER} IS NOT NULL THEN
            RETURN;
        END IF;
    END IF;
    IF cardinality(_barriers) > 0 THEN
        _barriers := ARRAY(
            SELECT barrier.id FROM unnest(_barriers) AS barrier (id)
             WHERE {_BEFORE_BARRIER} IS NULL);
    END IF;
    IF cardinality(_barriers) > 0 THEN
        _children := ARRAY(
            SELECT unnest(_children)
             UNION
            SELECT job_id FROM queue_job_barrier
             WHERE barrier_id = ANY(_barriers) AND NOT is_parent);
    END IF;
    IF cardinality(_children) > 0 THEN
        _children := ARRAY(
            SELECT child.id FROM unnest(_children) AS child (id) WHERE {_BEFORE_CHILD} IS NULL);
    END IF;
    IF cardinality(_children) = 0 THEN
        RETURN;
    END IF;
    _closed := ARRAY(
        SELECT barrier.id
          FROM (SELECT DISTINCT barrier_id AS id FROM queue_job_barrier
                 WHERE job_id = ANY(_children) AND NOT is_parent
                   AND barrier_id <> ALL(_barriers)) AS barrier
         WHERE {_BEFORE_BARRIER} IS NOT NULL);
    IF cardinality(_closed) > 0 THEN
        _children := ARRAY(
            SELECT unnest(_children)
            EXCEPT
            SELECT job_id FROM queue_job_barrier
             WHERE barrier_id = ANY(_closed) AND NOT is_parent);
    END IF;
    IF txid_current_if_assigned() IS NULL THEN
        PERFORM set_config('synchronous_commit', 'off', true);
    END IF;
    IF _channel IS NOT NULL THEN
        SELECT queue_job.id INTO _next FROM queue_job
         WHERE queue_job.id = ANY(_children) AND {_WAITS}
           AND awaits_failure IS NOT TRUE AND channel = _channel
           AND (eta IS NULL OR eta <= now() AT TIME ZONE 'UTC')
           AND NOT EXISTS (
               SELECT FROM queue_job AS other
                WHERE other.id = ANY(_before)
                  AND (other.priority, other.date_created, other.id)
                      < (queue_job.priority, queue_job.date_created, queue_job.id))
      ORDER BY priority, date_created, queue_job.id
         LIMIT 1;
        _ := set_config('{SILENT_RELEASE}', _next::text, true);
    END IF;
    _ := set_config('lock_timeout', '{LOCK_TIMEOUT}', true);
    BEGIN
        _children := ARRAY(
            SELECT queue_job.id FROM queue_job
             WHERE queue_job.id = ANY(_children) AND {_WAITS}
               AND awaits_failure IS NOT TRUE
          ORDER BY queue_job.id
               FOR NO KEY UPDATE);
    EXCEPTION WHEN lock_not_available THEN
        RAISE DEBUG 'the jobs that wait for % are left to the runner: %', _uuid, SQLERRM;
        _children := '{{}}';
    END;
    _ := set_config('lock_timeout', _timeout, true);
    RETURN QUERY
    UPDATE queue_job SET state = 'pending' WHERE queue_job.id = ANY(_children)
    RETURNING queue_job.id, queue_job.id IS NOT DISTINCT FROM _next;
    IF _next IS NOT NULL THEN
        _ := set_config('{SILENT_RELEASE}', '', true);
    END IF;
END"""

#: Whether others may wait for nothing but a job that is done, as a transaction sees it that began after its
#: commit: whoever it sees unfinished will look later. Nothing is locked or written. The first look of each is
#: what nearly all parents need.
_FREES = f"""
DECLARE
    _barrier bigint;
    _child integer;
BEGIN
    FOREACH _barrier IN ARRAY
        ARRAY(SELECT barrier_id FROM queue_job_barrier WHERE job_id = _id AND is_parent) LOOP
        CONTINUE WHEN {_before_barrier("_barrier")["above"]} IS NOT NULL;
        IF {_before_barrier("_barrier")["elsewhere"]} IS NULL THEN
            RETURN true;
        END IF;
    END LOOP;
    FOREACH _child IN ARRAY
        ARRAY(SELECT child_id FROM queue_job_dependency WHERE parent_id = _id) LOOP
        CONTINUE WHEN {_before_child("_child")["above"]} IS NOT NULL;
        IF {_before_child("_child")["elsewhere"]} IS NULL THEN
            RETURN true;
        END IF;
    END LOOP;
    RETURN false;
END"""

#: Each of its small look-ups is meant to use an index for each row, which must not depend on how
#: large the tables were when they were planned, nor on their statistics; planning them again for
#: some calls would cost more. A merge join would go through the jobs from the first one.
_SETTINGS = {
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "enable_mergejoin": "off",
    "enable_hashjoin": "off",
    "jit": "off",
    "plan_cache_mode": "force_generic_plan",
}


def _set(*names):
    return " ".join(f"SET {name} = {_SETTINGS[name]}" for name in names or _SETTINGS)


FUNCTIONS = {
    "queue_job_release": (
        "(_uuid varchar, _channel varchar DEFAULT NULL, _before integer[] DEFAULT NULL,"
        f" OUT job_id integer, OUT is_next boolean) RETURNS SETOF record {_set()}",
        _RELEASE,
    ),
    # there is no join in it
    "queue_job_frees_others": (
        "(_id integer) RETURNS boolean"
        f" {_set('enable_seqscan', 'enable_bitmapscan', 'plan_cache_mode')}",
        _FREES,
    ),
}


def install(cr):
    install_functions(cr, FUNCTIONS)


def uninstall(cr):
    drop_functions(cr, FUNCTIONS)
