# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""The triggers that tell the job runner, with NOTIFY, which channels to look at.

The payload is the name of the channel: PostgreSQL folds the equal notifications of a
transaction into one, so that creating ten thousand jobs in a channel is one. Where one of them has
an eta, there is another notification: only then the runner looks for the next one.
"""

from ..core.notification import ETA_CHANGED, NOTIFY_CHANNEL, SILENT_RELEASE
from .catalogue import drop_functions, drop_triggers, install_functions, install_triggers

#: name of the function -> its body. A statement-level trigger on UPDATE would go through
#: all changed rows once for each statement of a long transaction: those are by row. Telling one
#: channel many times is cheaper than telling the channels apart, most often of one row.
_BODIES = {
    "queue_job_notify_inserted": f"""
BEGIN
    PERFORM pg_notify('{NOTIFY_CHANNEL}', channel),
            CASE WHEN eta IS NOT NULL THEN pg_notify('{NOTIFY_CHANNEL}', '{ETA_CHANGED}') END
       FROM inserted WHERE state = 'pending';
    RETURN NULL;
END""",
    "queue_job_notify_changed": f"""
BEGIN
    IF OLD.state = 'wait_dependencies'
       AND NEW.id::text = current_setting('{SILENT_RELEASE}', true) THEN
        RETURN NULL;
    END IF;
    IF NEW.state = 'pending'
       OR OLD.state IN ('pending', 'failed') AND NEW.state IN ('done', 'cancelled')
       OR OLD.state = 'failed' AND OLD.channel <> NEW.channel THEN
        PERFORM pg_notify('{NOTIFY_CHANNEL}', NEW.channel);
        IF OLD.channel <> NEW.channel THEN
            PERFORM pg_notify('{NOTIFY_CHANNEL}', OLD.channel);
        END IF;
        IF NEW.state = 'pending' AND NEW.eta IS NOT NULL THEN
            PERFORM pg_notify('{NOTIFY_CHANNEL}', '{ETA_CHANGED}');
        END IF;
    END IF;
    RETURN NULL;
END""",
    "queue_job_notify_deleted": f"""
BEGIN
    PERFORM pg_notify('{NOTIFY_CHANNEL}', OLD.channel);
    RETURN NULL;
END""",
}
FUNCTIONS = {name: ("() RETURNS trigger", body) for name, body in _BODIES.items()}

#: name of the trigger -> its definition. What the runner itself does with a job
#: (pending to enqueued) and what a worker does (to started and done) is silent, and so is the
#: release of a job that the worker runs next.
#: PostgreSQL reads a condition anew for each statement, which costs more than what the
#: condition says: a short one spares what workers do, the function knows the rest.
TRIGGERS = {
    "queue_job_notify_insert": """
AFTER INSERT ON queue_job
REFERENCING NEW TABLE AS inserted
FOR EACH STATEMENT EXECUTE FUNCTION queue_job_notify_inserted()""",
    "queue_job_notify_update": """
AFTER UPDATE OF state, eta, priority, channel ON queue_job
FOR EACH ROW
WHEN (NEW.state = 'pending' OR OLD.state <> 'started' AND NEW.state <> 'started')
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
    cr.execute("SELECT FROM pg_proc WHERE proname = 'queue_job_notify'")
    if cr.rowcount:
        cr.execute(DROP_PUBLISHED)
    install_functions(cr, FUNCTIONS)
    install_triggers(cr, TRIGGERS)


def uninstall(cr):
    drop_triggers(cr, TRIGGERS)
    drop_functions(cr, FUNCTIONS)
