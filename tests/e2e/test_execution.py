"""Jobs delayed in one process and executed by another, through the real server, NOTIFY and HTTP."""

from datetime import timedelta

import pytest

# The runner also asks by itself, but seldom: what is done sooner was notified.
SOONER_THAN_POLLING = timedelta(seconds=10)


@pytest.fixture(scope="module")
def server(start_ready):
    return start_ready()


@pytest.fixture
def database(server):
    return server.config.database


CREATE_PARTNER = """
jobs = [env["res.partner"].with_delay(description="makes a partner").create({"name": "made by a job"})]
"""


def test_executed_by_another_process(server, database, delay, ended, connect):
    (uuid,), delaying_pid = delay(database, CREATE_PARTNER)
    row = ended(database, uuid)
    assert row["state"] == "done"
    assert row["worker_pid"] != delaying_pid
    assert row["worker_pid"] in server.child.members()
    assert row["worker_pid"] != server.pid
    assert row["date_created"] <= row["date_started"] <= row["date_done"]
    assert row["date_done"] - row["date_created"] < SOONER_THAN_POLLING
    with connect(database).cursor() as cursor:
        cursor.execute("SELECT count(*) FROM res_partner WHERE name = 'made by a job'")
        assert cursor.fetchone() == (1,)


def test_delaying_is_part_of_the_transaction(server, database, shell, connect):
    shell(database, "env['res.partner'].with_delay().create({'name': 'x'}); env.cr.rollback()")
    with connect(database).cursor() as cursor:
        cursor.execute("SELECT count(*) FROM queue_job WHERE name NOT LIKE 'makes a partner'")
        assert cursor.fetchone() == (0,)


FAIL = """
jobs = [env["queue.job"].with_delay()._test_job(failure_rate=1)]
"""


def test_a_failure_is_kept_and_the_next_job_runs(server, database, delay, ended):
    (failing,), _pid = delay(database, FAIL)
    row = ended(database, failing)
    assert row["state"] == "failed"
    assert row["exc_name"] == "odoo.addons.queue_job.exception.JobError"
    assert row["exc_message"]
    assert "Traceback" in row["exc_info"]
    (uuid,), _pid = delay(database, CREATE_PARTNER)
    assert ended(database, uuid)["state"] == "done"


def test_nothing_of_the_server_is_left(fresh_databases, start_server):
    server = start_server(fresh_databases())
    assert len(server.child.members()) > 3
    server.stop()
    assert server.child.members() == []


MANY = """
jobs = [env["res.partner"].with_delay().create({"name": f"many {number}"}) for number in range(200)]
"""


def requests_for_jobs(server):
    return server.log_text().count("GET /queue_job/runjob")


def test_many_short_jobs_run_in_few_requests(server, database, delay, ended, connect):
    before = requests_for_jobs(server)
    uuids, _pid = delay(database, MANY)
    for uuid in uuids:
        assert ended(database, uuid)["state"] == "done"
    with connect(database).cursor() as cursor:
        cursor.execute(
            "SELECT count(*), count(DISTINCT name) FROM res_partner WHERE name LIKE 'many %'"
        )
        assert cursor.fetchone() == (200, 200)
    assert 0 < requests_for_jobs(server) - before < 50


SPACED = """
import time
jobs = []
for number in range(3):
    jobs.append(env["res.partner"].with_delay().search_count([]))
    env.cr.commit()
    time.sleep(0.5)
"""


def test_a_worker_waits_for_the_next_job(server, database, delay, ended):
    before = requests_for_jobs(server)
    uuids, _pid = delay(database, SPACED)
    for uuid in uuids:
        row = ended(database, uuid)
        assert (row["state"], row["retry"]) == ("done", 1)
    assert requests_for_jobs(server) - before <= 1


FAIL_AFTER_COMMIT = """
from odoo.addons.queue_job.delay import chain
action = code_action("env['res.partner'].create({'name': 'kept'}); env.cr.postcommit.add(lambda: 1 / 0)")
first, second = action.delayable().run(), env["queue.job"].delayable()._test_job()
chain(first, second).delay()
jobs = [first._generated_job, second._generated_job]
"""


def test_an_error_after_the_commit_changes_nothing(server, database, delay, ended, connect):
    """The job is done, once, and what waited for it goes on."""
    (first, second), _pid = delay(database, FAIL_AFTER_COMMIT)
    assert ended(database, second)["state"] == "done"
    assert ended(database, first)["state"] == "done"
    with connect(database).cursor() as cursor:
        cursor.execute("SELECT count(*) FROM res_partner WHERE name = 'kept'")
        assert cursor.fetchone() == (1,)
    server.wait_for_log("is done, but something after its commit failed")


VANISHED = """
partner = env["res.partner"].create({"name": "soon gone"})
jobs = [partner.with_delay().write({"name": "x"}) for _number in range(4)]
env.flush_all()
for job, change in zip(jobs[1:], (
    "model_name = 'no.model', records = jsonb_set(records, '{model}', '\\"no.model\\"')",
    "method_name = 'no_method'",
    "args = '\\"{nothing\\"'",
)):
    env.cr.execute(f"UPDATE queue_job SET {change} WHERE uuid = %s", [job.uuid])
env.cr.execute("DELETE FROM res_partner WHERE id = %s", [partner.id])
"""


@pytest.mark.parametrize(
    ("index", "message"),
    [(0, "does not exist"), (1, "no.model"), (2, "no_method"), (3, "are not a list and a dict")],
    ids=["record", "model", "method", "arguments"],
)
def test_what_a_job_needs_has_vanished(vanished, database, ended, index, message):
    """It fails and says why; the runner and the other jobs go on."""
    row = ended(database, vanished[index])
    assert row["state"] == "failed"
    assert message in row["exc_message"]


@pytest.fixture(scope="module")
def vanished_jobs():
    return []


@pytest.fixture
def vanished(vanished_jobs, server, database, delay):
    if not vanished_jobs:
        vanished_jobs += delay(database, VANISHED)[0]
    return vanished_jobs


ARGUMENTS = """
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
value = [
    [datetime(2026, 1, 2, 3, 4, 5, 6), date(2026, 1, 2), time(3, 4), timedelta(1, 2, 3)],
    (Decimal("1.10"), 1.5, 10**20),
    b"\\x00\\xff",
    [{(1, "a")}, frozenset((date(2026, 1, 2),))],
    (env["res.partner"].browse([3, 1]), [env["res.users"]], {"a": ()}),
]
# what is stored of it is its text
jobs = [env["ir.config_parameter"].with_delay().set_param("told", value)]
env["ir.config_parameter"].set_param("given", str(value))
"""


def test_arguments_are_what_they_were(server, database, delay, ended, connect):
    (uuid,), _pid = delay(database, ARGUMENTS)
    assert ended(database, uuid)["state"] == "done"
    with connect(database).cursor() as cursor:
        cursor.execute("SELECT key, value FROM ir_config_parameter WHERE key IN ('given', 'told')")
        texts = dict(cursor.fetchall())
    assert "res.partner(3, 1)" in texts["given"]
    assert texts["told"] == texts["given"]
