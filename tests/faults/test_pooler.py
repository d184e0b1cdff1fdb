"""PgBouncer in transaction mode between Odoo, its runners, and PostgreSQL."""

import signal
import time

import pytest
from faults.pooler import Pooler
from faults.runners import NO_RUNNER, RunnerProcess, Supervisor
from faults.stage import Stage, kill

from stack.places import REPOSITORY
from stack.postgres import PORT, USER
from stack.waiting import wait_until

PATIENCE = 40
ADDONS = (REPOSITORY / "tests" / "addons",)


@pytest.fixture
def pooler(cluster):
    with Pooler(cluster) as one:
        yield one


@pytest.fixture
def pooled_stage(stage, pooler):
    """A function that starts servers that reach PostgreSQL through PgBouncer alone."""

    def start(**config):
        options = {"db_host": "127.0.0.1", "db_port": pooler.port}
        return stage(options=options, queue_job={"poll_only": "true"}, **config)

    return start


@pytest.fixture
def runners(database, start_server, cluster, pooler, tmp_path):
    """A :class:`Stage` without runner, and two runners of their own that poll through PgBouncer."""
    server = start_server(database, environ=NO_RUNNER, addons=ADDONS)
    options = {"host": cluster.host, "port": PORT, "user": USER}
    environ = {
        "ODOO_QUEUE_JOB_POLL_ONLY": "true",
        "ODOO_QUEUE_JOB_JOBRUNNER_DB_HOST": "127.0.0.1",
        "ODOO_QUEUE_JOB_JOBRUNNER_DB_PORT": str(pooler.port),
    }
    started = []
    for number in range(2):
        directory = tmp_path / str(number)
        directory.mkdir()
        runner = RunnerProcess(server.directory / "odoo.conf", directory, environ)
        started.append(runner)
        runner.start()
        runner.wait_for_log(f"ready for db {database}" if not number else "this one stands by")
    yield Stage(database, options, [server]), *started
    for runner in started:
        runner.stop()


def test_odoo_and_its_runner_through_the_pooler(pooled_stage, judge):
    """A worker is killed in mid-job, a job is stopped, many are done."""
    here = pooled_stage(workers=3, channels="root:3")
    (victim,) = here.delay("leave", kwargs={"seconds": 3}, priority=1)
    here.delay("leave", 60, kwargs={"seconds": 0.05})
    here.delay("leave", 20, by_group=True)
    here.delay("try_again", 5, kwargs={"seconds": 1}, max_retries=3)
    (stopped,) = here.delay("leave", kwargs={"seconds": 60}, expected="cancelled", priority=2)
    here.wait_for("started", [victim, stopped])
    lease = here.rows([victim], "lease")
    kill(here.worker_of(victim))
    start = time.monotonic()
    wait_until(
        lambda: here.rows([victim], "lease") != lease and here.count("started", [victim]),
        PATIENCE,
        "the second try",
    )
    recovery = time.monotonic() - start
    ids = [row[0] for row in here.rows([stopped], "id")]
    here.call("queue.job", "button_stop", [ids])
    judge(here, "worker killed behind PgBouncer", recovery)
    assert here.rows([victim], "retry") == [(2,)]
    assert "Traceback" not in "".join(
        line for line in here.log().splitlines(True) if "queue_job.jobrunner" in line
    )


def test_the_cron_is_woken_through_the_pooler(pooled_stage, cluster, judge):
    """Odoo listens on its system database, and looks once a minute anyway."""
    here = pooled_stage(workers=2, channels="root:2")
    assert "Auto-vacuum" not in here.log()
    start = time.monotonic()
    cluster.execute("SELECT pg_notify('cron_trigger', %s)", [here.database])
    wait_until(lambda: "Auto-vacuum" in here.log(), 30, "the cron")
    here.delay("leave")
    judge(here, "cron woken through PgBouncer", time.monotonic() - start)


def test_the_leader_is_killed_behind_the_pooler(runners, judge):
    here, leader, standby = runners
    uuids = here.delay("leave", 20, kwargs={"seconds": 0.4})
    here.wait_for("done", uuids, 2)
    kill(leader.pid)
    start = time.monotonic()
    standby.wait_for_log(f"ready for db {here.database}", PATIENCE)
    judge(here, "leader killed behind PgBouncer", time.monotonic() - start)
    assert {retry for (retry,) in here.rows(uuids, "retry")} == {1}


@pytest.mark.long
def test_a_frozen_leader_wakes_up_behind_the_pooler(runners, judge):
    """Its lease is over, and its grants are of an old epoch."""
    here, leader, standby = runners
    uuids = here.delay("leave", 30, kwargs={"seconds": 0.4})
    with here.watching_capacity() as numbers:
        here.wait_for("done", uuids, 2)
        kill(leader.pid, signal.SIGSTOP)
        start = time.monotonic()
        try:
            standby.wait_for_log(f"ready for db {here.database}", PATIENCE)
            recovery = time.monotonic() - start
            more = here.delay("leave", 5, priority=1)
            here.wait_for("done", more)
        finally:
            kill(leader.pid, signal.SIGCONT)
        leader.wait_for_log("another job runner has taken over")
        judge(here, "leader frozen behind PgBouncer", recovery)
    assert max(numbers) <= 2


@pytest.mark.long
def test_the_pooler_is_killed(pooled_stage, pooler, judge):
    """All connections are gone at once, and come back.

    A worker that can't tell that its job returns to the queue looks dead: that try counts.
    """
    here = pooled_stage(workers=3, channels="root:3")
    uuids = here.delay("leave", 40, kwargs={"seconds": 0.5})
    here.wait_for("started", uuids, 3)
    pooler.child.kill()
    start = time.monotonic()
    time.sleep(1)
    pooler.start()
    done = here.count("done", uuids)
    supervisor = Supervisor(*here.servers)
    supervisor.wait_until(lambda: here.count("done", uuids) > done, PATIENCE, "a job done")
    judge(here, "PgBouncer killed and started again", time.monotonic() - start)
    assert {retry for (retry,) in here.rows(uuids, "retry")} <= {1, 2}
