"""PostgreSQL that goes away, all at once or connection by connection."""

import subprocess
import time

import psycopg2
import pytest
from faults.postgres import start_again, stop_at_once

PATIENCE = 40


def recovered(stage, uuids):
    """:return: float, the seconds until one of the jobs is done"""
    start = time.monotonic()
    already = None
    while True:
        try:
            done = stage.count("done", uuids)
        except psycopg2.OperationalError:
            done = None
        if already is None:
            already = done
        elif done is not None and done > already:
            return time.monotonic() - start
        assert time.monotonic() - start < PATIENCE, "no job was done since"
        time.sleep(0.05)


def test_postgresql_is_stopped_at_once(lone_stage, lone_cluster, judge):
    """It is no fault of the jobs: their tries do not count.

    Odoo's prefork server ends by itself when it meets a missing PostgreSQL in a bad moment; whatever
    watches over it starts it again.
    """
    here = lone_stage(workers=3, channels="root:3")
    uuids = here.delay("leave", 40, kwargs={"seconds": 0.6}, max_retries=1)
    here.wait_for("started", uuids, 3)
    stop_at_once(lone_cluster)
    start_again(lone_cluster)
    (server,) = here.servers
    if not server.is_running:
        server.start()
    recovery = recovered(here, uuids)
    judge(here, "PostgreSQL stopped at once and started", recovery)
    assert {retry for (retry,) in here.rows(uuids, "retry")} == {1}


@pytest.mark.long
def test_postgresql_crashes(lone_stage, lone_cluster, judge):
    """A backend is killed, and PostgreSQL restarts all others by itself."""
    here = lone_stage(workers=2, channels="root:2")
    uuids = here.delay("leave", 12, kwargs={"seconds": 0.8}, max_retries=1)
    here.wait_for("started", uuids, 2)
    victim = next(iter(here.lock_holders().values()))
    subprocess.run(["kill", "-9", str(victim)], check=True)
    recovery = recovered(here, uuids)
    judge(here, "backend killed, PostgreSQL restarts itself", recovery)
    assert {retry for (retry,) in here.rows(uuids, "retry")} == {1}


def test_every_backend_is_terminated(calm, judge):
    """Again and again; no job fails of it, though none may be tried twice."""
    uuids = calm.delay("leave", 60, kwargs={"seconds": 0.3}, max_retries=1)
    for _round in range(5):
        time.sleep(0.7)
        assert calm.terminate_backends()
    recovery = recovered(calm, uuids)
    judge(calm, "every backend terminated, five times", recovery)
    assert {retry for (retry,) in calm.rows(uuids, "retry")} == {1}


@pytest.mark.long
def test_a_job_that_loses_its_connection_always(calm, judge):
    """It ends as failed, and says why; the others are done."""
    uuids = calm.delay("lose_connection", expected="failed", max_retries=1)
    calm.delay("leave", 10)
    judge(calm, "job that terminates its connection always")
    ((message, info),) = calm.rows(uuids, "exc_message", "exc_info")
    assert "connection" in message
    assert info


def test_a_long_transaction_holds_the_horizon(calm, connect, judge):
    """What is done since is dead to all but it; the jobs go on."""
    holder = connect(calm.database)
    holder.set_session(isolation_level="REPEATABLE READ")
    holder.cursor().execute("SELECT count(*) FROM queue_job")
    start = time.monotonic()
    calm.delay("leave", 400, graph="group")
    judge(calm, "a long transaction holds the horizon", time.monotonic() - start)
    holder.rollback()


@pytest.mark.long
def test_a_long_transaction_holds_the_horizon_for_minutes(calm, connect, judge, endurance_minutes):
    holder = connect(calm.database)
    holder.set_session(isolation_level="REPEATABLE READ")
    holder.cursor().execute("SELECT count(*) FROM queue_job")
    end = time.monotonic() + min(endurance_minutes, 3) * 60
    while time.monotonic() < end:
        calm.delay("leave", 1000)
        calm.wait_for_end(300)
    judge(calm, "a long transaction holds the horizon for minutes")
    holder.rollback()
