# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Whoever marks modules as to be installed, upgraded or uninstalled closes the gate.

From the command line Odoo marks them, and commits that only together with the first of them:
until then the job runner can't see it in ``ir_module_module``, but the gate it sees. From the web
client they are marked and committed first. Then the runner is told, and looks at once.
"""

from ..core.lock import GATE_LOCK_CLASS
from ..core.notification import MODULES_CHANGED, NOTIFY_CHANNEL
from .catalogue import drop_functions, drop_triggers, install_functions, install_triggers

TABLE = "ir_module_module"

#: The claims that are under way are waited for: they take a moment.
FUNCTIONS = {
    "queue_job_note_module_state": (
        "() RETURNS trigger",
        f"""
BEGIN
    IF NEW.state LIKE 'to %' THEN
        PERFORM pg_advisory_xact_lock({GATE_LOCK_CLASS}, 0);
    END IF;
    PERFORM pg_notify('{NOTIFY_CHANNEL}', '{MODULES_CHANGED}');
    RETURN NULL;
END""",
    )
}
TRIGGERS = {
    "queue_job_module_state": f"""
AFTER UPDATE OF state ON {TABLE}
FOR EACH ROW
WHEN (OLD.state IS DISTINCT FROM NEW.state AND (OLD.state LIKE 'to %' OR NEW.state LIKE 'to %'))
EXECUTE FUNCTION queue_job_note_module_state()"""
}


def install(cr):
    install_functions(cr, FUNCTIONS)
    install_triggers(cr, TRIGGERS, TABLE)


def uninstall(cr):
    drop_triggers(cr, TRIGGERS, TABLE)
    drop_functions(cr, FUNCTIONS)
