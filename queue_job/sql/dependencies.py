# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Where dependencies are stored, in place of the relation table that Odoo would make."""

from .catalogue import exists, install_view

_TABLES = {
    # a job, and one that waits for it
    "queue_job_dependency": """
        CREATE TABLE queue_job_dependency (
            child_id integer NOT NULL REFERENCES queue_job ON DELETE CASCADE,
            parent_id integer NOT NULL REFERENCES queue_job ON DELETE CASCADE,
            PRIMARY KEY (child_id, parent_id));
        CREATE INDEX ON queue_job_dependency (parent_id, child_id);
    """,
    # the jobs before a barrier (parents) and behind it; a barrier has no row of its own, so
    # that nothing is left of it when its jobs are deleted
    "queue_job_barrier": """
        CREATE SEQUENCE queue_job_barrier_id_seq;
        CREATE TABLE queue_job_barrier (
            barrier_id bigint NOT NULL,
            is_parent boolean NOT NULL,
            job_id integer NOT NULL REFERENCES queue_job ON DELETE CASCADE,
            PRIMARY KEY (barrier_id, is_parent, job_id));
        CREATE INDEX ON queue_job_barrier (job_id, is_parent, barrier_id);
    """,
}

#: The relation of the fields ``dependency_ids`` and ``dependent_ids``: both kinds together.
_VIEW = """
    SELECT child_id, parent_id FROM queue_job_dependency
     UNION ALL
    SELECT child.job_id, parent.job_id
      FROM queue_job_barrier child
      JOIN queue_job_barrier parent ON parent.barrier_id = child.barrier_id
     WHERE NOT child.is_parent AND parent.is_parent
"""


def install(cr):
    """Create what is missing, and renew the view."""
    for name, statement in _TABLES.items():
        if not exists(cr, name):
            cr.execute(statement)
    install_view(cr, "queue_job_link", _VIEW)


def uninstall(cr):
    cr.execute("DROP VIEW IF EXISTS queue_job_link")
    cr.execute("DROP TABLE IF EXISTS queue_job_barrier, queue_job_dependency")
    cr.execute("DROP SEQUENCE IF EXISTS queue_job_barrier_id_seq")
