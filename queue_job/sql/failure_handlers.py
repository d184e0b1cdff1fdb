# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""What becomes of the jobs that wait for another one to fail.

A trigger sees to it, whoever ends the job. Where two watched jobs succeed at the same moment
neither may see the other one; what is left waiting then the runner finds, with the same
function.
"""

from .catalogue import (
    drop_functions,
    drop_triggers,
    exists,
    install_functions,
    install_triggers,
)

_TABLE = """
    CREATE TABLE queue_job_failure_handler (
        job_id integer NOT NULL REFERENCES queue_job ON DELETE CASCADE,
        handler_id integer NOT NULL REFERENCES queue_job ON DELETE CASCADE,
        PRIMARY KEY (job_id, handler_id));
    CREATE INDEX ON queue_job_failure_handler (handler_id, job_id);
"""

#: A handler of several jobs runs as soon as one has failed, and what it depends on besides is
#: done: from then on it waits as any other job, unless all that have failed are requeued before it
#: begins. It is cancelled, with all that waits for it, when
#: none of them can fail any more.
FUNCTIONS = {
    "queue_job_settle_handler": (
        "(_id integer) RETURNS void",
        """
BEGIN
    IF EXISTS (SELECT FROM queue_job_failure_handler watch
                 JOIN queue_job job ON job.id = watch.job_id
                WHERE watch.handler_id = _id AND job.state = 'failed') THEN
        UPDATE queue_job
           SET awaits_failure = NULL,
               state = CASE WHEN EXISTS (SELECT FROM queue_job_link link
                                           JOIN queue_job parent ON parent.id = link.parent_id
                                          WHERE link.child_id = _id AND parent.state <> 'done')
                       THEN state ELSE 'pending' END
         WHERE id = _id AND awaits_failure AND state = 'wait_dependencies';
    ELSIF NOT EXISTS (SELECT FROM queue_job_failure_handler watch
                        JOIN queue_job job ON job.id = watch.job_id
                       WHERE watch.handler_id = _id AND job.state NOT IN ('done', 'cancelled')) THEN
        WITH RECURSIVE unneeded AS (
            SELECT id FROM queue_job
             WHERE id = _id AND awaits_failure AND state = 'wait_dependencies'
             UNION
            SELECT queue_job.id
              FROM unneeded
              JOIN queue_job_link link ON link.parent_id = unneeded.id
              JOIN queue_job ON queue_job.id = link.child_id
             WHERE queue_job.state = 'wait_dependencies')
        UPDATE queue_job
           SET state = 'cancelled', awaits_failure = NULL,
               date_cancelled = now() AT TIME ZONE 'UTC',
               result = 'Cancelled because what it waited for has not failed'
          FROM unneeded
         WHERE queue_job.id = unneeded.id;
    END IF;
END""",
    ),
    # Of a job that is requeued, or taken for done: its failure was not the end. A handler that has
    # begun goes on. Its row is locked, then written in any case: where two jobs that it watches
    # are requeued at the same moment, neither sees the other one, and one of them conflicts.
    "queue_job_take_back_handler": (
        "(_id integer) RETURNS void",
        """
BEGIN
    PERFORM FROM queue_job
      WHERE id = _id AND retry = 0 AND date_started IS NULL
        AND (state IN ('pending', 'enqueued')
             OR state = 'wait_dependencies' AND awaits_failure IS NOT TRUE)
        FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN;
    ELSIF EXISTS (SELECT FROM queue_job_failure_handler watch
                    JOIN queue_job job ON job.id = watch.job_id
                   WHERE watch.handler_id = _id AND job.state = 'failed') THEN
        UPDATE queue_job SET awaits_failure = awaits_failure WHERE id = _id;
    ELSE
        -- its worker may have been asked already: without the token it gets nothing
        UPDATE queue_job
           SET state = 'wait_dependencies', awaits_failure = TRUE,
               date_enqueued = NULL, lease = NULL
         WHERE id = _id;
    END IF;
END""",
    ),
    "queue_job_tell_handlers": (
        "() RETURNS trigger",
        """
BEGIN
    IF OLD.state = 'failed' AND NEW.state IN ('pending', 'wait_dependencies', 'done') THEN
        PERFORM queue_job_take_back_handler(handler_id)
           FROM queue_job_failure_handler WHERE job_id = NEW.id ORDER BY handler_id;
    END IF;
    IF NEW.state <> OLD.state AND NEW.state IN ('failed', 'done', 'cancelled') THEN
        PERFORM queue_job_settle_handler(handler_id)
           FROM queue_job_failure_handler WHERE job_id = NEW.id ORDER BY handler_id;
    END IF;
    RETURN NULL;
END""",
    ),
}

#: A job that nobody watches costs a comparison.
TRIGGERS = {
    "queue_job_tell_handlers": """
AFTER UPDATE OF state ON queue_job
FOR EACH ROW
WHEN (NEW.has_failure_handler)
EXECUTE FUNCTION queue_job_tell_handlers()""",
}


def install(cr):
    if not exists(cr, "queue_job_failure_handler"):
        cr.execute(_TABLE)
    install_functions(cr, FUNCTIONS)
    install_triggers(cr, TRIGGERS)


def uninstall(cr):
    drop_triggers(cr, TRIGGERS)
    drop_functions(cr, FUNCTIONS)
    cr.execute("DROP TABLE IF EXISTS queue_job_failure_handler")
