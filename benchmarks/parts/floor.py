"""What a job does, without any queue: a cursor, the method, a commit, in one process that does nothing else.

No number of workers makes it cheaper; how many times a job costs more is what the queue takes.
"""

from functools import partial

from ..processes import difference
from ..results import LESS, MORE, Figure

PART = "floor"
METHODS = {"do_nothing": "no-op", "write_number": "one small write"}


def calls(method):
    """Return the figure of the method's rate."""
    return _figure(method, "calls", "calls/s", MORE)


def run(bench):
    for method in METHODS:
        bench.alternate(PART, partial(measure, bench, method))
    bench.results.add_note(
        f"floor: {bench.sizes.floor:,} calls in one process; that a no-op was done is one UPDATE"
    )


def measure(bench, method, side):
    site, count = bench.site(side), bench.sizes.floor
    site.driver.do("prepare", count=count)
    site.driver.do("floor", method=method, count=100)
    site.settle()
    meter = site.meter()
    before = meter.read()
    used = site.driver.do("floor", timeout=bench.sizes.limit, method=method, count=count)
    postgres = difference(before, meter.read())["postgres"]
    for figure, value in (
        (calls(method), count / used["seconds"]),
        (_figure(method, "CPU of Odoo", "ms/call"), used["cpu"] / count * 1000),
        (_figure(method, "CPU of PostgreSQL", "ms/call"), postgres / count * 1000),
    ):
        bench.results.add(side.name, figure, value)


def _figure(method, name, unit, better=LESS):
    return Figure(PART, f"{METHODS[method]}: {name}", unit, better)
