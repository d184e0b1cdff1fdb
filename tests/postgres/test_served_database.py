# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""What the runner makes of the rows: windows, order, dead jobs, dependents."""

import select
import time

import psycopg2
import pytest

from stack.database import OF_THIS_DATABASE
from stack.waiting import wait_until

URL = "http://odoo"


def turn(served, now=None, patience=0.1):
    """One turn of the runner's loop, without sending: returns the uuids to request.

    :param patience: seconds to wait for notifications
    """
    select.select([served.database], [], [], patience)
    served.note_notifications()
    return [slot.uuid for slot in decide(served, now or time.time())]


def decide(served, now):
    served.look(now)
    served.refresh(now)
    for job in served.engine.get_jobs_to_run(now):
        served.choose(job)
    return [slot for slot, _url in served.start(now)]


def end(served, sql, uuid, state="done"):
    """What a worker does with a job, and its answer."""
    from odoo.addons.queue_job.jobrunner.dispatcher import Response

    sql("UPDATE queue_job SET state = %s WHERE uuid = %s", state, uuid)
    grant = served.in_flight[uuid].grant
    served.note_response(Response(served.name, uuid, url=URL, grant=grant), time.time())


def run_all(served, sql):
    order = []
    while jobs := turn(served, patience=0):
        order += jobs
        for uuid in jobs:
            end(served, sql, uuid)
    return order


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


LOCK = "SELECT pg_advisory_xact_lock(%s, (SELECT id FROM queue_job WHERE uuid = %s))"


@pytest.fixture
def lock(database, connect):
    """A function that locks a job as its worker does; it returns the connection."""
    from odoo.addons.queue_job.core.lock import JOB_LOCK_CLASS

    def take(job):
        connection = connect(database)
        connection.cursor().execute(LOCK, [JOB_LOCK_CLASS, job])
        return connection

    return take


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


def slots(served, now=None):
    """One turn of the runner's loop, without sending: returns the slots to request."""
    select.select([served.database], [], [], 0.1)
    served.note_notifications()
    return decide(served, now or time.time())


def answer(served, slot, problem=None, hints=None, was_refused=False):
    """Odoo's answer.

    :param hints: how many it has dealt with, None: it does not say
    """
    from odoo.addons.queue_job.jobrunner.dispatcher import Response

    response = Response(served.name, slot.uuid, problem, hints, URL, slot.grant, was_refused)
    served.note_response(response, time.time())


def hinted(slot):
    return [hint.uuid for hint in slot.hints]


def test_what_comes_next_is_hinted_and_stays_pending(serve, insert, state_of):
    jobs = [insert() for _number in range(6)]
    first, second = slots(serve("root:2"))
    assert [first.uuid, second.uuid] == jobs[:2]
    assert [hinted(first), hinted(second)] == [[jobs[2], jobs[4]], [jobs[3], jobs[5]]]
    assert {state_of(job) for job in jobs[2:]} == {"pending"}


def test_hinted_jobs_are_for_nobody_else_until_the_answer(serve, insert, sql):
    jobs = [insert() for _number in range(3)]
    served = serve("root:1")
    (slot,) = slots(served)
    insert(priority=99)
    assert slots(served) == []
    # the worker ran the first two, its budget was used up
    sql("UPDATE queue_job SET state = 'done' WHERE uuid = ANY(%s)", jobs[:2])
    answer(served, slot)
    (following,) = slots(served)
    assert following.uuid == jobs[2]


class Queries:
    """Counts what is asked of a database."""

    def __init__(self, database):
        self._database = database
        self.count = 0

    def __getattr__(self, name):
        value = getattr(self._database, name)
        if not callable(value) or name in ("fileno", "notified_channels"):
            return value

        def counted(*arguments, **keywords):
            self.count += 1
            return value(*arguments, **keywords)

        return counted


def test_what_was_not_begun_comes_back_without_a_query(serve, insert, sql):
    jobs = [insert() for _number in range(5)]
    served = serve("root:1")
    (slot,) = slots(served)
    assert hinted(slot) == jobs[1:]
    for state in ("started", "done"):
        sql("UPDATE queue_job SET state = %s WHERE uuid = ANY(%s)", state, jobs[:3])
    served.windows._reader._database = counter = Queries(served.database)
    answer(served, slot, hints=2)
    (following,) = slots(served)
    assert [following.uuid, *hinted(following)] == jobs[3:]
    assert counter.count == 0


def test_queries_per_job(serve, sql):
    """A long queue is read in few steps, whatever comes in meanwhile."""
    count = 3000
    sql(
        "INSERT INTO queue_job (uuid, state, channel, priority, date_created)"
        " SELECT n::text, 'pending', 'root', 10, now() FROM generate_series(1, %s) n",
        count,
    )
    served = serve("root:4")
    counter = Queries(served.database)
    served.database = served.windows._reader._database = counter
    now = time.time()
    open_slots, done = [], 0
    while True:
        served.note_notifications()
        now += 0.05
        open_slots += decide(served, now)
        if not open_slots:
            break
        slot = open_slots.pop(0)
        ids = list(slot.ids())
        sql("UPDATE queue_job SET state = 'done' WHERE id = ANY(%s)", ids)
        answer(served, slot, hints=len(slot.hints))
        done += len(ids)
    assert done == count
    assert counter.count < count / 10


def test_a_hinted_job_that_is_tried_again_comes_back(serve, insert, sql):
    _first, again = insert(), insert()
    served = serve("root:1")
    (slot,) = slots(served)
    assert hinted(slot) == [again]
    sql("UPDATE queue_job SET state = 'done' WHERE uuid <> %s", again)
    sql("UPDATE queue_job SET state = 'started' WHERE uuid = %s", again)
    sql("UPDATE queue_job SET state = 'pending' WHERE uuid = %s", again)
    # the notification comes before the answer
    assert slots(served) == []
    answer(served, slot, hints=1)
    (following,) = slots(served)
    assert following.uuid == again


def test_what_is_started_by_others_takes_capacity(serve, insert, sql, lock):
    job, waiting = insert(), insert()
    served = serve("root:1")
    sql("UPDATE queue_job SET state = 'started', lease = 'x' WHERE uuid = %s", job)
    worker = lock(job)
    assert slots(served) == []
    sql("UPDATE queue_job SET state = 'done' WHERE uuid = %s", job)
    worker.rollback()
    (slot,) = slots(served, time.time() + 10)
    assert slot.uuid == waiting


def test_the_grant_is_in_the_row(serve, insert, sql):
    job = insert()
    served = serve()
    (slot,) = slots(served)
    assert len(slot.grant) >= 32
    assert sql("SELECT state, lease FROM queue_job") == [("enqueued", slot.grant)]
    answer(served, slot, "refused")
    assert sql("SELECT state, lease FROM queue_job") == [("pending", None)]
    (again,) = slots(served, time.time() + 10)
    assert again.uuid == job
    assert again.grant != slot.grant


def test_hints_of_a_long_job_are_given_to_others(serve, insert, sql):
    jobs = [insert() for _number in range(3)]
    served = serve("root:2")
    long, short = slots(served)
    assert hinted(long) == [jobs[2]]
    sql("UPDATE queue_job SET state = 'started', lease = 'x' WHERE uuid = %s", long.uuid)
    sql("UPDATE queue_job SET state = 'done' WHERE uuid = %s", short.uuid)
    answer(served, short)
    assert slots(served) == []
    (taken,) = slots(served, time.time() + 2)
    assert taken.uuid == jobs[2]


def test_capacity_is_held_while_a_hinted_job_runs_without_a_request(serve, insert, sql, lock):
    first, hinted, waiting = insert(), insert(), insert()
    served = serve("root:1")
    (slot,) = slots(served)
    sql("UPDATE queue_job SET state = 'done' WHERE uuid = %s", first)
    sql("UPDATE queue_job SET state = 'started', lease = 'x' WHERE uuid = %s", hinted)
    worker = lock(hinted)
    answer(served, slot, "the connection was cut")
    assert slots(served) == []
    sql("UPDATE queue_job SET state = 'done' WHERE uuid = %s", hinted)
    worker.rollback()
    served.look(time.time() + 10)
    (following,) = slots(served, time.time() + 12)
    assert following.uuid == waiting


def test_a_notification_that_comes_with_an_answer(serve, insert, runner_database):
    """The socket is silent then: whoever waits for it has to ask before."""
    served = serve()
    insert()
    runner_database.value("SELECT 1")
    assert runner_database.has_notifications()
    assert served.note_notifications()
    assert not runner_database.has_notifications()


def test_capacity_is_held_while_another_request_runs_the_job(serve, insert, sql, lock, caplog):
    """A gateway has sent the request twice, and the answer is that of the second one."""
    first, second = insert(), insert()
    served = serve("root:1")
    (slot,) = slots(served)
    assert slot.uuid == first
    sql("UPDATE queue_job SET state = 'started', lease = 'x' WHERE uuid = %s", first)
    worker = lock(first)
    answer(served, slot, was_refused=True)
    assert slots(served) == []
    assert f"the request for job {first} of database {served.name} ended too early" in caplog.text
    sql("UPDATE queue_job SET state = 'done' WHERE uuid = %s", first)
    worker.rollback()
    served.look(time.time() + 3)
    assert [slot.uuid for slot in slots(served)] == [second]


def test_a_refused_job_whose_row_is_locked(serve, insert, sql, state_of, cluster, database):
    """It can't be taken back at once, and nobody has it: so it is as soon as that is possible."""
    job = insert()
    served = serve()
    (slot,) = slots(served)
    with cluster.connect(database) as other, other.cursor() as cursor:
        other.autocommit = False
        cursor.execute("UPDATE queue_job SET name = 'x' WHERE uuid = %s", [job])
        answer(served, slot, was_refused=True)
        served.look(time.time() + 3)
        assert state_of(job) == "enqueued"
        other.rollback()
    served.look(time.time() + 6)
    assert state_of(job) == "pending"
    served.look(time.time() + 9)
    assert [slot.uuid for slot in slots(served, time.time() + 10)] == [job]


def test_a_slot_that_goes_on_without_its_answer(serve, insert, sql, lock):
    """Between two of its jobs nothing of it is in progress: its capacity is not free for that."""
    first, second = insert(), insert()
    served = serve("root:1")
    now = time.time()
    (slot,) = slots(served, now)
    sql("UPDATE queue_job SET state = 'started', lease = 'x' WHERE uuid = %s", first)
    worker = lock(first)
    answer(served, slot, problem="502")
    sql("UPDATE queue_job SET state = 'done' WHERE uuid = %s", first)
    worker.rollback()
    served.look(now + 3)
    third = insert()
    assert slots(served, now + 3) == []
    sql("UPDATE queue_job SET state = 'started', lease = 'y' WHERE uuid = %s", second)
    worker = lock(second)
    served.look(now + 4)
    assert slots(served, now + 4) == []
    sql("UPDATE queue_job SET state = 'done' WHERE uuid = %s", second)
    worker.rollback()
    served.look(now + 5)
    served.look(now + 7)
    assert [slot.uuid for slot in slots(served, now + 7)] == [third]


def test_a_job_that_was_refused_though_nobody_runs_it(serve, insert, state_of):
    """The gate was closed, for example. It is pending, and requested again in a moment."""
    job = insert()
    served = serve()
    (slot,) = slots(served)
    answer(served, slot, was_refused=True)
    assert state_of(job) == "pending"
    assert slots(served) == []
    assert [slot.uuid for slot in slots(served, time.time() + 1)] == [job]


def test_an_answer_that_is_lost(serve, insert, sql, caplog):
    """The jobs of the slot have ended; after a while its capacity is free."""
    first, second = insert(), insert()
    served = serve("root:1")
    now = time.time()
    (slot,) = slots(served, now)
    sql("UPDATE queue_job SET state = 'done' WHERE uuid = %s", first)
    served.look(now + 3)
    assert slots(served, now + 30) == []
    assert [slot.uuid for slot in slots(served, now + 40)] == [second]
    assert f"the request for job {first} of database {served.name} has no answer" in caplog.text
    # should it come all the same, it says nothing new
    answer(served, slot)
    assert list(served.in_flight) == [second]


def test_a_stopped_job_whose_method_goes_on(serve, insert, sql, caplog):
    """It takes capacity until Odoo answers."""
    first, second = insert(), insert()
    served = serve("root:1")
    now = time.time()
    (slot,) = slots(served, now)
    sql("UPDATE queue_job SET state = 'started', date_started = now() WHERE uuid = %s", first)
    sql("UPDATE queue_job SET state = 'cancelled', lease = NULL WHERE uuid = %s", first)
    for seconds in (3, 40, 300):
        assert slots(served, now + seconds) == []
    assert caplog.text == ""
    answer(served, slot)
    assert [slot.uuid for slot in slots(served, now + 301)] == [second]


@pytest.mark.parametrize(
    ("channels", "allowed"),
    [("root:1", True), ("root:1:sequential", False), ("root:1:throttle=1", False)],
)
def test_a_slot_may_go_on_with_what_it_releases(serve, insert, channels, allowed):
    job = insert()
    (slot,) = slots(serve(channels))
    assert (slot.uuid, slot.next) == (job, 0 if allowed else None)


def test_a_slot_does_not_go_on_while_others_wait_for_its_capacity(serve, insert):
    insert(channel="root.a")
    insert(channel="root.b")
    (slot,) = slots(serve("root:1"))
    assert slot.next is None


def test_a_slot_knows_what_waits_behind_its_hints(serve, insert, sql, jobrunner):
    for _number in range(jobrunner.slots.MAX_HINTS + 3):
        insert()
    (slot,) = slots(serve("root:1"))
    behind = sql("SELECT min(id) FROM queue_job WHERE id > %s", slot.hints[-1].id)
    assert slot.next == behind[0][0]


def test_what_a_slot_went_on_with_takes_its_unit(serve, insert, sql, lock):
    """And not one more, though the runner had not chosen it."""
    first = insert()
    served = serve("root:2")
    now = time.time()
    (slot,) = slots(served, now)
    sql("UPDATE queue_job SET state = 'done' WHERE uuid = %s", first)
    successor = insert(state="started", lease=f"{first}:fe2a")
    worker = lock(successor)
    served.look(now + 3)
    waiting = insert()
    assert [slot.uuid for slot in slots(served, now + 3)] == [waiting]
    assert served.engine.running("root") == 2
    # nor is the slot without anything in progress
    served.look(now + 100)
    assert first in served.in_flight
    answer(served, slot, "the connection was cut")
    assert served.engine.running("root") == 2
    sql("UPDATE queue_job SET state = 'done' WHERE uuid = %s", successor)
    worker.rollback()
    served.look(now + 200)
    served.look(now + 202)
    assert served.engine.running("root") == 1


def test_a_job_that_a_slot_released_and_did_not_claim_is_read(serve, insert, sql):
    """The trigger said nothing of it."""
    first = insert()
    served = serve("root:1")
    (slot,) = slots(served)
    sql("UPDATE queue_job SET state = 'done' WHERE uuid = %s", first)
    left = insert()
    served.note_notifications()
    served.windows._stale.clear()
    answer(served, slot)
    assert [slot.uuid for slot in slots(served)] == [left]


def test_the_last_jobs_are_shared_with_the_slots_that_are_at_work(serve, insert, sql):
    """Else one would run them all, while the others have nothing to do."""
    served = serve("root:4")
    at_work = [insert() for _number in range(4)]
    assert [slot.uuid for slot in slots(served)] == at_work
    last = [insert() for _number in range(13)]
    served.note_notifications()
    end(served, sql, at_work[0])
    (slot,) = slots(served)
    assert [slot.uuid, *hinted(slot)] == last[:4]
    end(served, sql, at_work[1])
    (slot,) = slots(served)
    assert [slot.uuid, *hinted(slot)] == last[4:7]


def test_all_are_for_the_only_slot(serve, insert):
    jobs = [insert() for _number in range(13)]
    (slot,) = slots(serve("root:1"))
    assert [slot.uuid, *hinted(slot)] == jobs
