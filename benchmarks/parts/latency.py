"""From the commit of ``with_delay()`` to the first statement of the method, on a system that has nothing else to do."""

from functools import partial

from stack.waiting import wait_until

from ..bare_runner import CHANNEL, BareRunner
from ..quantile import percentile
from ..results import LESS, Figure
from .drain import warm_up

PART = "latency"
PERCENTS = (50, 90, 99)
#: The rows of our jobs tell when the runner began to mark each, and a worker to claim it, to the microsecond.
STEPS = ("commit to marked by the runner", "marked to claimed by a worker", "claimed to start")
#: Seconds between two jobs, on an average: the one before has long ended.
SPACING = 0.15
#: The same where each comes after a pause. It is five seconds at least, and then no worker waits for a job any more.
PAUSE = 10.5
#: How many of the others there are for one of these.
PAUSED = 50


def run(bench):
    bench.alternate(PART, partial(warm_up, bench), repetitions=1)
    # its repetitions are the jobs themselves, in turns of a third
    turns = bench.sizes.repetitions
    delays = {side.name: [] for side in bench.sides}
    steps = {side.name: [] for side in bench.sides if not side.is_published}
    bare = {side.name: [] for side in bench.sides}
    after_pause = {side.name: [] for side in bench.sides}
    count = max(1, bench.sizes.latency // turns)
    paused = bench.sizes.latency // PAUSED

    def turn(side):
        site = bench.site(side, is_running=True)
        commits, starts = spaced(bench, site, count, "spaced")
        delays[side.name] += differences(commits, starts)
        if side.name in steps:
            steps[side.name] += split(site, commits, starts)
        with BareRunner(site):
            bare[side.name] += differences(
                *spaced(bench, site, count, "spaced_notifications", channel=CHANNEL)
            )

    def turn_with_pauses(side):
        site = bench.site(side, is_running=True)
        after_pause[side.name] += differences(*spaced(bench, site, paused + 1, "spaced", PAUSE))[1:]

    bench.alternate(PART, turn)
    if paused:
        bench.alternate(PART, turn_with_pauses, repetitions=1)
    for name, by_side in (("commit to start", delays), ("the same without a queue", bare)):
        for percent in PERCENTS:
            for side, values in by_side.items():
                if values:
                    figure = Figure(PART, f"{name}, p{percent}", "ms", LESS)
                    bench.results.add(side, figure, percentile(values, percent) * 1000)
    for side, values in after_pause.items():
        if values:
            figure = Figure(PART, "commit to start after a pause, p50", "ms", LESS)
            bench.results.add(side, figure, percentile(values, 50) * 1000)
    for number, step in enumerate(STEPS):
        for side, values in steps.items():
            if values:
                figure = Figure(PART, f"{step}, p50", "ms", LESS)
                seconds = percentile([of_job[number] for of_job in values], 50)
                bench.results.add(side, figure, seconds * 1000)
    bench.results.add_note(f"latency: {count * turns:,} jobs, about {SPACING} s apart")
    if paused:
        bench.results.add_note(f"after a pause: {paused} jobs, {PAUSE / 2:.2f} s apart and more")


def spaced(bench, site, count, task, spacing=SPACING, **arguments):
    """Have the driver commit ``count`` times, a start each, about ``spacing`` seconds apart.

    Return the moments of the commits and those of the starts, in seconds since the epoch.
    """
    site.driver.do("prepare", count=1)
    timeout = bench.sizes.limit + count * spacing * 2
    commits = site.driver.do(task, timeout=timeout, count=count, spacing=spacing, **arguments)
    return commits, wait_for_starts(bench, count, site)


def differences(moments, later):
    return [at - moment for moment, at in zip(moments, later, strict=True)]


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
