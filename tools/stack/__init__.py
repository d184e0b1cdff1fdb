"""A running stack of PostgreSQL, Odoo and nginx, for the demo, the tests and the benchmarks.

Everything listens on 127.0.0.1 or on a Unix socket, and nothing outlives the process that started it, however that
process ends (see ``process`` and ``postgres``). A failure is a ``StackError``: one line, with the way out.
"""

from .errors import StackError, report_errors
from .odoo import OdooConfig, OdooServer, run_script
from .places import Places
from .postgres import Cluster

__all__ = [
    "Cluster",
    "OdooConfig",
    "OdooServer",
    "Places",
    "StackError",
    "report_errors",
    "run_script",
]
