# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""The SQL of ``--check``, beside that of the runner itself."""

from ..core.lock import may_terminate

#: What the runner does with which tables, and with a sequence.
NEEDED = {
    "ir_module_module": ("SELECT",),
    "queue_job": ("SELECT", "UPDATE"),
    "queue_job_barrier": ("SELECT",),
    "queue_job_channel": ("SELECT",),
    "queue_job_dependency": ("SELECT",),
    "queue_job_epoch": ("UPDATE",),
    "queue_job_leader": ("SELECT", "UPDATE"),
}

_NEEDED = ", ".join(
    f"('{table}', '{privilege}')"
    for table, privileges in NEEDED.items()
    for privilege in privileges
)

#: The tables that are there, and that the role of the session may not use as the runner has to.
MISSING_PRIVILEGES = f"""
    SELECT name, string_agg(privilege, ', ') AS privileges
      FROM (VALUES {_NEEDED}) AS needed (name, privilege)
     WHERE NOT has_table_privilege(to_regclass(name), privilege)
  GROUP BY name
  ORDER BY name
"""

#: Nothing can be written: a standby, or set so.
IS_READ_ONLY = "SELECT current_setting('transaction_read_only')::bool"

#: The role of the session, that of Odoo (which owns the table), and whether the first one may end sessions
#: of the other one.
ROLES = f"""
    SELECT current_user::text, pg_get_userbyid(relowner)::text, {may_terminate("relowner")}
      FROM pg_class
     WHERE oid = to_regclass('queue_job')
"""

#: Whether modules are to be installed, upgraded or uninstalled: jobs wait for that.
IS_UPGRADING = "SELECT EXISTS (SELECT FROM ir_module_module WHERE state LIKE 'to %%')"
