"""A group before a group: as many dependencies as the square of the jobs."""

import time
from functools import partial

from stack import StackError

from ..results import LESS, MORE, Figure
from .drain import warm_up

PART = "graphs"
CREATE = Figure(PART, "a group before a group: create", "s", LESS)
DRAIN = Figure(PART, "a group before a group: drained", "jobs/s", MORE)


def run(bench):
    bench.alternate(PART, partial(warm_up, bench), repetitions=1)
    # one takes a minute, and what it shows is no matter of percents
    repetitions = 1 if any(side.is_published for side in bench.sides) else None
    bench.alternate(PART, partial(measure, bench), repetitions)
    count = bench.sizes.graph
    bench.results.add_note(f"graphs: a group of {count:,} before a group of {count:,}")


def measure(bench, side):
    site, count = bench.site(side, is_running=True), bench.sizes.graph
    limit = bench.sizes.limit
    site.driver.do("prepare", count=2 * count)
    site.settle()
    seconds = site.driver.do("two_groups", timeout=limit, count=count, commit=False)
    start = time.monotonic()
    site.driver.do("commit")
    bench.results.add(side.name, CREATE, seconds + time.monotonic() - start)
    is_complete = site.wait_for_jobs()
    bench.results.add(side.name, DRAIN, site.rate())
    if not is_complete:
        # nothing of it may run into the next part
        bench.close_site(side, is_running=True)
        raise StackError(
            f"{2 * count:,} jobs did not end within {limit} s", "the rate is that of the jobs done"
        )
