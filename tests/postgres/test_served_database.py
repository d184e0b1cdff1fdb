# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""What the runner makes of the rows: windows, order, dead jobs, dependents."""

import time

import psycopg2
import pytest
from runner_turns import URL, end, run_all, turn

from stack.database import OF_THIS_DATABASE
from stack.waiting import wait_until


def test_pending_jobs_are_enqueued_within_capacity(serve, insert, state_of):
    jobs = [insert() for _number in range(3)]
    served = serve("root:2")
    assert turn(served) == jobs[:2]
    assert [state_of(job) for job in jobs] == ["enqueued", "enqueued", "pending"]
    assert turn(served) == []


def test_order_is_by_priority_then_creation(serve, insert, sql):
    late = insert(priority=20)
    first, second = insert(), insert()
    urgent = insert(priority=1)
    assert run_all(serve(), sql) == [urgent, first, second, late]


def test_order_is_exact_across_windows(serve, insert, sql, jobrunner):
    window = jobrunner.reader.FEW
    sql(
        "INSERT INTO queue_job (uuid, state, channel, priority, date_created)"
        " SELECT n::text, 'pending', CASE WHEN n %% 3 = 0 THEN 'root.a' ELSE 'root.b' END,"
        " (n * 7919) %% 10, timestamp '2026-01-01' + ((n * 104729) %% 1000) * interval '1 s'"
        " FROM generate_series(1, %s) n",
        window * 20,
    )
    expected = [
        row[0] for row in sql("SELECT uuid FROM queue_job ORDER BY priority, date_created, id")
    ]
    served = serve("root:1")
    assert run_all(served, sql) == expected


def test_memory_is_bounded_by_the_window(serve, sql, jobrunner):
    window = jobrunner.reader.MANY
    sql(
        "INSERT INTO queue_job (uuid, state, channel, priority, date_created)"
        " SELECT n::text, 'pending', 'root', 10, now() FROM generate_series(1, 5000) n"
    )
    served = serve()
    turn(served)
    assert served.engine.waiting(served.name, "root") == 1
    (held,) = served.windows._windows.values()
    assert 0 < held.size <= window


def test_new_and_changed_jobs_are_noticed(serve, insert, sql):
    served = serve()
    assert turn(served) == []
    slow, urgent = insert(priority=10), insert(priority=11)
    sql("UPDATE queue_job SET priority = 1 WHERE uuid = %s", urgent)
    assert turn(served) == [urgent]
    end(served, sql, urgent)
    assert turn(served) == [slow]


def test_a_job_cancelled_meanwhile_is_not_requested(serve, insert, sql):
    served = serve("root:1")
    cancelled, other = insert(), insert()
    served.note_notifications()
    served.look(time.time())
    served.refresh(time.time())
    sql("UPDATE queue_job SET state = 'cancelled' WHERE uuid = %s", cancelled)
    for job in served.engine.get_jobs_to_run(time.time()):
        served.choose(job)
    assert served.start(time.time()) == []
    assert turn(served) == [other]


def test_a_job_that_somebody_is_writing_is_not_waited_for(serve, insert, connect, database):
    writing, other = insert(), insert()
    served = serve("root:1")
    writer = connect(database)
    writer.cursor().execute("UPDATE queue_job SET name = 'x' WHERE uuid = %s", [writing])
    assert turn(served) == []
    assert turn(served) == [other]
    writer.commit()
    # nothing is notified: it is looked at again by itself
    later = served.wakeup_time()
    assert later < time.time() + 2
    end(served, lambda *_: None, other)
    assert turn(served, later) == [writing]


def test_a_sequential_channel_waits_for_the_job_that_somebody_is_writing(
    serve, insert, connect, database
):
    writing = insert(channel="root.s")
    insert(channel="root.s")
    served = serve("root:1, root.s:1:sequential")
    writer = connect(database)
    writer.cursor().execute("UPDATE queue_job SET name = 'x' WHERE uuid = %s", [writing])
    now = time.time()
    for _number in range(3):
        assert turn(served, now) == []
        now += 1
    writer.commit()
    assert turn(served, now) == [writing]


def test_a_job_with_an_eta_waits_for_it(serve, insert, sql):
    job = insert(eta="2026-01-01 00:00:00")
    future = insert()
    sql(
        "UPDATE queue_job SET eta = now() AT TIME ZONE 'UTC' + interval '1 s' WHERE uuid = %s",
        future,
    )
    served = serve("root:5")
    assert turn(served) == [job]
    wait = served.wakeup_time() - time.time()
    assert wait <= 1
    time.sleep(max(0, wait) + 0.05)
    assert turn(served) == [future]


@pytest.mark.parametrize("skew", [-3600, 3600], ids=["behind", "ahead"])
def test_the_clock_of_the_runner_need_not_be_that_of_postgresql(serve, insert, sql, skew):
    served = serve("root:5")
    job = insert()
    sql(
        "UPDATE queue_job SET eta = now() AT TIME ZONE 'UTC' + interval '1.5 s' WHERE uuid = %s",
        job,
    )
    now = time.time() + skew
    assert turn(served, now) == []
    # it sleeps until then, neither shorter nor longer
    assert 0 < served.wakeup_time() - now <= 1.6
    wait_until(
        lambda: sql("SELECT 1 FROM queue_job WHERE eta <= now() AT TIME ZONE 'UTC'"), 10, "eta"
    )
    assert turn(served, time.time() + skew) == [job]


def test_a_postponed_job_waits_again(serve, insert, sql):
    job = insert()
    served = serve()
    assert turn(served) == [job]
    sql("UPDATE queue_job SET state = 'started' WHERE uuid = %s", job)
    sql("UPDATE queue_job SET state = 'pending' WHERE uuid = %s", job)
    # not while its request is open, though the notification has come
    assert turn(served) == []
    from odoo.addons.queue_job.jobrunner.dispatcher import Response

    grant = served.in_flight[job].grant
    served.note_response(Response(served.name, job, url=URL, grant=grant), time.time())
    assert turn(served) == [job]


def test_a_sequential_channel_waits_for_a_failed_job(serve, insert, sql):
    first, second = insert(channel="root.s"), insert(channel="root.s")
    served = serve("root:4, root.s:1:sequential")
    assert turn(served) == [first]
    end(served, sql, first, "failed")
    assert turn(served) == []
    sql("UPDATE queue_job SET state = 'done' WHERE uuid = %s", first)
    assert turn(served) == [second]


def test_a_sequential_channel_waits_for_an_eta(serve, insert, sql):
    first, second = insert(channel="root.s"), insert(channel="root.s")
    sql(
        "UPDATE queue_job SET eta = now() AT TIME ZONE 'UTC' + interval '1 day' WHERE uuid = %s",
        first,
    )
    served = serve("root:4, root.s:1:sequential")
    assert turn(served) == []
    sql("UPDATE queue_job SET eta = NULL WHERE uuid = %s", first)
    assert turn(served) == [first]
    end(served, sql, first)
    assert turn(served) == [second]


def test_a_request_that_reached_nobody_gives_the_job_back(serve, insert, state_of):
    from odoo.addons.queue_job.jobrunner.dispatcher import Response

    job = insert()
    served = serve()
    assert turn(served) == [job]
    grant = served.in_flight[job].grant
    served.note_response(Response(served.name, job, "refused", url=URL, grant=grant), time.time())
    assert state_of(job) == "pending"
    # not at once
    assert turn(served, time.time()) == []
    assert turn(served, time.time() + 1) == [job]


def look_twice(served):
    served.look(time.time())
    served.look(time.time() + 10)


def test_a_job_whose_worker_is_gone_runs_again(serve, insert, sql, lock, state_of):
    job = insert(state="started", lease="abc", worker_pid=1)
    sql("UPDATE queue_job SET date_started = now() AT TIME ZONE 'UTC'")
    worker = lock(job)
    served = serve()
    look_twice(served)
    assert state_of(job) == "started"
    worker.close()
    locks = f"SELECT 1 FROM pg_locks WHERE objsubid = 2 AND {OF_THIS_DATABASE}"
    wait_until(lambda: not sql(locks), 10, "the end of the worker's session")
    served.look(time.time() + 20)
    assert state_of(job) == "started", "one look is not enough"
    served.look(time.time() + 30)
    assert sql("SELECT state, retry, lease FROM queue_job") == [("pending", 1, None)]
    assert turn(served, time.time() + 40) == [job]


def test_two_looks_at_once_are_not_enough(serve, insert, sql, state_of):
    job = insert(state="started", lease="abc")
    served = serve()
    now = time.time()
    served.look(now)
    for seconds in (0.6, 1.2):
        served.look(now + seconds)
        assert state_of(job) == "started"
    served.look(now + 1.8)
    assert state_of(job) == "pending"


def test_after_the_last_try_a_worker_is_to_let_it_fail(serve, insert, sql):
    insert(state="started", lease="abc", retry=2, max_retries=3)
    sql("UPDATE queue_job SET date_started = now() AT TIME ZONE 'UTC'")
    look_twice(serve())
    state, retry, name, message = sql("SELECT state, retry, exc_name, exc_message FROM queue_job")[
        0
    ]
    assert (state, retry, name) == ("pending", 3, "JobFoundDead")
    assert "worker" in message


def test_the_query_for_others_fails_it_at_once(runner_database, insert, sql):
    insert(state="started", lease="abc", retry=2, max_retries=3)
    sql("UPDATE queue_job SET date_started = now() AT TIME ZONE 'UTC'")
    sql(runner_database._query_requeue_dead_jobs())
    assert sql("SELECT state, retry, exc_name FROM queue_job") == [("failed", 3, "JobFoundDead")]


def test_a_job_from_before_a_restart_of_postgresql_loses_no_try(serve, insert, sql):
    insert(state="started", lease="abc", retry=2, max_retries=3, date_started="2020-01-01")
    look_twice(serve())
    assert sql("SELECT state, retry FROM queue_job") == [("pending", 2)]


def test_a_job_from_before_an_outage_that_the_runner_saw_loses_no_try(
    serve, insert, sql, runner_database
):
    before = insert(state="started", lease="abc", channel="root.a")
    sql("UPDATE queue_job SET date_started = clock_timestamp() AT TIME ZONE 'UTC'")
    served = serve(reached_since=runner_database.now())
    after = insert(state="started", lease="abc", channel="root.b")
    sql(
        "UPDATE queue_job SET date_started = clock_timestamp() AT TIME ZONE 'UTC' WHERE uuid = %s",
        after,
    )
    look_twice(served)
    assert dict(sql("SELECT uuid, retry FROM queue_job")) == {before: 0, after: 1}


def test_another_try_of_the_same_job_is_not_dead(serve, insert, sql, state_of):
    job = insert(state="started", lease="one")
    served = serve()
    served.look(time.time())
    sql("UPDATE queue_job SET lease = 'two' WHERE uuid = %s", job)
    served.look(time.time() + 10)
    assert state_of(job) == "started"


def test_take_over_returns_what_was_enqueued(serve, insert, state_of):
    job = insert(state="enqueued")
    serve("root:1")
    assert state_of(job) == "pending"


def test_what_runs_at_take_over_counts(serve, insert, sql, lock):
    running, waiting = insert(state="started", lease="x"), insert()
    worker = lock(running)
    served = serve("root:1")
    assert turn(served) == []
    sql("UPDATE queue_job SET state = 'done' WHERE uuid = %s", running)
    worker.rollback()
    assert turn(served, time.time() + 10) == [waiting]


def test_children_that_a_crash_left_waiting_are_released(serve, insert, sql, state_of):
    done, unfinished = insert(state="done"), insert(state="started", lease="y")
    ready, waiting = insert(state="wait_dependencies"), insert(state="wait_dependencies")
    for parent, child in [(done, ready), (done, waiting), (unfinished, waiting)]:
        sql(
            "INSERT INTO queue_job_dependency (parent_id, child_id) SELECT p.id, c.id"
            " FROM queue_job p, queue_job c WHERE p.uuid = %s AND c.uuid = %s",
            parent,
            child,
        )
    serve().look(time.time())
    assert (state_of(ready), state_of(waiting)) == ("pending", "wait_dependencies")


def test_what_can_not_be_served_is_told(jobrunner, databases, fresh_databases):
    plain = jobrunner.database.Database("template1")
    assert "not an Odoo database" in plain.missing_addon()
    plain.close()
    without = jobrunner.database.Database(fresh_databases(databases.base_template()))
    assert "-i queue_job" in without.missing_addon()
    without.close()


def test_a_missing_database_is_an_error_of_postgresql(jobrunner):
    with pytest.raises(psycopg2.OperationalError, match="nowhere"):
        jobrunner.database.Database("nowhere").missing_addon()
