# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""What the runner does with jobs that take too long; workers are sessions that lock their job."""

import time

import pytest

from stack.postgres import is_alive
from stack.waiting import wait_until

URL = "http://odoo"


@pytest.fixture
def work(database, connect, sql):
    """A function that locks a job as its worker does; it returns the connection."""
    from odoo.addons.queue_job.core.lock import JOB_LOCK_CLASS, METHOD_LOCK_CLASS

    def begin(job, method=None):
        connection = connect(database)
        cursor = connection.cursor()
        (job_id,) = sql("SELECT id FROM queue_job WHERE uuid = %s", job)[0]
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [JOB_LOCK_CLASS, job_id])
        if method is not None:
            pid = method.info.backend_pid
            cursor.execute("SELECT pg_advisory_xact_lock_shared(%s, %s)", [METHOD_LOCK_CLASS, pid])
        return connection

    return begin


@pytest.fixture
def started(insert, sql):
    def insert_started(timeout, **values):
        job = insert(state="started", lease="abc", timeout=timeout, **values)
        sql("UPDATE queue_job SET date_started = now() AT TIME ZONE 'UTC' WHERE uuid = %s", job)
        return job

    return insert_started


@pytest.fixture
def row(sql):
    columns = "state, retry, lease, exc_name, exc_message"
    return lambda job: sql(f"SELECT {columns} FROM queue_job WHERE uuid = %s", job)[0]


def wait_for_end(connection):
    wait_until(lambda: not is_alive(connection), 10, "the end of a session")


MESSAGE = "The job ran longer than its time limit of 1 seconds."
TIMED_OUT = "odoo.addons.queue_job.exception.JobTimedOut"


def test_its_row_is_taken_and_its_session_ended(serve, started, work, row, sql):
    job = started(1)
    worker = work(job)
    served = serve()
    served.look(time.time())
    assert row(job)[0] == "started"
    time.sleep(1.1)
    served.look(time.time() + 10)
    assert row(job) == ("pending", 1, None, TIMED_OUT, MESSAGE)
    wait_for_end(worker)


def test_it_looks_again_when_the_limit_is_over(serve, started, work):
    worker = work(started(1))
    served = serve()
    now = time.time()
    served.look(now)
    assert 0 < served.wakeup_time() - now <= 1
    assert is_alive(worker)


def test_a_limit_in_the_far_future_does_not_delay_the_look(serve, started, work, jobrunner):
    worker = work(started(1000))
    served = serve()
    now = time.time()
    served.look(now)
    assert served._lookout._next_look - now == jobrunner.lookout.LOOK_INTERVAL
    assert is_alive(worker)


@pytest.mark.parametrize("timeout", [None, 0])
def test_without_a_limit(serve, started, work, row, runner_database, timeout):
    job = started(timeout)
    worker = work(job)
    served = serve()
    assert not any(found.is_limited for found in runner_database.jobs_in_progress())
    time.sleep(1.1)
    served.look(time.time())
    assert row(job)[0] == "started"
    assert is_alive(worker)


def test_the_clock_of_the_worker_does_not_count(serve, started, work, row, sql):
    job = started(1000)
    sql("UPDATE queue_job SET date_started = date_started - interval '1 day'")
    worker = work(job)
    serve().look(time.time())
    assert row(job)[0] == "started"
    assert is_alive(worker)


def test_a_job_without_session_is_for_those_who_look_for_dead_ones(serve, started, row, sql):
    job = started(1)
    time.sleep(1.1)
    served = serve()
    served.look(time.time())
    assert row(job)[0] == "started"
    served.look(time.time() + 10)
    assert row(job) == ("pending", 1, None, None, None)


def test_another_try_is_left_alone(started, work, row, runner_database):
    job = started(1)
    worker = work(job)
    assert runner_database.end_overdue([(job, "another")]) == set()
    assert row(job)[:3] == ("started", 0, "abc")
    assert is_alive(worker)


def test_the_next_job_of_the_slot_is_left_alone(serve, started, work, row):
    """Of two sessions only the one that runs the job is ended."""
    overdue, other = started(1), started(1000)
    first, second = work(overdue), work(other)
    time.sleep(1.1)
    serve("root:2").look(time.time())
    assert (row(overdue)[0], row(other)[0]) == ("pending", "started")
    wait_for_end(first)
    assert is_alive(second)


def test_a_job_that_has_written_to_its_own_row(serve, started, work, row):
    job = started(1)
    worker = work(job)
    worker.cursor().execute("UPDATE queue_job SET name = 'mine' WHERE uuid = %s", [job])
    time.sleep(1.1)
    served = serve()
    served.look(time.time())
    # it may be a worker that writes the outcome
    assert row(job)[0] == "started"
    assert is_alive(worker)
    served.look(time.time() + 1)
    assert row(job) == ("pending", 1, None, TIMED_OUT, MESSAGE)
    wait_for_end(worker)


def test_a_row_that_somebody_else_holds_is_not_waited_for(
    serve, started, work, row, connect, database
):
    job = started(1)
    work(job)
    other = connect(database)
    other.cursor().execute("UPDATE queue_job SET name = 'x' WHERE uuid = %s", [job])
    time.sleep(1.1)
    served = serve()
    start = time.monotonic()
    served.look(time.time())
    served.look(time.time() + 1)
    assert time.monotonic() - start < 4
    other.rollback()
    assert row(job)[0] == "started"


def test_the_session_of_a_method_that_may_commit_is_ended_too(
    serve, started, row, work, connect, database, sql
):
    method, bystander = connect(database), connect(database)
    job = started(1)
    worker = work(job, method)
    time.sleep(1.1)
    serve().look(time.time())
    assert row(job)[0] == "pending"
    wait_for_end(worker)
    wait_for_end(method)
    assert is_alive(bystander)


def test_a_backend_that_a_pooler_gave_to_somebody_else_is_left_alone(
    serve, started, row, work, connect, database
):
    method = connect(database, autocommit=True)
    job = started(1)
    worker = work(job, method)
    method.cursor().execute("SET application_name = 'odoo-4711'")
    time.sleep(1.1)
    serve().look(time.time())
    wait_for_end(worker)
    assert is_alive(method)


# -- capacity


def decide(served, now):
    served.look(now)
    served.note_notifications()
    served.refresh(now)
    for job in served.engine.get_jobs_to_run(now):
        served.choose(job)
    return [slot for slot, _url in served.start(now)]


def begin_slot(served, sql, timeout=1):
    """The worker's claim of the first job of a new slot."""
    (slot,) = decide(served, time.time())
    sql(
        "UPDATE queue_job SET state = 'started', lease = 'abc', date_started = now() WHERE uuid = %s",
        slot.uuid,
    )
    return slot


def answer(served, slot, problem=None):
    from odoo.addons.queue_job.jobrunner.dispatcher import Response

    served.note_response(
        Response(served.name, slot.uuid, problem, url=URL, grant=slot.grant), time.time()
    )


@pytest.mark.parametrize("problem", [None, "the connection was cut"])
def test_a_worker_that_does_not_notice_takes_capacity(serve, insert, sql, work, row, problem):
    """Until its request ends: then there is room for exactly one more."""
    job, following, third = insert(timeout=1), insert(), insert()
    served = serve("root:1")
    slot = begin_slot(served, sql)
    work(job)
    time.sleep(1.1)
    # what was hinted is free again, but there is no room
    assert decide(served, time.time() + 10) == []
    assert row(job)[0] == "pending"
    answer(served, slot, problem)
    (next_slot,) = decide(served, time.time() + 20)
    assert decide(served, time.time() + 30) == []
    assert next_slot.uuid == job
    sql("UPDATE queue_job SET state = 'done' WHERE uuid = %s", job)
    answer(served, next_slot)
    assert {following, third}.issuperset(slot.uuid for slot in decide(served, time.time() + 40))


def test_it_can_be_tried_again_while_its_old_worker_is_busy(serve, insert, sql, work, row):
    job = insert(timeout=1)
    served = serve("root:2")
    old = begin_slot(served, sql)
    work(job)
    time.sleep(1.1)
    (new,) = decide(served, time.time() + 10)
    assert new.uuid == job
    assert new.grant != old.grant
    insert()
    assert decide(served, time.time() + 40) == []
    # the answer of the old one is not taken for that of the new one
    answer(served, old)
    assert served.in_flight == {job: new}
    assert len(decide(served, time.time() + 80)) == 1
