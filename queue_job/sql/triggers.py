# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""The triggers that tell the job runner, with NOTIFY, which channels to look at.

The payload is the name of the channel: PostgreSQL folds the equal notifications of a
transaction into one, so that creating ten thousand jobs in a channel is one.
"""

from ..core.notification import NOTIFY_CHANNEL

#: name of the function -> its body. A statement-level trigger on UPDATE would go through
#: all changed rows once for each statement of a long transaction: those are by row.
FUNCTIONS = {
    "queue_job_notify_inserted": f"""
BEGIN
    PERFORM pg_notify('{NOTIFY_CHANNEL}', channel)
       FROM (SELECT DISTINCT channel FROM inserted WHERE state = 'pending') AS channels;
    RETURN NULL;
END""",
    "queue_job_notify_changed": f"""
BEGIN
    PERFORM pg_notify('{NOTIFY_CHANNEL}', NEW.channel);
    IF OLD.channel <> NEW.channel THEN
        PERFORM pg_notify('{NOTIFY_CHANNEL}', OLD.channel);
    END IF;
    RETURN NULL;
END""",
    "queue_job_notify_deleted": f"""
BEGIN
    PERFORM pg_notify('{NOTIFY_CHANNEL}', OLD.channel);
    RETURN NULL;
END""",
}

#: name of the trigger -> its definition. What the runner itself does with a job
#: (pending to enqueued) and what a worker does (to started and done) is silent.
TRIGGERS = {
    "queue_job_notify_insert": """
AFTER INSERT ON queue_job
REFERENCING NEW TABLE AS inserted
FOR EACH STATEMENT EXECUTE FUNCTION queue_job_notify_inserted()""",
    "queue_job_notify_update": """
AFTER UPDATE OF state, eta, priority, channel ON queue_job
FOR EACH ROW
WHEN (NEW.state = 'pending'
      OR (OLD.state IN ('pending', 'failed') AND NEW.state IN ('done', 'cancelled'))
      OR (OLD.state = 'failed' AND OLD.channel <> NEW.channel))
EXECUTE FUNCTION queue_job_notify_changed()""",
    "queue_job_notify_delete": """
AFTER DELETE ON queue_job
FOR EACH ROW
WHEN (OLD.state IN ('pending', 'failed'))
EXECUTE FUNCTION queue_job_notify_deleted()""",
}

#: What the published addon leaves: its function would be called at each INSERT.
DROP_PUBLISHED = """
DROP TRIGGER IF EXISTS queue_job_notify ON queue_job;
DROP FUNCTION IF EXISTS queue_job_notify();
"""


def install(cr):
    """Create or renew the triggers, only where the catalogue differs.

    An unchanged trigger is left alone, since its DDL would wait for every transaction
    that has used the table.
    """
    if _exists(cr, "SELECT FROM pg_proc WHERE proname = 'queue_job_notify'"):
        cr.execute(DROP_PUBLISHED)
    for name, body in FUNCTIONS.items():
        if not _exists(cr, "SELECT FROM pg_proc WHERE proname = %s AND prosrc = %s", (name, body)):
            cr.execute(
                f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger"
                f" LANGUAGE plpgsql AS $queue_job${body}$queue_job$"
            )
    for name, definition in TRIGGERS.items():
        if not _exists(
            cr,
            """
            SELECT FROM pg_trigger
             WHERE tgname = %s
               AND tgrelid = 'queue_job'::regclass
               AND obj_description(oid, 'pg_trigger') = %s
            """,
            (name, definition),
        ):
            cr.execute(f"DROP TRIGGER IF EXISTS {name} ON queue_job")
            cr.execute(f"CREATE TRIGGER {name} {definition}")
            cr.execute(f"COMMENT ON TRIGGER {name} ON queue_job IS %s", (definition,))


def uninstall(cr):
    """Drop the triggers and their functions."""
    for name in TRIGGERS:
        cr.execute(f"DROP TRIGGER IF EXISTS {name} ON queue_job")
    for name in FUNCTIONS:
        cr.execute(f"DROP FUNCTION IF EXISTS {name}()")


def _exists(cr, query, params=()):
    cr.execute(query, params)
    return bool(cr.rowcount)
