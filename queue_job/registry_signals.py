# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""What other processes have changed of a registry and its caches, for a request that has waited.

Odoo looks when a request begins, by a statement of many parts, which takes longer to plan than to run. Here it is planned
before there is a job, and run when there is one.
"""

import psycopg2

from odoo.modules.registry import Registry
from odoo.tools import SQL

_NAME = SQL.identifier("queue_job_signals")


def _is_direct(cr):
    """Whether the session is our own. Behind a pooler of transactions, the statement would be prepared for somebody else."""
    cr.execute(SQL("SELECT pg_backend_pid()"))
    return cr.fetchone()[0] == cr.connection.get_backend_pid()


class RegistrySignals:
    """
    :param registry: of the request
    :param cr: cursor on which nothing else goes on
    """

    def __init__(self, registry, cr):
        self._registry = registry
        self._cr = cr
        # as Registry.get_sequences()
        maxima = [
            SQL("(SELECT max(id) FROM %s)", SQL.identifier(f"orm_signaling_{name}"))
            for name in ("registry", *registry.cache_sequences)
        ]
        statement = SQL("PREPARE %s AS SELECT %s", _NAME, SQL(", ").join(maxima))
        self._is_prepared = _is_direct(cr) and self._execute(statement) and bool(self._look())
        cr.rollback()

    def take_in(self):
        """Do as Odoo does when a request begins. Leaves the transaction open.

        :return: bool; False: there is another registry, and perhaps another controller; or nothing can be read
        """
        registry = self._registry
        if Registry(registry.db_name) is not registry:
            return False
        known = (registry.registry_sequence, *registry.cache_sequences.values())
        if self._is_prepared and self._look() == known:
            return True
        try:
            self._cr.rollback()
            return registry.check_signaling(self._cr) is registry
        except psycopg2.Error:
            return False

    def _look(self):
        """:return: tuple of int, the sequences of the registry and of its caches; or None"""
        return self._execute(SQL("EXECUTE %s", _NAME)) and self._cr.fetchone()

    def _execute(self, statement):
        try:
            self._cr.execute(statement, log_exceptions=False)
        except psycopg2.Error:
            return False
        return True
