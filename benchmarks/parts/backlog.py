"""A runner that starts where many more jobs wait than it can run soon."""

from functools import partial

from stack.waiting import wait_until

from ..processes import memory
from ..results import LESS, MORE, Figure

PART = "backlog"
FIRST = 1000  # the jobs of which the rate is taken
SMALLEST_POWER = 3

# Copies of the one job that is there: with_delay() would take minutes, and does nothing else here.
FILL = """
    INSERT INTO queue_job (uuid, date_created, eta, {others})
         SELECT gen_random_uuid()::text,
                date_created + number * interval '1 microsecond',
                CASE WHEN number %% 2 < %(future)s
                     THEN now() AT TIME ZONE 'UTC' + interval '2 hours' + number * interval '1 ms' END,
                {others}
           FROM queue_job, generate_series(1, %(count)s - 1) AS number
"""
COLUMNS = """
    SELECT string_agg(quote_ident(column_name), ', ')
      FROM information_schema.columns
     WHERE table_name = 'queue_job' AND column_name NOT IN ('id', 'uuid', 'date_created', 'eta')
"""


def sizes(bench):
    return [10**power for power in range(SMALLEST_POWER, bench.sizes.backlog_power + 1)]


def first_job(size, has_future=False):
    return _figure(size, has_future, "runner's start to first job", "s", LESS)


def runner_memory(size, has_future=False):
    return _figure(size, has_future, "memory of the runner (PSS)", "MiB", LESS)


def rate(size, has_future=False):
    return _figure(size, has_future, "first thousand drained", "jobs/s", MORE)


def run(bench):
    bench.close_sites()
    for size in sizes(bench):
        bench.alternate(PART, partial(measure, bench, size, False), repetitions=1)
    # of these, those that are due must be found among those that are not
    bench.alternate(PART, partial(measure, bench, sizes(bench)[-1], True), repetitions=1)
    bench.results.add_note(
        "backlog: each job inserts a row; the runner's start is its first line in the log"
    )


def measure(bench, size, has_future, side):
    with bench.fresh_site(side) as site:
        site.driver.do("prepare", count=1)
        site.driver.do("delay", method="note_start", arguments=["#"], count=1)
        fill(site, size, has_future)
        site.start_server()
        add_start(site, size, has_future)


def fill(site, count, has_future):
    others = site.query(COLUMNS)[0][0]
    site.query(FILL.format(others=others), {"count": count, "future": int(has_future)})
    # as autovacuum would have done by the time there are so many
    site.query("ANALYZE queue_job")
    site.settle()


def add_start(site, size, has_future):
    expected = min(FIRST, size // 2 if has_future else size)
    counting = "SELECT count(*) FROM queue_job_benchmark_start"
    wait_until(
        lambda: site.query(counting)[0][0] >= expected,
        site.bench.sizes.limit,
        f"the end of {expected:,} jobs",
    )
    used = memory(site.runner_pid)
    query = "SELECT at::float8 FROM queue_job_benchmark_start ORDER BY at LIMIT %s"
    starts = [at for (at,) in site.query(query, [expected])]
    for figure, value in (
        (first_job(size, has_future), starts[0] - site.runner_start()),
        (rate(size, has_future), (expected - 1) / (starts[-1] - starts[0])),
        (runner_memory(size, has_future), used["pss"]),
        (_figure(size, has_future, "the same as RSS", "MiB", LESS), used["rss"]),
    ):
        site.bench.results.add(site.side.name, figure, value)


def _figure(size, has_future, name, unit, better):
    waiting = f"{size:,} waiting" + (", half of them for later" if has_future else "")
    return Figure(PART, f"{waiting}: {name}", unit, better)
