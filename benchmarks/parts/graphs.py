"""Jobs that wait for others: a group before a group, and a chain."""

import time
from functools import partial

from stack import StackError

from ..results import LESS, MORE, Figure
from .drain import warm_up

PART = "graphs"
CREATE = Figure(PART, "a group before a group: create", "s", LESS)
DRAIN = Figure(PART, "a group before a group: drained", "jobs/s", MORE)
CHAIN = Figure(PART, "a chain: drained", "jobs/s", MORE)
PLAIN = Figure(PART, "as many jobs without dependencies: drained", "jobs/s", MORE)
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
    start = time.monotonic()
    site.driver.do("commit")
    bench.results.add(side.name, CREATE, seconds + time.monotonic() - start)
    wait(bench, side, site, DRAIN, 2 * count)


def measure_chain(bench, side):
    site, count = bench.site(side, is_running=True), bench.sizes.chain
    rates = []
    for figure, task, arguments in (
        (PLAIN, "delay", {"method": "do_nothing", "arguments": []}),
        (CHAIN, "one_chain", {}),
    ):
        site.driver.do("prepare", count=count)
        site.settle()
        site.driver.do(task, timeout=bench.sizes.limit, count=count, commit=False, **arguments)
        site.driver.do("commit")
        rates.append(wait(bench, side, site, figure, count))
    bench.results.add(side.name, CHAIN_PART, rates[1] / rates[0] * 100)


def wait(bench, side, site, figure, count):
    """Wait for the jobs, and return how many ran in a second.

    :raise StackError: they did not end in time
    """
    is_complete = site.wait_for_jobs()
    rate = site.rate()
    bench.results.add(side.name, figure, rate)
    if not is_complete:
        # nothing of it may run into the next part
        bench.close_site(side, is_running=True)
        raise StackError(
            f"{count:,} jobs did not end within {bench.sizes.limit} s",
            "the rate is that of the jobs done",
        )
    return rate
