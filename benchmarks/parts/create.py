"""Delaying jobs, with the commit, in a process of its own and without any server."""

from functools import partial

from ..results import LESS, MORE, Figure

PART = "create"

SINGLE = Figure(PART, "with_delay() in a loop, one transaction", "jobs/s", MORE)
IDENTITY = Figure(PART, "the same with an identity key", "jobs/s", MORE)
GROUP = Figure(PART, "one group()", "jobs/s", MORE)
CHAIN = Figure(PART, "one chain()", "jobs/s", MORE)
INSERT = Figure(PART, "one INSERT of as many rows", "rows/s")
PAIR = Figure(PART, "a group before a group", "s", LESS)

TASKS = {"single": SINGLE, "identity": IDENTITY, "one_group": GROUP, "one_chain": CHAIN}


def run(bench):
    count = bench.sizes.create
    bench.alternate(PART, partial(warm_up, bench), repetitions=1)
    for task, figure in TASKS.items():
        bench.alternate(PART, partial(create, bench, task, figure, count))
        if task == "single":
            # like the jobs that are there now
            bench.alternate(PART, partial(insert, bench, count))
    bench.alternate(PART, partial(create_pair, bench))
    bench.results.add_note(
        f"create: {count:,} jobs each; a group of {bench.sizes.pair:,} before a group of {bench.sizes.pair:,}"
    )


def warm_up(bench, side):
    driver = bench.site(side).driver
    for task in TASKS:
        driver.do("prepare", count=20)
        driver.do(task, count=20)


def create(bench, task, figure, count, side):
    site = bench.site(side)
    site.driver.do("prepare", count=count)
    site.settle()
    seconds = site.driver.do(task, timeout=bench.sizes.limit, count=count)
    bench.results.add(side.name, figure, count / seconds)


def insert(bench, count, side):
    """Measure the floor: nobody can create jobs faster than PostgreSQL takes their rows."""
    site = bench.site(side)
    site.driver.do("prepare", count=count)
    site.driver.do("single", count=count)
    site.settle()
    seconds = site.driver.do("insert", count=count)
    bench.results.add(side.name, INSERT, count / seconds)


def create_pair(bench, side):
    site, count = bench.site(side), bench.sizes.pair
    site.driver.do("prepare", count=2 * count)
    site.settle()
    seconds = site.driver.do("two_groups", timeout=bench.sizes.limit, count=count)
    bench.results.add(side.name, PAIR, seconds)
