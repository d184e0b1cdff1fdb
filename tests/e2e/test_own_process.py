"""The runner as a process of its own, started by ``python -m jobrunner`` from a checkout."""

import os
import subprocess
import sys

import pytest

from stack.odoo import OdooConfig, clean_environ
from stack.places import REPOSITORY
from stack.process import Child

NO_RUNNER = {"ODOO_QUEUE_JOB_CHANNELS": "root:0"}


@pytest.fixture(scope="module")
def server(fresh_databases, start_server):
    """A server that knows the addon and has its own runner switched off."""
    return start_server(fresh_databases(), environ=NO_RUNNER)


@pytest.fixture
def conf(server):
    return server.directory / "odoo.conf"


def launch(*arguments):
    return [sys.executable, "-m", "jobrunner", *map(str, arguments)]


def check(*arguments, cwd=REPOSITORY):
    return subprocess.run(
        launch(*arguments, "--check"), cwd=cwd, env=clean_environ(), capture_output=True, text=True
    )


def test_jobs_run(server, conf, delay, ended, tmp_path):
    database = server.config.database
    log = tmp_path / "runner.log"
    with Child(launch("-c", conf), log, env=clean_environ(), cwd=REPOSITORY) as runner:
        (uuid,), _pid = delay(database, "jobs = [env['res.users'].with_delay().search_count([])]")
        row = ended(database, uuid)
        assert row["state"] == "done", log.read_text()
        assert row["worker_pid"] in server.child.members()
        runner.process.terminate()
        assert runner.process.wait(10) == 0
    assert "Traceback" not in log.read_text()


def test_check_of_a_good_configuration(conf, server):
    result = check("-c", conf)
    assert result.returncode == 0, result.stdout + result.stderr
    assert server.config.database in result.stdout


def test_check_names_what_is_wrong(server, tmp_path):
    config = OdooConfig(server.config.places, "qj_no_such_database", channels="root:4")
    result = check("-c", config.write(tmp_path / "odoo.conf"))
    assert result.returncode == 1
    assert "qj_no_such_database" in result.stdout
    assert "Traceback" not in result.stdout + result.stderr


def test_a_configuration_that_is_not_there(tmp_path):
    result = check("-c", tmp_path / "none.conf")
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert str(tmp_path / "none.conf") in result.stderr


def test_the_health_check_of_a_container_that_has_no_health_file(conf):
    script = REPOSITORY / "jobrunner" / "deploy" / "healthcheck"
    path = f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"
    environ = clean_environ({"PATH": path, "ODOO_RC": str(conf)})
    result = subprocess.run([script], env=environ, capture_output=True, text=True)
    assert result.returncode == 1
    assert "set health_file in [queue_job]" in result.stdout + result.stderr
