"""What docs/operating.rst tells operators to do, done."""

import re
import subprocess

import pytest

from stack.odoo import clean_environ
from stack.places import REPOSITORY
from stack.waiting import wait_until

GUIDE = (REPOSITORY / "docs" / "operating.rst").read_text()

LONG_JOB = """
jobs = [code_action("env.cr.execute('SELECT pg_sleep(300)')").with_delay().run()]
"""
SHORT_JOB = """
jobs = [env["queue.job"].with_delay()._test_job()]
"""
#: What is typed into ``odoo shell``.
STOP = """
env["queue.job"].search([("uuid", "=", "UUID")]).button_stop()
"""


@pytest.fixture(scope="module")
def server(start_ready):
    return start_ready(channels="root:1")


def test_stop_a_running_job(server, delay, job_row, ended, shell):
    database = server.config.database
    (uuid,), _pid = delay(database, LONG_JOB)
    wait_until(lambda: job_row(database, uuid)["state"] == "started", 20, "the start of the job")
    shell(database, STOP.replace("UUID", uuid))
    assert job_row(database, uuid)["state"] == "cancelled"
    # its place is free again
    (following,), _pid = delay(database, SHORT_JOB)
    assert ended(database, following)["state"] == "done"
    row = job_row(database, uuid)
    assert (row["state"], row["retry"]) == ("cancelled", 0)


def test_check_with_the_addons_path_on_the_command_line(server):
    (command,) = re.findall(r"^ +(odoo .* jobrunner .*--check)$", GUIDE, re.MULTILINE)
    program, path, *arguments = command.split()
    assert (program, path) == ("odoo", "--addons-path=/opt/addons")
    conf = server.directory / "odoo.conf"
    arguments = [str(conf) if argument == "odoo.conf" else argument for argument in arguments]
    result = subprocess.run(
        [server.config.places.odoo, f"--addons-path={REPOSITORY}", *arguments],
        env=clean_environ(),
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert f"database {server.config.database}: ready" in result.stdout


def test_a_filter_that_hides_the_database(fresh_databases, start_server, delay, job_row):
    database = fresh_databases()
    server = start_server(database, channels="root:1", options={"dbfilter": "^%d$"})
    (uuid,), _pid = delay(database, SHORT_JOB)
    server.wait_for_log(
        r"can't have jobs run by Odoo at http://\S+ \(Odoo answered 404 NOT FOUND\)"
    )
    assert job_row(database, uuid)["state"] == "pending"
    assert "Traceback" not in server.log_text()


def test_a_server_for_jobs_alone(fresh_databases, start_server, delay, ended):
    database = fresh_databases()
    people = start_server(database, channels="root:0")
    jobs = start_server(database, channels="root:2", options={"max_cron_threads": 0})
    jobs.wait_for_log(f"queue job runner ready for db {database}")
    (uuid,), _pid = delay(database, SHORT_JOB)
    row = ended(database, uuid)
    assert row["state"] == "done"
    assert row["worker_pid"] in jobs.child.members()
    assert "jobrunner" not in people.log_text()


def test_a_job_that_takes_too_long(fresh_databases, start_server, delay, ended):
    database = fresh_databases()
    server = start_server(database, channels="root:1", options={"limit_time_real": 10})
    script = LONG_JOB.replace("with_delay()", "with_delay(max_retries=2)")
    (uuid,), _pid = delay(database, script)
    row = ended(database, uuid, timeout=60)
    assert (row["state"], row["exc_name"], row["retry"]) == ("failed", "JobFoundDead", 2)
    server.wait_for_log(
        rf"job {uuid} of database {database} was found dead: its worker \(pid \d+\) is gone"
    )
    (following,), _pid = delay(database, SHORT_JOB)
    assert ended(database, following)["state"] == "done"
