"""Running jobs that are all there, on a real prefork server."""

from dataclasses import dataclass
from functools import partial

from stack import StackError

from ..processes import difference
from ..results import LESS, MORE, Figure
from ..roles import RUNNER, WORKERS
from . import floor

PART = "drain"
WARM_UP = 100


@dataclass(frozen=True)
class Kind:
    """A kind of job.

    :param arguments: of the method; ``"#"`` is the number of the job
    """

    name: str
    method: str
    arguments: tuple = ()

    def figure(self, name, unit, better=LESS):
        return Figure(PART, f"{self.name}: {name}", unit, better)

    @property
    def rate(self):
        return self.figure("drained", "jobs/s", MORE)


NOTHING = Kind("no-op", "do_nothing")
WRITE = Kind("one small write", "write_number", ("#",))
SLEEP = Kind("50 ms of sleep", "sleep", (0.05,))


def run(bench):
    sizes = bench.sizes
    bench.alternate(PART, partial(warm_up, bench), repetitions=1)
    for kind in (NOTHING, WRITE, SLEEP):
        bench.alternate(PART, partial(drain, bench, kind))
        compare_with_floor(bench, kind)
    if bench.counts_statements:
        bench.alternate(PART, partial(count_statements, bench, NOTHING), repetitions=1)
    counts = {side.name: count_for(bench, NOTHING, side) for side in bench.sides}
    jobs = ", ".join(f"{count:,} of {name}" for name, count in counts.items())
    bench.results.add_note(
        f"drain: {jobs}; {sizes.sleeping:,} that sleep, of which {bench.WORKERS} at a time are "
        f"{bench.WORKERS / 0.05:.0f} a second"
    )
    if not bench.counts_statements:
        bench.results.add_note("drain: statements are not counted without pg_stat_statements")


def count_for(bench, kind, side):
    """Return the number of jobs: where one side takes minutes, it gets fewer."""
    if kind is SLEEP:
        return bench.sizes.sleeping
    return bench.sizes.drain_published if side.is_published else bench.sizes.drain


def warm_up(bench, side):
    site = bench.site(side, is_running=True)
    site.driver.do("prepare", count=WARM_UP)
    for kind in (NOTHING, WRITE):
        delay(site, kind, WARM_UP)
        site.driver.do("commit")
    if not site.wait_for_jobs():
        raise StackError("the jobs of the warm-up did not end", f"see {site.server.log}")


def delay(site, kind, count):
    """Delay jobs without committing them."""
    site.driver.do(
        "delay",
        timeout=site.bench.sizes.limit,
        method=kind.method,
        arguments=kind.arguments,
        count=count,
        commit=False,
    )


def drain(bench, kind, side):
    site, count = prepared(bench, kind, side)
    site.notifications.take()
    meter = site.meter()
    before = meter.read()
    is_complete = run_all(site)
    used = difference(before, meter.read())
    bench.results.add(side.name, kind.rate, site.rate())
    if not is_complete:
        raise StackError(
            f"{count:,} jobs of {kind.name} did not end within {bench.sizes.limit} s",
            "the rate is that of the jobs done",
        )
    add_costs(bench, kind, side, count, used)
    if kind is NOTHING:
        figure = kind.figure("notifications", "per job")
        bench.results.add(side.name, figure, site.notifications.take() / count)


def prepared(bench, kind, side):
    """:return: the site, with jobs that are not committed yet; how many"""
    site, count = bench.site(side, is_running=True), count_for(bench, kind, side)
    site.driver.do("prepare", count=count)
    delay(site, kind, count)
    site.settle()
    return site, count


def run_all(site):
    """Commit the jobs.

    :return: bool, whether they have ended in time
    """
    site.driver.do("commit")
    return site.wait_for_jobs()


def compare_with_floor(bench, kind):
    """Add how the rate compares with that of one process that does without a queue, where that was measured."""
    if kind.method not in floor.METHODS:
        return
    for side in bench.results.sides:
        rate = bench.results.value(side, kind.rate)
        calls = bench.results.value(side, floor.calls(kind.method))
        if rate and calls:
            figure = kind.figure("drained, part of the floor's calls", "%", MORE)
            bench.results.add(side, figure, rate / calls * 100)


def add_costs(bench, kind, side, count, used):
    for name, label in (("odoo", "Odoo"), ("postgres", "PostgreSQL"), ("runner", "the runner")):
        figure = kind.figure(f"CPU of {label}", "ms/job")
        bench.results.add(side.name, figure, used[name] / count * 1000)


def count_statements(bench, kind, side):
    """Another drain: what is counted here would cost the first one CPU."""
    site, count = prepared(bench, kind, side)
    with site.statements.counting():
        if not run_all(site):
            raise StackError(f"{count:,} jobs did not end in time", "choose a smaller size")
        workers, runner = site.statements.read(WORKERS), site.statements.read(RUNNER)
    for name, value in (
        ("statements of workers", workers.statements),
        ("transactions of workers", workers.transactions),
        ("statements of the runner", runner.statements),
    ):
        bench.results.add(side.name, kind.figure(name, "per job"), value / count)
