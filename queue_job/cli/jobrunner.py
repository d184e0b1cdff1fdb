# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""``odoo jobrunner``: the job runner as a process of its own."""

import logging
import signal
import sys

from odoo.cli.command import Command
from odoo.tools import config

_logger = logging.getLogger("odoo.addons.queue_job.cli")


class Jobrunner(Command):
    """Run the job runner of queue_job without a server around it.

    It takes the options of the server (-c, -d, --db_host …). The servers to which it
    sends the jobs must not run a job runner themselves: leave queue_job in their
    server_wide_modules and set their channels to root:0, or leave it out.
    """

    def run(self, args):
        check = "--check" in args
        args = [arg for arg in args if arg != "--check"]
        config.parser.prog = self.prog
        config.parse_config(args, setup_logging=True)
        # Only now: importing the addon needs Odoo's configuration.
        from odoo.addons.queue_job.jobrunner import check as check_module
        from odoo.addons.queue_job.jobrunner.runner import QueueJobRunner

        if check:
            sys.exit(check_module.main())
        try:
            runner = QueueJobRunner.from_environ_or_config()
        except ValueError as error:
            sys.exit(f"The configuration of the job runner is wrong: {error}")
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: runner.stop())
        runner.run()
