# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""What the runner asks does not cost more when more jobs wait, lie ahead, or are done."""

import json
import re

import psycopg2
import pytest

from stack.postgres import PORT, USER

#: Rows of each kind: far more than any query of the runner may look at.
MANY = 100_000
CHANNELS = 1000
#: Rows that a query may look at beyond those it returns, for each channel that has some.
SOME = 20


@pytest.fixture(scope="module")
def backlog(module_database, cluster):
    """A database with many jobs of each kind; a function that runs statements in it."""
    connection = psycopg2.connect(host=cluster.host, port=PORT, user=USER, dbname=module_database)
    connection.autocommit = True

    def run(statement, parameters=None):
        with connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []

    fill = (
        "INSERT INTO queue_job (uuid, state, channel, priority, date_created, date_done, eta)"
        " SELECT '{kind}' || n, '{state}', {channel}, n % 20,"
        " timestamp '2026-01-01' + n * interval '1 s', {date_done}, {eta}"
        f" FROM generate_series(1, {MANY}) n"
    )
    future = "now() AT TIME ZONE 'UTC' + interval '1 day' + n * interval '1 s'"
    defaults = {"channel": "'root'", "date_done": "NULL", "eta": "NULL"}
    run("TRUNCATE queue_job CASCADE")
    for kind in (
        {"kind": "pending", "state": "pending"},
        {"kind": "future", "state": "pending", "eta": future},
        {"kind": "spread", "state": "pending", "channel": f"'root.c' || n % {CHANNELS}"},
        {"kind": "waiting", "state": "wait_dependencies"},
        {"kind": "done", "state": "done", "date_done": "now()"},
        {"kind": "failed", "state": "failed"},
    ):
        run(fill.format(**{**defaults, **kind}))
    run("VACUUM ANALYZE queue_job")
    yield run
    connection.close()


@pytest.fixture
def rows_read(backlog, jobrunner):
    """A function that runs a statement and returns (rows it has looked at, rows it returned)."""
    backlog(jobrunner.database.SESSION)

    def explain(statement, **parameters):
        backlog("BEGIN")
        ((plan,),) = backlog(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", parameters)
        backlog("ROLLBACK")
        (plan,) = plan if isinstance(plan, list) else json.loads(plan)
        nodes = list(walk(plan["Plan"]))
        assert not [n for n in nodes if n["Node Type"] == "Seq Scan" and is_of_jobs(n)], nodes
        scans = [node for node in nodes if is_of_jobs(node) and "Scan" in node["Node Type"]]
        return sum(map(looked_at, scans)), plan["Plan"]["Actual Rows"]

    return explain


def walk(node):
    yield node
    for child in node.get("Plans", ()):
        yield from walk(child)


def is_of_jobs(node):
    return node.get("Relation Name") == "queue_job"


def looked_at(scan):
    removed = scan.get("Rows Removed by Filter", 0) + scan.get("Rows Removed by Index Recheck", 0)
    return (scan["Actual Rows"] + removed) * scan["Actual Loops"]


KEY = {"priority": 3, "date_created": "2026-01-01 12:00:00", "id": 4}


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("FIRST_JOBS", {"channel": "root", "limit": 100}),
        ("NEXT_JOBS", {"channel": "root", "limit": 100, **KEY}),
        ("FIRST_IN_ORDER", {"channel": "root"}),
        ("SOME_FAILED", {"channel": "root"}),
        ("SOME_FAILED", {"channel": "root.c1"}),
        ("NEXT_ETA", {}),
        ("MARK_DUE", {"limit": 100}),
        ("IN_PROGRESS", {}),
        ("TAKE_ALL_BACK", {}),
        ("HEADS_NOT_DUE", {}),
        ("SET_ENQUEUED", {"ids": [1, 2, 3], "channels": ["root"] * 3, "grant": "x"}),
        ("TAKE_BACK", {"ids": [1, 2, 3]}),
        ("REQUEUE_SEEN_DEAD", {"uuids": ["pending1"], "leases": ["x"]}),
    ],
)
def test_only_what_is_returned_is_looked_at(jobrunner, rows_read, name, parameters):
    looked, returned = rows_read(getattr(jobrunner.queries, name), **parameters)
    assert looked <= returned * 2 + SOME


def test_channels_are_found_by_one_look_each(jobrunner, rows_read):
    looked, returned = rows_read(jobrunner.queries.HEADS)
    assert returned == CHANNELS + 1
    assert looked <= returned * 2 + SOME


@pytest.mark.parametrize("name", ["RELEASE_READY", "SETTLE_HANDLERS"])
@pytest.mark.parametrize("after", [0, MANY, 3 * MANY])
def test_waiting_jobs_are_walked_through_in_steps(jobrunner, rows_read, name, after):
    looked, _returned = rows_read(getattr(jobrunner.queries, name), after=after, limit=100)
    assert looked <= 100 * 4 + SOME


def test_the_list_finds_what_has_not_ended(rows_read):
    """The filters of the web client, newest first."""
    states = "'wait_dependencies', 'pending', 'enqueued', 'started', 'failed'"
    looked, returned = rows_read(
        f"SELECT id FROM queue_job WHERE state IN ({states}) ORDER BY id DESC LIMIT 80"
    )
    assert returned == 80
    assert looked <= 80 + SOME
    looked, _returned = rows_read(
        "SELECT id FROM queue_job WHERE state IN ('enqueued', 'started') ORDER BY id DESC LIMIT 80"
    )
    assert looked <= SOME


def test_the_clean_up_finds_what_ended_long_ago(backlog, rows_read):
    # it is Odoo that asks, not the runner with its settings
    backlog("RESET ALL")
    long_ago = "now() AT TIME ZONE 'UTC' - interval '30 days'"
    looked, _returned = rows_read(
        f"""
        SELECT id FROM queue_job
         WHERE (date_cancelled <= {long_ago} OR date_cancelled IS NULL AND date_done <= {long_ago}
                OR date_cancelled > {long_ago} AND date_done <= {long_ago})
           AND channel = 'root'
      ORDER BY id LIMIT 1001
        """
    )
    assert looked <= SOME


def test_each_index_serves_somebody(backlog):
    """Each costs at each move of a job: those that are here have a reason in the model."""
    names = {
        re.sub(r"^queue_job_+", "", name)
        for (name,) in backlog("SELECT indexname FROM pg_indexes WHERE tablename = 'queue_job'")
    }
    assert names == {
        "pkey",
        "uuid_index",
        "graph_uuid_index",
        "due_idx",
        "not_due_idx",
        "eta_idx",
        "unfinished_idx",
        "failed_idx",
        "identity_idx",
        "identity_guard_idx",
        "ended_idx",
    }
