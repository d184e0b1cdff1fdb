# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""A server accepts requests and does not begin them: it is frozen, or a worker of it is."""

import select
import time

import pytest

from stack.waiting import wait_until

A, B = "http://a", "http://b"
LIMIT = 30  # seconds, against hanging
#: Seconds, longer than a request is waited for.
LONG = 70


def decide(served, now):
    """One turn of the runner's loop: returns the slots to request, as sent."""
    select.select([served.database], [], [], 0.1)
    served.note_notifications()
    served.look(now)
    served.refresh(now)
    for job in served.engine.get_jobs_to_run(now):
        served.choose(job)
    slots = [slot for slot, _url in served.start(now)]
    for slot in slots:
        slot.sent_at = now
    return slots


def answer(served, slot, now, problem=None, was_refused=False):
    from odoo.addons.queue_job.jobrunner.dispatcher import Response

    response = Response(
        served.name, slot.uuid, problem, 0, slot.url, slot.grant, was_refused, slot.sent_at
    )
    served.note_response(response, now)


@pytest.fixture
def begin(sql):
    """A function that does what a worker does first; returns whether the job was there to be claimed."""

    sql("UPDATE queue_job_leader SET epoch = 1")

    def claim(slot):
        query = "SELECT queue_job_claim_enqueued(%s, %s, 1, 'a lease')"
        return sql(query, slot.uuid, slot.grant) != [(None,)]

    return claim


@pytest.fixture
def finish(sql, begin):
    """A function that runs a job to its end."""

    def run(served, slot, now):
        assert begin(slot)
        sql("UPDATE queue_job SET state = 'done' WHERE uuid = %s", slot.uuid)
        answer(served, slot, now)

    return run


def test_another_server_at_which_nothing_waits(serve, insert, begin, caplog):
    job = insert()
    served = serve("root:1", [A, B])
    (first,) = decide(served, 1000)
    assert first.url == A
    assert decide(served, 1000 + LONG / 2) == []
    (second,) = decide(served, 1000 + LONG)
    assert (second.uuid, second.url) == (job, B)
    assert f"Odoo at {A} has not begun job {job} in database {served.name} for 60 s" in caplog.text
    # the first server wakes up
    assert not begin(first)
    answer(served, first, 1100, was_refused=True)
    assert served.in_flight == {job: second}
    assert begin(second)


def test_the_only_server_is_waited_for(serve, insert, begin):
    insert()
    served = serve("root:1", [A])
    (slot,) = decide(served, 1000)
    assert decide(served, 1000 + 100 * LONG) == []
    assert begin(slot)


def test_a_server_that_is_stuck_gets_no_more_until_it_answers(serve, insert, messages):
    insert()
    served = serve("root:9", [A, B])
    (first,) = decide(served, 1000)
    decide(served, 1000 + LONG)
    for _number in range(3):
        insert()
    assert {slot.url for slot in decide(served, 1000 + LONG + 1)} == {B}
    assert f"Odoo at {A} answers again" not in messages()
    answer(served, first, 1000 + LONG + 2, was_refused=True)
    assert f"Odoo at {A} answers again" in messages()
    insert()
    assert [slot.url for slot in decide(served, 1000 + LONG + 3)] == [A]


def test_capacity_is_not_exceeded(serve, insert):
    """What is taken back is offered once; what stood behind it still waits."""
    jobs = [insert() for _number in range(4)]
    served = serve("root:2", [A, B])
    first, second = decide(served, 1000)
    assert (first.url, second.url) == (A, B)
    answer(served, second, 1010, problem="it has died")
    # the other one is left out for a moment
    assert decide(served, 1000 + LONG)
    assert len(served.in_flight) == served.engine.running("root") == 2
    answer(served, first, 1000 + LONG, was_refused=True)
    assert decide(served, 1000 + LONG + 1) == []
    assert served.engine.running("root") == 2
    assert set(served.in_flight) == set(jobs[:2])


def test_servers_that_are_as_busy(serve, insert):
    """All wait for a free worker: more capacity than workers."""
    for _number in range(4):
        insert()
    served = serve("root:4", [A, B])
    assert [slot.url for slot in decide(served, 1000)] == [A, B, A, B]
    assert decide(served, 1000 + 10 * LONG) == []


def test_a_server_that_has_begun_all_it_was_asked(serve, insert, begin):
    stuck, long = insert(), insert()
    served = serve("root:2", [A, B])
    first, second = decide(served, 1000)
    assert (first.uuid, second.uuid, second.url) == (stuck, long, B)
    assert begin(second)
    assert [(slot.uuid, slot.url) for slot in decide(served, 1000 + LONG)] == [(stuck, B)]


def test_requests_that_were_sent_later_have_ended(serve, insert, finish, begin, caplog):
    """A worker of the server is frozen, not all of it."""
    job = insert()
    served = serve("root:2", [A])
    (stuck,) = decide(served, 1000)
    insert()
    (later,) = decide(served, 1001)
    finish(served, later, 1002)
    assert decide(served, 1000 + LONG / 2) == []
    (again,) = decide(served, 1000 + LONG)
    assert (again.uuid, again.url) == (job, A)
    assert "until it answers" not in caplog.text
    assert not begin(stuck)
    assert begin(again)


def test_requests_that_were_sent_before_say_nothing(serve, insert, finish):
    insert()
    served = serve("root:2", [A])
    (before,) = decide(served, 1000)
    insert()
    (waiting,) = decide(served, 1001)
    finish(served, before, 1001 + LONG)
    assert decide(served, 1002 + LONG) == []
    assert list(served.in_flight) == [waiting.uuid]


def test_a_request_that_waits_to_be_sent_is_not_stuck(serve, insert):
    """The runner has no thread left for it."""
    insert()
    served = serve("root:1", [A, B])
    (slot,) = decide(served, 1000)
    del slot.sent_at
    assert decide(served, 1000 + LONG) == []


def test_no_more_are_given_up_than_there_are_threads_for(
    serve, insert, finish, jobrunner, monkeypatch
):
    monkeypatch.setattr(jobrunner.stuck_requests, "MOST_GIVEN_UP", 2)
    for _number in range(3):
        insert()
    served = serve("root:9", [A])
    stuck = decide(served, 1000)
    insert()
    (later,) = decide(served, 1001)
    finish(served, later, 1002)
    again = decide(served, 1000 + LONG)
    assert [slot.uuid for slot in again] == [slot.uuid for slot in stuck[:2]]
    assert decide(served, 1003 + LONG) == []
    answer(served, stuck[0], 1004 + LONG, was_refused=True)
    assert len(decide(served, 1005 + LONG)) == 1


def test_a_claim_just_then_wins(serve, insert, connect, database, state_of, sql):
    job = insert()
    sql("UPDATE queue_job_leader SET epoch = 1")
    served = serve("root:1", [A, B])
    (slot,) = decide(served, 1000)
    worker = connect(database)
    query = "SELECT queue_job_claim_enqueued(%s, %s, 1, 'a lease')"
    worker.cursor().execute(query, [slot.uuid, slot.grant])
    assert decide(served, 1000 + LONG) == []
    assert served.in_flight == {job: slot}
    worker.commit()
    assert state_of(job) == "started"


def test_a_server_that_is_stuck_and_ends_is_out_of_reach(serve, insert, caplog):
    insert()
    served = serve("root:1", [A, B])
    (first,) = decide(served, 1000)
    decide(served, 1000 + LONG)
    answer(served, first, 1080, problem="reset")
    assert f"can't have jobs run by Odoo at {A} (reset)" in caplog.text


def test_a_frozen_server_wakes_up(
    serve_all, make_fake_odoo, database, insert, state_of, sql, jobrunner, monkeypatch, ready
):
    """A real runner, with real requests."""
    monkeypatch.setattr(jobrunner.stuck_requests, "STUCK_AFTER", 1)
    servers = make_fake_odoo(), make_fake_odoo()
    hosts = ", ".join(f"127.0.0.1:{server.port}" for server in servers)
    serve_all([database], "root:6", host=hosts)
    ready(database)
    servers[0].is_awake.clear()
    jobs = [insert() for _number in range(6)]

    def are_done():
        return {state_of(job) for job in jobs} == {"done"}

    wait_until(are_done, LIMIT, "the end of the jobs")
    at_frozen = len(servers[0].requests)
    assert at_frozen
    later = [insert() for _number in range(6)]
    wait_until(lambda: {state_of(job) for job in later} == {"done"}, LIMIT, "later jobs")
    assert len(servers[0].requests) == at_frozen
    servers[0].is_awake.set()

    def is_asked_again():
        insert()
        time.sleep(0.2)
        return len(servers[0].requests) > at_frozen

    wait_until(is_asked_again, LIMIT, "a request to the server that is awake")
