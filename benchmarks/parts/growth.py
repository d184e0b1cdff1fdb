"""How costs grow with sizes: the exponent e of cost = c × size ** e.

0: the size does not matter; 1: twice the size, twice the cost; 2: four times.
"""

from functools import partial

from ..fit import growth_exponent
from ..results import Figure
from . import backlog
from .create import warm_up

PART = "growth"
STEPS = 4


def run(bench):
    bench.alternate(PART, partial(warm_up, bench), repetitions=1)
    bench.alternate(PART, partial(grow, bench, "create a group", "one_group", group_sizes))
    bench.alternate(PART, partial(grow, bench, "create a group before one", "two_groups", pairs))
    if bench.sizes.backlog_power > backlog.SMALLEST_POWER:
        if backlog.PART not in bench.parts:
            backlog.run(bench)
        add_backlog(bench)


def group_sizes(bench, side):
    return _steps(bench.sizes.growth_published if side.is_published else bench.sizes.growth)


def pairs(bench, side):
    return _steps(bench.sizes.growth_pair)


def _steps(largest):
    """Return sizes of which each is twice the one before.

    >>> _steps(80)
    [10, 20, 40, 80]
    """
    return [max(1, largest >> step) for step in reversed(range(STEPS))]


def grow(bench, name, task, sizes, side):
    site = bench.site(side)
    points = []
    for size in sizes(bench, side):
        site.driver.do("prepare", count=2 * size)
        site.settle()
        seconds = site.driver.do(task, timeout=bench.sizes.limit, count=size)
        points.append((size, seconds))
    _add(bench, side.name, name, points)
    bench.results.add_note(
        f"growth: {name} of {points[0][0]:,} to {points[-1][0]:,} with {side.name}"
    )


def add_backlog(bench):
    """Add what the backlog part has measured, as a growth."""
    sizes = backlog.sizes(bench)
    for side in bench.results.sides:
        for name, figure, cost in (
            ("start to first job", backlog.first_job, lambda seconds: seconds),
            ("memory of the runner", backlog.runner_memory, lambda size: size),
            ("time to drain a job", backlog.rate, lambda rate: 1 / rate),
        ):
            values = [(size, bench.results.value(side, figure(size))) for size in sizes]
            points = [(size, cost(value)) for size, value in values if value]
            if len(points) > 1:
                _add(bench, side, f"{points[0][0]:,} to {points[-1][0]:,} waiting: {name}", points)


def _add(bench, side, name, points):
    bench.results.add(side, Figure(PART, name, "exponent"), growth_exponent(points))
