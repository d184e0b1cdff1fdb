# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Running the job runner inside Odoo's server: the only file that changes that server.

Prefork: a worker process beside the HTTP and cron workers. Threaded: a thread.
"""

import functools
import logging
import os
import select
from threading import Thread

from odoo.service import server
from odoo.tools import config

from .. import jobrunner
from . import runner, settings

_logger = logging.getLogger(__name__)

#: Seconds that the server gets to be ready for requests before the runner starts.
START_DELAY = 5
#: Seconds without a sign of life after which the prefork server replaces the runner's process.
PATIENCE = 60


def wait_for_start(job_runner):
    """Wait the start delay, or until the runner is stopped."""
    select.select([job_runner._stop_pipe[0]], [], [], jobrunner.START_DELAY)


class QueueJobRunnerThread(Thread):
    """Runs the job runner in the threaded server."""

    def __init__(self):
        super().__init__(daemon=True, name="odoo.service.queue_job.runner")
        self.runner = runner.QueueJobRunner.from_environ_or_config()

    def run(self):
        wait_for_start(self.runner)
        self.runner.run()

    def stop(self):
        self.runner.stop()


class WorkerJobRunner(server.Worker):
    """Runs the job runner in the prefork server."""

    def __init__(self, multi):
        super().__init__(multi)
        self.watchdog_timeout = PATIENCE
        self.runner = runner.QueueJobRunner.from_environ_or_config()
        self.runner.is_abandoned = functools.partial(_is_orphan, self.ppid)
        self.runner.heartbeat.add(lambda: multi.pipe_ping(self.watchdog_pipe))

    def signal_handler(self, sig, frame):
        super().signal_handler(sig, frame)
        self.runner.stop()

    def signal_time_expired_handler(self, number, stack):
        """Its work has no end, so that it may use any time; whether it may use its memory is looked at."""
        self.check_limits()
        if not self.alive:
            self.runner.stop()

    def sleep(self):
        """The runner waits by itself."""

    def process_work(self):
        wait_for_start(self.runner)
        if self.alive:
            self.runner.run()
        if self.runner.is_abandoned():
            self.alive = False


def _is_orphan(parent_pid):
    return os.getppid() != parent_pid


def is_enabled():
    """Whether this server should run a job runner; a wrong configuration is logged."""
    if not settings.is_server_wide() or config["test_enable"]:
        return False
    try:
        return settings.load().enabled
    except ValueError as error:
        _logger.error(
            "The job runner is not started, its configuration is wrong: %s (see [queue_job]"
            " in odoo.conf and the variables ODOO_QUEUE_JOB_*)",
            "; ".join(str(error).splitlines()),
        )
        return False


def patch_threaded_server():
    """Start the runner's thread with the threaded server, and stop it with it."""
    start, stop = server.ThreadedServer.start, server.ThreadedServer.stop

    @functools.wraps(start)
    def start_with_runner(self, stop=False):
        result = start(self, stop=stop)
        if not stop and config["http_enable"] and is_enabled():
            self.queue_job_runner_thread = jobrunner._start_runner_thread("threaded")
        return result

    @functools.wraps(stop)
    def stop_with_runner(self):
        thread = getattr(self, "queue_job_runner_thread", None)
        if thread is not None:
            thread.stop()
            thread.join(timeout=5)
        return stop(self)

    server.ThreadedServer.start = start_with_runner
    server.ThreadedServer.stop = stop_with_runner


def _start_runner_thread(server_type):
    """Start the runner in a thread of this process.

    :param str server_type: for the log
    :return: :class:`QueueJobRunnerThread`
    """
    _logger.info("starting the job runner's thread (in the %s server)", server_type)
    thread = jobrunner.QueueJobRunnerThread()
    thread.start()
    return thread


def patch_prefork_server():
    """Let the prefork server keep one worker for the runner."""
    spawn, pop = server.PreforkServer.process_spawn, server.PreforkServer.worker_pop

    @functools.wraps(spawn)
    def spawn_with_runner(self):
        spawn(self)
        if not hasattr(self, "queue_job_workers"):
            self.queue_job_workers = {}
            self.queue_job_enabled = config["http_enable"] and is_enabled()
        if self.queue_job_enabled and not self.queue_job_workers:
            self.worker_spawn(jobrunner.WorkerJobRunner, self.queue_job_workers)

    @functools.wraps(pop)
    def pop_with_runner(self, pid):
        getattr(self, "queue_job_workers", {}).pop(pid, None)
        return pop(self, pid)

    server.PreforkServer.process_spawn = spawn_with_runner
    server.PreforkServer.worker_pop = pop_with_runner
