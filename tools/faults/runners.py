"""Job runners as processes of their own, and what starts them again."""

import subprocess
import sys
from pathlib import Path

from stack.odoo import clean_environ
from stack.places import REPOSITORY
from stack.process import Child, Logged
from stack.waiting import wait_until

#: For the environment of a server that has no runner.
NO_RUNNER = {"ODOO_QUEUE_JOB_CHANNELS": "root:0"}


class RunnerProcess(Logged):
    """``python -m jobrunner``, with a health file.

    :param conf: path of its odoo.conf
    :param directory: for its log and its health file
    :param environ: variables of its environment beside our own
    :param prefix: command that starts it, such as ``ip netns exec``
    """

    def __init__(self, conf, directory, environ=None, prefix=()):
        self.log = Path(directory) / "runner.log"
        self.health_file = Path(directory) / "health"
        self._command = [sys.executable, "-m", "jobrunner", "-c", str(conf)]
        self._prefix = prefix
        health = {"ODOO_QUEUE_JOB_HEALTH_FILE": str(self.health_file)}
        self._environ = clean_environ({**health, **(environ or {})})

    def start(self):
        self.child = Child(
            [*self._prefix, *self._command], self.log, env=self._environ, cwd=REPOSITORY
        )

    def stop(self):
        if self.child:
            self.child.stop(5)

    def wait_for_log(self, text, timeout=60):
        wait_until(lambda: text in self.log_text(), timeout, f"{text!r} in {self.log}")

    def health(self, *options):
        """:return: (exit code, output) of the command ``--health``"""
        return self.run(*options)

    def run(self, *options):
        """:return: (exit code, output) of the command with these options"""
        command = [*self._command, *options]
        result = subprocess.run(
            command, cwd=REPOSITORY, env=self._environ, capture_output=True, text=True
        )
        return result.returncode, result.stdout + result.stderr


class Supervisor:
    """Starts again what has ended, as systemd or a container's restart policy does.

    :param processes: things with ``is_running`` and ``start()``
    """

    def __init__(self, *processes):
        self.processes = processes
        #: how often one of them was started again
        self.restarts = 0

    def tend(self):
        """Look once. To be called from the main thread, again and again."""
        for process in self.processes:
            if not process.is_running:
                self.restarts += 1
                process.start()

    def wait_until(self, condition, timeout, what):
        """Wait for a condition, and tend meanwhile."""

        def look():
            self.tend()
            return condition()

        return wait_until(look, timeout, what, 0.2)
