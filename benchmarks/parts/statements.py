"""The statements that a job costs, the dearest first: where PostgreSQL's part of a job goes."""

from functools import partial

from stack import StackError

from .drain import NOTHING, WRITE, prepared, run_all, warm_up

PART = "statements"
SHOWN = 20
WIDTH = 110  # of a statement's text


def run(bench):
    if not bench.counts_statements:
        raise StackError("PostgreSQL has no pg_stat_statements", "install its contrib package")
    bench.alternate(PART, partial(warm_up, bench), repetitions=1)
    for kind in (NOTHING, WRITE):
        bench.alternate(PART, partial(measure, bench, kind), repetitions=1)
    bench.alternate(PART, partial(measure_chain, bench), repetitions=1)


def measure(bench, kind, side):
    site, count = prepared(bench, kind, side)
    finish(site, kind.name, count)


def measure_chain(bench, side):
    site, count = bench.site(side, is_running=True), bench.sizes.chain
    site.driver.do("prepare", count=count)
    site.driver.do("one_chain", timeout=bench.sizes.limit, count=count, commit=False)
    site.settle()
    finish(site, "a chain", count)


def finish(site, name, count):
    """Commit, wait for the jobs, and add the list of what they took."""
    with site.statements.counting():
        if not run_all(site):
            raise StackError(f"{count:,} jobs did not end in time", "choose a smaller size")
        site.bench.results.add_text("\n".join(lines(site, name, count)))


def lines(site, name, count):
    """Yield the lines of a list of the dearest statements."""
    yield f"{site.side.name}, {name}, {count:,} jobs: statements by the time that PostgreSQL was at them"
    yield f"{'µs/job':>8}  {'per job':>8}  {'WAL/job':>8}  {'role':<18} statement"
    for used in site.statements.dearest(SHOWN):
        text = " ".join(used.query.split())
        shown = text if len(text) <= WIDTH else f"{text[: WIDTH - 1]}…"
        yield (
            f"{used.milliseconds / count * 1000:>8.1f}  {used.calls / count:>8.3f}  "
            f"{used.wal_bytes / count:>8.0f}  {used.role:<18} {shown}"
        )
