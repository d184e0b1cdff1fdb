"""From the commit of ``with_delay()`` to the first statement of the method, on a system that has nothing else to do."""

from functools import partial

from stack.waiting import wait_until

from ..quantile import percentile
from ..results import LESS, Figure
from .drain import warm_up

PART = "latency"
PERCENTS = (50, 90, 99)
#: The rows of our jobs tell when the runner began to mark each, and a worker to claim it, to the microsecond.
STEPS = ("commit to marked by the runner", "marked to claimed by a worker", "claimed to start")
#: Seconds between two jobs, on an average: the one before has long ended.
SPACING = 0.15


def run(bench):
    bench.alternate(PART, partial(warm_up, bench), repetitions=1)
    # its repetitions are the jobs themselves, in turns of a third
    turns = bench.sizes.repetitions
    delays = {side.name: [] for side in bench.sides}
    steps = {side.name: [] for side in bench.sides if not side.is_published}
    count = max(1, bench.sizes.latency // turns)

    def turn(side):
        site, commits = delay(bench, count, side)
        starts = wait_for_starts(bench, count, site)
        delays[side.name] += [at - moment for moment, at in zip(commits, starts, strict=True)]
        if side.name in steps:
            steps[side.name] += split(site, commits, starts)

    bench.alternate(PART, turn)
    for percent in PERCENTS:
        for side, values in delays.items():
            if values:
                figure = Figure(PART, f"commit to start, p{percent}", "ms", LESS)
                bench.results.add(side, figure, percentile(values, percent) * 1000)
    for number, step in enumerate(STEPS):
        for side, values in steps.items():
            if values:
                figure = Figure(PART, f"{step}, p50", "ms", LESS)
                seconds = percentile([of_job[number] for of_job in values], 50)
                bench.results.add(side, figure, seconds * 1000)
    bench.results.add_note(f"latency: {count * turns:,} jobs, about {SPACING} s apart")


def delay(bench, count, side):
    """Delay ``count`` jobs, one after the other.

    Return the site, and the moment of the commit of each in seconds since the epoch.
    """
    site = bench.site(side, is_running=True)
    site.driver.do("prepare", count=1)
    timeout = bench.sizes.limit + count * SPACING * 2
    return site, site.driver.do("spaced", timeout=timeout, count=count, spacing=SPACING)


def wait_for_starts(bench, count, site):
    """Return the moment of the start of each job."""
    query = "SELECT number, at::float8 FROM queue_job_benchmark_start"
    starts = wait_until(
        lambda: found if len(found := dict(site.query(query))) == count else None,
        bench.sizes.limit,
        "the start of all jobs",
    )
    return [starts[number] for number in range(count)]


def split(site, commits, starts):
    """Return the seconds of each of the :data:`STEPS`, for each job."""
    rows = site.query(
        """
        SELECT extract(epoch FROM date_enqueued)::float8, extract(epoch FROM date_started)::float8
          FROM queue_job ORDER BY id
        """
    )
    return [
        (marked - commit, claimed - marked, start - claimed)
        for commit, (marked, claimed), start in zip(commits, rows, starts, strict=True)
    ]
