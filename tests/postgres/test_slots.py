# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Slots: what is hinted, what an answer says, and what takes capacity when there is none."""

import time

import pytest
from runner_turns import answer, decide, end, hinted, slots


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
