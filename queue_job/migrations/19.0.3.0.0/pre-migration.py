# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""From the published addon 19.0.2.x: what has to go before our schema comes."""

#: Crons of older series that call methods which are not there any more.
CRONS = ("ir_cron_queue_job_garbage_collector", "ir_cron_autovacuum_queue_jobs")

#: Odoo makes them again, of the rows that have a value; it knows them by name alone.
WHOLE_INDEXES = ("queue_job__company_id_index", "queue_job__graph_uuid_index")


def migrate(cr, version):
    # Its function is called for every row that is written from here on.
    cr.execute("DROP TRIGGER IF EXISTS queue_job_notify ON queue_job")
    cr.execute("DROP FUNCTION IF EXISTS queue_job_notify()")
    _delete_crons(cr)
    for index in WHOLE_INDEXES:
        cr.execute(f"DROP INDEX IF EXISTS {index}")


def _delete_crons(cr):
    """Delete the crons with their server actions; they are not the addon's any more."""
    cr.execute(
        """
        DELETE FROM ir_model_data
         WHERE module = 'queue_job' AND model = 'ir.cron' AND name IN %s
     RETURNING res_id
        """,
        (CRONS,),
    )
    crons = tuple(row[0] for row in cr.fetchall())
    if crons:
        cr.execute("DELETE FROM ir_cron WHERE id IN %s RETURNING ir_actions_server_id", (crons,))
        actions = tuple(row[0] for row in cr.fetchall())
        cr.execute("DELETE FROM ir_act_server WHERE id IN %s", (actions,))
