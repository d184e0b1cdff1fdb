"""Jobs that wait for others: a group before a group, and a chain."""

import time
from functools import partial

from stack import StackError

from ..processes import difference
from ..results import LESS, MORE, Figure
from .drain import warm_up

PART = "graphs"
CREATE = Figure(PART, "a group before a group: create", "s", LESS)
GROUPS = "a group before a group"
CHAIN = "a chain"
PLAIN = {"method": "do_nothing", "arguments": []}


def run(bench):
    bench.alternate(PART, partial(warm_up, bench), repetitions=1)
    # one takes a minute, and what it shows is no matter of percents
    repetitions = 1 if any(side.is_published for side in bench.sides) else None
    bench.alternate(PART, partial(measure_groups, bench), repetitions)
    bench.alternate(PART, partial(measure_chain, bench), repetitions)
    count = bench.sizes.graph
    bench.results.add_note(
        f"graphs: a group of {count:,} before a group of {count:,}; a chain of {bench.sizes.chain:,}"
    )


def measure_groups(bench, side):
    count = bench.sizes.graph
    plain, _seconds = run_jobs(bench, side, 2 * count, plain_name(2 * count), "delay", **PLAIN)
    rate, seconds = run_jobs(bench, side, 2 * count, GROUPS, "two_groups", size=count)
    bench.results.add(side.name, CREATE, seconds)
    add_part(bench, side, GROUPS, rate / plain)


def measure_chain(bench, side):
    count = bench.sizes.chain
    plain, _seconds = run_jobs(bench, side, count, plain_name(count), "delay", **PLAIN)
    rate, _seconds = run_jobs(bench, side, count, CHAIN, "one_chain")
    add_part(bench, side, CHAIN, rate / plain)


def plain_name(count):
    return f"{count:,} jobs without dependencies"


def add_part(bench, side, name, value):
    figure = Figure(PART, f"{name}: part of those without dependencies", "%", MORE)
    bench.results.add(side.name, figure, value * 100)


def run_jobs(bench, side, count, name, task, size=None, **arguments):
    """Create jobs, and run them.

    :param int count: of the jobs; the ``size`` that the task is told is another one where given
    :return: how many ran in a second; the seconds that creating them took
    """
    site, limit = bench.site(side, is_running=True), bench.sizes.limit
    site.driver.do("prepare", count=count)
    site.settle()
    seconds = site.driver.do(task, timeout=limit, count=size or count, commit=False, **arguments)
    meter = site.meter()
    before = meter.read()
    start = time.monotonic()
    site.driver.do("commit")
    seconds += time.monotonic() - start
    return drain(bench, side, name, count, meter, before), seconds


def drain(bench, side, name, count, meter, before):
    """Wait for the jobs, and return how many ran in a second.

    :raise StackError: they did not end in time
    """
    site = bench.site(side, is_running=True)
    is_complete = site.wait_for_jobs()
    used = difference(before, meter.read())
    rate = site.rate()
    bench.results.add(side.name, Figure(PART, f"{name}: drained", "jobs/s", MORE), rate)
    if not is_complete:
        # nothing of it may run into the next part
        bench.close_site(side, is_running=True)
        raise StackError(
            f"{count:,} jobs did not end within {bench.sizes.limit} s",
            "the rate is that of the jobs done",
        )
    for process, label in (("odoo", "Odoo"), ("postgres", "PostgreSQL")):
        figure = Figure(PART, f"{name}: CPU of {label}", "ms/job", LESS)
        bench.results.add(side.name, figure, used[process] / count * 1000)
    return rate
