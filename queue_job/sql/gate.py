# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""No job starts while the table of the jobs is being changed, and those that run may end first.

Odoo commits that modules are to be upgraded only when the first of them is done; until then the
job runner can't see it in ``ir_module_module``.
"""

import logging
import math

from ..core.lock import GATE_LOCK_CLASS, JOB_LOCK_CLASS
from .catalogue import exists

_logger = logging.getLogger(__name__)

#: Seconds to wait for the jobs that run, and between two looks.
PATIENCE = 60
INTERVAL = 0.5

#: What runs, in sessions other than this one.
_RUNNING = f"""
    SELECT DISTINCT queue_job.uuid
      FROM pg_locks AS lock
      JOIN queue_job ON queue_job.id = lock.objid::bigint
     WHERE lock.locktype = 'advisory' AND lock.classid = {JOB_LOCK_CLASS} AND lock.objsubid = 2
       AND lock.database = (SELECT oid FROM pg_database WHERE datname = current_database())
       AND lock.pid <> pg_backend_pid()
"""


def close(cr):
    """Close the gate until the end of the transaction, and wait for the jobs that run.

    After a while it goes on, and names them in the log: what follows may have to wait for them.
    """
    cr.execute("SELECT pg_advisory_xact_lock(%s, 0)", (GATE_LOCK_CLASS,))
    if not exists(cr, "queue_job"):
        return
    for _attempt in range(math.ceil(PATIENCE / INTERVAL)):
        cr.execute(_RUNNING)
        running = [uuid for (uuid,) in cr.fetchall()]
        if not running:
            return
        cr.execute("SELECT pg_sleep(%s)", (INTERVAL,))
    _logger.warning("jobs still run while their table is changed: %s", ", ".join(sorted(running)))
