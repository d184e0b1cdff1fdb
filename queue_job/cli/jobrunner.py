# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""``odoo jobrunner``: the job runner as a process of its own."""

import importlib.util
import logging
import os
import signal
import sys
from pathlib import Path

from odoo.cli.command import Command
from odoo.tools import config

_logger = logging.getLogger("odoo.addons.queue_job.cli")


class Jobrunner(Command):
    """Run the job runner of queue_job without a server around it.

    It takes the options of the server (-c, -d, --db_host …). The servers to which it
    sends the jobs must not run a job runner themselves: leave queue_job in their
    server_wide_modules and set their channels to root:0, or leave it out.

    --check tries the configuration. --health[=SECONDS] asks the runner's health_file whether
    it has given a sign of life lately; with --kill-stalled, one that has not is killed. Both
    exit 0 when all is well.
    """

    def run(self, args):
        if any(arg.startswith("--health") for arg in args):
            health = _load_health()
            own = list(filter(health.is_option, args))
            config.parse_config([arg for arg in args if arg not in own], setup_logging=False)
            sys.exit(health.main(config["config"], own))
        check = "--check" in args
        args = [arg for arg in args if arg != "--check"]
        config.parser.prog = self.prog
        config.parse_config(args, setup_logging=True)
        # Only now: importing the addon needs Odoo's configuration.
        from odoo.addons.queue_job.jobrunner import check as check_module
        from odoo.addons.queue_job.jobrunner.heartbeat import ServiceManager
        from odoo.addons.queue_job.jobrunner.runner import QueueJobRunner

        if check:
            sys.exit(check_module.main())
        try:
            runner = QueueJobRunner.from_environ_or_config()
        except ValueError as error:
            sys.exit(f"The configuration of the job runner is wrong: {error}")
        manager = ServiceManager(os.environ)
        runner.heartbeat.add(lambda: manager.tell("READY=1\nWATCHDOG=1"))
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: runner.stop())
        runner.run()
        manager.tell("STOPPING=1")


def _load_health():
    """The module behind ``--health``, without the addon around it, which takes a second to load."""
    path = Path(__file__).parents[1] / "jobrunner" / "health.py"
    spec = importlib.util.spec_from_file_location("queue_job_health", path)
    module = importlib.util.module_from_spec(spec)
    # dataclasses look for it there
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
