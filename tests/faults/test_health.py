"""Runners that stall: noticed by who watches over them, and started again."""

import os
import re
import signal
import socket
import subprocess
import sys
import time

import pytest
from faults.proxy import Mode
from faults.runners import NO_RUNNER, RunnerProcess, Supervisor
from faults.stage import Stage, kill

from stack.odoo import OdooConfig, clean_environ
from stack.places import REPOSITORY
from stack.postgres import PORT, USER
from stack.waiting import wait_until

DEPLOY = REPOSITORY / "jobrunner" / "deploy"
#: Seconds; by default it is a minute.
LIMIT = "--health=8"


@pytest.fixture
def here(database, start_server, cluster, addon_template):
    """A :class:`Stage` whose server has no runner."""
    options = {"host": cluster.host, "port": PORT, "user": USER}
    addons = (REPOSITORY / "tests" / "addons",)
    server = start_server(database, environ=NO_RUNNER, addons=addons)
    return Stage(database, options, [server])


@pytest.fixture
def start_runner(here, tmp_path):
    """A function that starts a runner for it."""
    started = []

    def start(**environ):
        runner = RunnerProcess(here.servers[0].directory / "odoo.conf", tmp_path, environ)
        started.append(runner)
        runner.start()
        runner.wait_for_log(f"ready for db {here.database}")
        return runner

    yield start
    for runner in started:
        runner.stop()


def test_a_runner_tells_how_it_is(here, start_runner):
    runner = start_runner()
    wait_until(
        lambda: f"serves {here.database}" in runner.health("--health")[1], 20, "a served database"
    )
    code, text = runner.health(LIMIT)
    assert (code, text.count("\n")) == (0, 1)
    written = runner.health_file.stat().st_mtime_ns
    wait_until(lambda: runner.health_file.stat().st_mtime_ns != written, 20, "another sign of life")
    runner.child.process.terminate()
    assert runner.child.process.wait(20) == 0
    assert runner.health(LIMIT) == (
        1,
        f"job runner: not running: there is no {runner.health_file}\n",
    )


def test_the_command_of_the_addon_says_the_same(here, start_runner):
    runner = start_runner()
    conf = here.servers[0].directory / "odoo.conf"
    command = [here.servers[0].config.places.odoo, f"--addons-path={REPOSITORY}", "jobrunner"]
    environ = clean_environ({"ODOO_QUEUE_JOB_HEALTH_FILE": str(runner.health_file)})
    asked = [*command, "-c", conf, "--health"]
    result = subprocess.run(asked, env=environ, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    assert f"job runner (pid {runner.pid}): " in result.stdout
    kill(runner.pid)
    runner.child.process.wait()
    result = subprocess.run(asked, env=environ, capture_output=True, text=True)
    assert result.returncode == 1
    assert "its process is gone" in result.stdout


def test_a_frozen_runner_is_killed_and_started_again(here, start_runner, judge):
    """What the health check of a container does, and its restart policy."""
    runner = start_runner()
    frozen = runner.pid
    supervisor = Supervisor(runner)
    here.delay("leave", 5)
    here.wait_for_end()
    kill(frozen, signal.SIGSTOP)
    start = time.monotonic()
    uuids = here.delay("leave", 10)
    answers = []

    def is_done():
        answers.append(runner.health(LIMIT, "--kill-stalled"))
        return here.count("done", uuids) == 10

    supervisor.wait_until(is_done, 60, "the jobs")
    assert answers[0][0] == 0
    assert any(code and "stalled: no sign of life for" in text for code, text in answers)
    assert (supervisor.restarts, runner.pid == frozen) == (1, False)
    wait_until(lambda: runner.health(LIMIT)[0] == 0, 20, "good health")
    judge(here, "runner frozen, killed by its health check", time.monotonic() - start)


def test_a_healthy_runner_is_not_killed(here, start_runner, judge):
    runner = start_runner()
    wait_until(runner.health_file.exists, 20, "a sign of life")
    for _time in range(5):
        assert runner.health(LIMIT, "--kill-stalled")[0] == 0
    here.delay("leave", 5)
    judge(here, "health asked again and again")
    assert runner.is_running


def test_a_later_process_is_not_taken_for_the_runner(here, start_runner):
    """A container that is started again has the old file, and perhaps the same pid."""
    runner = start_runner()
    wait_until(runner.health_file.exists, 20, "a sign of life")
    kill(runner.pid, signal.SIGSTOP)
    try:
        text = runner.health_file.read_text()
        assert f'"pid": {runner.pid}' in text
        runner.health_file.write_text(re.sub(r'"pid": \d+', f'"pid": {os.getpid()}', text))
        code, answer = runner.health("--health=0", "--kill-stalled")
    finally:
        kill(runner.pid, signal.SIGCONT)
    assert (code, "its process is gone" in answer) == (1, True)


@pytest.mark.long
def test_a_runner_that_waits_for_ever(lone_cluster, proxy, tmp_path):
    """Its loop goes on, but what lists the databases never comes back."""
    between = proxy(f"{lone_cluster.host}/.s.PGSQL.{PORT}")
    config = OdooConfig(lone_cluster.places, None, channels="root:1")
    config.options = {"db_host": "127.0.0.1", "db_port": between.port, "db_name": None}
    runner = RunnerProcess(config.write(tmp_path / "odoo.conf"), tmp_path)
    runner.start()
    try:
        runner.wait_for_log("database connections ready")
        assert runner.health("--health")[0] == 0
        between.mode = Mode.SWALLOW

        def is_found():
            code, text = runner.health("--health=12")
            return code and "stalled: listing the databases has taken" in text

        wait_until(is_found, 60, "the stalled thread")
    finally:
        between.drop()
        runner.stop()


# -- systemd


def test_systemd_is_told(here, start_runner, tmp_path):
    """READY, a sign of life well within WatchdogSec, silence when it is frozen, and the end."""
    unit = (DEPLOY / "queue-job-runner.service").read_text()
    assert "Type=notify\n" in unit
    patience = int(re.search(r"^WatchdogSec=(\d+)$", unit, re.MULTILINE)[1])
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(path))
        manager.settimeout(patience / 4)
        runner = start_runner(NOTIFY_SOCKET=str(path))
        for _time in range(4):
            assert set(manager.recv(100).decode().split("\n")) == {"READY=1", "WATCHDOG=1"}
        kill(runner.pid, signal.SIGSTOP)
        manager.settimeout(6)
        with pytest.raises(TimeoutError):
            while True:
                manager.recv(100)
        kill(runner.pid, signal.SIGCONT)
        assert b"WATCHDOG=1" in manager.recv(100)
        runner.child.process.terminate()
        messages = [manager.recv(100)]
        while b"STOPPING=1" not in messages[-1]:
            messages.append(manager.recv(100))
        assert runner.child.process.wait(10) == 0


# -- the container, and the prefork server


@pytest.mark.long
def test_the_health_check_of_the_container(here, start_runner, judge):
    """Its own script, with the patience that it has there."""
    compose = (DEPLOY / "compose.yaml").read_text()
    assert 'test: ["CMD", "/opt/queue_job/jobrunner/deploy/healthcheck"]' in compose
    runner = start_runner()
    supervisor = Supervisor(runner)
    environ = clean_environ(
        {
            "PATH": f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}",
            "ODOO_RC": str(here.servers[0].directory / "odoo.conf"),
            "ODOO_QUEUE_JOB_HEALTH_FILE": str(runner.health_file),
        }
    )

    def is_healthy():
        return subprocess.run([DEPLOY / "healthcheck"], env=environ).returncode == 0

    wait_until(is_healthy, 20, "good health")
    kill(runner.pid, signal.SIGSTOP)
    start = time.monotonic()
    uuids = here.delay("leave", 10)
    supervisor.wait_until(
        lambda: not is_healthy() or here.count("done", uuids), 120, "the stalled runner"
    )
    supervisor.wait_until(lambda: here.count("done", uuids) == 10, 60, "the jobs")
    judge(here, "runner frozen, container's own health check", time.monotonic() - start)
    assert supervisor.restarts == 1


@pytest.mark.long
def test_the_server_replaces_a_frozen_runner(stage, judge):
    here = stage()
    frozen = here.runner()
    kill(frozen, signal.SIGSTOP)
    uuids = here.delay("leave", 10)
    recovery = here.wait_for("done", uuids, timeout=120)
    judge(here, "runner frozen, replaced by its server", recovery)
    assert f"WorkerJobRunner ({frozen}) timeout after" in here.log()
    assert here.runner() != frozen


@pytest.mark.long
def test_the_runner_may_use_any_time(calm, judge):
    """Odoo's limit of processor time is for requests."""
    pid = calm.runner()
    for _time in range(3):
        kill(pid, signal.SIGXCPU)
        time.sleep(0.2)
    calm.delay("leave", 10)
    judge(calm, "runner reaches limit_time_cpu")
    assert calm.runner() == pid
    assert "CPU time limit" not in calm.log()
