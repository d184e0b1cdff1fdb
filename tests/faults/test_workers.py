"""Workers that are gone in the middle of a job."""

import time

import pytest
from faults.stage import kill

#: Seconds after which the goal is missed; machines are slow and busy, so it is not the goal.
PATIENCE = 20


def kill_and_wait_for_the_next_try(stage, uuids):
    """:return: seconds from the end of the worker to the next start of its job"""
    lease = stage.rows(uuids, "lease")
    kill(stage.worker_of(uuids[0]))
    start = time.monotonic()
    while stage.rows(uuids, "lease") == lease or not stage.count("started", uuids):
        assert time.monotonic() - start < PATIENCE
        time.sleep(0.02)
    return time.monotonic() - start


def test_a_worker_is_killed(calm, judge):
    """Its job runs again, and what it had done until then is undone."""
    uuids = calm.delay("leave", kwargs={"seconds": 3})
    calm.wait_for("started", uuids)
    recovery = kill_and_wait_for_the_next_try(calm, uuids)
    judge(calm, "worker killed in mid-job", recovery)
    assert calm.rows(uuids, "retry") == [(2,)]
    assert f"job {uuids[0]} of database {calm.database} was found dead" in calm.log()


@pytest.mark.long
def test_a_worker_is_killed_in_a_statement(calm, judge):
    """PostgreSQL finds out while the statement still runs."""
    uuids = calm.delay("leave_in_database", kwargs={"seconds": 6})
    calm.wait_for("started", uuids)
    recovery = kill_and_wait_for_the_next_try(calm, uuids)
    judge(calm, "worker killed in a long statement", recovery)


def test_a_job_that_kills_its_worker_once(calm, judge):
    uuids = calm.delay("kill_worker", kwargs={"tries": 1})
    calm.delay("leave", 20)
    judge(calm, "job that kills its worker once")
    assert calm.rows(uuids, "retry") == [(2,)]


def test_a_job_that_kills_its_worker_always(calm, judge):
    """It fails after its tries and says why; the others are done."""
    uuids = calm.delay("kill_worker", expected="failed", max_retries=2)
    calm.delay("leave", 20)
    judge(calm, "job that kills its worker always")
    (row,) = calm.rows(uuids, "exc_name", "exc_message")
    assert row[0] == "JobFoundDead"
    assert "worker" in row[1]


def test_workers_are_killed_in_chains(calm, judge):
    """Of each chain one step after the other takes effect, though the next one is claimed with the end of each."""
    chains = [
        calm.delay("leave", 40, {"seconds": 0.02}, graph="chain", max_retries=0)
        for _number in range(6)
    ]
    killed = 0
    for _round in range(5):
        time.sleep(0.7)
        workers = "SELECT worker_pid FROM queue_job WHERE state = 'started' ORDER BY random()"
        for (pid,) in calm.sql(f"{workers} LIMIT 1"):
            kill(pid)
            killed += 1
    judge(calm, "workers killed in the middle of chains")
    assert killed
    for uuids in chains:
        effects = calm.sql(
            "SELECT job_uuid FROM queue_job_effect WHERE job_uuid = ANY(%s) ORDER BY id", uuids
        )
        assert [uuid for (uuid,) in effects] == uuids


@pytest.mark.long
def test_many_workers_are_killed(calm, judge):
    uuids = calm.delay("leave", 60, kwargs={"seconds": 0.4}, max_retries=0)
    for _round in range(4):
        calm.wait_for("started", uuids, 1)
        for (pid,) in calm.sql("SELECT DISTINCT worker_pid FROM queue_job WHERE state = 'started'"):
            kill(pid)
        time.sleep(1)
    judge(calm, "all busy workers killed, four times")
