"""From the commit of ``with_delay()`` to the first statement of the method, on a system that has nothing else to do."""

from functools import partial

from stack.waiting import wait_until

from ..quantile import percentile
from ..results import LESS, Figure
from .drain import warm_up

PART = "latency"
PERCENTS = (50, 90, 99)
#: Seconds between two jobs, on an average: the one before has long ended.
SPACING = 0.15


def run(bench):
    bench.alternate(PART, partial(warm_up, bench), repetitions=1)
    # its repetitions are the jobs themselves, in turns of a third
    turns = bench.sizes.repetitions
    delays = {side.name: [] for side in bench.sides}
    count = max(1, bench.sizes.latency // turns)
    bench.alternate(PART, lambda side: delays[side.name].extend(measure(bench, count, side)))
    for percent in PERCENTS:
        for side, values in delays.items():
            if values:
                figure = Figure(PART, f"commit to start, p{percent}", "ms", LESS)
                bench.results.add(side, figure, percentile(values, percent) * 1000)
    bench.results.add_note(f"latency: {count * turns:,} jobs, about {SPACING} s apart")


def measure(bench, count, side):
    """Return the seconds of each of ``count`` jobs."""
    site = bench.site(side, is_running=True)
    site.driver.do("prepare", count=1)
    timeout = bench.sizes.limit + count * SPACING * 2
    commits = site.driver.do("spaced", timeout=timeout, count=count, spacing=SPACING)
    query = "SELECT number, at::float8 FROM queue_job_benchmark_start"
    starts = wait_until(
        lambda: found if len(found := dict(site.query(query))) == count else None,
        bench.sizes.limit,
        "the start of all jobs",
    )
    return [starts[number] - moment for number, moment in enumerate(commits)]
