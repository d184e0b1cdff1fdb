"""A transaction that stays open: no row version that has died since can be removed."""

import time

import pytest

#: Jobs of one measurement, and of the first one, whose dead versions are then in the way.
JOBS = 1000
DEAD = 4000


def drained(stage, count):
    """:return: float, jobs a second from the first to the last one"""
    uuids = stage.delay("leave", count)
    start = time.monotonic()
    stage.wait_for("done", uuids, timeout=240)
    return count / (time.monotonic() - start)


@pytest.mark.long
def test_dead_versions_cost_little(calm, connect, judge):
    """Measured without and with thousands of them, in the same run."""
    drained(calm, 100)
    without = drained(calm, JOBS)
    holder = connect(calm.database)
    holder.set_session(isolation_level="REPEATABLE READ")
    holder.cursor().execute("SELECT count(*) FROM queue_job")
    drained(calm, DEAD)
    with_them = drained(calm, JOBS)
    print(f"{without:.0f} jobs/s; {with_them:.0f} jobs/s with the dead versions of {DEAD}")
    judge(calm, f"drained beside the dead versions of {DEAD} jobs")
    holder.rollback()
    # machines are busy with other things, too
    assert with_them > without / 2
