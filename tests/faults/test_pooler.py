"""PgBouncer in transaction mode between Odoo, its runners, and PostgreSQL."""

import contextlib
import signal
import time

import psycopg2
import pytest
from faults.pooler import Pooler
from faults.runners import NO_RUNNER, RunnerProcess, Supervisor
from faults.stage import Stage, kill

from stack.database import OF_THIS_DATABASE
from stack.places import REPOSITORY
from stack.postgres import PORT, USER
from stack.waiting import wait_until

PATIENCE = 40
#: Seconds: more than a worker waits to say that its job returns to the queue.
LONG = 20
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
def quiet(database, start_server, cluster, pooler):
    """A :class:`Stage` without runner, through PgBouncer."""
    pooled = {"db_host": "127.0.0.1", "db_port": pooler.port}
    server = start_server(database, environ=NO_RUNNER, addons=ADDONS, options=pooled)
    return Stage(database, {"host": cluster.host, "port": PORT, "user": USER}, [server])


@pytest.fixture
def make_runner(quiet, pooler, tmp_path):
    """A function that makes a runner of its own for the quiet stage, with or without ``poll_only``."""
    made = []

    def make(poll_only="true"):
        directory = tmp_path / str(len(made))
        directory.mkdir()
        environ = {
            "ODOO_QUEUE_JOB_POLL_ONLY": poll_only,
            "ODOO_QUEUE_JOB_JOBRUNNER_DB_HOST": "127.0.0.1",
            "ODOO_QUEUE_JOB_JOBRUNNER_DB_PORT": str(pooler.port),
        }
        runner = RunnerProcess(quiet.servers[0].directory / "odoo.conf", directory, environ)
        made.append(runner)
        return runner

    yield make
    for runner in made:
        runner.stop()


@pytest.fixture
def runners(quiet, make_runner):
    """The quiet stage, and two runners."""
    started = [make_runner(), make_runner()]
    for text, runner in zip(
        (f"ready for db {quiet.database}", "this one stands by"), started, strict=True
    ):
        runner.start()
        runner.wait_for_log(text)
    return quiet, *started


def test_odoo_and_its_runner_through_the_pooler(pooled_stage, judge):
    """A worker is killed in mid-job, a job is stopped, many are done."""
    here = pooled_stage(workers=3, channels="root:3")
    here.delay("leave", 60, kwargs={"seconds": 0.05})
    here.delay("leave", 20, graph="group")
    here.delay("try_again", 5, kwargs={"seconds": 1}, max_retries=3)
    (stopped,) = here.delay("leave", kwargs={"seconds": 60}, expected="cancelled", priority=2)
    # last, so that both run at once however long the other calls take
    (victim,) = here.delay("leave", kwargs={"seconds": 3}, priority=1)
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
    # jobs for which a worker waits
    errors = cluster.log.read_text().count("queue_job_signals")
    for _number in range(4):
        here.wait_for("done", here.delay("leave"))
    assert "/queue_job/runjob/park" in here.log()
    # no statement is prepared in a session that somebody else has in a moment
    assert cluster.log.read_text().count("queue_job_signals") == errors


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
    """All connections are gone at once, and come back. It is no fault of the jobs."""
    here = pooled_stage(workers=3, channels="root:3")
    uuids = here.delay("leave", 40, kwargs={"seconds": 0.5}, max_retries=1)
    here.wait_for("started", uuids, 3)
    pooler.child.kill()
    time.sleep(1)
    pooler.start()
    start = time.monotonic()
    done = here.count("done", uuids)
    supervisor = Supervisor(*here.servers)
    supervisor.wait_until(lambda: here.count("done", uuids) > done, PATIENCE, "a job done")
    judge(here, "PgBouncer killed and started again", time.monotonic() - start)
    assert {retry for (retry,) in here.rows(uuids, "retry")} == {1}


@pytest.mark.long
def test_the_pooler_is_away_for_longer(runners, pooler, judge):
    """Workers end meanwhile, as Odoo's server may. The runner has seen that it was not their fault."""
    here, *both = runners
    uuids = here.delay("leave", 20, kwargs={"seconds": 0.5}, max_retries=1)
    here.wait_for("started", uuids, 2)
    workers = [pid for (pid,) in here.rows(uuids, "worker_pid") if pid]
    pooler.child.kill()
    time.sleep(LONG)
    for pid in workers:
        kill(pid)
    pooler.start()
    start = time.monotonic()
    done = here.count("done", uuids)
    supervisor = Supervisor(*here.servers, *both)
    supervisor.wait_until(lambda: here.count("done", uuids) > done, PATIENCE, "a job done")
    judge(here, f"PgBouncer away for {LONG} s", time.monotonic() - start)
    assert supervisor.restarts <= 1
    assert {retry for (retry,) in here.rows(uuids, "retry")} == {1}
    assert "found dead" in both[0].log_text() + both[1].log_text()


SETTINGS = ("enable_seqscan", "statement_timeout", "synchronous_commit")


def left_behind(cluster, pooler, database):
    """What sessions of PostgreSQL have that the pooler would give to the next client.

    :return: (their settings, whether one holds a lock, whether one listens)
    """
    with contextlib.ExitStack() as stack:
        values = set()
        listens = False
        # each in a transaction, so that they are different ones
        for _number in range(3):
            options = {"host": "127.0.0.1", "port": pooler.port, "user": USER, "dbname": database}
            connection = stack.enter_context(contextlib.closing(psycopg2.connect(**options)))
            cursor = connection.cursor()
            for name in SETTINGS:
                cursor.execute("SELECT current_setting(%s)", [name])
                values.add(cursor.fetchone()[0])
            cursor.execute("SELECT count(*) FROM pg_listening_channels()")
            listens |= cursor.fetchone()[0] > 0
    locks = cluster.execute(
        f"SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND {OF_THIS_DATABASE}",
        database=database,
    )
    return values, bool(locks), listens


NOTHING = ({"on", "0"}, False, False)


def test_check_through_the_pooler(quiet, make_runner, cluster, pooler):
    """It says what is missing, and leaves nothing behind in sessions that others use."""
    code, text = make_runner("false").run("--check")
    assert "notifications do not come through" in text
    assert "set poll_only" in text
    assert code == 1
    assert left_behind(cluster, pooler, quiet.database) == NOTHING
    code, text = make_runner().run("--check")
    assert f"database {quiet.database}: ready" in text
    assert code == 0


def test_poll_only_is_forgotten(quiet, make_runner, cluster, pooler, judge):
    """The runner says so and serves nothing; when it is set, it goes on at once."""
    wrong = make_runner("false")
    wrong.start()
    wrong.wait_for_log("set poll_only", PATIENCE)
    uuids = quiet.delay("leave", 5)
    time.sleep(5)
    assert quiet.count("pending", uuids) == 5
    assert left_behind(cluster, pooler, quiet.database) == NOTHING
    wrong.stop()
    right = make_runner()
    right.start()
    start = time.monotonic()
    right.wait_for_log(f"ready for db {quiet.database}", PATIENCE)
    judge(quiet, "poll_only forgotten behind PgBouncer", time.monotonic() - start)
