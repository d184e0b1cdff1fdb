"""Clocks that jump: what is due is due by PostgreSQL's clock, and all else by none that can jump."""

import signal

import pytest
from faults.stage import kill

HOUR = 3600
#: Seconds; without any fault it takes five.
PATIENCE = 60


@pytest.fixture
def still(clock):
    """The clock, which does not differ from ours at the beginning and at the end of the test."""
    clock.jump(0)
    yield clock
    clock.jump(0)


def delay_of_each_kind(stage):
    """:return: (jobs due in a moment, jobs that run and wait, jobs of a channel that is throttled)"""
    due = stage.delay("leave", 3, eta=HOUR, max_retries=0)
    running = stage.delay("leave", 6, kwargs={"seconds": 1}, max_retries=0)
    again = stage.delay("try_again", 3, kwargs={"seconds": 4}, max_retries=0, priority=1)
    paced = stage.delay("leave", 4, channel="root.paced", max_retries=0)
    stage.wait_for("started", running, 1)
    return due, [*running, *again], paced


def make_due(stage, uuids, seconds):
    stage.sql(
        "UPDATE queue_job SET eta = now() AT TIME ZONE 'UTC' + %s * interval '1 s' WHERE uuid = ANY(%s)",
        seconds,
        uuids,
    )


def assert_in_time(stage, due, paced):
    """Nothing began before its time, by PostgreSQL's clock; and the throttle was kept."""
    assert all(started >= eta for started, eta in stage.rows(due, "date_started", "eta"))
    assert not stage.sql("SELECT 1 FROM queue_job WHERE exec_time < 0 OR date_done < date_started")
    begun = sorted(moment for (moment,) in stage.rows(paced, "date_started"))
    pauses = [(b - a).total_seconds() for a, b in zip(begun, begun[1:], strict=False)]
    assert min(pauses) > 0.5


@pytest.mark.parametrize(
    "seconds", [pytest.param(HOUR, marks=pytest.mark.long), -HOUR], ids=["ahead", "back"]
)
@pytest.mark.long
def test_the_clock_of_runner_and_workers_jumps(stage, still, judge, seconds):
    """Odoo's server takes for stuck, when its clock goes ahead, who has not told since that it is
    well: workers, whose jobs are found dead then and run again, and the runner, or not.
    """
    here = stage(workers=3, channels="root:3,root.paced:1:throttle=1", environ=still.environ)
    due, _others, paced = delay_of_each_kind(here)
    runner = here.runner()
    still.jump(seconds)
    make_due(here, due, 3)
    recovery = here.wait_for("done", due, timeout=PATIENCE)
    judge(here, f"clock of Odoo jumps by {seconds} s", recovery, timeout=PATIENCE)
    assert_in_time(here, due, paced)
    assert "no longer served" not in here.log()
    if seconds < 0:
        assert here.runner() == runner
        assert "found dead" not in here.log()


@pytest.mark.long
@pytest.mark.parametrize("seconds", [HOUR, -HOUR], ids=["ahead", "back"])
def test_the_clock_of_postgresql_jumps(clocked_stage, still, judge, seconds):
    """What is due by the new clock runs, what is not does not; all else goes on."""
    here = clocked_stage(servers=2, workers=2, channels="root:3")
    due, others, _paced = delay_of_each_kind(here)
    still.jump(seconds)
    if seconds < 0:
        # by this clock, the jobs to be tried again have an hour to wait
        here.wait_for("done", others, 6, timeout=PATIENCE)
        assert here.count("pending", due) == 3
        still.jump(0)
        make_due(here, due, 3)
    recovery = here.wait_for("done", due, timeout=PATIENCE)
    judge(here, f"clock of PostgreSQL jumps by {seconds} s", recovery, timeout=PATIENCE)
    assert "unexpected error" not in here.log()


@pytest.mark.long
def test_the_clock_of_postgresql_is_set_back_and_the_leader_is_frozen(clocked_stage, still, judge):
    """It does not keep the lead until the clock has caught up."""
    here = clocked_stage(servers=2, workers=2, channels="root:2")
    here.delay("leave")
    here.wait_for_end()
    leading = [one for one in here.servers if f"ready for db {here.database}" in one.log_text()]
    frozen = here.runner(leading[-1])
    kill(frozen, signal.SIGSTOP)
    still.jump(-HOUR)
    uuids = here.delay("leave", 5)
    try:
        recovery = here.wait_for("done", uuids, timeout=PATIENCE)
    finally:
        kill(frozen, signal.SIGCONT)
    judge(here, "leader frozen, clock of PostgreSQL set back", recovery)
