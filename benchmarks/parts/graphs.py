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
PLAIN = "as many jobs without dependencies"
CHAIN_PART = Figure(PART, "a chain, part of those without dependencies", "%", MORE)


def run(bench):
    bench.alternate(PART, partial(warm_up, bench), repetitions=1)
    # one takes a minute, and what it shows is no matter of percents
    repetitions = 1 if any(side.is_published for side in bench.sides) else None
    bench.alternate(PART, partial(measure, bench), repetitions)
    bench.alternate(PART, partial(measure_chain, bench), repetitions)
    count = bench.sizes.graph
    bench.results.add_note(
        f"graphs: a group of {count:,} before a group of {count:,}; a chain of {bench.sizes.chain:,}"
    )


def measure(bench, side):
    site, count = bench.site(side, is_running=True), bench.sizes.graph
    limit = bench.sizes.limit
    site.driver.do("prepare", count=2 * count)
    site.settle()
    seconds = site.driver.do("two_groups", timeout=limit, count=count, commit=False)
    meter = site.meter()
    before = meter.read()
    start = time.monotonic()
    site.driver.do("commit")
    bench.results.add(side.name, CREATE, seconds + time.monotonic() - start)
    drain(bench, side, GROUPS, 2 * count, meter, before)


def measure_chain(bench, side):
    site, count = bench.site(side, is_running=True), bench.sizes.chain
    rates = []
    for name, task, arguments in (
        (PLAIN, "delay", {"method": "do_nothing", "arguments": []}),
        (CHAIN, "one_chain", {}),
    ):
        site.driver.do("prepare", count=count)
        site.settle()
        site.driver.do(task, timeout=bench.sizes.limit, count=count, commit=False, **arguments)
        meter = site.meter()
        before = meter.read()
        site.driver.do("commit")
        rates.append(drain(bench, side, name, count, meter, before))
    bench.results.add(side.name, CHAIN_PART, rates[1] / rates[0] * 100)


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
