# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""From the published addon 19.0.2.x: dependencies become rows, channels get one name, and
what nobody uses any more is dropped."""

import json

#: Both lists of each job are read: a graph that was extended has edges in one of them only.
INSERT_EDGES = """
    INSERT INTO queue_job_dependency (parent_id, child_id)
    SELECT parent.id, child.id
      FROM unnest(%s::text[], %s::text[]) AS edge (parent_uuid, child_uuid)
      JOIN queue_job parent ON parent.uuid = edge.parent_uuid
      JOIN queue_job child ON child.uuid = edge.child_uuid
        ON CONFLICT DO NOTHING
"""
BATCH = 1000
#: A JSON text with a list of strings that is not empty. Jobs may depend on each other
#: without being in a graph.
SOME_UUID = '%["%'

#: They cost at each write; other ones serve our queries.
OLD_INDEXES = (
    "queue_job__channel_index",
    "queue_job__company_id_index",
    "queue_job__job_function_id_index",
    "queue_job__state_index",
    "queue_job_channel_date_done_date_created_index",
    "queue_job_identity_key_state_partial_index",
)


def migrate(cr, version):
    cr.execute("UPDATE queue_job SET channel = 'root' WHERE channel IS NULL OR channel = ''")
    cr.execute(
        "UPDATE queue_job SET channel = 'root.' || channel"
        " WHERE channel <> 'root' AND channel NOT LIKE 'root.%'"
    )
    _insert_edges(cr)
    cr.execute("DROP TABLE IF EXISTS queue_job_lock")
    for index in OLD_INDEXES:
        cr.execute(f"DROP INDEX IF EXISTS {index}")


def _insert_edges(cr):
    last = 0
    while True:
        cr.execute(
            """
            SELECT id, uuid, dependencies FROM queue_job
             WHERE id > %s AND dependencies LIKE %s
          ORDER BY id LIMIT %s
            """,
            (last, SOME_UUID, BATCH),
        )
        rows = cr.fetchall()
        if not rows:
            return
        last = rows[-1][0]
        edges = {edge for _id, uuid, text in rows for edge in _edges(uuid, text)}
        if edges:
            parents, children = zip(*sorted(edges), strict=True)
            cr.execute(INSERT_EDGES, (list(parents), list(children)))


def _edges(uuid, text):
    """Yield (parent, child) of the JSON that the published addon keeps in each job."""
    dependencies = json.loads(text)
    if not isinstance(dependencies, dict):
        return
    for parent in dependencies.get("depends_on") or ():
        yield parent, uuid
    for child in dependencies.get("reverse_depends_on") or ():
        yield uuid, child
