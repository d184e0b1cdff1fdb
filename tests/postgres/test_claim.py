# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""The claim of a job at the end of the transaction of another one, whose snapshot may be old."""

from concurrent.futures import ThreadPoolExecutor

import psycopg2
import pytest
from psycopg2.extensions import ISOLATION_LEVEL_REPEATABLE_READ

from stack.database import OF_THIS_DATABASE
from stack.waiting import wait_until

JOBS = 3000
#: The end of a job and the beginning of the claim.
END = "queue_job_settle_done(%s, 1, now()::timestamp, 0, NULL, NULL,"
END_OF_PARENT = END.replace("done", "parent")
BLOCKS = """
    SELECT sum(heap_blks_read + heap_blks_hit + idx_blks_read + idx_blks_hit)
      FROM pg_statio_user_tables WHERE relname = 'queue_job'
"""
LINK = """
    INSERT INTO queue_job_dependency (child_id, parent_id)
    SELECT child.id, parent.id FROM queue_job child, queue_job parent
     WHERE child.uuid = %s AND parent.uuid = %s
"""
AT_BARRIER = "INSERT INTO queue_job_barrier SELECT 1, %s, id FROM queue_job WHERE uuid = %s"
#: A statement waits for a row, and no gate is shared.
WAITS_WITHOUT_GATE = f"""
    SELECT 1 FROM pg_stat_activity
     WHERE wait_event_type = 'Lock' AND datname = current_database()
       AND NOT EXISTS (SELECT FROM pg_locks WHERE classid = %s AND objid = 0 AND {OF_THIS_DATABASE})
"""


@pytest.fixture
def epoch(sql):
    """The epoch of the leader."""
    return sql(
        "UPDATE queue_job_leader SET epoch = epoch + 1 RETURNING setval('queue_job_epoch', epoch)"
    )[0][0]


@pytest.fixture
def worker(connect, database, insert):
    """The session of a worker, in whose transaction a job runs."""
    insert(uuid="before", state="started")
    connection = connect(database)
    connection.set_session(isolation_level=ISOLATION_LEVEL_REPEATABLE_READ)
    return connection


@pytest.fixture
def claim(worker, sql, epoch):
    """A function that claims job ``next``, and returns the states of the job before and of that one."""

    def claim(
        meanwhile=lambda: None,
        grant=None,
        channel="root",
        statement=f"{END} %s, %s, %s, 42, 'lease')",
    ):
        with worker.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '7s'; SELECT FROM queue_job")
            meanwhile()
            ids = dict(sql("SELECT uuid, id FROM queue_job"))
            grant = grant or f"{epoch}.token"
            values = [ids["before"], ids["next"], channel, grant]
            cursor.execute(f"SELECT {statement}", values)
            cursor.execute("SHOW lock_timeout")
            assert cursor.fetchone() == ("7s",)
        worker.commit()
        return [state for (state,) in sql("SELECT state FROM queue_job ORDER BY uuid")]

    return claim


@pytest.fixture
def step(insert, sql, claim):
    """A function that claims job ``next``, which waits for the job before, and returns the state of that one."""
    insert(uuid="next", state="wait_dependencies")
    insert(uuid="other")
    sql(LINK, "next", "before")

    def claim_step(meanwhile=lambda: None, before="NULL", **options):
        statement = f"{END_OF_PARENT} %s, %s, %s, 42, 'lease', {before})"
        state, state_of_next, _state_of_other = claim(meanwhile, statement=statement, **options)
        assert state == "done"
        return state_of_next

    return claim_step


@pytest.fixture
def insert_many(sql):
    """A function that inserts many jobs of a state."""

    def insert(count, state):
        sql(
            "INSERT INTO queue_job (uuid, state, channel, priority, date_created)"
            " SELECT %s || n, %s, 'root', 10, now() FROM generate_series(1, %s) n",
            state,
            state,
            count,
        )

    return insert


def test_a_job_that_computes_for_long_is_not_idle(worker):
    """PostgreSQL would end its session, and the job be found dead while it runs."""
    with worker.cursor() as cursor:
        cursor.execute("SET idle_in_transaction_session_timeout = '5min'")
        worker.commit()
        cursor.execute("SELECT queue_job_lock('before', NULL)")
        cursor.execute("SHOW idle_in_transaction_session_timeout")
        assert cursor.fetchone() == ("0",)
        worker.commit()
        cursor.execute("SHOW idle_in_transaction_session_timeout")
        assert cursor.fetchone() == ("5min",)


def test_both_are_committed(insert, sql, claim):
    insert(uuid="next")
    assert claim() == ["done", "started"]
    assert sql("SELECT worker_pid, lease FROM queue_job WHERE uuid = 'next'") == [(42, "lease")]


@pytest.mark.parametrize(("scope", "guard"), [("started", "key"), (None, None)])
def test_the_guard_of_a_key(insert, sql, claim, scope, guard):
    insert(uuid="next", identity_key="key", identity_guard="key", identity_scope=scope)
    assert claim() == ["done", "started"]
    assert sql("SELECT identity_guard FROM queue_job WHERE uuid = 'next'") == [(guard,)]


@pytest.mark.parametrize(
    "change",
    ["state = 'cancelled'", "priority = 1", "channel = 'root.other'", "eta = '2999-01-01'"],
)
def test_what_somebody_has_changed_meanwhile_is_no_conflict_of_the_job_before(
    insert, sql, claim, change
):
    insert(uuid="next")
    before, after = claim(lambda: sql(f"UPDATE queue_job SET {change} WHERE uuid = 'next'"))
    assert before == "done"
    assert after != "started"


def test_what_was_created_meanwhile_is_claimed_later(insert, claim):
    assert claim(lambda: insert(uuid="next")) == ["done", "pending"]


def test_a_row_that_is_locked_is_not_waited_for(insert, connect, database, claim):
    insert(uuid="next")
    other = connect(database)
    other.cursor().execute("SELECT FROM queue_job WHERE uuid = 'next' FOR UPDATE")
    assert claim() == ["done", "pending"]


def test_a_job_that_is_locked_is_waited_for_at_its_end(
    insert, sql, jobrunner, connect, database, claim
):
    """The one before: nothing of it is undone, and whoever closes the gate does not wait for it."""
    from odoo.addons.queue_job.core.lock import GATE_LOCK_CLASS

    insert(uuid="next")
    other = connect(database)
    with other.cursor() as cursor:
        cursor.execute("SELECT FROM queue_job WHERE uuid = 'before' FOR UPDATE")
    with ThreadPoolExecutor() as pool:
        claimed = pool.submit(claim)
        wait_until(lambda: sql(WAITS_WITHOUT_GATE, GATE_LOCK_CLASS), 20, "the end to wait")
        assert not claimed.done()
        other.rollback()
        assert claimed.result(20) == ["done", "pending"]


def test_a_conflict_of_the_job_before_is_its_own(insert, sql, claim):
    insert(uuid="next")
    with pytest.raises(psycopg2.errors.SerializationFailure):
        claim(lambda: sql("UPDATE queue_job SET lease = 'another' WHERE uuid = 'before'"))


def test_a_step_of_a_chain(step, sql):
    assert step() == "started"
    assert sql("SELECT worker_pid, lease FROM queue_job WHERE uuid = 'next'") == [(42, "lease")]


@pytest.mark.parametrize(
    ("priority", "state"), [(5, "wait_dependencies"), (10, "started"), (15, "started")]
)
def test_a_step_that_comes_before_another_job(step, sql, priority, state):
    sql("UPDATE queue_job SET priority = %s WHERE uuid = 'other'", priority)
    assert step(before="(SELECT id FROM queue_job WHERE uuid = 'other')") == state


@pytest.mark.parametrize(
    "change",
    [
        (LINK, "next", "other"),
        (LINK, "other", "before"),
        (AT_BARRIER, False, "next"),
        (AT_BARRIER, True, "before"),
        ("UPDATE queue_job SET awaits_failure = true WHERE uuid = 'next'",),
        ("UPDATE queue_job SET channel = 'root.other' WHERE uuid = 'next'",),
        ("UPDATE queue_job SET eta = '2999-01-01' WHERE uuid = 'next'",),
    ],
    ids=["parent", "child", "behind", "front", "handler", "channel", "eta"],
)
def test_a_step_that_is_none(step, sql, change):
    sql(*change)
    assert step() == "wait_dependencies"


@pytest.mark.parametrize("state", ["pending", "cancelled"])
def test_a_job_that_does_not_wait_is_no_step(step, sql, state):
    sql("UPDATE queue_job SET state = %s WHERE uuid = 'next'", state)
    assert step() == state


def test_a_step_that_gets_another_parent_meanwhile(step, sql):
    def add():
        sql(LINK, "next", "other")
        # as whoever stores the job does
        sql("UPDATE queue_job SET dependencies = '{}' WHERE uuid = 'next'")

    assert step(add) == "wait_dependencies"


def test_a_step_where_the_gate_is_closed(step, jobrunner, connect, database):
    from odoo.addons.queue_job.core.lock import GATE_LOCK_CLASS

    connect(database).cursor().execute("SELECT pg_advisory_xact_lock(%s, 0)", [GATE_LOCK_CLASS])
    assert step() == "wait_dependencies"


def test_a_step_in_an_epoch_that_is_over(step, epoch):
    assert step(grant=f"{epoch - 1}.token") == "wait_dependencies"


def test_the_job_itself_is_no_next_job(sql, worker):
    with worker.cursor() as cursor:
        cursor.execute(f"SELECT {END % 'id'} id, 'root', NULL, 42, 'lease') FROM queue_job")
    worker.commit()
    assert sql("SELECT state, lease FROM queue_job") == [("done", None)]


@pytest.mark.parametrize(
    "values", [{"state": "enqueued"}, {"eta": "2999-01-01"}, {"channel": "root.other"}]
)
def test_what_is_not_to_be_claimed(insert, claim, values):
    insert(uuid="next", **values)
    assert claim() == ["done", values.get("state", "pending")]


def test_nothing_begins_where_the_gate_is_closed(insert, jobrunner, connect, database, claim):
    from odoo.addons.queue_job.core.lock import GATE_LOCK_CLASS

    insert(uuid="next")
    connect(database).cursor().execute("SELECT pg_advisory_xact_lock(%s, 0)", [GATE_LOCK_CLASS])
    assert claim() == ["done", "pending"]


def test_an_epoch_that_began_after_the_snapshot(insert, serve, jobrunner, runner_database, claim):
    """The new leader has seen what is started: nothing may begin unknown to it."""
    insert(uuid="next")
    leader = jobrunner.leadership.SessionLeadership(runner_database)
    assert claim(leader.take) == ["done", "pending"]


def test_the_epoch_of_the_leader(insert, jobrunner, runner_database, claim):
    insert(uuid="next")
    leader = jobrunner.leadership.SessionLeadership(runner_database)
    leader.take()
    assert claim(grant=f"{leader.epoch}.token") == ["done", "started"]


def test_an_error_of_the_next_job_is_none_of_the_one_before(insert, sql, claim):
    insert(uuid="next")
    sql("ALTER TABLE queue_job ADD CONSTRAINT probe CHECK (uuid <> 'next' OR state <> 'started')")
    try:
        assert claim() == ["done", "pending"]
    finally:
        sql("ALTER TABLE queue_job DROP CONSTRAINT probe")


@pytest.mark.parametrize("analyzed", [True, False])
@pytest.mark.parametrize(
    "statement",
    [
        f"SELECT {END % 0} %(id)s, 'root', NULL, 1, 'x')",
        f"SELECT {END_OF_PARENT % 0} %(id)s, 'root', NULL, 1, 'x')",
        "SELECT queue_job_start_pending(%(id)s, 'root', NULL, 1, 'x')",
        "SELECT queue_job_claim_pending(%(id)s, 'root', NULL, 1, 'x')",
        "SELECT queue_job_start_enqueued('sent' || %(id)s, NULL, 1, 'x')",
    ],
)
def test_the_cost_does_not_depend_on_when_it_was_planned(
    sql, connect, database, insert_many, analyzed, statement
):
    """When there was nothing yet, an index of what waits in a channel was as good as any."""
    worker = connect(database, autocommit=True).cursor()
    if analyzed:
        insert_many(JOBS, "done")
        sql("VACUUM ANALYZE queue_job")
    worker.execute(statement, {"id": 0})
    for waiting in ("pending", "enqueued", "wait_dependencies"):
        insert_many(JOBS, waiting)
    sql("UPDATE queue_job SET uuid = 'sent' || id WHERE state = 'enqueued'")
    state = "pending"
    if "sent" in statement:
        state = "enqueued"
    elif "parent" in statement:
        state = "wait_dependencies"
    rows = sql("SELECT id FROM queue_job WHERE state = %s ORDER BY id DESC LIMIT 100", state)
    worker.execute("SELECT pg_stat_force_next_flush()")
    before = sql(BLOCKS)[0][0]
    for (job_id,) in rows:
        worker.execute(statement, {"id": job_id})
    worker.execute("SELECT pg_stat_force_next_flush()")
    assert sql("SELECT count(*) FROM queue_job WHERE state = 'started'") == [(100,)]
    assert sql(BLOCKS)[0][0] - before < 100 * len(rows)
