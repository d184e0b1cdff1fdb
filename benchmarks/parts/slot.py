"""A worker's slot alone, in one process: what a job that does nothing costs where nobody asks for it over HTTP.

It shows what a change of the code between claim and commit is worth sooner than ``drain`` does, and
in which functions the time is spent.
"""

from functools import partial

from stack import StackError

from ..processes import difference
from ..results import LESS, Figure

PART = "slot"
WARM_UP = 100


def run(bench):
    if any(side.is_published for side in bench.sides):
        raise StackError("the published addon has no slots", "choose --alone, or --ours CHECKOUT")
    bench.alternate(PART, partial(measure, bench))
    bench.alternate(PART, partial(profile, bench), repetitions=1)


def measure(bench, side):
    site, count = bench.site(side), bench.sizes.slot
    site.driver.do("prepare", count=count)
    site.driver.do("single", count=WARM_UP)
    site.driver.do("slot")
    site.driver.do("single", count=count)
    site.settle()
    meter = site.meter()
    before = meter.read()
    used = site.driver.do("slot", timeout=bench.sizes.limit)
    postgres = difference(before, meter.read())["postgres"]
    for name, value in (("CPU of Odoo", used["cpu"]), ("CPU of PostgreSQL", postgres)):
        figure = Figure(PART, f"no-op: {name}", "ms/job", LESS)
        bench.results.add(side.name, figure, value / count * 1000)


def profile(bench, side):
    site, count = bench.site(side), bench.sizes.slot
    site.driver.do("prepare", count=count)
    site.driver.do("single", count=count)
    used = site.driver.do("slot", timeout=bench.sizes.limit, is_profiled=True)
    bench.results.add_text(
        f"{side.name}, {count:,} jobs, in the order of tottime:\n{used['profile']}"
    )
