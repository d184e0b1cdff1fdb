"""Job runners that are killed, frozen, cut off, or many."""

import signal
import time

import pytest
from faults.stage import kill

from stack.postgres import PORT
from stack.waiting import wait_until

PATIENCE = 30
#: Seconds until a runner that is frozen or cut off has been noticed, and another has taken over. It
#: is silent for eight seconds, then the next look of the other one, two seconds apart, ends it.
DETECTION = 15


def seconds_until_started(stage, uuids):
    start = time.monotonic()
    wait_until(
        lambda: stage.count("started", uuids) + stage.count("done", uuids), PATIENCE, "a start"
    )
    return time.monotonic() - start


def leader(stage):
    """:return: the server whose runner drives the database"""
    for server in stage.servers:
        if server.is_running and f"ready for db {stage.database}" in server.log_text():
            return server
    raise AssertionError("no runner leads")


def test_the_runner_is_killed(calm, judge):
    """The server starts another one, which takes over what runs and what waits."""
    uuids = calm.delay("leave", 12, kwargs={"seconds": 1})
    calm.wait_for("started", uuids, 3)
    kill(calm.runner())
    more = calm.delay("leave", priority=1)
    recovery = calm.wait_for("done", more, timeout=PATIENCE)
    judge(calm, "runner killed", recovery)
    assert [retry for (retry,) in calm.rows(uuids, "retry")] == [1] * 12


@pytest.mark.long
def test_the_whole_server_is_killed(stage, judge):
    here = stage(workers=2, channels="root:2")
    uuids = here.delay("leave", 10, kwargs={"seconds": 1})
    here.wait_for("started", uuids, 2)
    (server,) = here.servers
    server.child.kill()
    server.start()
    recovery = seconds_until_started(here, uuids)
    judge(here, "server killed and started again", recovery)


@pytest.mark.long
@pytest.mark.parametrize("servers", [2, 3])
def test_the_leader_of_several_servers_is_killed(stage, judge, servers):
    """One of the others takes the lead; never do more jobs run than the channel allows."""
    here = stage(servers=servers, workers=2, channels="root:2")
    first = leader(here)
    uuids = here.delay("leave", 30, kwargs={"seconds": 0.5})
    with here.watching_capacity() as numbers:
        here.wait_for("done", uuids, 2)
        first.child.kill()
        others = here.delay("leave", priority=1)
        recovery = here.wait_for("done", others, timeout=PATIENCE)
        judge(here, f"leader of {servers} servers killed", recovery)
    assert max(numbers) <= 2


def test_a_frozen_leader_wakes_up(stage, judge):
    """A standby has taken over meanwhile; the old leader does no harm."""
    here = stage(servers=2, workers=2, channels="root:2")
    frozen = here.runner(leader(here))
    uuids = here.delay("leave", 30, kwargs={"seconds": 0.5})
    with here.watching_capacity() as numbers:
        here.wait_for("done", uuids, 2)
        kill(frozen, signal.SIGSTOP)
        try:
            others = here.delay("leave", priority=1)
            recovery = here.wait_for("done", others, timeout=DETECTION)
        finally:
            kill(frozen, signal.SIGCONT)
        judge(here, "leader frozen, standby takes over, leader wakes", recovery)
    assert max(numbers) <= 2


def test_the_connection_is_silently_dropped(stage, cluster, proxy, judge):
    """Nothing comes back, and nothing says that the other end is gone."""
    between = proxy(f"{cluster.host}/.s.PGSQL.{PORT}")
    options = {"jobrunner_db_host": "127.0.0.1", "jobrunner_db_port": between.port}
    here = stage(queue_job=options)
    here.delay("leave")
    here.wait_for_end()
    between.mute()
    uuids = here.delay("leave", 5)
    recovery = here.wait_for("done", uuids, timeout=DETECTION)
    judge(here, "runner's connection silently dropped", recovery)
    assert "no longer served" in here.log()


@pytest.mark.long
@pytest.mark.parametrize("times", [1, 3])
def test_the_connection_is_reset(stage, cluster, proxy, judge, times):
    between = proxy(f"{cluster.host}/.s.PGSQL.{PORT}")
    options = {"jobrunner_db_host": "127.0.0.1", "jobrunner_db_port": between.port}
    here = stage(queue_job=options)
    uuids = here.delay("leave", 10, kwargs={"seconds": 0.4})
    for _time in range(times):
        here.wait_for("started", uuids, 1)
        between.drop()
        time.sleep(0.5)
    more = here.delay("leave", priority=1)
    recovery = here.wait_for("done", more, timeout=PATIENCE)
    judge(here, f"runner's connection reset, {times} times", recovery)
