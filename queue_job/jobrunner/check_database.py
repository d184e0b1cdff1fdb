# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""What ``--check`` looks at in a database: can the runner do there what it has to?"""

from ..core.lock import why_not_terminated
from . import check_queries as queries
from .hearing import deafness


def problem(database):
    """:return: str, why no job of the database would run; None: nothing was found

    :param database: :class:`.database.Database`
    :raise psycopg2.Error: it can't be reached
    """
    if missing := database.query(queries.MISSING_PRIVILEGES):
        role = database.role()
        grants = "; ".join(f"GRANT {what} ON {table} TO {role}" for table, what in missing)
        return f"its role {role} lacks privileges: {grants}"
    return (
        database.missing_addon()
        or (
            database.value(queries.IS_READ_ONLY)
            and "nothing can be written: it is a standby, or read-only"
        )
        or deafness(database)
    )


def note(database):
    """:return: str, what an operator should know though jobs run; None: nothing"""
    if database.value(queries.IS_UPGRADING):
        return "modules are to be installed, upgraded or uninstalled: its jobs wait for that"
    ((role, owner, may_terminate),) = database.query(queries.ROLES)
    if may_terminate:
        return None
    return (
        "stalled runners and jobs beyond their time limit go on: its"
        f" {why_not_terminated(role, owner)}"
    )
