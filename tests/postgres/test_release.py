# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Dependents are released once their last parent is done, whoever ends at the same time."""

import multiprocessing
import re
import traceback

import psycopg2
import pytest

PROCESSES = 8
ASK = "SELECT queue_job_frees_others((SELECT id FROM queue_job WHERE uuid = %s))"
#: Seconds after which a process is taken for blocked.
LIMIT = 120


@pytest.fixture
def dependency(jobrunner):
    """The worker side's statements."""
    from odoo.addons.queue_job import dependency

    return dependency


@pytest.fixture
def insert_many(sql):
    """A function that inserts jobs and returns their uuids in the order of their ids."""

    def insert(count, state, prefix):
        rows = sql(
            "INSERT INTO queue_job (uuid, state, channel, priority, date_created)"
            " SELECT %s || n, %s, 'root', 10, now() FROM generate_series(1, %s) n"
            " RETURNING id, uuid",
            prefix,
            state,
            count,
        )
        return [uuid for _id, uuid in sorted(rows)]

    return insert


@pytest.fixture
def link(sql, dependency):
    """A function that lets each of some jobs depend on each of others."""

    def insert(parents, children, with_barrier):
        if with_barrier:
            (barrier,) = sql("SELECT nextval('queue_job_barrier_id_seq')")[0]
            values = {"barrier": barrier, "parents": parents, "children": children}
            statement = dependency.INSERT_BARRIER
        else:
            pairs = [(parent, child) for parent in parents for child in children]
            values = {"parents": [one for one, _ in pairs], "children": [two for _, two in pairs]}
            statement = dependency.INSERT_EDGES
        names = re.findall(r"%\((\w+)\)s", statement)
        sql(re.sub(r"%\(\w+\)s", "%s", statement), *(values[name] for name in names))

    return insert


def states(sql, prefix):
    return dict(
        sql(
            "SELECT state, count(*) FROM queue_job WHERE uuid LIKE %s GROUP BY state",
            f"{prefix}%",
        )
    )


def end_jobs(dsn, statement, uuids, start, problems):
    """What a worker does: commit that the job is done, then release; in one process."""
    try:
        connection = psycopg2.connect(dsn)
        cursor = connection.cursor()
        start.wait(LIMIT)
        for uuid in uuids:
            connection.set_session(isolation_level="REPEATABLE READ")
            cursor.execute("UPDATE queue_job SET state = 'done' WHERE uuid = %s", (uuid,))
            connection.commit()
            connection.set_session(isolation_level="READ COMMITTED")
            cursor.execute(statement, [uuid, None, None])
            connection.commit()
    except BaseException:
        problems.put(traceback.format_exc())
        raise


def run_processes(work):
    context = multiprocessing.get_context("fork")
    problems, start = context.Queue(), context.Barrier(len(work))
    processes = [
        context.Process(target=end_jobs, args=(*arguments, start, problems), daemon=True)
        for arguments in work
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(LIMIT)
    assert [process.exitcode for process in processes] == [0] * len(work), problems.get(timeout=5)


@pytest.mark.parametrize("with_barrier", [True, False], ids=["barrier", "edges"])
def test_a_thousand_parents_that_end_at_once(
    sql, connect, database, dependency, insert_many, link, with_barrier
):
    size = 1000 if with_barrier else 200
    parents = insert_many(size, "started", "parent")
    children = insert_many(size, "wait_dependencies", "child")
    link(parents, children, with_barrier)
    # Each process has parents from all over.
    dsn = connect(database).dsn
    work = [
        (dsn, dependency.RELEASE_DEPENDENTS, parents[first::PROCESSES])
        for first in range(PROCESSES)
    ]
    run_processes(work)
    assert states(sql, "child") == {"pending": size}


@pytest.fixture
def release(connect, database, dependency):
    """A function that releases what waits for jobs, one after the other.

    It returns how many rows of jobs were read for that.
    """
    read = "SELECT sum(seq_tup_read + idx_tup_fetch) FROM pg_stat_xact_user_tables"
    read += " WHERE relname = 'queue_job'"

    def run(uuids, channel=None, only_ask=False):
        with connect(database).cursor() as cursor:
            for uuid in uuids:
                cursor.execute("UPDATE queue_job SET state = 'done' WHERE uuid = %s", (uuid,))
                if only_ask:
                    cursor.execute(ASK, [uuid])
                    assert cursor.fetchone() == (False,)
                else:
                    cursor.execute(dependency.RELEASE_DEPENDENTS, [uuid, channel, []])
            cursor.execute(read)
            return cursor.fetchone()[0]

    return run


def inwards(uuids):
    """One from the beginning, one from the end, and so on."""
    half = len(uuids) // 2
    both = zip(uuids[:half], reversed(uuids[half:]), strict=True)
    return [uuid for pair in both for uuid in pair]


@pytest.mark.parametrize("analyzed", [True, False], ids=["analyzed", "not_analyzed"])
@pytest.mark.parametrize("order", [list, lambda uuids: uuids[::-1], inwards])
@pytest.mark.parametrize("with_barrier", [True, False], ids=["barrier", "edges"])
@pytest.mark.parametrize("only_ask", [True, False], ids=["ask", "release"])
def test_parents_cost_no_square_in_whatever_order(
    insert_many, link, release, sql, order, with_barrier, analyzed, only_ask
):
    """An unfinished parent is found at once, however many of the others are done."""
    parents = insert_many(1000, "started", "parent")
    link(parents, insert_many(2, "wait_dependencies", "child"), with_barrier)
    if analyzed:
        sql("ANALYZE queue_job, queue_job_barrier, queue_job_dependency")
    # of all but the last one each reads itself, for its end and for its release, and the other
    parents = order(parents)
    assert release(parents[:-1], only_ask=only_ask) < 40 * len(parents)


@pytest.mark.parametrize("with_barrier", [True, False], ids=["barrier", "edges"])
def test_the_last_parent_frees_others(insert_many, link, sql, with_barrier):
    parents = insert_many(50, "done", "parent")
    link(parents, insert_many(2, "wait_dependencies", "child"), with_barrier)
    assert sql(ASK, parents[20]) == [(True,)]
    # beyond what is looked at first
    sql("UPDATE queue_job SET state = 'failed' WHERE uuid = %s", parents[49])
    assert sql(ASK, parents[20]) == [(False,)]
    assert sql(ASK, insert_many(1, "done", "alone")[0]) == [(False,)]


@pytest.mark.parametrize("channel", ["root", None])
def test_a_step_of_a_chain_costs_the_same_however_many_wait(insert_many, release, sql, channel):
    # nothing waits for another job, as far as the planner knows
    insert_many(100, "done", "other")
    sql("ANALYZE queue_job, queue_job_barrier, queue_job_dependency")
    steps = insert_many(1000, "wait_dependencies", "step")
    sql(
        "INSERT INTO queue_job_dependency (parent_id, child_id)"
        " SELECT id, lead(id) OVER (ORDER BY id) FROM queue_job"
        "  WHERE state <> 'done' ORDER BY id LIMIT 999"
    )
    assert release(steps[:100], channel) < 20 * len(steps[:100])


def test_a_parent_far_from_the_last_one(insert_many, link, release, sql):
    """Those that are near are done: then it looks at all of them."""
    parents = insert_many(200, "started", "parent")
    link(parents, insert_many(20, "wait_dependencies", "child"), True)
    release([])
    sql("UPDATE queue_job SET state = 'done' WHERE uuid <> %s AND state = 'started'", parents[0])
    assert release([parents[150]]) > 100
    assert states(sql, "child") == {"wait_dependencies": 20}


def test_nothing_is_released_before_a_barrier_opens(
    sql, dependency, insert_many, link, database, connect
):
    parents = insert_many(20, "done", "parent")
    children = insert_many(20, "wait_dependencies", "child")
    link(parents, children, True)
    sql("UPDATE queue_job SET state = 'failed' WHERE uuid = %s", parents[3])
    with connect(database, autocommit=True).cursor() as cursor:
        cursor.execute(dependency.RELEASE_DEPENDENTS, [parents[0], None, None])
        assert cursor.fetchall() == []
        cursor.execute("UPDATE queue_job SET state = 'done' WHERE uuid = %s", (parents[3],))
        cursor.execute(dependency.RELEASE_DEPENDENTS, [parents[3], None, None])
        assert len(cursor.fetchall()) == 20
        cursor.execute(dependency.RELEASE_DEPENDENTS, [parents[3], None, None])
        assert cursor.fetchall() == []


def test_a_child_that_somebody_has_locked_is_left_to_the_runner(
    insert_many, link, dependency, sql, jobrunner, connect, database
):
    """A worker has better things to do than to wait for whoever has locked it."""
    (parent,), children = insert_many(1, "done", "p"), insert_many(2, "wait_dependencies", "c")
    link([parent], children, False)
    other = connect(database)
    with other.cursor() as cursor:
        cursor.execute("SELECT FROM queue_job WHERE uuid = %s FOR UPDATE", [children[1]])
    with connect(database, autocommit=True).cursor() as cursor:
        cursor.execute(dependency.RELEASE_DEPENDENTS, [parent, "root", []])
        assert cursor.fetchall() == []
    states = "SELECT array_agg(DISTINCT state) FROM queue_job WHERE uuid <> %s"
    assert sql(states, parent) == [(["wait_dependencies"],)]
    other.rollback()
    with connect(database, autocommit=True).cursor() as cursor:
        cursor.execute(jobrunner.queries.RELEASE_READY, {"after": 0, "limit": 100})
    assert sql(states, parent) == [(["pending"],)]


def test_the_runner_knows_barriers(sql, jobrunner, insert_many, link, connect, database):
    parents = insert_many(20, "done", "parent")
    children = insert_many(20, "wait_dependencies", "child")
    link(parents, children, True)
    link(insert_many(1, "pending", "late"), children[:2], False)
    link(insert_many(2, "pending", "other"), children[2:4], True)
    with connect(database, autocommit=True).cursor() as cursor:
        cursor.execute(jobrunner.queries.RELEASE_READY, {"after": 0, "limit": 100})
    assert states(sql, "child") == {"pending": 16, "wait_dependencies": 4}


@pytest.mark.parametrize("with_barrier", [True, False], ids=["barrier", "edges"])
def test_what_two_open_snapshots_miss_is_released_by_the_runner(
    sql, jobrunner, dependency, insert_many, link, connect, database, with_barrier
):
    """``run_now()`` releases in the transaction of its caller, which does not see the other parent."""
    parents = insert_many(2, "started", "parent")
    link(parents, insert_many(3, "wait_dependencies", "child"), with_barrier)
    callers = [connect(database), connect(database)]
    for caller in callers:
        caller.set_session(isolation_level="REPEATABLE READ")
        caller.cursor().execute("SELECT FROM queue_job")
    for caller, parent in zip(callers, parents, strict=True):
        with caller.cursor() as cursor:
            cursor.execute("UPDATE queue_job SET state = 'done' WHERE uuid = %s", (parent,))
            cursor.execute(dependency.RELEASE_DEPENDENTS, [parent, None, []])
            assert cursor.fetchall() == []
    with connect(database, autocommit=True).cursor() as runner:
        for caller in callers:
            runner.execute(jobrunner.queries.RELEASE_READY, {"after": 0, "limit": 100})
            assert states(sql, "child") == {"wait_dependencies": 3}
            caller.commit()
        runner.execute(jobrunner.queries.RELEASE_READY, {"after": 0, "limit": 100})
    assert states(sql, "child") == {"pending": 3}


def test_cancelling_goes_through_each_barrier_once(
    sql, dependency, insert_many, link, connect, database
):
    layers = [insert_many(300, "wait_dependencies", f"layer{n}") for n in range(5)]
    for before, after in zip(layers, layers[1:], strict=False):
        link(before, after, True)
    sql("UPDATE queue_job SET state = 'done' WHERE uuid = %s", layers[3][0])
    sql("UPDATE queue_job SET state = 'cancelled' WHERE uuid = %s", layers[0][0])
    with connect(database, autocommit=True).cursor() as cursor:
        cursor.execute(
            f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) {dependency.CANCEL_DEPENDENTS}",
            {"uuids": [layers[0][0]], "date": "2026-01-01", "result": "why"},
        )
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert states(sql, "layer") == {"cancelled": 4 * 300, "wait_dependencies": 299, "done": 1}
    assert max(int(rows) for rows in re.findall(r"rows=(\d+)", plan)) < 90_000, plan


@pytest.fixture
def released(sql, insert_many, link, dependency, connect, database):
    """A function that lets a parent end which three jobs wait for, and returns what a slot learns."""
    (parent,) = insert_many(1, "done", "parent")
    children = insert_many(3, "wait_dependencies", "child")
    link([parent], children, False)
    sql("UPDATE queue_job SET priority = 5 WHERE uuid = %s", children[1])

    def release(channel, *before):
        ids = [
            job_id
            for (job_id,) in sql("SELECT id FROM queue_job WHERE uuid = ANY(%s)", list(before))
        ]
        values = [parent, channel, ids]
        with connect(database, autocommit=True).cursor() as cursor:
            cursor.execute("LISTEN queue_job_channel")
            cursor.execute(dependency.RELEASE_DEPENDENTS, values)
            rows = dict(cursor.fetchall())
            cursor.execute("SELECT 1")
            cursor.connection.poll()
            told = [notification.payload for notification in cursor.connection.notifies]
        assert states(sql, "child") == {"pending": 3}
        by_id = dict(sql("SELECT id, uuid FROM queue_job"))
        return [by_id[job_id] for job_id, is_next in rows.items() if is_next], told

    return release


def test_the_best_of_those_released_is_for_the_slot_and_the_others_for_the_runner(released):
    assert released("root") == (["child2"], ["root"])


def test_only_one_that_comes_before_what_is_next_in_the_channel(released, insert):
    better = insert(priority=5)
    assert released("root", better) == ([], ["root"])


def test_one_that_comes_before_what_is_next_in_the_channel(released, insert):
    worse = insert(priority=6)
    assert released("root", worse)[0] == ["child2"]


def test_not_one_of_another_channel(released):
    assert released("root.other") == ([], ["root"])


def test_not_one_that_is_not_due(released, sql):
    sql("UPDATE queue_job SET eta = '2100-01-01' WHERE uuid = 'child2'")
    assert released("root")[0] == ["child1"]


def test_the_runner_is_not_told_of_a_job_that_the_slot_goes_on_with(released, sql):
    sql("DELETE FROM queue_job WHERE uuid IN ('child1', 'child3')")
    sql(
        "INSERT INTO queue_job (uuid, state, channel, priority) VALUES ('child4', 'done', 'root', 1), ('child5', 'done', 'root', 1)"
    )
    sql("UPDATE queue_job SET state = 'pending' WHERE uuid IN ('child4', 'child5')")
    assert released("root") == (["child2"], [])


def test_every_statement_can_be_prepared(sql, dependency):
    statements = {
        name: value
        for name, value in vars(dependency).items()
        if name.isupper() and re.match(r"\s*(SELECT|INSERT|WITH) ", str(value))
    }
    assert len(statements) >= 6
    for statement in statements.values():
        names = sorted(set(re.findall(r"%\((\w+)\)s", statement)))
        for number, name in enumerate(names, start=1):
            statement = statement.replace(f"%({name})s", f"${number}")
        for number in range(len(names), len(names) + statement.count("%s")):
            statement = statement.replace("%s", f"${number + 1}", 1)
        sql(f"PREPARE checked AS {statement}")
        sql("DEALLOCATE checked")
