# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""The job runner. It shares ``core`` and the table with the side of the workers, no more.

Loaded by ``server_wide_modules = base,rpc,web,queue_job``; as a process of its own it is
``odoo jobrunner``.
"""

from .server import (
    START_DELAY,
    QueueJobRunnerThread,
    WorkerJobRunner,
    _start_runner_thread,
    patch_prefork_server,
    patch_threaded_server,
)

__all__ = ["START_DELAY", "QueueJobRunnerThread", "WorkerJobRunner", "_start_runner_thread"]

patch_prefork_server()
patch_threaded_server()
