"""A worker that is killed in the middle of a job."""

import os
import signal
import time
from functools import partial

from stack import StackError
from stack.waiting import wait_until

from ..results import LESS, Figure

PART = "killed"
AGAIN = Figure(PART, "kill -9 of the worker to the job's next start", "s", LESS)
LONG = 600  # seconds: nothing waits for the end of this job


def run(bench):
    bench.close_sites()
    bench.alternate(PART, partial(measure, bench), repetitions=1)


def measure(bench, side):
    with bench.fresh_site(side) as site:
        site.driver.do("prepare", count=1)
        site.start_server()
        site.driver.do("delay", method="sleep", arguments=[LONG], count=1)
        victim = wait_until(lambda: worker(site), bench.sizes.limit, "the job's start")
        if victim not in site.server.child.members():
            raise StackError(f"the job's process {victim} is no worker", f"see {site.server.log}")
        os.kill(victim, signal.SIGKILL)
        start = time.monotonic()
        wait_until(
            lambda: worker(site) not in (None, victim), bench.sizes.limit, "the job's next start"
        )
        bench.results.add(side.name, AGAIN, time.monotonic() - start)


def worker(site):
    """Return the process id of the worker that runs the job, None when it does not run."""
    rows = site.query("SELECT worker_pid FROM queue_job WHERE state = 'started'")
    return rows[0][0] if rows else None
