# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Functions, triggers and tables in the database, made only where the catalogue differs.

What is unchanged is left alone: DDL would wait for every transaction that has used the table.
A definition is kept as the comment of what it made, to be compared with.
"""


def exists(cr, name):
    """:return: bool, whether there is a table, view or sequence of that name"""
    cr.execute("SELECT to_regclass(%s)", (name,))
    return cr.fetchone()[0] is not None


def install_functions(cr, functions):
    """Create or renew functions.

    :param dict functions: name -> (parameters and what follows them, body in PL/pgSQL)
    """
    for name, (head, body) in functions.items():
        definition = f"{head} {body}"
        if _comment(cr, "pg_proc", "proname", name) == definition:
            continue
        # Triggers go on with a function that is replaced; other ones may have new parameters.
        if "RETURNS trigger" not in head:
            drop_functions(cr, [name])
        cr.execute(
            f"CREATE OR REPLACE FUNCTION {name}{head} LANGUAGE plpgsql"
            f" AS $queue_job${body}$queue_job$"
        )
        cr.execute(f"COMMENT ON FUNCTION {name} IS %s", (definition,))


def drop_functions(cr, names):
    """Drop functions, whatever their parameters are."""
    cr.execute(
        """
        SELECT oid::regprocedure::text FROM pg_proc
         WHERE proname = ANY(%s) AND pronamespace = current_schema()::regnamespace
        """,
        (list(names),),
    )
    for (signature,) in cr.fetchall():
        cr.execute(f"DROP FUNCTION {signature}")


def install_triggers(cr, triggers, table="queue_job"):
    """Create or renew triggers of a table.

    :param dict triggers: name -> definition
    """
    for name, definition in triggers.items():
        if _comment(cr, "pg_trigger", "tgname", name) != definition:
            drop_triggers(cr, [name], table)
            cr.execute(f"CREATE TRIGGER {name} {definition}")
            cr.execute(f"COMMENT ON TRIGGER {name} ON {table} IS %s", (definition,))


def drop_triggers(cr, names, table="queue_job"):
    for name in names:
        cr.execute(f"DROP TRIGGER IF EXISTS {name} ON {table}")


def install_view(cr, name, query):
    """Create or renew a view."""
    if _comment(cr, "pg_class", "relname", name) != query:
        cr.execute(f"DROP VIEW IF EXISTS {name}")
        cr.execute(f"CREATE VIEW {name} AS {query}")
        cr.execute(f"COMMENT ON VIEW {name} IS %s", (query,))


def _comment(cr, catalogue, column, name):
    cr.execute(
        f"SELECT obj_description(oid, '{catalogue}') FROM {catalogue} WHERE {column} = %s", (name,)
    )
    row = cr.fetchone()
    return row and row[0]
