# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""The table that says which job runner leads the database: one row.

``epoch`` is higher with each leader: the moment when it began, in milliseconds. ``pid`` and ``backend_start`` name the session of the
leader; where poolers break sessions (poll-only mode), ``holder`` and ``seen`` are a lease by the
clock of PostgreSQL.

The sequence says the same epoch, but to transactions as well whose snapshot is older: sequences have no
snapshots. Nothing but an epoch is ever set there.
"""

from .catalogue import exists

_CREATE = """
CREATE TABLE queue_job_leader (
    id integer PRIMARY KEY DEFAULT 1 CHECK (id = 1),
    epoch bigint NOT NULL DEFAULT 0,
    pid integer,
    backend_start timestamptz,
    holder varchar,
    seen timestamptz
);
INSERT INTO queue_job_leader DEFAULT VALUES;
"""

#: A leader may be there already, of an earlier version of this addon.
_CREATE_SEQUENCE = """
CREATE SEQUENCE queue_job_epoch MINVALUE 0;
SELECT setval('queue_job_epoch', epoch) FROM queue_job_leader;
"""


def install(cr):
    if not exists(cr, "queue_job_leader"):
        cr.execute(_CREATE)
    if not exists(cr, "queue_job_epoch"):
        cr.execute(_CREATE_SEQUENCE)


def uninstall(cr):
    cr.execute("DROP TABLE IF EXISTS queue_job_leader")
    cr.execute("DROP SEQUENCE IF EXISTS queue_job_epoch")
